"""Insights in version 2: pages by priority, what an insight rests on, and what is refused."""

import base64
import datetime as dt
import uuid
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from insights.models import Insight, insight_id
from tests.conftest import ApiClient, client_of
from tests.factories import make_user

INSIGHTS = "/api/v2/insights"
SHAPE = {
    *("id", "insight_type", "category", "priority", "title", "message", "icon", "confidence"),
    *("action", "data", "local_date", "trigger_type", "is_viewed", "is_dismissed"),
    *("created_at", "updated_at", "expires_at"),
}
NOW = timezone.now()
AN_INSTANT = "2026-11-21T08:00:00+00:00"
DAY = dt.timedelta(days=1)


@pytest.fixture
def person(db: None) -> User:
    return make_user()


@pytest.fixture
def client(person: User) -> ApiClient:
    return client_of(person)


def write(user: User, occasion: str, **changes: Any) -> Insight:
    fields: dict[str, Any] = {
        "id": insight_id(user.id, occasion),
        "tenant_id": user.tenant_id,
        "occasion": occasion,
        "insight_type": "mood_improvement",
        "category": "trend",
        "priority": 5,
        "title": occasion,
        "message": "It went up.",
        "trigger_type": "scheduled",
        "local_date": NOW.date(),
        "created_at": NOW,
        "updated_at": NOW,
        "expires_at": NOW + DAY,
    }
    return Insight.objects.create(user_id=user.id, **fields | changes)


def titles(client: ApiClient, query: str = "") -> list[str]:
    answer = client.call("GET", f"{INSIGHTS}{query}")
    assert answer.status_code == 200, answer.content
    return [insight["title"] for insight in answer.json()["insights"]]


def problem(response: Any, status: int, code: str) -> list[str]:
    """Check that it is a problem of this kind; give the fields or parameters that it names."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    body = response.json()
    assert (body["status"], body["code"]) == (status, code)
    errors = body.get("errors", [])
    return [error.get("parameter") or error["pointer"] for error in errors]


# Lists


def test_come_with_the_most_urgent_first(person, client):
    write(person, "old and urgent", priority=9, created_at=NOW - DAY)
    write(person, "new", created_at=NOW)
    write(person, "older", created_at=NOW - DAY)

    answer = client.call("GET", INSIGHTS).json()

    assert [each["title"] for each in answer["insights"]] == ["old and urgent", "new", "older"]
    assert answer["next"] is None
    assert answer["insights"][0].keys() == SHAPE


def test_come_in_pages_that_survive_new_ones(person, client):
    for number in range(7):
        write(person, f"first {number}", priority=8 - number % 3, created_at=NOW)
    seen, query = [], "?limit=2"

    for number in range(10):
        page = client.call("GET", f"{INSIGHTS}{query}").json()
        seen += [each["title"] for each in page["insights"]]
        # New ones before and behind where the reader is.
        write(person, f"later {number}", priority=10)
        write(person, f"late {number}", priority=1)
        if not page["next"]:
            break
        query = f"?limit=2&cursor={page['next']}"

    assert [title for title in seen if title.startswith("first")] == sorted(
        (f"first {number}" for number in range(7)),
        key=lambda title: (-(8 - int(title[6:]) % 3), -insight_id(person.id, title).int),
    )
    assert len(set(seen)) == len(seen)
    assert not any(title.startswith("later") for title in seen)


def test_are_chosen_by_category_kind_and_whether_they_were_viewed(person, client):
    write(person, "a trend")
    write(person, "a risk", category="risk", insight_type="support_needed")
    viewed = write(person, "viewed")
    client.call("POST", f"{INSIGHTS}/{viewed.id}/interactions", {"action": "viewed"})

    assert titles(client, "?category=risk") == ["a risk"]
    assert titles(client, "?insight_type=support_needed") == ["a risk"]
    assert titles(client, "?insight_type=nothing") == []
    assert titles(client, "?viewed=true") == ["viewed"]
    assert sorted(titles(client, "?viewed=false")) == ["a risk", "a trend"]
    assert titles(client, "?viewed=false&category=trend&limit=1") == ["a trend"]


def test_leave_out_what_expired_or_was_dismissed_but_can_be_read(person, client):
    stays = write(person, "stays")
    old = write(person, "old", expires_at=None)
    expired = write(person, "expired", expires_at=NOW - DAY)
    dismissed = write(person, "dismissed")
    client.call("POST", f"{INSIGHTS}/{dismissed.id}/interactions", {"action": "dismissed"})

    assert titles(client) == ["stays"]
    assert sorted(titles(client, "?include=all")) == ["dismissed", "expired", "old", "stays"]
    for insight in (stays, old, expired, dismissed):
        one = client.call("GET", f"{INSIGHTS}/{insight.id}")
        assert one.status_code == 200
        assert one.json()["is_dismissed"] is (insight == dismissed)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        *(("limit=0", "limit"), ("limit=101", "limit"), ("limit=abc", "limit")),
        *(("limit=5&limit=6", "limit"), ("category=mood", "category"), ("viewed=maybe", "viewed")),
        *(("include=everything", "include"), ("what=1", "what"), ("insight_type=%00", None)),
        *(("cursor=", "cursor"), ("cursor=%FF", "cursor"), ("cursor=" + "A" * 3000, "cursor")),
    ],
)
def test_refuse_a_parameter_by_name(client, query, named):
    (found,) = problem(client.call("GET", f"{INSIGHTS}?{query}"), 400, "invalid-input")

    assert found == (named or "insight_type")


def cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(",".join(map(str, parts)).encode()).decode()


@pytest.mark.parametrize(
    "sent",
    [
        cursor("x", AN_INSTANT, uuid.UUID(int=0)),
        cursor(5, "yesterday", uuid.UUID(int=0)),
        cursor(5, AN_INSTANT, "x"),
        cursor(5, AN_INSTANT),
        cursor(5, "0001-01-01T00:00:00+14:00", uuid.UUID(int=0)),
        cursor("9" * 5000, AN_INSTANT, uuid.UUID(int=0)),
    ],
)
def test_refuse_a_cursor_that_is_none(client, sent):
    assert problem(client.call("GET", f"{INSIGHTS}?cursor={sent}"), 400, "invalid-input") == [
        "cursor"
    ]


@pytest.mark.parametrize("priority", ["9" * 30, "-99999", "32768"])
def test_bear_a_cursor_with_a_priority_that_no_insight_has(person, client, priority):
    write(person, "one")
    sent = cursor(priority, AN_INSTANT, uuid.UUID(int=0))

    answer = client.call("GET", f"{INSIGHTS}?cursor={sent}")

    assert answer.status_code in {200, 400}


def test_refuse_the_cursor_of_another_list(client):
    note = {"event_type": "note", "event_data": {"text": "x"}}
    for _ in range(2):
        client.call("POST", "/api/v2/health/events", note)
    other = client.call("GET", "/api/v2/health/timeline?limit=1").json()["next"]
    assert other

    found = problem(client.call("GET", f"{INSIGHTS}?cursor={other}"), 400, "invalid-input")

    assert found == ["cursor"]


# One insight


def test_tells_what_it_rests_on_and_what_was_done_with_it(client):
    form = {"mood_today": "worried", "confidence_today": 5, "anxiety_level": 9}
    client.call("POST", "/api/checkins", form)
    client.call("POST", f"{INSIGHTS}/generate", {})
    (alert,) = client.call("GET", f"{INSIGHTS}?insight_type=support_needed").json()["insights"]
    path = f"{INSIGHTS}/{alert['id']}"
    client.call("POST", f"{path}/interactions", {"action": "viewed", "context": {"x": 1e22}})
    client.call("POST", f"{path}/feedback", {"helpful": False, "comment": "Too late."})

    one = client.call("GET", path).json()

    assert one.keys() == SHAPE | {"evidence", "interactions"}
    assert {key: one[key] for key in alert} == alert | {"is_viewed": True}
    assert one["evidence"]
    for link in one["evidence"]:
        assert client.call("GET", link["href"]).status_code == 200
    assert [each["action"] for each in one["interactions"]] == ["feedback", "viewed"]
    assert one["interactions"][0]["comment"] == "Too late."
    assert one["interactions"][1]["context"] == {"x": 1e22}
    assert isinstance(one["interactions"][1]["context"]["x"], float)


def test_still_opens_what_it_rests_on_when_that_was_changed(client):
    form = {"mood_today": "worried", "confidence_today": 5, "anxiety_level": 9}
    checkin = client.call("POST", "/api/checkins", form).json()["checkin"]["id"]
    client.call("POST", f"{INSIGHTS}/generate", {})
    client.call("PUT", f"/api/checkins/{checkin}", {"anxiety_level": 3})

    for insight in client.call("GET", f"{INSIGHTS}?include=all").json()["insights"]:
        one = client.call("GET", f"{INSIGHTS}/{insight['id']}").json()
        for link in one["evidence"]:
            assert client.call("GET", link["href"]).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("interactions", {}, "/action"),
        ("interactions", {"action": "liked"}, "/action"),
        ("interactions", {"action": ["viewed"]}, "/action"),
        ("interactions", {"action": "viewed", "why": 1}, "/why"),
        ("interactions", {"action": "viewed", "context": []}, "/context"),
        ("interactions", {"action": "viewed", "context": {"a": "\x00"}}, "/context/a"),
        ("interactions", {"action": "viewed", "context": {"a": "x" * 65_536}}, "/context"),
        ("interactions", {"action": "viewed", "context": {"a": "é" * 40_000}}, "/context"),
        ("interactions", [], ""),
        ("feedback", {}, "/helpful"),
        ("feedback", {"helpful": "yes"}, "/helpful"),
        ("feedback", {"helpful": 1}, "/helpful"),
        ("feedback", {"helpful": None}, "/helpful"),
        ("feedback", {"helpful": True, "comment": "x" * 5001}, "/comment"),
        ("feedback", {"helpful": True, "comment": 5}, "/comment"),
        ("feedback", {"helpful": True, "stars": 5}, "/stars"),
    ],
)
def test_refuses_a_field_by_name(person, client, path, body, named):
    insight = write(person, "one")

    answer = client.call("POST", f"{INSIGHTS}/{insight.id}/{path}", body)

    assert problem(answer, 400, "invalid-input") == [named]
    assert client.call("GET", f"{INSIGHTS}/{insight.id}").json()["interactions"] == []


def test_refuses_what_is_nested_too_deeply(person, client):
    insight = write(person, "one")
    deep: Any = 0
    for _ in range(150):
        deep = {"a": deep}

    answer = client.call(
        "POST", f"{INSIGHTS}/{insight.id}/feedback", {"helpful": True, "context": deep}
    )

    assert problem(answer, 400, "invalid-input") == ["/context"]


def test_writes_now_what_the_timetable_would_write(person, client):
    client.call("POST", "/api/checkins", {"mood_today": "calm", "confidence_today": 5})

    first = client.call("POST", f"{INSIGHTS}/generate", {})
    again = client.call("POST", f"{INSIGHTS}/generate", {})

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json() == client.call("GET", INSIGHTS).json()
    assert first.json()["insights"]
    assert Insight.objects.filter(user_id=person.id, occasion__startswith="daily:").count() == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "/{id}", None),
        ("POST", "/generate", {}),
        ("POST", "/{id}/interactions", {"action": "viewed"}),
        ("POST", "/{id}/feedback", {"helpful": True}),
    ],
)
def test_say_when_health_events_are_off(person, client, settings, method, path, body):
    insight = write(person, "one")
    settings.USE_SCHEMA_V2 = False

    answer = client.call(method, INSIGHTS + path.format(id=insight.id), body)

    problem(answer, 503, "health-events-off")
    assert answer.json()["retryable"] is True
    assert Insight.objects.filter(user_id=person.id).count() == 1
