"""Each check in its order, and the reason that it gives."""

import uuid
from typing import Any, Final

import pytest

from flags import rules, services
from flags.evaluation import RuleSet, bucket_of
from flags.targeting import email_hash
from flags.types import (
    BUCKETS,
    Condition,
    Context,
    Definition,
    Operator,
    Prerequisite,
    Reason,
    ValueType,
    Variant,
)
from tests.factories import make_tenant, make_user

ANNA: Final = uuid.UUID("018f6b1e-7c1a-7d3e-9f00-3c5d7e9a1b2c")
CLINIC: Final = uuid.UUID("018f6b1e-7c1a-7d3e-9f00-00000000c11c")
EMAIL: Final = "anna@example.com"
EVERYTHING: Final = [(0, BUCKETS)]


def switch(ranges=()):
    return [Variant("on", value=True, ranges=list(ranges)), Variant("off", value=False)]


def define(**fields):
    told = {"key": "it", "salt": "it", "is_enabled": True, "variants": switch(EVERYTHING)} | fields
    return Definition(**told)


def rule_set_of(*definitions, environment="production"):
    numbered = [(one, number) for number, one in enumerate(definitions, start=1)]
    return RuleSet(numbered, version=1, environment=environment)


def ask(definition, *others, environment="production", **context):
    told = {"targeting_key": str(ANNA), "email": EMAIL, "tenant_id": str(CLINIC)} | context
    return rule_set_of(definition, *others, environment=environment).ask("it", Context(**told))


# Every check holds somebody back or lets them in; taken away from the front, the next one decides.
LADDER: Final[dict[Reason, dict[str, Any]]] = {
    Reason.DISABLED: {"is_enabled": False},
    Reason.ENVIRONMENT: {"environment_restrictions": ["staging"]},
    Reason.USER_DISABLED: {"disabled_user_ids": [ANNA]},
    Reason.PREREQUISITE: {"prerequisites": [Prerequisite("unknown", ["on"])]},
    Reason.USER_ENABLED: {"enabled_user_ids": [ANNA]},
    Reason.CONDITIONS: {"conditions": [Condition("plan", Operator.ONE_OF, ["gold"])]},
}


@pytest.mark.parametrize("taken", range(len(LADDER) + 1))
def test_goes_by_the_order_of_checks(taken):
    left = list(LADDER)[taken:]
    fields = {name: value for reason in left for name, value in LADDER[reason].items()}

    found = ask(define(**fields))

    assert found.reason == (left[0] if left else Reason.EVERYBODY)
    assert found.value is (found.reason in {Reason.USER_ENABLED, Reason.EVERYBODY})
    assert found.variant == ("on" if found.value else "off")


@pytest.mark.parametrize(
    ("denied", "allowed"),
    [
        ({"disabled_user_ids": [ANNA]}, {"enabled_user_ids": [ANNA]}),
        (
            {"disabled_user_emails": [email_hash("it", EMAIL)]},
            {"enabled_user_emails": [email_hash("it", EMAIL)]},
        ),
        ({"disabled_tenant_ids": [CLINIC]}, {"enabled_tenant_ids": [CLINIC]}),
    ],
)
def test_denies_before_it_allows(denied, allowed):
    nobody = {"variants": switch()}

    assert ask(define(**nobody, **allowed)).reason == Reason.USER_ENABLED
    assert ask(define(**denied)).reason == Reason.USER_DISABLED
    assert ask(define(**nobody, **denied, **allowed)).value is False


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        ({"email": " ANNA@example.COM\n"}, Reason.USER_ENABLED),
        ({"email": "hanna@example.com"}, Reason.NOBODY),
        ({"email": ""}, Reason.NOBODY),
        ({"email": None}, Reason.NOBODY),
    ],
)
def test_finds_an_address_by_its_hash(context, reason):
    flag = define(variants=switch(), enabled_user_emails=[email_hash("it", EMAIL)])

    assert ask(flag, **context).reason == reason


@pytest.mark.parametrize("key", [str(ANNA).upper(), ANNA.hex, f" {ANNA}", "", None])
def test_takes_an_id_written_otherwise_for_somebody_else(key):
    flag = define(variants=switch(), enabled_user_ids=[ANNA])

    assert ask(flag, targeting_key=key).reason == Reason.NOBODY


def test_gives_the_listed_the_allowed_variant():
    flag = define(
        value_type=ValueType.STRING,
        variants=[Variant("plain", "p"), Variant("blue", "b", EVERYTHING), Variant("red", "r")],
        default_variant="plain",
        allowed_variant="red",
        enabled_user_ids=[ANNA],
    )

    assert ask(flag).variant == "red"
    assert ask(flag, targeting_key="other").variant == "blue"


@pytest.mark.parametrize(
    ("ranges", "key", "reason"),
    [
        (EVERYTHING, None, Reason.EVERYBODY),
        ([(0, 5), (5, BUCKETS)], "", Reason.EVERYBODY),
        ([], None, Reason.NOBODY),
        ([(0, 50_000)], None, Reason.NO_SUBJECT),
        ([(0, 50_000)], "", Reason.NO_SUBJECT),
        ([(bucket_of("it", "anna"), bucket_of("it", "anna") + 1)], "anna", Reason.PERCENTAGE_IN),
        ([(0, bucket_of("it", "anna"))], "anna", Reason.PERCENTAGE_OUT),
        ([(bucket_of("it", "anna") + 1, BUCKETS)], "anna", Reason.PERCENTAGE_OUT),
    ],
)
def test_draws_only_where_it_must(ranges, key, reason):
    found = ask(define(variants=switch(ranges)), targeting_key=key)

    assert found.reason == reason
    assert found.value is (reason in {Reason.EVERYBODY, Reason.PERCENTAGE_IN})


def test_draws_where_variants_share_all_buckets():
    shared = [Variant("on", True, [(0, 70_000)]), Variant("off", False, [(70_000, BUCKETS)])]

    assert ask(define(variants=shared), targeting_key=None).reason == Reason.NO_SUBJECT
    assert ask(define(variants=shared)).reason == Reason.PERCENTAGE_IN


def test_wants_all_conditions_to_hold():
    both = [
        Condition("plan", Operator.ONE_OF, ["gold"]),
        Condition("app", Operator.VERSION_AT_LEAST, ["2.10"]),
    ]

    answers = [
        ask(define(conditions=both), attributes=told).value
        for told in ({"plan": "gold", "app": "2.11"}, {"plan": "gold"}, {"app": "2.11"}, {})
    ]

    assert answers == [True, False, False, False]


def test_knows_clinic_and_environment_better_than_the_caller():
    flag = define(
        conditions=[
            Condition("tenant", Operator.ONE_OF, [str(CLINIC)]),
            Condition("environment", Operator.ONE_OF, ["staging"]),
        ]
    )
    claimed = {"tenant": "another", "environment": "another"}

    assert ask(flag, environment="staging", attributes=claimed).value is True
    assert ask(flag, environment="production", attributes={"environment": "staging"}).value is False


def test_asks_prerequisites_for_the_same_person():
    needed = Definition(
        key="needed", salt="needed", is_enabled=True, variants=switch(), enabled_user_ids=[ANNA]
    )
    flag = define(prerequisites=[Prerequisite("needed", ["on"])])

    assert ask(flag, needed).reason == Reason.EVERYBODY
    assert ask(flag, needed, targeting_key="other").reason == Reason.PREREQUISITE
    assert ask(flag).reason == Reason.PREREQUISITE


def test_takes_a_prerequisite_by_its_variant_though_it_is_off():
    needed = Definition(key="needed", salt="needed", variants=switch(EVERYTHING))
    flag = define(prerequisites=[Prerequisite("needed", ["off"])])

    assert ask(flag, needed).reason == Reason.EVERYBODY


@pytest.mark.parametrize(
    ("kind", "value"),
    [("string", "a"), ("integer", 3), ("float", 1.0), ("object", {"a": [1.0, None]})],
)
def test_keeps_the_type_of_a_value_through_the_database(flags, kind, value):
    flags.make(
        "typed",
        value_type=ValueType(kind),
        variants=[Variant("one", value, EVERYTHING)],
        default_variant="one",
        allowed_variant="one",
    )

    found = flags.load().ask("typed", Context())

    assert repr(found.value) == repr(value)
    assert found.value_type == kind


def test_knows_nothing_of_an_unknown_flag(flags):
    flags.load()

    found = services.evaluate("unknown", Context("anna"))

    assert (found.variant, found.value, found.reason) == (None, None, Reason.FLAG_NOT_FOUND)
    assert services.is_on("unknown", ANNA, default=True) is True
    assert services.is_on("unknown", ANNA, default=False) is False
    assert services.explain(rules.current(), "unknown", Context("anna")) is None


def test_gives_the_default_for_a_flag_that_is_no_switch(flags):
    flags.make("text", value_type="string", default_variant="a", allowed_variant="a",
               variants=[Variant("a", "true", EVERYTHING)])  # fmt: skip

    assert services.is_on("text", ANNA, default=False) is False
    assert services.is_on("text", ANNA, default=True) is True


def test_reads_clinic_and_address_of_a_person(flags):
    tenant = make_tenant()
    member = make_user(tenant, email="Member@example.com")
    other, listed = make_user(), make_user(email="listed@example.com")
    flags.make(
        "of-clinic",
        enabled_tenant_ids=[tenant.id],
        enabled_user_emails=[email_hash("of-clinic", "listed@example.com")],
    )

    answers = [
        services.is_on("of-clinic", person, default=False)
        for person in (member.id, other.id, listed.id, uuid.uuid4())
    ]

    assert answers == [True, False, True, False]


def test_has_other_answers_in_another_environment(flags):
    flags.make("staging-only", variants=switch(EVERYTHING), environment_restrictions=["staging"])

    here = services.evaluate("staging-only", Context("anna"))
    there = services.evaluate("staging-only", Context("anna"), environment="staging")

    assert (here.reason, there.reason) == (Reason.ENVIRONMENT, Reason.EVERYBODY)


@pytest.mark.parametrize("reason", [*LADDER, Reason.EVERYBODY, Reason.PERCENTAGE_IN])
def test_explains_every_check_up_to_the_decisive_one(reason):
    fields = LADDER.get(reason, {})
    if reason == Reason.PERCENTAGE_IN:
        fields = {"variants": switch([(0, BUCKETS - 1)])}
    rule_set = rule_set_of(define(**fields))
    context = Context(str(ANNA))

    explained = rule_set.flags["it"].explain(context, rule_set)

    assert explained.outcome == rule_set.ask("it", context)
    assert explained.outcome.reason == reason
    assert explained.bucket == bucket_of("it", str(ANNA))
    assert [step.is_decisive for step in explained.path][-1:] == [True]
    assert sum(step.is_decisive for step in explained.path) == 1
    assert all(step.detail.endswith(".") for step in explained.path)
