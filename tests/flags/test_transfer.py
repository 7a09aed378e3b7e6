"""Flags leave as JSON and come back the same: all of them, or none with every fault named."""

import json
import uuid
from typing import Any

import pytest
from django.utils import timezone

from core.errors import InvalidInput
from flags import services
from flags.models import FeatureFlag, FeatureFlagVersion
from flags.services import transfer
from flags.targeting import email_hash
from flags.types import Condition, Operator, Prerequisite, Purpose, Variant

ALICE = services.Actor("alice@example.com")
NOW = timezone.now()
ON_OFF = [{"name": "on", "value": True}, {"name": "off", "value": False}]


def bring(document: Any, **told: Any) -> dict[str, str]:
    text = document if isinstance(document, bytes | str) else json.dumps(document)
    fields: dict[str, Any] = {"actor": ALICE, "reason": "From the test system.", "now": NOW}
    found = transfer.import_flags(document=text, **fields | told)
    return {one.key: one.effect.value for one in found}


def document(*flags: dict[str, Any]) -> dict[str, Any]:
    return {"format": "novara-flags/1", "flags": list(flags)}


def flag(key: str, **fields: Any) -> dict[str, Any]:
    return {"key": key, "salt": key, "variants": ON_OFF} | fields


def faults(of: Any, **told: Any) -> dict[str | None, str]:
    with pytest.raises(InvalidInput) as refused:
        bring(of, **told)
    return {one.pointer: one.detail for one in refused.value.errors}


def test_gives_back_exactly_what_went_out(flags: Any) -> None:
    flags.make("base")
    flags.make(
        "full",
        description="Äpfel und 🍏",
        value_type="float",
        variants=[Variant("low", 1.0, [(0, 30_000)]), Variant("high", 2.5)],
        default_variant="low",
        allowed_variant="high",
        enabled_user_ids=[uuid.uuid4()],
        enabled_user_emails=[email_hash("full", "alice@example.com")],
        disabled_tenant_ids=[uuid.uuid4()],
        conditions=[Condition("app_version", Operator.VERSION_AT_LEAST, ["2.10"])],
        prerequisites=[Prerequisite("base", ["on"])],
        metadata={"ticket": "N-12", "weight": 1.0},
        owner="Search team",
        purpose=Purpose.EXPERIMENT,
        approval_above=20.0,
    )
    out = transfer.export_flags()
    before = {one.flag_name: one.definition for one in FeatureFlag.objects.all()}
    # Past the services, which would ask for a second person.
    FeatureFlag.objects.filter(flag_name__in=("full", "base")).delete()

    effects = bring(out)

    assert {one.flag_name: one.definition for one in FeatureFlag.objects.all()} == before
    assert (effects["full"], effects["base"]) == ("created", "created")
    assert set(effects.values()) == {"created", "unchanged"}
    assert transfer.export_flags() == out


def test_exports_sorted_by_key_with_floats_as_floats_and_addresses_as_hashes(flags: Any) -> None:
    hashed = email_hash("b-flag", "alice@example.com")
    flags.make("b-flag", enabled_user_emails=[hashed])
    flags.make("a-flag", metadata={"weight": 1.0})

    out = transfer.export_flags(["b-flag", "a-flag"])

    told = json.loads(out)
    assert told["format"] == "novara-flags/1"
    assert [one["key"] for one in told["flags"]] == ["a-flag", "b-flag"]
    assert told["flags"][1]["enabled_user_emails"] == [hashed]
    assert b"1.0" in out
    assert b"alice" not in out


def test_refuses_to_export_what_is_unknown(flags: Any) -> None:
    with pytest.raises(services.FlagNotFound):
        transfer.export_flags(["no-such-flag"])


def test_says_what_would_be_done_and_does_nothing_in_a_dry_run(flags: Any) -> None:
    flags.make("known")
    flags.make("same", is_enabled=False)
    versions = FeatureFlagVersion.objects.count()
    told = document(flag("known", owner="Me"), flag("fresh"), flag("same"))

    effects = bring(told, is_dry_run=True)

    assert effects == {"known": "changed", "fresh": "created", "same": "unchanged"}
    assert FeatureFlagVersion.objects.count() == versions
    assert bring(told) == effects
    assert set(bring(told).values()) == {"unchanged"}


def test_writes_the_history_of_each_flag_with_the_reason(flags: Any) -> None:
    bring(document(flag("fresh")))

    version = FeatureFlagVersion.objects.get(flag_name="fresh")

    assert (version.kind, version.changed_by) == ("import", ALICE.label)
    assert version.reason == "From the test system."


def test_takes_what_flags_need_in_any_order(flags: Any) -> None:
    needs = [{"key": "middle", "variants": ["on"]}], [{"key": "base", "variants": ["on"]}]

    effects = bring(
        document(
            flag("top", prerequisites=needs[0]),
            flag("middle", prerequisites=needs[1]),
            flag("base"),
        )
    )

    assert list(effects) == ["top", "middle", "base"]


def test_turns_round_who_needs_whom(flags: Any) -> None:
    flags.make("one")
    flags.make("other", prerequisites=[Prerequisite("one", ["on"])])

    bring(
        document(flag("one", prerequisites=[{"key": "other", "variants": ["on"]}]), flag("other"))
    )

    found = FeatureFlag.objects.get(flag_name="one").definition
    assert found.prerequisites == [Prerequisite("other", ["on"])]


def test_brings_in_all_or_none_and_names_every_fault_at_its_place(flags: Any) -> None:
    flags.make("text", value_type="string", variants=[Variant("on", "a")], default_variant="on")

    found = faults(
        document(
            flag("good"),
            flag("no-default", default_variant="blue", allowed_variant="green"),
            flag(
                "wrong-value",
                variants=[{"name": "on", "value": 1}, {"name": "off", "value": False}],
            ),
            flag("text"),
            flag("lonely", prerequisites=[{"key": "nowhere", "variants": ["on"]}]),
            flag("follower", prerequisites=[{"key": "no-default", "variants": ["on"]}]),
        )
    )

    assert set(found) == {
        "/flags/1/default_variant",
        "/flags/1/allowed_variant",
        "/flags/2/variants/0/value",
        "/flags/3/value_type",
        "/flags/4/prerequisites/0/key",
    }
    assert not FeatureFlag.objects.filter(flag_name="good").exists()


def test_names_every_flag_whose_shape_is_wrong(flags: Any) -> None:
    found = faults(
        document(
            {"key": "no-salt"},
            flag("Wrong Key"),
            flag("twice"),
            flag("twice"),
            flag("x", tags=["a"]),
        )
    )

    assert set(found) == {"/flags/0/salt", "/flags/1/key", "/flags/3/key", "/flags/4/tags"}


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("", ""),
        ("{", ""),
        (b"\xff\xfe", ""),
        ("[" * 100_000, ""),
        ("[]", "/format"),
        ('{"flags": []}', "/format"),
        ('{"format": "novara-flags/2", "flags": []}', "/format"),
        ('{"format": "novara-flags/1"}', "/flags"),
        ('{"format": "novara-flags/1", "flags": {}}', "/flags"),
        ('{"format": "novara-flags/1", "flags": [], "more": 1}', "/more"),
    ],
)
def test_refuses_what_is_no_export(flags: Any, text: str, pointer: str) -> None:
    assert list(faults(text)) == [pointer]


def test_refuses_flags_that_wait_for_each_other(flags: Any) -> None:
    needs = {key: [{"key": key, "variants": ["on"]}] for key in ("one", "other")}

    found = faults(
        document(
            flag("one", prerequisites=needs["other"]), flag("other", prerequisites=needs["one"])
        )
    )

    assert [detail for detail in found.values() if "wait for each other" in detail]


def test_refuses_a_change_that_needs_a_second_person(flags: Any) -> None:
    flags.make("known", approval_above=10.0)
    whole = [{"name": "on", "value": True, "ranges": [[0, 100_000]]}, ON_OFF[1]]

    found = faults(
        document(flag("known", is_enabled=True, approval_above=10.0, variants=whole), flag("fresh"))
    )

    assert list(found) == ["/flags/0"]
    assert "second person" in found["/flags/0"]
    assert not FeatureFlag.objects.filter(flag_name="fresh").exists()


@pytest.mark.parametrize("field", ["description", "owner"])
def test_refuses_characters_that_cannot_be_stored(flags: Any, field: str) -> None:
    (pointer,) = faults(document(flag("odd", **{field: "a\x00b"})))

    assert str(pointer).startswith("/flags/0")


def test_needs_a_reason(flags: Any) -> None:
    assert list(faults(document(flag("fresh")), reason=" ")) == ["/reason"]


def test_does_nothing_when_a_flag_is_another_than_the_dry_run_saw(flags: Any) -> None:
    flags.make("known")
    told = document(flag("known", owner="Me"), flag("fresh"))
    seen = {"known": 1, "fresh": None}
    flags.change("known", owner="You")

    found = faults(told, seen=seen)

    assert list(found) == ["/flags/0"]
    assert "meanwhile" in found["/flags/0"]
    assert bring(told, seen={"known": 2, "fresh": None}) == {"known": "changed", "fresh": "created"}
