"""GET /api/v2/health/daily-summary: the day with its figures, insights and schedule."""

import datetime as dt
import uuid
from typing import Any

import pytest

from insights.models import Insight
from tests.analytics.lives import record
from tests.conftest import ApiClient

PATH = "/api/v2/health/daily-summary"
OLD_KEYS = {
    *("date", "check_in_completed", "check_in_id", "mood", "confidence", "medication_taken"),
    *("event_counts", "events"),
}


def read(client: ApiClient, date: object = None) -> dict[str, Any]:
    response = client.call("GET", f"{PATH}?date={date}" if date else PATH)
    assert response.status_code == 200, response.content
    found: dict[str, Any] = response.json()
    return found


def make_insight(user: Any, day: dt.date, **changes: Any) -> Insight:
    noon = dt.datetime.combine(day, dt.time(20), dt.UTC)
    fields: dict[str, Any] = {
        "occasion": f"test:{day}:{changes.get('title')}",
        "insight_type": "mood_improvement",
        "category": "trend",
        "priority": 5,
        "title": "A title",
        "message": "A message.",
        "trigger_type": "scheduled",
        "local_date": day,
        "created_at": noon,
        "updated_at": noon,
        "tenant": user.tenant,
        "user": user,
    } | changes
    return Insight.objects.create(id=uuid.uuid4(), **fields)


def course(**changes: Any) -> dict[str, Any]:
    return {
        "medication_name": "Progesterone",
        "dosage": "200 mg",
        "times_of_day": ["08:00", "20:00"],
        "start_date": "2026-03-01",
        "effective_from": "2026-03-01T00:00:00-08:00",
    } | changes


def test_keeps_the_keys_that_clients_read(as_alice):
    form = {"mood_today": "hopeful", "confidence_today": 8, "medication_taken": "yes"}
    as_alice.call("POST", "/api/checkins", form | {"date_submitted": "2026-03-01"})

    summary = read(as_alice, "2026-03-01")

    assert set(summary) == OLD_KEYS | {"metrics", "insights", "schedule"}
    assert (summary["mood"], summary["confidence"]) == ("hopeful", 8)
    assert summary["medication_taken"] == "yes"
    assert summary["check_in_completed"]


def test_has_the_days_figures_exact_at_once(as_alice):
    record(as_alice, "mood", {"mood": "hopeful", "confidence": 3}, "2026-03-01T08:00:00-08:00")
    record(as_alice, "mood", {"mood": "tired", "confidence": 6}, "2026-03-01T20:00:00-08:00")

    metrics = read(as_alice, "2026-03-01")["metrics"]
    explained = as_alice.call("GET", metrics["explain"] + "confidence_mean").json()

    assert (metrics["mood_latest"], metrics["mood_mean"]) == ("tired", 6.0)
    assert (metrics["confidence_min"], metrics["confidence_mean"]) == (3, 4.5)
    assert [event["contributed"] for event in explained["events"]] == [6, 3]
    assert explained["value"] == 4.5


def test_has_the_same_figures_as_analytics(as_alice):
    record(as_alice, "symptom", {"symptoms": ["Nausea"], "severity": 4}, "2026-03-01T20:00:00Z")
    as_alice.call("POST", "/api/v2/medications", course())

    summary = read(as_alice, "2026-03-01")["metrics"]
    (day,) = as_alice.call("GET", "/api/v2/analytics?timeframe=2026-03-01..2026-03-01").json()[
        "daily"
    ]

    assert summary == day | {"explain": summary["explain"]}
    assert day["medications_scheduled"] == 2


@pytest.mark.parametrize("date", ["0001-01-01", "1899-12-31", "2150-06-15", "9999-12-31"])
def test_is_empty_for_days_far_away(as_alice, date):
    as_alice.call("POST", "/api/v2/medications", course(end_date="2026-03-10"))

    summary = read(as_alice, date)

    assert summary["date"] == date
    assert (summary["events"], summary["insights"]) == ([], [])
    assert summary["metrics"]["event_count"] == 0
    assert summary["schedule"]["medications"] == []
    assert summary["schedule"]["appointments"] == []


def test_lists_the_doses_of_the_day_with_what_became_of_them(as_alice):
    created = as_alice.call("POST", "/api/v2/medications", course()).json()
    taken = {"taken_at": "2026-03-02T08:05:00-08:00"}
    as_alice.call("POST", f"/api/v2/medications/{created['id']}/doses", taken)

    doses = read(as_alice, "2026-03-02")["schedule"]["medications"]

    assert [(dose["local_time"], dose["status"]) for dose in doses] == [
        ("08:00", "taken"),
        ("20:00", "unknown"),
    ]
    assert doses[0]["event_id"]
    assert doses[0]["dosage"] == "200 mg"


def test_lists_doses_to_come(as_alice):
    as_alice.call("POST", "/api/v2/medications", course(end_date="2030-01-01"))

    summary = read(as_alice, "2028-03-02")

    statuses = [dose["status"] for dose in summary["schedule"]["medications"]]
    assert statuses == ["upcoming", "upcoming"]
    assert summary["metrics"]["explain"] is None


def test_lists_appointments_by_the_day_that_they_name(as_alice):
    named = {"title": "Scan", "starts_at": "2026-03-10T23:30:00-08:00"}
    record(as_alice, "appointment", named, "2026-03-01T12:00:00-08:00")
    in_utc = {"title": "Transfer", "starts_at": "2026-03-11T06:59:00Z"}
    record(as_alice, "appointment", in_utc, "2026-03-02T12:00:00-08:00")
    record(as_alice, "appointment", {"title": "Blood"}, "2026-03-10T09:00:00-08:00")
    next_day = {"title": "Later", "starts_at": "2026-03-11T00:30:00-08:00"}
    record(as_alice, "appointment", next_day, "2026-03-10T12:00:00-08:00")

    appointments = read(as_alice, "2026-03-10")["schedule"]["appointments"]

    assert [each["title"] for each in appointments] == ["Blood", "Transfer", "Scan"]
    assert as_alice.call("GET", appointments[0]["link"]).status_code == 200


def test_takes_no_answer_of_the_daily_form_for_an_appointment(as_alice):
    form = {"mood_today": "hopeful", "confidence_today": 8, "appointment_within_3_days": True}
    as_alice.call("POST", "/api/checkins", form | {"date_submitted": "2026-03-01"})

    assert read(as_alice, "2026-03-01")["schedule"]["appointments"] == []


def test_lists_the_insights_written_on_the_day(alice, as_alice, bob):
    day = dt.date(2026, 3, 10)
    make_insight(alice, day, title="less urgent", priority=3)
    urgent = make_insight(alice, day, title="urgent", priority=9)
    make_insight(alice, day - dt.timedelta(days=1), title="yesterday")
    make_insight(bob, day, title="his")

    insights = read(as_alice, day)["insights"]

    assert [each["title"] for each in insights] == ["urgent", "less urgent"]
    assert as_alice.call("GET", insights[0]["link"]).json()["id"] == str(urgent.id)


def test_lists_what_is_due_today_and_nothing_of_days_that_are_over(alice, as_alice):
    today = read(as_alice)
    yesterday = dt.date.fromisoformat(today["date"]) - dt.timedelta(days=1)
    later = dt.date.fromisoformat(today["date"]) + dt.timedelta(days=2)

    due = read(as_alice, later)["schedule"]["assessments"]

    assert [each["instrument"] for each in due] == ["phq4"]
    assert read(as_alice, yesterday)["schedule"]["assessments"] == []


def test_is_empty_for_somebody_who_has_recorded_nothing(as_alice):
    summary = read(as_alice)

    assert summary["events"] == summary["insights"] == []
    assert summary["metrics"]["mood_mean"] is None
    assert summary["schedule"]["medications"] == summary["schedule"]["appointments"] == []


def test_holds_nothing_of_other_people(alice, as_alice, as_bob, as_charlie):
    record(as_alice, "appointment", {"title": "hers alone"}, "2026-03-01T12:00:00-08:00")
    as_alice.call("POST", "/api/v2/medications", course(medication_name="hers alone"))
    make_insight(alice, dt.date(2026, 3, 1), title="hers alone")
    assert as_alice.call("GET", f"{PATH}?date=2026-03-01").content.count(b"hers alone") >= 4

    for other in (as_bob, as_charlie):
        response = other.call("GET", f"{PATH}?date=2026-03-01")
        assert b"hers alone" not in response.content
        assert response.json()["metrics"]["event_count"] == 0


def test_is_not_given_while_events_are_off(settings, as_alice):
    settings.USE_SCHEMA_V2 = False

    assert as_alice.call("GET", PATH).status_code == 503
    status = as_alice.call("GET", "/api/v2/status").json()["status"]

    assert not status["features"]["enhanced_analytics"]


def test_is_named_with_analytics_by_the_status(nobody):
    status = nobody.call("GET", "/api/v2/status").json()["status"]

    assert status["features"]["enhanced_analytics"]
    assert "GET /api/v2/analytics" in status["endpoints_available"]
