"""GET /api/v2/health/timeline."""

import base64
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import ApiClient

EVENTS = "/api/v2/health/events"
PATH = "/api/v2/health/timeline"


def record(client: ApiClient, text: str, at: str | None = None, **changes: Any) -> str:
    body = {"event_type": "note", "event_data": {"text": text}} | changes
    response = client.call("POST", EVENTS, body | ({"occurred_at": at} if at else {}))
    assert response.status_code == 201, response.content
    event_id: str = response.json()["id"]
    return event_id


def read(client: ApiClient, query: str = "") -> list[dict[str, Any]]:
    response = client.call("GET", PATH + query)
    assert response.status_code == 200, response.content
    events: list[dict[str, Any]] = response.json()["events"]
    return events


def texts(events: list[dict[str, Any]]) -> list[str]:
    return [event["event_data"]["text"] for event in events]


def correct(client: ApiClient, event_id: str, text: str, **changes: Any) -> dict[str, Any]:
    body = {"event_data": {"text": text}, "reason": "typed wrong"} | changes
    response = client.call("POST", f"{EVENTS}/{event_id}/corrections", body)
    assert response.status_code == 201, response.content
    version: dict[str, Any] = response.json()
    return version


def retract(client: ApiClient, event_id: str) -> dict[str, Any]:
    path = f"{EVENTS}/{event_id}/retractions"
    response = client.call("POST", path, {"reason": "not mine"})
    assert response.status_code == 201, response.content
    version: dict[str, Any] = response.json()
    return version


@pytest.mark.parametrize("types", ["", "event_types=note,mood&"])
@pytest.mark.parametrize("size", [1, 4, 7])
def test_pages_give_every_event_once_while_others_come_in(as_alice, types, size):
    # Several at one instant, so that pages end within an instant.
    recorded = [
        record(as_alice, f"{number}", f"2025-03-{1 + number // 5:02}T08:00:00Z")
        for number in range(20)
    ]
    seen: list[str] = []
    cursor, pages = "", 0

    while True:
        answer = as_alice.call("GET", f"{PATH}?{types}limit={size}{cursor}").json()
        seen += [event["id"] for event in answer["events"]]
        pages += 1
        assert len(answer["events"]) <= size
        if answer["next"] is None:
            break
        if pages <= 10:
            record(as_alice, "newer", f"2025-04-01T08:00:{pages:02}Z")
            record(as_alice, "older", f"2024-04-01T08:00:{pages:02}Z")
            record(as_alice, "same", "2025-03-02T08:00:00Z")
        cursor = f"&cursor={answer['next']}"

    assert len(seen) == len(set(seen))
    assert set(seen) >= set(recorded)
    assert pages > 20 // size


def test_orders_events_by_when_they_happened(as_alice):
    for text, at in (("b", "2025-03-02T08:00:00+05:00"), ("a", "2025-03-02T08:00:00Z")):
        record(as_alice, text, at)
    record(as_alice, "c", "2025-03-01T22:00:00-04:00")

    assert texts(read(as_alice)) == ["a", "b", "c"]


def test_gives_no_next_page_when_the_last_one_is_full(as_alice):
    for number in range(4):
        record(as_alice, f"{number}")

    first = as_alice.call("GET", f"{PATH}?limit=2").json()
    last = as_alice.call("GET", f"{PATH}?limit=2&cursor={first['next']}").json()

    assert len(last["events"]) == 2
    assert last["next"] is None


def test_gives_fifty_by_default_and_two_hundred_at_most(as_alice):
    batch = [{"event_type": "note", "event_data": {"text": f"{n}"}} for n in range(201)]
    as_alice.call("POST", f"{EVENTS}/batch", {"events": batch})

    assert len(read(as_alice)) == 50
    assert len(read(as_alice, "?limit=200")) == 200
    assert len(read(as_alice, "?limit=1")) == 1


def test_filters_by_type(as_alice):
    record(as_alice, "note")
    record(as_alice, "", event_type="mood", event_data={"mood": "ok"})
    record(as_alice, "", event_type="vital", event_data={"name": "pain", "value": 1, "unit": "1"})

    assert [event["event_type"] for event in read(as_alice, "?event_types=mood")] == ["mood"]
    both = read(as_alice, "?event_types=mood,note")
    assert [event["event_type"] for event in both] == ["mood", "note"]
    assert read(as_alice, "?event_types=note,%20mood,note") == both
    assert read(as_alice, "?event_types=symptom") == []


def test_takes_a_range_of_local_dates(as_alice):
    record(as_alice, "east, early", "2025-03-02T00:30:00+14:00")
    record(as_alice, "west, late", "2025-03-02T23:30:00-12:00")
    record(as_alice, "before", "2025-03-01T23:59:00+14:00")
    record(as_alice, "after", "2025-03-03T00:01:00-12:00")

    one = read(as_alice, "?start_date=2025-03-02&end_date=2025-03-02")

    assert texts(one) == ["west, late", "east, early"]
    assert texts(read(as_alice, "?start_date=2025-03-03")) == ["after"]
    assert texts(read(as_alice, "?end_date=2025-03-01")) == ["before"]
    assert read(as_alice, "?start_date=2025-03-03&end_date=2025-03-01") == []
    assert len(read(as_alice, "?start_date=0001-01-01&end_date=9999-12-31")) == 4


def test_shows_what_a_corrected_event_says_now_and_only_once(as_alice):
    event_id = record(as_alice, "wrong", "2025-03-02T08:00:00Z")
    record(as_alice, "other", "2025-03-02T09:00:00Z")

    version = correct(as_alice, event_id, "right")
    correct(as_alice, event_id, "righter", occurred_at="2025-03-02T10:00:00Z")

    events = read(as_alice)
    assert texts(events) == ["righter", "other"]
    assert events[0]["id"] == event_id
    assert (events[0]["status"], events[0]["version"]) == ("corrected", 3)
    assert events[0]["version_id"] != version["version_id"]
    assert texts(read(as_alice, "?event_types=note")) == ["righter", "other"]


def test_hides_a_retracted_event_and_keeps_its_history(as_alice):
    event_id = record(as_alice, "wrong")
    correct(as_alice, event_id, "right")

    retract(as_alice, event_id)

    assert read(as_alice) == []
    assert read(as_alice, "?event_types=note") == []
    for query in ("?include=history", "?include=history&event_types=note"):
        versions = sorted(read(as_alice, query), key=lambda event: event["version"])
        assert [event["status"] for event in versions] == ["final", "corrected", "entered-in-error"]
        assert texts(versions) == ["wrong", "right", "right"]
        assert {event["id"] for event in versions} == {event_id}


def test_shows_what_was_known_at_a_time(committed_alice):
    event_id = record(committed_alice, "first", "2025-03-02T08:00:00Z")
    other_id = record(committed_alice, "second", "2025-03-02T07:00:00Z")
    known = {event["id"]: event["recorded_at"] for event in read(committed_alice)}
    correction = correct(committed_alice, event_id, "corrected")["recorded_at"]
    retraction = retract(committed_alice, event_id)["recorded_at"]

    def as_of(instant: str) -> list[str]:
        return texts(read(committed_alice, f"?as_of={quote(instant)}"))

    assert as_of("2025-03-03T00:00:00Z") == []
    assert as_of(known[event_id]) == ["first"]
    assert as_of(known[other_id]) == ["first", "second"]
    assert as_of(correction) == ["corrected", "second"]
    assert as_of(retraction) == as_of("2999-01-01T00:00:00Z") == ["second"]


def test_answers_304_to_who_has_the_page_already(as_alice):
    event_id = record(as_alice, "one")
    first = as_alice.call("GET", PATH)

    again = as_alice.call("GET", PATH, If_None_Match=first.headers["ETag"])
    correct(as_alice, event_id, "two")
    changed = as_alice.call("GET", PATH, If_None_Match=first.headers["ETag"])

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


BAD = (
    ("limit=0", "limit"),
    ("limit=-1", "limit"),
    ("limit=201", "limit"),
    ("limit=abc", "limit"),
    ("limit=1.5", "limit"),
    ("limit=" + "9" * 31, "limit"),
    ("limit=", "limit"),
    ("limit=5&limit=6", "limit"),
    ("start_date=zzz", "start_date"),
    ("start_date=2026-02-30", "start_date"),
    ("end_date=20260101", "end_date"),
    ("end_date=", "end_date"),
    ("event_types=banana", "event_types"),
    ("event_types=mood,banana", "event_types"),
    ("event_types=", "event_types"),
    ("include=everything", "include"),
    ("as_of=yesterday", "as_of"),
    ("as_of=", "as_of"),
    ("as_of=2026-01-01T00:00:00", "as_of"),
    ("as_of=2026-01-01T00:00:00%2B15:00", "as_of"),
    ("cursor=", "cursor"),
    ("cursor=abc", "cursor"),
    ("cursor=%F0%9F%8C%9F", "cursor"),
    ("cursor=MjAyNi0wMS0wMQ==", "cursor"),
    ("color=red", "color"),
    ("limit=5%00", "limit"),
)


@pytest.mark.parametrize(("query", "name"), BAD)
def test_names_the_parameter_it_refuses(as_alice, query, name):
    response = as_alice.call("GET", f"{PATH}?{query}")

    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert [error["parameter"] for error in problem["errors"]] == [name]
    assert name in problem["detail"]


@pytest.mark.parametrize(
    "position",
    [
        # Python reads these times, Postgres does not.
        "2026-W01-1T00:00:00+00:00,{id}",
        "2026-01-01x10:00:00+00:00,{id}",
        "2026-01-01T00:00:00+23:59:59,{id}",
        "0001-01-01T00:00:00+20:00,{id}",
        "infinity,{id}",
        "2026-01-01T00:00:00+00:00,{id}x",
    ],
)
def test_survives_a_cursor_that_somebody_made_up(committed_alice, position):
    text = position.format(id="01a1fc7a-5b61-7d9b-9fde-93cc88f58957")
    cursor = base64.urlsafe_b64encode(text.encode()).decode()

    response = committed_alice.call("GET", f"{PATH}?cursor={cursor}")

    assert response.status_code in {200, 400}


def test_is_reachable_by_the_name_that_was_announced(as_alice):
    body = {"event_type": "note", "event_data": {"text": "one"}}

    response = as_alice.call("POST", "/api/health-events", body)

    assert response.status_code == 201
    assert as_alice.call("GET", "/api/health-events").json()["events"] == [response.json()]
