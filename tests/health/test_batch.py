"""POST /api/v2/health/events/batch."""

from typing import Any

import pytest

from tests.conftest import ApiClient

PATH = "/api/v2/health/events/batch"


def note(number: int, **changes: Any) -> dict[str, Any]:
    return {"event_type": "note", "event_data": {"text": f"{number}"}} | changes


def post(client: ApiClient, events: Any, **headers: str) -> Any:
    return client.call("POST", PATH, {"events": events}, **headers)


def outcomes(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [result["outcome"] for result in response.json()["results"]]


def recorded(client: ApiClient) -> list[str]:
    page = client.call("GET", "/api/v2/health/timeline?include=history&limit=200").json()
    return [event["event_data"]["text"] for event in page["events"]]


def test_records_a_thousand_events_in_order(as_alice):
    response = post(as_alice, [note(number) for number in range(1000)])

    assert outcomes(response) == ["created"] * 1000
    events = [result["event"] for result in response.json()["results"]]
    assert [event["event_data"]["text"] for event in events] == [f"{n}" for n in range(1000)]
    assert len({event["id"] for event in events}) == 1000
    ids = [event["id"] for event in events]
    assert ids == sorted(ids)


def test_refuses_a_thousand_and_one(as_alice):
    response = post(as_alice, [note(number) for number in range(1001)])

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "/events"
    assert recorded(as_alice) == []


@pytest.mark.parametrize("events", [[], None, {}, "x", [None], [[]], ["note"]])
def test_refuses_what_is_no_list_of_events(as_alice, events):
    response = post(as_alice, events)

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"].startswith("/events")


def test_names_every_fault_by_its_index_and_records_nothing(as_alice):
    events = [note(number) for number in range(6)]
    events[1]["event_type"] = "banana"
    events[2]["event_data"] = {"text": 7}
    events[3]["occurred_at"] = "2999-01-01T00:00:00Z"
    events[5]["time_zone"] = "Mars/Olympus"

    response = post(as_alice, events)

    assert response.status_code == 400
    problem = response.json()
    assert [error["pointer"] for error in problem["errors"]] == [
        "/events/1/event_type",
        "/events/2/event_data/text",
        "/events/3/occurred_at",
        "/events/5/time_zone",
    ]
    assert problem["detail"].startswith("4 fault(s); nothing was recorded.")
    assert recorded(as_alice) == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"event_data": None}, "/events/4/event_data"),
        ({"event_type": 5}, "/events/4/event_type"),
        ({"color": "red"}, "/events/4/color"),
        ({"correlation_id": "abc"}, "/events/4/correlation_id"),
        ({"source": "checkin"}, "/events/4/source"),
        ({"client_event_id": ""}, "/events/4/client_event_id"),
    ],
)
def test_names_a_fault_of_shape_by_its_index(as_alice, change, pointer):
    response = post(as_alice, [*map(note, range(4)), note(4, **change), note(5)])

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == pointer
    assert recorded(as_alice) == []


def test_tells_replays_and_conflicts_per_item(as_alice):
    first = post(as_alice, [note(number, client_event_id=f"phone-{number}") for number in range(3)])

    response = post(
        as_alice,
        [
            note(9, client_event_id="phone-9"),
            note(1, client_event_id="phone-1"),
            note(7, client_event_id="phone-2"),
            note(8),
            note(0, client_event_id="phone-0"),
        ],
    )

    assert outcomes(response) == ["created", "replayed", "conflict", "created", "replayed"]
    known = {
        result["event"]["client_event_id"]: result["event"] for result in first.json()["results"]
    }
    results = response.json()["results"]
    assert results[1]["event"] == known["phone-1"]
    assert results[2]["event"] == known["phone-2"]
    assert results[4]["event"] == known["phone-0"]
    assert sorted(recorded(as_alice)) == ["0", "1", "2", "8", "9"]


def test_tells_replays_and_conflicts_within_one_batch(as_alice):
    events = [
        note(2, client_event_id="b"),
        note(1, client_event_id="a"),
        note(2, client_event_id="b"),
        note(3, client_event_id="a"),
    ]

    response = post(as_alice, events)

    assert outcomes(response) == ["created", "created", "replayed", "conflict"]
    assert sorted(recorded(as_alice)) == ["1", "2"]


def test_repeats_a_batch_by_its_idempotency_key(as_alice):
    events = [note(0), note(1, client_event_id="own"), note(2)]

    first = post(as_alice, events, Idempotency_Key="sync-1")
    again = post(as_alice, events, Idempotency_Key="sync-1")
    longer = post(as_alice, [*events, note(3)], Idempotency_Key="sync-1")

    assert outcomes(first) == ["created"] * 3
    assert outcomes(again) == ["replayed"] * 3
    assert outcomes(longer) == ["replayed"] * 3 + ["created"]
    names = [result["event"]["client_event_id"] for result in first.json()["results"]]
    assert names == ["sync-1#0", "own", "sync-1#2"]
    events_of = [
        [result["event"] for result in answer.json()["results"]] for answer in (first, again)
    ]
    assert events_of[0] == events_of[1]
