"""What a check-in says, sent and read again over HTTP, in both storage modes."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given

from health import checkins
from health.models import DailyCheckin
from tests.conftest import ApiClient, client_of
from tests.factories import make_user
from tests.health.forms import FULL, changes, forms, is_same, over_http, said

PATHS = ("/api/checkins", "/api/daily-checkin-enhanced")


def submit(client: ApiClient, form: dict[str, Any], path: str = PATHS[0]) -> dict[str, Any]:
    response = client.call("POST", path, form)
    assert response.status_code == 201, response.content
    checkin: dict[str, Any] = response.json()["checkin"]
    return checkin


def shown(client: ApiClient, checkin_id: str) -> list[dict[str, Any]]:
    """Read a check-in everywhere it is shown."""
    one = client.call("GET", f"/api/checkins/{checkin_id}").json()["checkin"]
    page = client.call("GET", "/api/checkins").json()
    today = client.call("GET", "/api/checkins/today").json()["checkin"]
    return [one, one["fields"], page["records"][0], page["checkins"][0]["fields"], today]


def last_values(client: ApiClient, sent: dict[str, Any]) -> dict[str, Any]:
    values = client.call("GET", "/api/checkins/last-values").json()["lastValues"]
    kept = values.keys() - {"last_checkin_date", "days_since_last_checkin"}
    return said({key: values[key] for key in kept}, sent)


@over_http
@given(form=forms)
def test_comes_back_everywhere_as_it_was_sent(db, form):
    client = client_of(make_user())

    checkin = submit(client, form)

    assert is_same(said(checkin, form), form)
    for place in shown(client, checkin["id"]):
        assert is_same(said(place, form), form)
    assert is_same(last_values(client, form), form)


@over_http
@given(form=forms)
def test_comes_back_as_it_was_sent_in_v1_mode(db, settings, form):
    settings.USE_SCHEMA_V2 = False
    client = client_of(make_user())

    checkin = submit(client, form, PATHS[1])

    for place in shown(client, checkin["id"]):
        assert is_same(said(place, form), form)
    assert is_same(last_values(client, form), form)


@pytest.mark.parametrize("path", PATHS)
def test_keeps_all_fields_of_the_full_form_with_the_date(as_alice, path):
    form = FULL | {"date_submitted": "2025-03-01", "phq4_feeling_nervous": 0, "sleep_hours": 7.5}

    checkin = submit(as_alice, form, path)

    one = as_alice.call("GET", f"/api/checkins/{checkin['id']}").json()["checkin"]
    assert one["date_submitted"] == "2025-03-01"
    assert is_same({key: one[key] for key in form}, form)


@over_http
@given(form=forms, update=changes)
def test_keeps_what_an_update_does_not_send_and_both_versions(db, form, update):
    client = client_of(make_user())
    checkin = submit(client, form)

    response = client.call("PUT", f"/api/checkins/{checkin['id']}", update)

    assert response.status_code == 200, response.content
    for place in (response.json()["checkin"], *shown(client, checkin["id"])):
        assert is_same(said(place, form | update), form | update)
    now = timeline(client, "")
    before = timeline(client, f"?as_of={quote(checkin['created_at'])}")
    assert is_same(form_of(now), form | update)
    assert is_same(form_of(before), form)
    versions = {event["version_id"] for event in timeline(client, "?include=history&limit=200")}
    assert versions >= {event["version_id"] for event in now + before}
    assert {event["correlation_id"] for event in now + before} == {checkin["id"]}


def timeline(client: ApiClient, query: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = client.call("GET", f"/api/v2/health/timeline{query}").json()[
        "events"
    ]
    return events


def form_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    return checkins.to_form(
        checkins.Part(event["event_type"], event["event_subtype"], event["event_data"])
        for event in events
    )


def test_shows_both_versions_of_what_an_update_changed(as_alice):
    checkin = submit(as_alice, FULL)

    as_alice.call("PUT", f"/api/checkins/{checkin['id']}", {"anxiety_level": 2})

    history = timeline(as_alice, "?include=history&event_types=mood")
    assert [event["event_data"]["anxiety_level"] for event in history] == [2, 8]
    assert [event["version"] for event in history] == [2, 1]
    assert [event["status"] for event in history] == ["corrected", "final"]
    assert {event["id"] for event in history} == {history[1]["version_id"]}
    others = timeline(as_alice, "?include=history&event_types=medication,note,symptom,assessment")
    assert {event["version"] for event in others} == {1}


def test_corrects_the_type_of_a_value_though_python_calls_them_equal(as_alice):
    checkin = submit(as_alice, FULL | {"flag": 1, "share": 1})

    as_alice.call("PUT", f"/api/checkins/{checkin['id']}", {"flag": True, "share": 1.0})

    one = as_alice.call("GET", f"/api/checkins/{checkin['id']}").json()["checkin"]
    assert is_same([one["flag"], one["share"]], [True, 1.0])


def test_says_the_same_in_the_list_and_alone_whatever_column_it_is_in(as_alice):
    columns = {
        "sentiment": "positive",
        "sentiment_confidence": 1.0,
        "sentiment_scores": {"positive": 0.9, "mixed": None},
        "sentiment_processing_time": 0,
        "medication_confidence_today": 3,
        "medication_concern_today": "",
        "financial_stress_today": 10,
        "financial_concern_today": "bills",
        "journey_readiness_today": 1,
        "top_concern_today": "costs",
    }
    submit(as_alice, FULL | columns | {"phq4_feeling_nervous": 3, "own": None})
    submit(as_alice, {"mood_today": "x", "confidence_today": 1, "date_submitted": "2025-01-01"})

    listed = as_alice.call("GET", "/api/checkins").json()["checkins"]

    for shown in listed:
        one = as_alice.call("GET", f"/api/checkins/{shown['id']}").json()["checkin"]
        assert is_same(shown, one)
    assert is_same({key: listed[0][key] for key in columns}, columns)


def test_shows_its_time_the_same_way_in_the_list_and_alone(as_alice, alice):
    checkin = submit(as_alice, {"mood_today": "x", "confidence_today": 1})

    for instant in ("2025-01-01T00:00:00Z", "2025-01-01T10:20:30.500000Z"):
        DailyCheckin.objects.filter(id=checkin["id"]).update(created_at=instant)
        (listed,) = as_alice.call("GET", "/api/checkins").json()["records"]
        one = as_alice.call("GET", f"/api/checkins/{checkin['id']}").json()["checkin"]

        assert listed["created_at"] == one["created_at"] == instant
