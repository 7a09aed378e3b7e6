"""evaluate_feature_flag() in SQL gives the answers that programs get, to any question."""

import json
import random
import uuid
from itertools import pairwise
from typing import Any, Final

import msgspec
import pytest
from django.db import ProgrammingError, transaction
from django.utils import timezone

from core import gate
from flags import services
from flags.evaluation import bucket_of
from flags.models import FeatureFlag
from flags.services.changing import create_flag
from flags.targeting import email_hash, fault_of_condition, meets
from flags.types import (
    BUCKETS,
    Condition,
    Context,
    Definition,
    Operator,
    Prerequisite,
    Reason,
    Variant,
)
from tests.flag_sets import TESTER
from tests.house.catalog import rows

# Times four seeds: more than 20,000 questions, each asked by three roles.
FLAGS: Final = 64
CONTEXTS: Final = 80
ENVIRONMENTS: Final = ("production", "staging", "test", "Übung")
IDS: Final = [uuid.UUID(int=0xABCDEF00 + number, version=4) for number in range(12)]
TENANTS: Final = [uuid.UUID(int=0xFEDCBA00 + number, version=4) for number in range(4)]
EMAILS: Final = (
    *("anna@example.com", "ANNA@Example.com", " anna@example.com\t", "bob@example.com"),
    *("bob@example.com\r\n", "josé@example.com", "JOSÉ@example.com", "İpek@example.com"),
    *("ipek@example.com", "", "  ", "\u00a0anna@example.com", "straße@example.com"),
    *("ABCDEFGHIJKLMNOPQRSTUVWXYZ@example.com", "abcdefghijklmnopqrstuvwxyz@example.com"),
)
SUBJECTS: Final = (
    *map(str, IDS),
    *(str(IDS[0]).upper(), IDS[0].hex, f"{{{IDS[0]}}}", f" {IDS[0]}", "", " ", "0", "a:b", "é"),
    *("e\u0301", "東京", "😀", "x" * 3000, "device-17", "'; DROP TABLE users; --", "\\", '"', "\n"),
)
NUMBERS: Final = (
    *(0, 1, -1, 7, 2**53, 2**53 + 1, 2**63, -(2**63), 10**23, 10**30, 10**400),
    *(0.0, -0.0, 1.0, 0.1, 0.30000000000000004, 0.3, 2.5, -7.25, 1e22, 1e23, 1.5e300, 5e-324),
    *(2.0**53, 1.7976931348623157e308),
)
TEXTS: Final = (
    *("", "1", "true", "null", "de", "DE", "de-AT", "en", "é", "e\u0301", "ß", "SS", "😀", "ab\n"),
    *(
        "abab",
        "%",
        "_",
        "\\",
        "2.9",
        "2.10",
        "2.10.0",
        "2.10.0.0",
        "2.10.0.0.1",
        "2.",
        ".2",
        "02.9",
    ),
    *("2.9\n", " 2.9", "v2.9", "٢.٩", "999999999.1", "1000000000.1", "-1", "2.9.5"),
    *("2", "2.0.0.0"),
)
OTHERS: Final[tuple[Any, ...]] = (None, True, False, [], ["de"], {}, {"de": 1})
VALUES: Final = (*NUMBERS, *TEXTS, *OTHERS)
ANNA: Final = json.dumps({"targetingKey": "anna"})
ATTRIBUTES: Final = ("plan", "app version", "é", "tenant", "environment", "targetingKey", "email")
VERSIONS: Final = ("2", "2.9", "2.10", "2.10.0", "0", "2.9.5", "999999999.1")
DETAILS: Final = """
    SELECT q.number, d.variant, d.value::text, d.reason, d.bucket, d.version
      FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS q (asked, number)
     CROSS JOIN evaluate_feature_flag_details(
               q.asked ->> 'flag', q.asked -> 'context', q.asked ->> 'environment') AS d
     ORDER BY q.number
"""


def all_on():
    return [Variant("on", value=True, ranges=[(0, BUCKETS)]), Variant("off", value=False)]


def halves():
    return [Variant("on", value=True, ranges=[(0, BUCKETS // 2)]), Variant("off", value=False)]


def some(dice, choices, most):
    return dice.sample(choices, min(dice.choice((0, 0, 0, 0, 1, most)), len(choices)))


def any_values(dice, operator):
    if operator in {Operator.ONE_OF, Operator.NOT_ONE_OF}:
        scalars = [one for one in VALUES if isinstance(one, str | bool | float)] + [1, 2**53 + 1]
        return dice.sample(scalars, dice.randint(1, 6))
    if operator in {Operator.STARTS_WITH, Operator.ENDS_WITH}:
        return dice.sample([one for one in TEXTS if one], dice.randint(1, 3))
    if operator in {Operator.AT_LEAST, Operator.LESS_THAN}:
        return [dice.choice([one for one in NUMBERS if abs(one) < 10**300])]
    return [dice.choice(VERSIONS)]


def any_condition(dice):
    operator = dice.choice(list(Operator))
    if dice.random() < 0.2:
        wanted = dice.sample([*ENVIRONMENTS, *map(str, TENANTS)], 5)
        return Condition(dice.choice(("tenant", "environment")), operator.ONE_OF, wanted)
    return Condition(dice.choice(ATTRIBUTES), operator, any_values(dice, operator))


def any_ranges(dice, count):
    """Cut the buckets among variants, with gaps, or give all or none to one."""
    kind = dice.random()
    if kind < 0.15:
        return [[] for _ in range(count)]
    if kind < 0.3:
        return [[(0, BUCKETS)], *([] for _ in range(count - 1))]
    edges = sorted({0, BUCKETS, *(dice.randrange(BUCKETS) for _ in range(dice.randint(1, 8)))})
    found: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for part in pairwise(edges):
        owner = dice.randrange(count + 1)
        if owner < count:
            found[owner].append(part)
    return [dice.sample(one, len(one)) for one in found]


def any_variants(dice):
    kind, values = dice.choice(
        (
            ("boolean", (True, False)),
            ("boolean", (True, False)),
            ("string", ("a", "", "é", "1")),
            ("integer", (1, 0, -(2**53 - 1))),
            ("float", (1.0, 0.1, 1e22, -2.5)),
            ("object", ({}, {"a": [1, 2.5, None]}, {"é": {"b": "\\u0000"}})),
        )
    )
    names = ("on", "off", "third", "fourth")[: len(values)]
    ranges = any_ranges(dice, len(names))
    return kind, [Variant(*parts) for parts in zip(names, values, ranges, strict=True)]


def any_definition(dice, number, earlier):
    key, salt = f"agree-{number}", dice.choice((f"agree-{number}", "salt: é", "x"))
    kind, variants = any_variants(dice)
    names = [one.name for one in variants]
    lists = {}
    for side in ("enabled", "disabled"):
        lists[f"{side}_user_ids"] = some(dice, IDS, 4)
        hashes = [email_hash(salt, email) for email in EMAILS]
        lists[f"{side}_user_emails"] = some(dice, hashes, 4)
        lists[f"{side}_tenant_ids"] = some(dice, TENANTS, 2)
    return Definition(
        key=key,
        salt=salt,
        is_enabled=dice.random() < 0.9,
        value_type=kind,
        variants=variants,
        default_variant=dice.choice(names),
        allowed_variant=dice.choice(names),
        environment_restrictions=some(dice, ENVIRONMENTS, 3),
        conditions=[any_condition(dice) for _ in range(dice.choice((0, 0, 0, 1, 1, 2)))],
        prerequisites=[
            Prerequisite(one.key, dice.sample([v.name for v in one.variants], dice.randint(1, 2)))
            for one in some(dice, earlier, 2)
        ],
        **lists,
    )


def any_context(dice):
    found = {}
    if dice.random() < 0.9:
        found["targetingKey"] = dice.choice((*SUBJECTS, None, 7, True, str(uuid.UUID(int=7))))
    if dice.random() < 0.7:
        found["email"] = dice.choice((*EMAILS, None, 7, ["anna@example.com"]))
    if dice.random() < 0.7:
        tenant = str(dice.choice(TENANTS))
        found["tenant"] = dice.choice((tenant, tenant, tenant.upper(), "", None, 5))
    for name in ("plan", "app version", "é", "environment", "Plan"):
        if dice.random() < 0.6:
            found[name] = dice.choice(VALUES)
    return found


def read(told):
    """Make a context of what SQL is told: the same names, and only texts count for them."""
    key, email, tenant = (
        told[name] if isinstance(told.get(name), str) else None
        for name in ("targetingKey", "email", "tenant")
    )
    named = {"targetingKey", "email", "tenant"}
    attributes = {name: value for name, value in told.items() if name not in named}
    return Context(key, email, tenant, attributes)


def by_python(question, rule_sets):
    rule_set, key = rule_sets[question["environment"]], question["flag"]
    context = read(question["context"])
    flag = rule_set.flags.get(key)
    outcome = rule_set.ask(key, context)
    bucket = flag.explain(context, rule_set).bucket if flag else None
    is_boolean = isinstance(outcome.value, bool)
    return outcome.variant, outcome.value, is_boolean, outcome.reason, bucket, outcome.version


def by_sql(questions):
    found = []
    for _, variant, text, *rest in rows(DETAILS, [json.dumps(questions)]):
        value = None if text is None else json.loads(text)
        found.append((variant, value, isinstance(value, bool), *rest))
    return found


def make_flags(flags, dice):
    made: list[Definition] = []
    for number in range(FLAGS):
        made.append(any_definition(dice, number, made[-20:]))
        create_flag(definition=made[-1], actor=TESTER, now=timezone.now())
    return flags.load()


def any_questions(dice, keys):
    return [
        {"flag": key, "environment": dice.choice(ENVIRONMENTS), "context": any_context(dice)}
        for key in keys
        for _ in range(CONTEXTS)
    ]


def only_value(question):
    return rows("SELECT evaluate_feature_flag(%s, %s, %s)", question)[0][0]


@pytest.mark.parametrize("seed", range(4))
def test_gives_the_same_answers_to_everybody(flags, alice, seed):
    dice = random.Random(seed)  # noqa: S311
    rule_set = make_flags(flags, dice)
    questions = any_questions(dice, [f"agree-{number}" for number in range(FLAGS)])
    questions += any_questions(dice, ["unknown"])

    as_owner = by_sql(questions)
    with gate.as_person(alice.id):
        as_api = by_sql(questions)
    with gate.as_staff(alice.tenant_id):
        as_staff = by_sql(questions)

    rule_sets = {name: rule_set.of(name) for name in ENVIRONMENTS}
    for question, *answers in zip(questions, as_owner, as_api, as_staff, strict=True):
        expected = by_python(question, rule_sets)
        assert answers == [expected] * 3, question
    assert {answer[3] for answer in as_owner} == set(Reason) - {Reason.ERROR_DEFAULT}


@pytest.mark.parametrize("operator", list(Operator))
def test_compares_every_value_with_every_other(db, operator):
    scalars = [one for one in VALUES if isinstance(one, str | bool | int | float)]
    conditions = [
        one
        for one in (Condition("it", operator, [wanted]) for wanted in (*scalars, *VERSIONS))
        if fault_of_condition(one) is None
    ]
    told = [{"it": value} for value in VALUES]

    found = rows(
        "SELECT array_agg(flag_meets(c.one, a.one) ORDER BY a.number)"
        "  FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS c (one, number)"
        " CROSS JOIN jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS a (one, number)"
        " GROUP BY c.number ORDER BY c.number",
        [json.dumps(msgspec.to_builtins(conditions)), json.dumps(told)],
    )

    expected = [[meets(condition, one) for one in told] for condition in conditions]
    assert [answers for (answers,) in found] == expected
    assert {True, False} == {answer for answers in expected for answer in answers}


def test_agrees_at_the_edges_of_a_range(flags):
    bucket = bucket_of("edge", "anna")
    edges = [(0, bucket), (bucket, bucket + 1), (bucket + 1, BUCKETS), (0, bucket + 1)]
    for number, part in enumerate([*edges, (bucket, BUCKETS)]):
        ranged = [Variant("on", value=True, ranges=[part]), Variant("off", value=False)]
        flags.make(f"edge-{number}", salt="edge", variants=ranged)

    found = [
        rows("SELECT evaluate_feature_flag_details(%s, %s)", [f"edge-{one}", ANNA])[0][0][2]
        for one in range(5)
    ]

    assert found == ["percentage_" + one for one in ("out", "in", "out", "in", "in")]


def test_agrees_along_a_long_chain_of_prerequisites(flags):
    flags.make("chain-0", variants=all_on())
    for number in range(1, 60):
        needed = Prerequisite(f"chain-{number - 1}", ["on"])
        flags.make(f"chain-{number}", variants=all_on(), prerequisites=[needed])

    questions = [{"flag": "chain-59", "environment": "production", "context": {}}]

    expected = [by_python(questions[0], {"production": flags.load()})]
    assert by_sql(questions) == expected
    assert expected[0][:2] == ("on", True)


def test_gives_no_value_in_a_circle_written_past_the_services(flags):
    flags.make("chicken", variants=all_on())
    flags.make("egg", variants=all_on(), prerequisites=[Prerequisite("chicken", ["on"])])
    FeatureFlag.objects.filter(flag_name="chicken").update(
        prerequisites=[{"key": "egg", "variants": ["on"]}]
    )
    flags.load()

    (answer,) = by_sql([{"flag": "egg", "environment": "production", "context": {}}])
    outcome = services.evaluate("egg", Context("anna"))

    assert answer == (None, None, False, "error_default", None, 0)
    assert (outcome.variant, outcome.reason, outcome.version) == (None, answer[3], 0)
    assert not only_value(["egg", None, None])


def test_holds_back_what_needs_a_flag_that_is_gone(flags):
    flags.make("left", variants=all_on())
    FeatureFlag.objects.filter(flag_name="left").update(
        prerequisites=[{"key": "gone", "variants": ["on"]}]
    )

    question = {"flag": "left", "environment": "production", "context": {}}

    assert by_sql([question]) == [by_python(question, {"production": flags.load()})]
    assert by_sql([question])[0][3] == "prerequisite"


def test_answers_the_old_question(flags):
    person, other, denied = (uuid.uuid4() for _ in range(3))
    listed = [email_hash("old-question", "anna@example.com")]
    flags.make(
        "old-question",
        enabled_user_ids=[person, denied],
        enabled_user_emails=listed,
        disabled_user_ids=[denied],
    )
    flags.make("off-for-all", is_enabled=False, variants=all_on())
    flags.make("a-text", value_type="string", variants=[Variant("on", "true", [(0, BUCKETS)])],
               default_variant="on")  # fmt: skip

    answers = {
        question: only_value(["old-question", *question])
        for question in (
            (person, None),
            (other, None),
            (None, None),
            (None, "anna@example.com"),
            (other, " Anna@EXAMPLE.com\n"),
            (denied, "anna@example.com"),
        )
    }

    assert list(answers.values()) == [True, False, False, True, True, False]
    assert rows("SELECT evaluate_feature_flag('old-question')") == [(False,)]
    for key in ("off-for-all", "a-text", "unknown", None):
        assert only_value([key, person, None]) is False


@pytest.mark.parametrize("context", [None, "null", "[]", '"anna"', "5", '["targetingKey"]'])
def test_takes_what_is_no_object_for_an_empty_context(flags, context):
    flags.make("half", variants=halves())

    found = rows("SELECT reason FROM evaluate_feature_flag_details('half', %s::jsonb)", [context])

    assert found == [("no_subject",)]


def test_takes_the_environment_of_the_database_unless_told(flags):
    flags.make("only-staging", variants=all_on(), environment_restrictions=["staging"])
    flags.make("only-production", variants=all_on(), environment_restrictions=["production"])
    question = (
        "SELECT evaluate_feature_flag('only-staging'), evaluate_feature_flag('only-production'),"
        " (SELECT reason FROM evaluate_feature_flag_details('only-staging', '{}', 'staging'))"
    )

    before = rows(question)
    rows("SELECT set_config('app.environment', 'staging', true)")
    after = rows(question)

    assert before == [(False, True, "everybody")]
    assert after == [(True, False, "everybody")]


@pytest.mark.parametrize("role", ["novara_api", "novara_staff"])
def test_keeps_lists_from_who_may_ask(flags, role):
    flags.make("secret", enabled_user_emails=[email_hash("secret", "anna@example.com")])
    rows(f"SET LOCAL ROLE {role}")

    for statement in ("SELECT * FROM feature_flags", "SELECT flag_bucket('secret', 'anna')"):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            rows(statement)

    shown = rows("SELECT * FROM evaluate_feature_flag_details('secret')")
    rows("RESET ROLE")
    assert shown == [("off", "false", "nobody", None, 1)]


def test_only_reads(flags):
    volatile = rows(
        "SELECT proname FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace AND provolatile = 'v'"
        "   AND (proname LIKE 'flag\\_%' OR proname LIKE 'evaluate\\_feature\\_flag%')"
    )

    rows("SET TRANSACTION READ ONLY")

    assert volatile == []
    assert rows("SELECT evaluate_feature_flag('vector_encryption')") == [(True,)]
