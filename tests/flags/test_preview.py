"""Who gains and who loses, said before a change, is who gains and who loses by it."""

import random
import uuid

import msgspec
import pytest

from accounts.models import User
from core.models import uuid7
from flags import preview
from flags.allocation import resize, resize_all
from flags.evaluation import RuleSet
from flags.models import FeatureFlag
from flags.targeting import email_hash
from flags.types import (
    Condition,
    Context,
    Definition,
    Operator,
    Prerequisite,
    ValueType,
    Variant,
)
from tests.factories import make_tenant, make_user

KEY = "calm_timeline"
ON = [Variant("on", value=True), Variant("off", value=False)]
WORDS = [Variant("usual", "How was today?"), Variant("short", "Two taps?"), Variant("warm", "Hi.")]


def at(share):
    return resize(ON, "on", share)


@pytest.fixture
def clinics(db):
    return [make_tenant() for _ in range(3)]


@pytest.fixture
def crowd(clinics):
    """300 people of three clinics, newest last."""
    User.objects.bulk_create(
        User(
            id=uuid7(),
            email=f"{uuid.uuid4().hex}@example.com",
            password="!",
            tenant=clinics[number % 3],
        )
        for number in range(300)
    )
    return list(preview.people())


def knows_nothing(person):
    return {}


def outcomes(rule_set, key, people, attributes=knows_nothing):
    found = {}
    for person in people:
        context = Context(person.id, person.email, person.tenant_id, attributes(person))
        outcome = rule_set.ask(key, context)
        found[person.id] = (outcome.variant, outcome.value)
    return found


def ids(people):
    return {person.id for person in people}


def check_that_it_came_true(found, key, before, after):
    """Compare a preview with what the rule sets of before and after give."""
    gained = {
        one for one, (_, value) in after.items() if value is True and before[one][1] is not True
    }
    lost = {
        one for one, (_, value) in before.items() if value is True and after[one][1] is not True
    }
    changed = {one for one in before if before[one] != after[one]}
    assert ids(found.gained) == gained
    assert ids(found.lost) == lost
    assert ids(found.moved) == changed - gained - lost
    assert found.before == {
        name: sum(v == name for v, _ in before.values()) for name, _ in set(before.values())
    }
    assert found.after == {
        name: sum(v == name for v, _ in after.values()) for name, _ in set(after.values())
    }


def fields_of(change, crowd, clinics):
    """Give what a flag is before, and what is changed of it."""
    return {
        "more": ({"variants": at(25)}, {"variants": at(60.5)}),
        "fewer": ({"variants": at(60.5)}, {"variants": at(0.001)}),
        "off": ({"variants": at(40)}, {"is_enabled": False}),
        "on": ({"variants": at(40), "is_enabled": False}, {"is_enabled": True}),
        "lists of ids": (
            {"variants": at(30), "enabled_user_ids": [uuid.UUID(one.id) for one in crowd[:9]]},
            {
                "enabled_user_ids": [uuid.UUID(one.id) for one in crowd[6:30]],
                "disabled_user_ids": [uuid.UUID(one.id) for one in crowd[20:40]],
            },
        ),
        "lists of addresses": (
            {
                "variants": at(30),
                "disabled_user_emails": [email_hash(KEY, one.email) for one in crowd[:30]],
            },
            {
                "disabled_user_emails": [],
                "enabled_user_emails": [email_hash(KEY, one.email.upper()) for one in crowd[10:50]],
            },
        ),
        "clinics": (
            {"variants": at(50), "enabled_tenant_ids": [clinics[0].pk]},
            {"enabled_tenant_ids": [clinics[1].pk], "disabled_tenant_ids": [clinics[2].pk]},
        ),
        "only some clinics": (
            {"variants": at(50)},
            {"conditions": [Condition("tenant", Operator.ONE_OF, [str(clinics[1].pk)])]},
        ),
        "another environment": (
            {"variants": at(50)},
            {"environment_restrictions": ["elsewhere"]},
        ),
        "a flag that is needed": (
            {"variants": at(70)},
            {"prerequisites": [Prerequisite("groundwork", ["on"])]},
        ),
        "the other default": ({"variants": at(30)}, {"default_variant": "on"}),
    }[change]


CHANGES = (
    "more",
    "fewer",
    "off",
    "on",
    "lists of ids",
    "lists of addresses",
    "clinics",
    "only some clinics",
    "another environment",
    "a flag that is needed",
    "the other default",
)


@pytest.mark.parametrize("change", CHANGES)
def test_names_exactly_those_whom_a_change_touches(flags, crowd, clinics, change):
    flags.make("groundwork", variants=at(50))
    fields, changes = fields_of(change, crowd, clinics)
    flag = flags.make(KEY, **fields)
    after = msgspec.structs.replace(flag.definition, **changes)
    before = outcomes(flags.load(), KEY, crowd)

    found = preview.preview(flag.definition, after, preview.rule_set_now(), preview.people())
    flags.change(KEY, **changes)

    assert found.people_count == len(crowd)
    assert not found.own.is_empty
    check_that_it_came_true(found.own, KEY, before, outcomes(flags.load(), KEY, crowd))


def test_says_that_nobody_loses_it_when_the_share_grows(flags, crowd):
    flag = flags.make(KEY, variants=at(10))

    for share in (10.001, 25, 99.999, 100):
        after = msgspec.structs.replace(flag.definition, variants=at(share))
        found = preview.preview(flag.definition, after, preview.rule_set_now(), crowd)

        assert found.own.lost == []


def test_tells_which_other_flags_change_with_it(flags, crowd):
    flag = flags.make(KEY, variants=at(20))
    flags.make("hints", variants=at(50), prerequisites=[Prerequisite(KEY, ["on"])])
    flags.make("hints_in_color", variants=at(50), prerequisites=[Prerequisite("hints", ["on"])])
    flags.make("unrelated", variants=at(50))
    keys = ("hints", "hints_in_color")
    before = {key: outcomes(flags.load(), key, crowd) for key in keys}

    after = msgspec.structs.replace(flag.definition, variants=at(80))
    found = preview.preview(flag.definition, after, preview.rule_set_now(), crowd)
    flags.change(KEY, variants=at(80))

    assert [one.key for one in found.others] == list(keys)
    for one in found.others:
        check_that_it_came_true(
            one, one.key, before[one.key], outcomes(flags.load(), one.key, crowd)
        )


def test_tells_who_gets_which_of_several_variants(flags, crowd):
    told = {"value_type": ValueType.STRING, "default_variant": "usual", "allowed_variant": "warm"}
    variants = resize_all(WORDS, {"short": 20, "warm": 20})
    flag = flags.make(KEY, variants=variants, **told)
    before = outcomes(flags.load(), KEY, crowd)

    grown = resize(variants, "short", 50)
    after = msgspec.structs.replace(flag.definition, variants=grown)
    found = preview.preview(flag.definition, after, preview.rule_set_now(), crowd)
    flags.change(KEY, variants=grown)

    now = outcomes(flags.load(), KEY, crowd)
    assert ids(found.own.gained) == {one for one in before if before[one] != now[one]}
    assert {now[one.id][0] for one in found.own.gained} == {"short"}
    assert found.own.lost == found.own.moved == []


def test_sees_a_new_value_of_the_same_variant(flags, crowd):
    told = {"value_type": ValueType.STRING, "default_variant": "usual", "allowed_variant": "warm"}
    variants = resize_all(WORDS, {"short": 20, "warm": 20})
    flag = flags.make(KEY, variants=variants, **told)
    before = outcomes(flags.load(), KEY, crowd)

    other = [
        msgspec.structs.replace(one, value="Hello.") if one.name == "warm" else one
        for one in variants
    ]
    after = msgspec.structs.replace(flag.definition, variants=other)
    found = preview.preview(flag.definition, after, preview.rule_set_now(), crowd)

    assert ids(found.own.moved) == {one for one in before if before[one][0] == "warm"}
    assert found.own.gained == found.own.lost == []


def test_lets_all_who_had_it_lose_it_when_a_flag_is_deleted(flags, crowd):
    flag = flags.make(KEY, variants=at(30))
    before = outcomes(flags.load(), KEY, crowd)

    found = preview.preview(flag.definition, None, preview.rule_set_now(), crowd)

    assert ids(found.own.lost) == {one for one, (name, _) in before.items() if name == "on"}
    assert found.own.after == {None: len(crowd)}


def test_lets_all_who_will_have_it_gain_it_by_a_new_flag(flags, crowd):
    after = Definition(key=KEY, salt=KEY, is_enabled=True, variants=at(30))

    found = preview.preview(None, after, preview.rule_set_now(), crowd)
    flags.make(KEY, variants=at(30))

    now = outcomes(flags.load(), KEY, crowd)
    assert ids(found.own.gained) == {one for one, (name, _) in now.items() if name == "on"}


CONDITIONS = [Condition("app_version", Operator.VERSION_AT_LEAST, ["2.10"])]
UNKNOWN = {
    "more": ({"variants": at(30), "conditions": CONDITIONS}, {"variants": at(70)}),
    "fewer": ({"variants": at(70), "conditions": CONDITIONS}, {"variants": at(30)}),
    "a new condition": ({"variants": at(50)}, {"conditions": CONDITIONS}),
    "no condition any more": ({"variants": at(50), "conditions": CONDITIONS}, {"conditions": []}),
}


@pytest.mark.parametrize("change", UNKNOWN)
def test_says_at_most_who_it_can_be_where_only_apps_know(flags, crowd, change):
    fields, changes = UNKNOWN[change]
    flag = flags.make(KEY, **fields)
    luck = random.Random(5)  # noqa: S311
    versions = {one.id: luck.choice(["2.9", "2.10", "3.0.1", None]) for one in crowd}

    def attributes(person):
        version = versions[person.id]
        return {"app_version": version} if version else {}

    before = outcomes(flags.load(), KEY, crowd, attributes)
    after = msgspec.structs.replace(flag.definition, **changes)
    found = preview.preview(flag.definition, after, preview.rule_set_now(), crowd)
    flags.change(KEY, **changes)
    now = outcomes(flags.load(), KEY, crowd, attributes)

    assert found.unknown_attributes == ["app_version"]
    changed = [one for one in before if before[one] != now[one]]
    assert changed
    assert {one for one in changed if now[one][1]} <= ids(found.own.gained)
    assert {one for one in changed if not now[one][1]} <= ids(found.own.lost)


def test_does_not_let_anybody_lose_it_where_conditions_stay(flags, crowd):
    flag = flags.make(KEY, variants=at(30), conditions=CONDITIONS)

    after = msgspec.structs.replace(flag.definition, variants=at(70))
    found = preview.preview(flag.definition, after, preview.rule_set_now(), crowd)

    assert found.own.lost == []
    assert found.own.gained != []


def test_looks_at_people_who_can_log_in_the_newest_first(flags, crowd, clinics):
    make_user(tenant=clinics[0], is_active=False)
    make_user(tenant=make_tenant(is_active=False))
    newest = make_user(tenant=clinics[0])
    User.objects.filter(pk=newest.pk).update(created_at="2999-01-01T00:00:00Z")

    found = list(preview.people())
    first = list(preview.people(limit=2))

    assert len(found) == len(crowd) + 1
    assert found[0].id == str(newest.pk)
    assert first == found[:2]


def test_leaves_the_rule_set_of_the_process_alone(flags, crowd):
    flag = flags.make(KEY, variants=at(30))
    rule_set = flags.load()

    after = msgspec.structs.replace(flag.definition, variants=at(70))
    preview.preview(flag.definition, after, rule_set, crowd)

    assert isinstance(rule_set, RuleSet)
    assert (
        rule_set.flags[KEY].definition
        == flag.definition
        == FeatureFlag.objects.get(flag_name=KEY).definition
    )
