"""Alerts are there within seconds of the event that calls for them, one each."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from health.models import DailyCheckin
from insights.models import Insight
from tests.conftest import ApiClient, client_of
from tests.factories import make_user
from tests.insights.log import read_log

FORM = {"mood_today": "worried", "confidence_today": 5}
SEVERE = {"phq4_score": 10, "phq4_anxiety": 5, "phq4_depression": 5}
WEEK = dt.timedelta(days=7)


@pytest.fixture
def person(committed_db: None) -> User:
    return make_user(profile={"baseline_completed": True})


@pytest.fixture
def client(person: User) -> ApiClient:
    return client_of(person)


def alerts(person: User) -> list[Insight]:
    found = Insight.objects.filter(
        user_id=person.id, insight_type__in=("support_needed", "assessment_alert")
    )
    return list(found.order_by("insight_type"))


def submit(client: ApiClient, **changes: Any) -> dict[str, Any]:
    response = client.call("POST", "/api/checkins", FORM | changes)
    assert response.status_code == 201, response.content
    checkin: dict[str, Any] = response.json()["checkin"]
    return checkin


def test_come_once_for_high_anxiety_and_once_for_a_severe_assessment(person, client):
    submit(client, anxiety_level=8, **SEVERE)

    read_log()
    read_log()

    found = alerts(person)
    assert [alert.insight_type for alert in found] == ["assessment_alert", "support_needed"]
    for alert in found:
        assert alert.expires_at is not None
        assert alert.expires_at - alert.created_at == WEEK
        assert alert.trigger_type == "event_based"


def test_do_not_come_for_a_calm_day(person, client):
    submit(client, anxiety_level=7, phq4_score=5)

    read_log()

    assert alerts(person) == []
    assert Insight.objects.filter(user_id=person.id).exists()


def test_come_for_events_that_are_no_check_in(person, client):
    client.call(
        "POST",
        "/api/v2/health/events",
        {"event_type": "mood", "event_data": {"mood": "very tough"}},
    )
    client.call(
        "POST",
        "/api/v2/health/events",
        {
            "event_type": "assessment",
            "event_subtype": "phq4",
            "event_data": {"total_score": 9, "anxiety_score": 5, "depression_score": 4},
        },
    )

    read_log()

    found = alerts(person)
    assert [alert.insight_type for alert in found] == ["assessment_alert", "support_needed"]


def test_do_not_come_for_what_lies_long_back(person, client):
    day = (timezone.now() - dt.timedelta(days=9)).date().isoformat()
    submit(client, anxiety_level=10, date_submitted=day, **SEVERE)

    read_log()

    assert alerts(person) == []


def test_and_figures_pass_over_a_day_that_the_old_service_took_for_one(person, client):
    checkin = submit(client, anxiety_level=3)
    slip = submit(client, anxiety_level=10, date_submitted="2025-01-01", **SEVERE)
    DailyCheckin.objects.filter(id=slip["id"]).update(date_submitted="2999-12-31")

    read_log()

    assert alerts(person) == []
    daily = client.call("GET", "/api/insights/daily").json()
    assert daily["analysis_data"]["checkins_analyzed"] == 1
    metrics = client.call("GET", "/api/users/metrics").json()["metrics"]
    assert (metrics["totalCheckIns"], metrics["checkInStreak"]) == (2, 1)
    assert metrics["dataRange"]["to"] == checkin["date_submitted"]


def test_end_when_their_reason_is_corrected_away_and_hold_again_when_it_is_back(person, client):
    checkin = submit(client, anxiety_level=9)
    read_log()
    (before,) = alerts(person)

    client.call("PUT", f"/api/checkins/{checkin['id']}", {"anxiety_level": 3})
    read_log()
    (ended,) = alerts(person)
    client.call("PUT", f"/api/checkins/{checkin['id']}", {"anxiety_level": 8})
    read_log()
    (again,) = alerts(person)

    assert ended.expires_at is not None
    assert ended.expires_at <= timezone.now()
    assert again.id == ended.id == before.id
    assert again.expires_at == before.expires_at == before.created_at + WEEK


def test_rest_on_events_that_answer(person, client):
    submit(client, anxiety_level=8, **SEVERE)
    read_log()

    listed = client.call("GET", "/api/v2/insights").json()["insights"]
    ones = [client.call("GET", f"/api/v2/insights/{each['id']}").json() for each in listed]

    links = [link["href"] for one in ones for link in one["evidence"]]
    assert len(links) >= 2
    for href in links:
        answer = client.call("GET", href)
        assert answer.status_code == 200
        assert href.rpartition("/")[2] in answer.content.decode()


def test_read_the_log_where_the_last_run_ended(person, client):
    submit(client, anxiety_level=8)
    read_log()
    Insight.objects.filter(user_id=person.id).update(title="as it was")

    read_log()

    assert {insight.title for insight in Insight.objects.filter(user_id=person.id)} == {"as it was"}
