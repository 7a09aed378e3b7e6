"""When a questionnaire is asked next: by days where the person lives, never within the daily form."""

import datetime as dt
import uuid
from typing import Any

import pytest

from accounts.models import User, UserProfile
from assessments import queries
from assessments.types import Completed
from core import gate
from tests.assessments.answers import complete, make_definition, summing_to
from tests.conftest import client_of
from tests.factories import make_tenant, make_user

BERLIN, ANGELES = "Europe/Berlin", "America/Los_Angeles"
NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
SIGNED_UP = dt.datetime(2026, 3, 2, 7, 30, tzinfo=dt.UTC)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def done(name: str, when: str, total: int, severity: str, **scores: int) -> Completed:
    """What was completed at this time, on the day that stands first in the text."""
    instant = at(when)
    event_id = uuid.uuid4()
    return Completed(event_id, name, "1", instant, instant.date(), total, severity, scores)


def dues(
    *last: Completed, zone: str = BERLIN, now: dt.datetime = NOW, onboarded: bool = True
) -> Any:
    profile = {"created_at": SIGNED_UP, "baseline_completed": onboarded}
    by_name = {each.instrument: each for each in last}
    found = queries.due_of(profile, by_name, zone=zone, now=now)
    return {due.instrument: due for due in found}


CALM = {"anxiety_score": 2, "depression_score": 2}


@pytest.mark.parametrize(
    ("zone", "when", "severity", "due_at"),
    [
        # 14 days after a calm one, 7 after one that is moderate or severe.
        ("UTC", "2026-06-01T10:00+00:00", "none", "2026-06-15T00:00+00:00"),
        ("UTC", "2026-06-01T10:00+00:00", "mild", "2026-06-15T00:00+00:00"),
        ("UTC", "2026-06-01T10:00+00:00", "moderate", "2026-06-08T00:00+00:00"),
        ("UTC", "2026-06-01T10:00+00:00", "severe", "2026-06-08T00:00+00:00"),
        # A day begins where the person lives.
        (BERLIN, "2026-06-01T23:30+02:00", "none", "2026-06-14T22:00+00:00"),
        (ANGELES, "2026-06-01T23:30-07:00", "none", "2026-06-15T07:00+00:00"),
        ("Pacific/Kiritimati", "2026-06-01T00:30+14:00", "none", "2026-06-14T10:00+00:00"),
        # The clocks change between the two: spring, then fall.
        (BERLIN, "2026-03-20T10:00+01:00", "none", "2026-04-02T22:00+00:00"),
        (BERLIN, "2026-10-20T10:00+02:00", "none", "2026-11-02T23:00+00:00"),
        (ANGELES, "2026-03-05T10:00-08:00", "severe", "2026-03-12T07:00+00:00"),
        # On the very day, and where midnight itself is skipped (Beirut, March 29).
        (BERLIN, "2026-03-15T10:00+01:00", "none", "2026-03-28T23:00+00:00"),
        ("Asia/Beirut", "2026-03-15T10:00+02:00", "none", "2026-03-28T22:00+00:00"),
        # Over the end of a year, and a leap day.
        ("UTC", "2026-12-25T10:00+00:00", "none", "2027-01-08T00:00+00:00"),
        ("UTC", "2028-02-20T10:00+00:00", "none", "2028-03-05T00:00+00:00"),
    ],
)
def test_asks_phq4_again_after_so_many_days(zone, when, severity, due_at):
    last = done("phq4", when, 1, severity, **CALM)

    just_before, then = (
        dues(last, zone=zone, now=at(due_at) - early)["phq4"]
        for early in (dt.timedelta(microseconds=1), dt.timedelta())
    )

    assert then.due_at == at(due_at)
    assert (just_before.is_due, then.is_due) == (False, True)
    assert (then.last_score, then.last_severity) == (1, severity)


def test_asks_phq4_once_the_onboarding_is_complete():
    due = dues()["phq4"]

    assert (due.due_at, due.is_due, due.last_completed_at) == (SIGNED_UP, True, None)
    assert due.reason == "It has not been filled in yet."


def test_does_not_interrupt_an_onboarding():
    evening = SIGNED_UP + dt.timedelta(hours=8)

    due = dues(zone=ANGELES, now=evening, onboarded=False)["phq4"]

    assert due.due_at == at("2026-03-02T00:00-08:00")  # It was March 1 there.
    assert dues(zone=BERLIN, now=evening, onboarded=False)["phq4"].is_due is False


@pytest.mark.parametrize(
    ("scores", "asked"),
    [
        ({"anxiety_score": 2, "depression_score": 2}, set()),
        ({"anxiety_score": 3, "depression_score": 2}, {"gad7"}),
        ({"anxiety_score": 2, "depression_score": 3}, {"phq9"}),
        ({"anxiety_score": 6, "depression_score": 6}, {"gad7", "phq9"}),
        ({"anxiety_score": None, "depression_score": 4}, {"phq9"}),
        ({}, set()),
    ],
)
def test_asks_more_where_the_screen_points_there(scores, asked):
    screen = done("phq4", "2026-11-20T10:00+01:00", 5, "mild", **scores)

    found = dues(screen)

    assert found.keys() - {"phq4"} == asked
    for name in asked:
        assert found[name].is_due
        assert found[name].due_at == screen.completed_at
        assert "November 20" in found[name].reason


def test_asks_more_only_until_it_was_answered():
    screen = done("phq4", "2026-11-20T10:00+01:00", 5, "mild", depression_score=3)
    earlier = done("phq9", "2026-11-20T09:59+01:00", 4, "minimal")
    later = done("phq9", "2026-11-20T10:01+01:00", 4, "minimal")

    assert dues(screen, earlier)["phq9"].is_due
    assert "phq9" not in dues(screen, later)


@pytest.mark.parametrize(
    ("severity", "due_at"),
    [
        ("minimal", None),
        ("mild", None),
        ("moderate", "2026-11-26T23:00+00:00"),
        ("moderately_severe", "2026-11-26T23:00+00:00"),
        ("severe", "2026-11-26T23:00+00:00"),
    ],
)
@pytest.mark.parametrize("name", ["phq9", "gad7"])
def test_asks_on_while_the_last_one_was_moderate_or_worse(name, severity, due_at):
    screen = done("phq4", "2026-11-20T10:00+01:00", 6, "moderate", **CALM)
    last = done(name, "2026-11-20T10:05+01:00", 12, severity)

    due = dues(screen, last).get(name)

    assert (due.due_at if due else None) == (at(due_at) if due_at else None)


def test_has_the_earliest_first():
    screen = done(
        "phq4", "2026-11-20T10:00+01:00", 9, "severe", anxiety_score=5, depression_score=4
    )

    assert list(dues(screen)) == ["gad7", "phq9", "phq4"]


# From the log


def due_now(user: User) -> Any:
    """As other parts of the program ask: inside the gate."""
    with gate.as_person(user.id) as person:
        found = queries.find_due(person, now=dt.datetime.now(dt.UTC))
    return {due.instrument: due for due in found}


@pytest.fixture
def person(db: None) -> User:
    return make_user(profile={"baseline_completed": True, "timezone": BERLIN})


def record(user: User, **event: Any) -> Any:
    body = {"event_type": "assessment", "event_subtype": "phq4"} | event
    return client_of(user).call("POST", "/api/v2/health/events", body)


FOUR = {"feeling_nervous": 1, "stop_worrying": 2, "little_interest": 3, "feeling_down": 0}


@pytest.mark.parametrize(
    ("subtype", "data", "total"),
    [
        ("phq4", FOUR, 6),
        ("PHQ-4", {"total_score": 7}, 7),
        ("phq_4", {"total_score": 2, **FOUR}, 6),
        ("phq4", {"total_score": 13}, None),
    ],
)
def test_counts_what_any_client_recorded(subtype, data, total, person):
    assert record(person, event_subtype=subtype, event_data=data).status_code == 201

    due = due_now(person)["phq4"]

    assert due.last_completed_at is not None
    assert due.last_score == total
    assert due.is_due is False


@pytest.mark.parametrize(
    "data", [{"feeling_nervous": 3, "stop_worrying": None}, {"total_score": None}, {"x": 1}]
)
def test_does_not_count_what_is_not_whole(data, person):
    record(person, event_data=data)

    assert due_now(person)["phq4"].last_completed_at is None
    complete(client_of(person), "phq4", {"q1": 3})
    assert due_now(person)["phq4"].last_completed_at is None


@pytest.mark.parametrize(
    "answers",
    [
        {"phq4_score": 9, "phq4_anxiety": 4, "phq4_depression": 5},
        {f"phq4_{item}": 2 for item in FOUR},
    ],
)
def test_counts_the_answers_of_a_daily_form(answers, person):
    form = {"mood_today": "tired", "confidence_today": 5} | answers
    assert client_of(person).call("POST", "/api/checkins", form).status_code == 201

    found = due_now(person)

    assert found["phq4"].last_score == answers.get("phq4_score", 8)
    assert found["phq4"].due_at > dt.datetime.now(dt.UTC) + dt.timedelta(days=5)
    assert found["phq9"].is_due
    assert found["gad7"].is_due


def test_counts_what_holds_now(person):
    client = client_of(person)
    first = complete(client, "phq4", dict.fromkeys(FOUR, 0), completed_at="2026-01-05T12:00:00Z")
    second = complete(client, "phq4", dict.fromkeys(FOUR, 3), completed_at="2026-01-06T12:00:00Z")
    before = due_now(person)

    client.call("POST", f"{second.json()['event_href']}/retractions", {"reason": "a slip"})

    assert (before["phq4"].last_score, before.keys()) == (12, {"phq4", "phq9", "gad7"})
    after = due_now(person)
    assert (after["phq4"].last_score, after.keys()) == (0, {"phq4"})
    assert after["phq4"].last_completed_at == at(first.json()["completed_at"])


def test_counts_a_corrected_event_as_it_is_now(person):
    event = record(person, event_data={"total_score": 12}).json()
    correction = {"event_data": {"total_score": 1}, "reason": "typed wrong"}
    path = f"/api/v2/health/events/{event['id']}/corrections"
    assert client_of(person).call("POST", path, correction).status_code == 201

    due = due_now(person)["phq4"]

    assert (due.last_score, due.last_severity) == (1, "none")


def test_is_told_when_one_is_completed(person):
    client = client_of(person)

    calm = complete(client, "phq4", dict.fromkeys(FOUR, 0), completed_at="2026-03-20T10:00:00Z")
    hard = complete(client, "phq9", summing_to("phq9", 12), completed_at="2026-03-20T10:00:00Z")

    assert at(calm.json()["next_due_at"]) == at("2026-04-03T00:00+02:00")
    assert at(hard.json()["next_due_at"]) == at("2026-03-27T00:00+01:00")


def test_goes_with_a_person_who_moves(person):
    complete(client_of(person), "phq4", dict.fromkeys(FOUR, 0), completed_at="2026-03-20T10:00:00Z")
    UserProfile.objects.filter(user=person).update(timezone=ANGELES)

    assert due_now(person)["phq4"].due_at == at("2026-04-03T00:00-07:00")


def test_lists_what_is_due_over_http(person):
    client = client_of(person)
    make_definition(person.tenant)

    (due,) = client.call("GET", "/api/v2/assessments/due").json()["due"]

    assert (due["type"], due["title"], due["is_due"]) == ("phq4", "PHQ-4", True)
    assert due.keys() == {
        "type", "title", "due_at", "is_due", "reason", "last_completed_at", "last_score",
        "last_severity",
    }  # fmt: skip


def test_is_unmoved_by_other_people(person):
    for other in (make_user(tenant=person.tenant), make_user(tenant=make_tenant())):
        complete(client_of(other), "phq4", dict.fromkeys(FOUR, 3))

    assert due_now(person)["phq4"].last_completed_at is None


def test_is_not_misled_by_an_answer_that_is_dated_ahead(person):
    """Else a mild answer of tomorrow would hide a severe one of today."""
    ahead = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=20)).isoformat()
    mild = {"feeling_nervous": 0, "stop_worrying": 0, "little_interest": 0, "feeling_down": 0}
    assert record(person, event_data=mild, occurred_at=ahead).status_code == 201
    assert record(person, event_data=dict.fromkeys(mild, 3)).status_code == 201

    due = due_now(person)

    assert due["phq4"].last_score == 12
    assert {"phq9", "gad7"} <= set(due)
