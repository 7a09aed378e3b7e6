"""The requests of people with a variant, while a guarded ramp of it runs."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from flags import counting, outcomes, queries, rules
from flags.evaluation import RuleSet, bucket_of
from flags.models import FeatureFlagOutcome
from flags.outcomes import OutcomeRow
from flags.targeting import email_hash
from flags.types import BOUNDS, Definition, Prerequisite, RequestFigures, Variant
from tests.factories import make_tenant, make_user

NOON = dt.datetime(2026, 3, 4, 12, 30, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
EVERYBODY = [Variant("on", value=True, ranges=[(0, 100_000)]), Variant("off", value=False)]


@pytest.fixture
def collect(committed_db: None) -> Iterator[Callable[[], list[OutcomeRow]]]:
    outcomes.forget()
    with rules.connect() as own:
        yield lambda: outcomes.collect(own)
    outcomes.forget()
    connection.close()


@pytest.fixture
def guarded(flags, monkeypatch, collect):
    flags.make("ramped", variants=EVERYBODY)
    monkeypatch.setattr(outcomes, "guarded", ("ramped",))


def test_counts_requests_of_people(guarded, collect, as_alice, as_bob):
    for client in (as_alice, as_alice, as_bob):
        # One is a hot view, the other is not.
        assert client.call("GET", "/api/v2/health/timeline").status_code == 200
        assert client.call("GET", "/api/v2/me").status_code == 200

    (row,) = collect()
    assert (row.flag_name, row.variant, row.requests, row.errors) == ("ramped", "on", 6, 0)
    assert sum(row.durations) == 6


@pytest.mark.parametrize("path", ["fails/raise", "fails-hot/sql", "fails-to-commit/any"])
def test_sees_failures_that_nobody_foresaw(path, guarded, collect, as_alice, settings):
    settings.ROOT_URLCONF = "tests.core.urls"
    as_alice.raise_request_exception = False

    method = "POST" if "hot" in path else "GET"
    assert as_alice.call(method, f"/api/v2/{path}", {}).status_code == 500

    (row,) = collect()
    assert (row.requests, row.errors) == (1, 1)


def test_counts_no_refusal_as_a_failure(guarded, collect, as_alice):
    assert as_alice.call("GET", "/api/v2/health/timeline?limit=none").status_code == 400

    (row,) = collect()
    assert (row.requests, row.errors) == (1, 0)


def test_counts_nobody_without_a_token(guarded, collect, as_alice, nobody):
    as_alice.call("GET", "/api/v2/me")
    collect()

    nobody.call("GET", "/api/v2/me")
    nobody.call("GET", "/livez")

    assert collect() == []


def test_notes_nothing_while_no_ramp_is_watched(flags, collect, as_alice, monkeypatch):
    flags.make("ramped", variants=EVERYBODY)

    as_alice.call("GET", "/api/v2/me")

    monkeypatch.setattr(outcomes, "guarded", ("ramped",))
    assert collect() == []


@pytest.fixture
def rule_set(monkeypatch) -> Iterator[Callable[..., None]]:
    """Put a flag into place that no database knows, and have it watched."""
    before = rules.replace(None)
    known: dict[str, Definition] = {}

    def put(key: str, **fields: Any) -> None:
        told: dict[str, Any] = {"is_enabled": True, "salt": key} | fields
        known[key] = Definition(key=key, **told)
        found = RuleSet([(one, 1) for one in known.values()], version=1, environment="test")
        rules.replace(rules.Loaded(found, NOON))
        monkeypatch.setattr(outcomes, "guarded", tuple(known))

    yield put
    rules.replace(before)


def note(user_id: str, *times: float, errors: int = 0, minute: dt.datetime = NOON) -> None:
    for index, milliseconds in enumerate(times):
        outcomes.note(outcomes.Noted(user_id, minute, index < errors, milliseconds))


def test_knows_the_clinic_and_the_address_for_a_flag_that_asks(collect, rule_set):
    anna, berta, clara = make_user(), make_user(tenant=make_tenant()), make_user()
    rule_set(
        "ramped",
        enabled_tenant_ids=[berta.tenant_id],
        enabled_user_emails=[email_hash("ramped", clara.email)],
    )

    for person, times in ((anna, 1), (berta, 2), (clara, 4)):
        note(str(person.id), *[5.0] * times)

    assert {row.variant: row.requests for row in collect()} == {"off": 1, "on": 6}


def test_counts_by_minutes_and_durations(collect, rule_set):
    rule_set("ramped", variants=EVERYBODY)

    note("anna", 4, 5, 5.1, errors=2)
    note("anna", 5001, 70_000, minute=NOON + MINUTE)

    first, second = collect()
    assert (first.minute, first.requests, first.errors) == (NOON, 3, 2)
    assert first.durations == [2, 1, *[0] * 9]
    assert (second.minute, second.requests, second.errors) == (NOON + MINUTE, 2, 0)
    assert second.durations == [*[0] * 10, 2]


def test_compares_a_variant_with_all_others(collect, rule_set):
    key = f"ramped-{uuid.uuid4().hex[:12]}"
    people = [f"person-{number}" for number in range(300)]
    thirds = [
        Variant("a", value="a", ranges=[(0, 30_000)]),
        Variant("b", value="b", ranges=[(30_000, 60_000)]),
        Variant("c", value="c"),
    ]
    rule_set(key, value_type="string", variants=thirds, default_variant="c", allowed_variant="a")

    for minute in (NOON - MINUTE, NOON, NOON + MINUTE):
        for process in (counting.Counter(), counting.Counter()):
            for person in people:
                note(person, 8.0, 80.0, errors=1, minute=minute)
            with rules.connect() as own:
                process.flush(own)

    found = queries.outcomes(key, "a", NOON + dt.timedelta(seconds=30))
    with_a = sum(bucket_of(key, person) < 30_000 for person in people)
    for figures, number in ((found.own, with_a), (found.others, 300 - with_a)):
        # Two minutes, two processes.
        assert (figures.requests, figures.errors) == (number * 8, number * 4)
        assert figures.durations == [0, number * 4, 0, 0, number * 4, *[0] * 6]
        assert figures.error_points == 50


def test_asks_once_for_all_minutes_of_all_variants(db, django_assert_num_queries):
    for minute in range(20):
        for place, variant in enumerate(("a", "b", "c")):
            FeatureFlagOutcome.objects.create(
                flag_name="ramped",
                variant=variant,
                minute=NOON + minute * MINUTE,
                requests=place + 1,
                errors=place,
                durations=[*[0] * place, place + 1, *[0] * (len(BOUNDS) - place)],
            )

    with django_assert_num_queries(1):
        found = queries.outcomes("ramped", "b", NOON + 10 * MINUTE)

    assert found.own == RequestFigures(20, 10, [0, 20, *[0] * 9])
    assert found.others == RequestFigures(40, 20, [10, 0, 30, *[0] * 8])


def test_compares_nothing_where_nobody_asked(db):
    nothing = RequestFigures(0, 0, [0] * (len(BOUNDS) + 1))

    found = queries.outcomes("never-ramped", "on", NOON)

    assert (found.own, found.others) == (nothing, nothing)


def test_leaves_out_a_flag_whose_prerequisites_are_a_circle(collect, rule_set):
    rule_set("chicken", variants=EVERYBODY, prerequisites=[Prerequisite("egg", ["on"])])
    rule_set("egg", variants=EVERYBODY, prerequisites=[Prerequisite("chicken", ["on"])])
    rule_set("ramped", variants=EVERYBODY)

    note(str(make_user().id), 5, 5)

    assert [(row.flag_name, row.requests) for row in collect()] == [("ramped", 2)]


@pytest.mark.parametrize(
    ("durations", "p95"),
    [
        ({}, None),
        ({0: 100}, 4.75),
        # The slowest five of 100 do not count; the sixth is the slowest that does.
        ({0: 95, 10: 5}, 5.0),
        ({0: 90, 5: 10}, 175.0),
        ({10: 100}, 9750.0),
    ],
)
def test_estimates_the_95th_percentile(durations, p95):
    counts = [durations.get(place, 0) for place in range(len(BOUNDS) + 1)]

    figures = RequestFigures(requests=sum(counts), errors=0, durations=counts)

    assert figures.p95 == p95


def test_keeps_the_newest_requests_while_the_database_is_away(collect, rule_set):
    rule_set("ramped", variants=EVERYBODY)

    note("anna", *[5.0] * outcomes.MOST_WAITING)
    note("berta", *[500.0] * 10)

    (row,) = collect()
    assert row.requests == outcomes.MOST_WAITING
    assert row.durations[6] == 10
