"""Every change is a version with who made it and why; what could not be evaluated is refused."""

import datetime as dt
import math
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from core.errors import InvalidInput
from flags import services
from flags.allocation import resize
from flags.models import FeatureFlag, FeatureFlagVersion, FlagRuleSet
from flags.services.changing import FlagExists, ReasonNeeded
from flags.types import (
    BUCKETS,
    ChangeKind,
    Condition,
    Context,
    Definition,
    Operator,
    Prerequisite,
    ValueType,
    Variant,
)
from tests.flag_sets import TESTER

NOW: Final = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
OTHER: Final = services.Actor("other@example.com")


def switch(percentage=0.0):
    return resize([Variant("on", value=True), Variant("off", value=False)], "on", percentage)


def define(key="it", **fields):
    return Definition(**({"key": key, "salt": key, "is_enabled": True} | fields))


def create(key="it", **fields):
    return services.create_flag(definition=define(key, **fields), actor=TESTER, now=NOW)


def change(flag, *, reason="", base_version=None, actor=TESTER, **fields):
    return services.change_flag(
        definition=msgspec.structs.replace(flag.definition, **fields),
        base_version=base_version,
        actor=actor,
        reason=reason,
        now=NOW,
    )


def history(key="it"):
    rows = FeatureFlagVersion.objects.filter(flag_name=key).order_by("version")
    return [(row.version, row.kind, row.changed_by, row.reason) for row in rows]


def pointer_of(refused):
    return refused.value.errors[0].pointer


def test_keeps_each_version_with_who_and_why(db):
    flag = create()

    change(flag, description="New.", actor=OTHER, reason=" A reason. ")

    assert history() == [
        (1, "create", "tester@example.com", ""),
        (2, "edit", "other@example.com", "A reason."),
    ]
    newest = FeatureFlagVersion.objects.get(flag_name="it", version=2)
    stored = FeatureFlag.objects.get(flag_name="it")
    assert newest.definition == stored.definition == define(description="New.")
    assert (stored.version, stored.updated_by, stored.created_by) == (
        *(2, "other@example.com", "tester@example.com"),
    )


def test_gives_back_every_part_of_a_definition(db):
    create("needed")
    whole = define(
        description="é 😀",
        value_type=ValueType.FLOAT,
        variants=[Variant("a", 1.0, [(5, 7), (0, 3)]), Variant("b", 1e22), Variant("c", -0.5)],
        default_variant="c",
        allowed_variant="a",
        enabled_user_ids=[uuid.UUID(int=1)],
        enabled_user_emails=["ab" * 32],
        enabled_tenant_ids=[uuid.UUID(int=2)],
        disabled_user_ids=[uuid.UUID(int=3)],
        disabled_user_emails=["cd" * 32],
        disabled_tenant_ids=[uuid.UUID(int=4)],
        environment_restrictions=["staging"],
        conditions=[Condition("é", Operator.ONE_OF, ["a", 1, 2.5, True])],
        prerequisites=[Prerequisite("needed", ["on"])],
        owner="Team",
        metadata={"a": 1, "b": 2.5, "c": True, "d": "e"},
        record_all=True,
        approval_above=12.5,
    )

    services.create_flag(definition=whole, actor=TESTER, now=NOW)

    stored = FeatureFlag.objects.get(flag_name="it")
    version = FeatureFlagVersion.objects.get(flag_name="it")
    assert repr(stored.definition) == repr(version.definition) == repr(whole)


def test_raises_the_version_of_the_rule_set_with_each_change(db):
    before = FlagRuleSet.objects.get().version

    flag = create()
    change(flag, description="New.")
    services.delete_flag(key="it", actor=TESTER, reason="Over.", now=NOW)

    assert FlagRuleSet.objects.get().version == before + 3


def test_makes_no_version_of_what_stands_already(db):
    flag = create()

    same = change(flag, base_version=1)

    assert same.version == 1
    assert len(history()) == 1


@pytest.mark.parametrize(
    ("before", "after", "points"),
    [(0, 10.001, "10.001"), (50, 39, "11"), (0, 100, "100")],
)
def test_wants_a_reason_for_a_large_step(db, before, after, points):
    flag = create(variants=switch(before))

    with pytest.raises(ReasonNeeded) as refused:
        change(flag, variants=switch(after), reason="  ")

    assert pointer_of(refused) == "/reason"
    assert f"move {points} of 100" in str(refused.value)
    assert change(flag, variants=switch(after), reason="Why.").version == 2


@pytest.mark.parametrize(("before", "after"), [(0, 10), (50, 40), (33.333, 43.333)])
def test_wants_no_reason_for_a_small_step(db, before, after):
    flag = create(variants=switch(before))

    assert change(flag, variants=switch(after)).version == 2


def test_wants_a_reason_for_moving_people_between_variants(db):
    """The percentages stay as they were, but 20 of 100 people get another one."""
    first = [Variant("on", True, [(0, 20_000)]), Variant("off", False)]
    flag = create(variants=first)

    with pytest.raises(ReasonNeeded):
        change(flag, variants=[Variant("on", True, [(20_000, 40_000)]), Variant("off", False)])


@pytest.mark.parametrize(
    "fields",
    [
        {"default_variant": "on"},
        {"variants": [Variant("on", True, [(0, 5_000)]), Variant("off", True)]},
    ],
)
def test_wants_a_reason_for_what_the_others_get(db, fields):
    """The percentage stays at 5, but 95 of 100 people get something else."""
    flag = create(variants=switch(5), approval_above=50.0)

    with pytest.raises(ReasonNeeded, match="move 95 of 100"):
        change(flag, **fields)
    with pytest.raises(services.ApprovalNeeded):
        change(flag, reason="Why.", **fields)


def test_wants_no_reason_while_a_flag_is_off(db):
    flag = create(variants=switch(5), is_enabled=False)

    assert change(flag, variants=switch(80)).version == 2
    with pytest.raises(ReasonNeeded, match="move 80 of 100"):
        change(flag, variants=switch(80), is_enabled=True)


def test_refuses_a_change_of_what_somebody_else_changed(db):
    flag = create()
    change(flag, description="Mine.", base_version=1, actor=OTHER)

    with pytest.raises(services.FlagChanged, match=r"other@example\.com"):
        change(flag, description="Yours.", base_version=1)

    assert FeatureFlag.objects.get(flag_name="it").description == "Mine."


def test_lets_one_of_two_admins_save_at_the_same_moment(committed_db):
    key = f"race-{uuid.uuid4().hex[:12]}"
    flag = create(key)
    both = threading.Barrier(2)

    def save(name):
        try:
            both.wait(10)
            change(flag, description=name, base_version=1, actor=services.Actor(name))
        except services.FlagChanged as refused:
            return str(refused)
        else:
            return "saved"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(save, ("ann", "ben")))

    stored = FeatureFlag.objects.get(flag_name=key)
    services.delete_flag(key=key, actor=TESTER, reason="A test.", now=NOW)
    refused, saved = sorted(answers)
    assert saved == "saved"
    assert f"was changed meanwhile by {stored.description}" in refused
    assert [row[:3] for row in history(key)][1:2] == [(2, "edit", stored.description)]


def test_lets_one_of_two_admins_create_a_key(committed_db):
    key = f"race-{uuid.uuid4().hex[:12]}"
    both = threading.Barrier(2)

    def make(name):
        try:
            both.wait(10)
            create(key, description=name)
        except FlagExists as refused:
            return str(refused)
        else:
            return "made"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(make, ("ann", "ben")))

    services.delete_flag(key=key, actor=TESTER, reason="A test.", now=NOW)
    assert answers == [f"There is a flag {key} already.", "made"]


def test_kills_and_restores_without_touching_the_rest(flags):
    flag = flags.make("it", variants=switch(40), enabled_user_ids=[uuid.UUID(int=1)])

    killed = services.kill_flag(key="it", actor=OTHER, now=NOW)
    rule_set = flags.load()
    everybody = {rule_set.ask("it", Context(str(uuid.UUID(int=one)))).value for one in range(50)}
    with pytest.raises(ReasonNeeded):
        services.restore_flag(key="it", actor=OTHER, now=NOW)
    restored = services.restore_flag(
        key="it", base_version=None, actor=OTHER, reason="Mended.", now=NOW
    )

    assert everybody == {False}
    assert killed.definition == msgspec.structs.replace(flag.definition, is_enabled=False)
    assert restored.definition == flag.definition
    assert history()[1:] == [
        (2, "kill", "other@example.com", "Switched off."),
        (3, "restore", "other@example.com", "Mended."),
    ]


def test_goes_back_to_a_version_as_a_new_one(db):
    flag = create(variants=switch(5))
    change(flag, variants=switch(10), description="New.")

    reverted = services.revert_flag(
        key="it", version=1, base_version=2, actor=OTHER, now=timezone.now()
    )

    assert reverted.definition == flag.definition
    assert history()[-1] == (3, "revert", "other@example.com", "Back to version 1.")


@pytest.mark.parametrize("version", [2, 3, 99])
def test_goes_back_to_no_version_without_a_definition(db, version):
    create()
    services.delete_flag(key="it", actor=TESTER, reason="Over.", now=NOW)
    create()

    if version == 3:
        assert services.revert_flag(
            key="it", version=1, base_version=3, actor=TESTER, now=NOW
        ).version == 3  # fmt: skip
        return
    with pytest.raises(services.FlagNotFound, match=f"no version {version}"):
        services.revert_flag(key="it", version=version, base_version=3, actor=TESTER, now=NOW)


def test_goes_on_with_its_numbers_after_it_was_deleted(db):
    create()
    services.delete_flag(key="it", actor=OTHER, reason="Over.", now=NOW)

    again = create()

    assert again.version == 3
    assert [row[:2] for row in history()] == [(1, "create"), (2, "delete"), (3, "create")]
    assert FeatureFlagVersion.objects.get(flag_name="it", version=2).definition is None


def test_deletes_no_flag_that_another_needs(db):
    create("needed")
    create("it", prerequisites=[Prerequisite("needed", ["on"])])

    with pytest.raises(InvalidInput, match="is needed by it"):
        services.delete_flag(key="needed", actor=TESTER, reason="Over.", now=NOW)

    assert FeatureFlag.objects.filter(flag_name="needed").exists()


@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET reason = ''", "DELETE FROM {}", "TRUNCATE {}"]
)
def test_never_changes_history(db, statement):
    create()

    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format("feature_flag_versions"))

    assert len(history()) == 1


@pytest.mark.parametrize(
    "act",
    [
        lambda: services.kill_flag(key="unknown", actor=TESTER, now=NOW),
        lambda: services.delete_flag(key="unknown", actor=TESTER, reason="Over.", now=NOW),
        lambda: services.change_flag(
            definition=define("unknown"), base_version=None, actor=TESTER, now=NOW
        ),
    ],
)
def test_knows_no_other_flags(db, act):
    with pytest.raises(services.FlagNotFound, match="There is no flag unknown"):
        act()


def test_names_the_way_of_a_circle(db):
    create("a")
    create("b", prerequisites=[Prerequisite("a", ["on"])])
    create("c", prerequisites=[Prerequisite("b", ["on"])])

    with pytest.raises(InvalidInput, match="a → c → b → a") as refused:
        change(FeatureFlag.objects.get(flag_name="a"), prerequisites=[Prerequisite("c", ["on"])])

    assert pointer_of(refused) == "/prerequisites"


def test_refuses_a_flag_that_waits_for_itself(db):
    with pytest.raises(InvalidInput, match="it → it"):
        create(prerequisites=[Prerequisite("it", ["on"])])


def test_lets_two_flags_need_the_same_one(db):
    create("a")
    create("b", prerequisites=[Prerequisite("a", ["on"])])
    create("c", prerequisites=[Prerequisite("a", ["on"])])

    flag = create("d", prerequisites=[Prerequisite("b", ["on"]), Prerequisite("c", ["on"])])

    assert flag.version == 1


def test_lets_no_two_admins_close_a_circle_together(committed_db):
    """Each alone would be right; the second one must see the first."""
    first, second = (f"circle-{uuid.uuid4().hex[:12]}" for _ in range(2))
    flags = {key: create(key) for key in (first, second)}
    both = threading.Barrier(2)

    def close(own, needed):
        try:
            both.wait(10)
            change(flags[own], reason="It needs it.", prerequisites=[Prerequisite(needed, ["on"])])
        except InvalidInput:
            return "refused"
        else:
            return "saved"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(close, (first, second), (second, first)))

    for flag in FeatureFlag.objects.filter(flag_name__in=flags):
        change(flag, reason="Over.", prerequisites=[])
    for key in flags:
        services.delete_flag(key=key, actor=TESTER, reason="A test.", now=NOW)
    assert answers == ["refused", "saved"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"variants": [Variant("on", True), Variant("on", False)]}, "/variants"),
        ({"variants": [Variant("on", 1), Variant("off", False)]}, "/variants/0/value"),
        ({"variants": [Variant("on", True)]}, "/default_variant"),
        ({"allowed_variant": "third"}, "/allowed_variant"),
        (
            {"variants": [Variant("on", True, [(0, 2)]), Variant("off", False, [(1, 3)])]},
            "/variants",
        ),
        ({"variants": [Variant("on", True, [(5, 5)]), Variant("off", False)]}, "/variants"),
        ({"variants": [Variant("on", True, [(-1, 5)]), Variant("off", False)]}, "/variants"),
        (
            {"variants": [Variant("on", True, [(0, BUCKETS + 1)]), Variant("off", False)]},
            "/variants",
        ),
        (
            {"variants": [Variant("on", True, [], [(0, 9), (5, 12)]), Variant("off", False)]},
            "/variants",
        ),
        ({"conditions": [Condition("a", Operator.AT_LEAST, ["x"])]}, "/conditions/0/values"),
        ({"conditions": [Condition("a", Operator.ONE_OF, [math.nan])]}, "/conditions/0/values"),
        ({"prerequisites": [Prerequisite("unknown", ["on"])]}, "/prerequisites/0/key"),
        ({"description": "a\x00"}, "/description"),
        ({"environment_restrictions": ["\x00"]}, "/environment_restrictions"),
        ({"metadata": {"a": math.inf}}, "/metadata"),
    ],
)
def test_refuses_what_could_not_be_evaluated(db, fields, pointer):
    with pytest.raises(InvalidInput) as refused:
        create(**fields)

    assert pointer_of(refused) == pointer
    assert not FeatureFlag.objects.filter(flag_name="it").exists()


WRONG: Final[dict[str, list[Any]]] = {
    "boolean": [1, "true", None],
    "string": [1, None, ["a"]],
    "integer": [1.0, True, "1"],
    "float": [1, True, math.inf, math.nan],
    "object": [[], "{}", {"a": math.inf}],
}


@pytest.mark.parametrize(
    ("kind", "wrong"), [(kind, one) for kind, values in WRONG.items() for one in values]
)
def test_refuses_values_of_another_type(db, kind, wrong):
    with pytest.raises(InvalidInput) as refused:
        create(value_type=ValueType(kind), variants=[Variant("a", wrong)], default_variant="a",
               allowed_variant="a")  # fmt: skip

    assert pointer_of(refused) == "/variants/0/value"


def test_takes_a_backslash_for_no_nul(db):
    assert create(description="\\u0000").version == 1


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [({"salt": "other"}, "/salt"), ({"algorithm": 2}, "/salt")],
)
def test_never_draws_everybody_anew(db, fields, pointer):
    flag = create(variants=switch(50))

    with pytest.raises(InvalidInput, match="Make a new flag") as refused:
        change(flag, reason="Why.", **fields)

    assert pointer_of(refused) == pointer


def test_keeps_the_type_that_clients_rely_on(db):
    flag = create()

    with pytest.raises(InvalidInput) as refused:
        change(flag, value_type=ValueType.STRING, reason="Why.",
               variants=[Variant("on", "a"), Variant("off", "b")])  # fmt: skip

    assert pointer_of(refused) == "/value_type"


@pytest.mark.parametrize("key", ["", "Upper", "é", "a b", "-a", "a" * 101, "a\n"])
def test_refuses_keys_that_no_address_could_have(db, key):
    told = msgspec.to_builtins(define()) | {"key": key}

    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, Definition)


def test_needs_a_second_person_above_the_limit(db):
    flag = create(variants=switch(10), approval_above=20.0)

    with pytest.raises(services.ApprovalNeeded):
        change(flag, variants=switch(31), reason="Why.")
    small = change(flag, variants=switch(30), reason="Why.")
    killed = services.kill_flag(key="it", actor=TESTER, now=NOW)

    assert small.version == 2
    assert killed.definition.is_enabled is False
    with pytest.raises(services.ApprovalNeeded):
        services.restore_flag(key="it", actor=TESTER, reason="Why.", now=NOW)


@pytest.mark.parametrize("kind", [ChangeKind.EDIT, ChangeKind.IMPORT, ChangeKind.REVERT])
def test_lets_nobody_lift_the_limit_to_pass_it(db, kind):
    flag = create(variants=switch(10), approval_above=20.0)

    with pytest.raises(services.ApprovalNeeded):
        services.change_flag(
            definition=msgspec.structs.replace(
                flag.definition, approval_above=None, variants=switch(90)
            ),
            base_version=1,
            actor=TESTER,
            reason="Why.",
            kind=kind,
            now=NOW,
        )


def test_keeps_a_variant_that_another_flag_needs(flags):
    flags.make("base")
    flags.make("user", prerequisites=[Prerequisite("base", ["on"])])
    renamed = [Variant("yes", value=True), Variant("off", value=False)]

    with pytest.raises(InvalidInput) as refused:
        flags.change("base", variants=renamed, allowed_variant="yes")

    assert "user needs the variant on" in str(refused.value)


def test_takes_another_type_of_number_for_a_change(flags):
    flags.make("sizes", value_type=ValueType.OBJECT, variants=sizes(1), **SIZES)

    changed = flags.change("sizes", variants=sizes(1.0))

    assert changed.version == 2
    assert FeatureFlag.objects.get(flag_name="sizes").variants.count("1.0") == 1


SIZES = {"default_variant": "small", "allowed_variant": "small"}


def sizes(number):
    return [Variant("small", value={"columns": number})]


@pytest.mark.parametrize(
    "fields",
    [
        {"conditions": []},
        {"environment_restrictions": []},
        {"enabled_tenant_ids": [uuid.UUID(int=1)]},
        {"disabled_tenant_ids": [uuid.UUID(int=1)]},
        {"allowed_variant": "off"},
    ],
)
def test_takes_a_change_of_unknown_size_for_a_large_one(flags, fields):
    condition = Condition("plan", Operator.ONE_OF, ["gold"])
    told = {"conditions": [condition], "environment_restrictions": ["staging"]}
    flags.make("it", approval_above=30.0, **told)

    with pytest.raises(ReasonNeeded):
        flags.change("it", reason="", **fields)
    with pytest.raises(services.ApprovalNeeded):
        flags.change("it", **fields)


def test_lets_one_person_name_people(flags):
    flags.make("it", approval_above=1.0)

    assert flags.change("it", reason="", enabled_user_ids=[uuid.UUID(int=1)]).version == 2


def test_restores_and_deletes_only_what_was_seen(flags):
    flags.make("it", is_enabled=False)
    flags.roll_out("it", 100)
    told: dict[str, Any] = {"key": "it", "base_version": 1, "actor": TESTER, "now": NOW}

    for act in (services.restore_flag, services.delete_flag):
        with pytest.raises(services.FlagChanged):
            act(reason="Ready.", **told)


def test_keeps_a_flag_whose_large_changes_need_two_people(flags):
    flags.make("it", approval_above=30.0)

    with pytest.raises(services.ApprovalNeeded):
        services.delete_flag(key="it", actor=TESTER, reason="Over.", now=NOW)


def test_knows_one_algorithm(flags):
    with pytest.raises(InvalidInput, match="algorithm"):
        flags.make("it", algorithm=2)


def test_switches_off_what_it_would_not_accept_today(flags):
    flags.make("it", approval_above=1.0)
    odd = [{"attribute": "a", "operator": "at_least", "values": ["x"]}]
    FeatureFlag.objects.filter(flag_name="it").update(conditions=odd)

    killed = services.kill_flag(key="it", actor=TESTER, now=NOW)

    assert not killed.is_enabled


def test_lets_one_person_switch_off_in_any_way(flags):
    flags.make(
        "it",
        variants=[Variant("on", True, [(0, BUCKETS)]), Variant("off", False)],
        approval_above=1.0,
    )

    flags.change("it", is_enabled=False)

    newest = FeatureFlagVersion.objects.filter(flag_name="it").first()
    assert newest is not None
    assert newest.kind == ChangeKind.KILL


@pytest.mark.parametrize("address", ["sam@example.com", "A" * 64, ""])
def test_keeps_no_plain_addresses(flags, address):
    with pytest.raises(InvalidInput, match="enabled_user_emails"):
        flags.make("it", enabled_user_emails=[address])
