"""POST /api/v2/health/events/batch."""

from typing import Any

import pytest

from accounts.models import User
from tests.conftest import ApiClient

PATH = "/api/v2/health/events/batch"
TIMELINE = "/api/v2/health/timeline?include=history&limit=200"


def note(number: int, **changes: Any) -> dict[str, Any]:
    return {"event_type": "note", "event_data": {"text": f"{number}"}} | changes


def post(client: ApiClient, events: Any, *, whole: bool = False, **headers: str) -> Any:
    body = {"events": events} | ({"all_or_nothing": True} if whole else {})
    return client.call("POST", PATH, body, **headers)


def results(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def outcomes(response: Any) -> list[str]:
    return [result["outcome"] for result in results(response)]


def pointers(holder: dict[str, Any]) -> list[str]:
    return [error["pointer"] for error in holder["errors"]]


def timeline(client: ApiClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.call("GET", TIMELINE).json()["events"]
    return found


def recorded(client: ApiClient) -> list[str]:
    return [event["event_data"]["text"] for event in timeline(client)]


def test_records_a_thousand_events_in_order(as_alice):
    response = post(as_alice, [note(number) for number in range(1000)])

    assert outcomes(response) == ["created"] * 1000
    assert response.json()["counts"] == {
        "created": 1000,
        "replayed": 0,
        "conflict": 0,
        "invalid": 0,
    }
    ids = [result["id"] for result in results(response)]
    assert ids == sorted(set(ids))
    newest = timeline(as_alice)
    assert [event["id"] for event in newest] == ids[:-201:-1]
    assert [event["event_data"]["text"] for event in newest] == [
        f"{n}" for n in range(999, 799, -1)
    ]


def test_tells_of_each_event_what_the_client_cannot_know(as_alice):
    events = [
        note(0, occurred_at="2026-03-05T23:30:00-08:00", client_event_id="phone-0"),
        note(1, occurred_at="2026-03-05T23:30:00Z", time_zone="Asia/Tokyo"),
    ]

    first, second = results(post(as_alice, events))

    assert (first["local_date"], second["local_date"]) == ("2026-03-05", "2026-03-06")
    assert set(first) == {"outcome", "id", "local_date", "client_event_id"}
    assert set(second) == {"outcome", "id", "local_date"}
    shown = {event["id"]: event for event in timeline(as_alice)}
    assert shown[first["id"]]["client_event_id"] == first["client_event_id"] == "phone-0"
    assert shown[second["id"]]["local_date"] == second["local_date"]


def test_refuses_a_thousand_and_one(as_alice):
    response = post(as_alice, [note(number) for number in range(1001)])

    assert response.status_code == 400
    assert pointers(response.json()) == ["/events"]
    assert recorded(as_alice) == []


@pytest.mark.parametrize("events", [[], None, {}, "x", 5])
def test_refuses_what_is_no_list_of_events(as_alice, events):
    response = post(as_alice, events)

    assert response.status_code == 400
    assert pointers(response.json()) == ["/events"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/events"),
        ({"events": [note(0)], "color": "red"}, "/color"),
        ({"events": [note(0)], "all_or_nothing": "yes"}, "/all_or_nothing"),
        ([note(0)], ""),
        (b'{"events": [{"event_type": "note", "event_data": {"text": "0"}}', ""),
        (rb'{"events": [{"event_type": "note", "event_data": {"text": "\ud800"}}]}', ""),
    ],
)
def test_refuses_a_body_that_is_no_batch(as_alice, body, pointer):
    response = as_alice.call("POST", PATH, body)

    assert response.status_code == 400
    assert pointers(response.json()) == [pointer]
    assert recorded(as_alice) == []


BAD = [
    ({"event_type": "banana"}, "/event_type"),
    ({"event_type": 5}, "/event_type"),
    ({"event_data": {"text": 7}}, "/event_data/text"),
    ({"event_data": 5}, "/event_data"),
    ({"event_data": None}, "/event_data"),
    ({"event_data": {"text": "\x00"}}, "/event_data/text"),
    ({"event_data": {"text": "1", "\x00": 1}}, "/event_data"),
    ({"event_data": {"text": "1", "more": {"\x00": 1}}}, "/event_data/more"),
    ({"occurred_at": "2999-01-01T00:00:00Z"}, "/occurred_at"),
    ({"occurred_at": "yesterday"}, "/occurred_at"),
    ({"occurred_at": 5}, "/occurred_at"),
    ({"time_zone": "Mars/Olympus"}, "/time_zone"),
    ({"color": "red"}, "/color"),
    ({"correlation_id": "abc"}, "/correlation_id"),
    ({"source": "checkin"}, "/source"),
    ({"client_event_id": ""}, "/client_event_id"),
]


@pytest.mark.parametrize(("change", "pointer"), BAD)
def test_records_the_others_beside_a_bad_event(as_alice, change, pointer):
    response = post(as_alice, [note(0), note(1, **change), note(2)])

    bad = results(response)[1]
    assert outcomes(response) == ["created", "invalid", "created"]
    assert response.json()["counts"] == {"created": 2, "replayed": 0, "conflict": 0, "invalid": 1}
    assert (bad["status"], bad["code"]) == (400, "invalid-input")
    assert pointers(bad) == [f"/events/1{pointer}"]
    assert all(error["detail"].endswith(".") for error in bad["errors"])
    assert sorted(recorded(as_alice)) == ["0", "2"]


@pytest.mark.parametrize(("change", "pointer"), BAD)
def test_records_nothing_beside_a_bad_event_if_it_is_all_or_nothing(as_alice, change, pointer):
    response = post(as_alice, [note(0), note(1, **change), note(2)], whole=True)

    assert response.status_code == 400
    assert response.json()["code"] == "invalid-input"
    assert response.json()["detail"].startswith("1 fault(s); nothing was recorded.")
    assert pointers(response.json()) == [f"/events/1{pointer}"]
    assert recorded(as_alice) == []


@pytest.mark.parametrize("event", [None, [], "note", 5, True])
def test_takes_what_is_no_object_for_a_bad_event(as_alice, event):
    response = post(as_alice, [event, note(1)])

    assert outcomes(response) == ["invalid", "created"]
    assert pointers(results(response)[0]) == ["/events/0"]
    assert recorded(as_alice) == ["1"]


def test_takes_a_number_that_is_none_for_a_bad_event(as_alice):
    large = b'{"event_type": "note", "event_data": {"n": 1e400}}'

    response = as_alice.call("POST", PATH, b'{"events": [%b, {"event_type": 5}]}' % large)

    assert outcomes(response) == ["invalid", "invalid"]
    assert pointers(results(response)[1]) == ["/events/1/event_type"]


def test_records_nothing_when_no_event_is_sound(as_alice):
    response = post(as_alice, [note(0, event_type="banana"), note(1, color="red")])

    assert outcomes(response) == ["invalid", "invalid"]
    assert recorded(as_alice) == []


def test_asks_who_it_is_even_when_no_event_is_sound(as_alice, alice):
    User.objects.filter(id=alice.id).update(is_active=False)

    response = post(as_alice, [note(0, event_type="banana")])

    assert response.status_code == 401


def test_names_every_fault_by_its_index(as_alice):
    events = [note(number) for number in range(6)]
    events[1]["event_type"] = "banana"
    events[2]["event_data"] = {"text": 7, "strategies": [1]}
    events[5]["time_zone"] = "Mars/Olympus"
    expected = [
        "/events/1/event_type",
        "/events/2/event_data/strategies/0",
        "/events/2/event_data/text",
        "/events/5/time_zone",
    ]

    each = post(as_alice, events)
    together = post(as_alice, events, whole=True)

    found = [pointer for result in results(each) for pointer in pointers({"errors": []} | result)]
    assert sorted(found) == expected
    assert sorted(pointers(together.json())) == expected
    assert together.json()["detail"].startswith("4 fault(s); nothing was recorded.")


def test_names_no_more_faults_than_can_be_read(as_alice):
    many = {f"{number}": 1 for number in range(300)}
    events = [note(number, event_data={"strategies": [1] * 300} | many) for number in range(20)]

    each = post(as_alice, events)
    together = post(as_alice, events, whole=True)

    assert {len(result["errors"]) for result in results(each)} == {10}
    assert len(together.json()["errors"]) == 100


def test_tells_replays_and_conflicts_per_item(as_alice):
    first = post(as_alice, [note(number, client_event_id=f"phone-{number}") for number in range(3)])
    known = {result["client_event_id"]: result for result in results(first)}

    response = post(
        as_alice,
        [
            note(9, client_event_id="phone-9"),
            note(1, client_event_id="phone-1"),
            note(7, client_event_id="phone-2"),
            note(8),
            note(5, event_type="banana"),
            note(0, client_event_id="phone-0"),
        ],
    )

    told = results(response)
    assert outcomes(response) == [
        *("created", "replayed", "conflict", "created", "invalid", "replayed")
    ]
    assert response.json()["counts"] == {"created": 2, "replayed": 2, "conflict": 1, "invalid": 1}
    assert told[1] == known["phone-1"] | {"outcome": "replayed"}
    assert told[5] == known["phone-0"] | {"outcome": "replayed"}
    assert told[2]["id"] == known["phone-2"]["id"]
    assert (told[2]["status"], told[2]["code"]) == (409, "client-event-id-reused")
    assert pointers(told[2]) == ["/events/2/client_event_id"]
    assert sorted(recorded(as_alice)) == ["0", "1", "2", "8", "9"]


def test_records_nothing_beside_a_conflict_if_it_is_all_or_nothing(as_alice):
    post(as_alice, [note(1, client_event_id="one"), note(2, client_event_id="two")])

    response = post(
        as_alice,
        [
            note(0),
            note(1, client_event_id="one"),
            note(7, client_event_id="two"),
            note(3, client_event_id="three"),
        ],
        whole=True,
    )

    assert response.status_code == 409
    assert response.json()["code"] == "client-event-id-reused"
    assert pointers(response.json()) == ["/events/2/client_event_id"]
    assert sorted(recorded(as_alice)) == ["1", "2"]


def test_records_all_or_nothing_what_is_sound(as_alice):
    events = [note(1, client_event_id="one"), note(2)]

    first = post(as_alice, events, whole=True)
    again = post(as_alice, events, whole=True)

    assert outcomes(first) == ["created", "created"]
    assert outcomes(again) == ["replayed", "created"]
    assert sorted(recorded(as_alice)) == ["1", "2", "2"]


def test_tells_replays_and_conflicts_within_one_batch(as_alice):
    events = [
        note(2, client_event_id="b"),
        note(1, client_event_id="a"),
        note(2, client_event_id="b"),
        note(3, client_event_id="a"),
    ]

    response = post(as_alice, events)

    told = results(response)
    assert outcomes(response) == ["created", "created", "replayed", "conflict"]
    assert [told[2]["id"], told[3]["id"]] == [told[0]["id"], told[1]["id"]]
    assert sorted(recorded(as_alice)) == ["1", "2"]


def test_repeats_a_batch_by_its_idempotency_key(as_alice):
    events = [note(0), note(1, client_event_id="own"), note(2)]

    first = post(as_alice, events, Idempotency_Key="sync-1")
    again = post(as_alice, events, Idempotency_Key="sync-1")
    longer = post(as_alice, [*events, note(3)], Idempotency_Key="sync-1")

    assert outcomes(first) == ["created"] * 3
    assert outcomes(again) == ["replayed"] * 3
    assert outcomes(longer) == ["replayed"] * 3 + ["created"]
    names = [result["client_event_id"] for result in results(first)]
    assert names == ["sync-1#0", "own", "sync-1#2"]
    ids = [[result["id"] for result in results(answer)] for answer in (first, again)]
    assert ids[0] == ids[1]


def test_counts_bad_events_in_the_names_of_an_idempotency_key(as_alice):
    wrong = [note(0), note(1, event_type="banana"), note(2)]

    first = post(as_alice, wrong, Idempotency_Key="sync-1")
    mended = post(as_alice, [note(0), note(1), note(2)], Idempotency_Key="sync-1")

    assert outcomes(first) == ["created", "invalid", "created"]
    assert outcomes(mended) == ["replayed", "created", "replayed"]
    names = [result["client_event_id"] for result in results(mended)]
    assert names == ["sync-1#0", "sync-1#1", "sync-1#2"]


def test_gives_numbers_back_as_they_were_sent(as_alice):
    numbers = [0, -1, 0.5, 1.0, 1e22, -2.5e300, 12345678901234567890, 1e-7]
    texts = ["1e22", "2e5, 3e5]", "7e5}", '"8e5,"']

    post(as_alice, [note(0, event_data={"text": text, "n": numbers}) for text in texts])

    found = [event["event_data"] for event in timeline(as_alice)]
    assert {data["text"] for data in found} == set(texts)
    for data in found:
        assert data["n"] == numbers
        assert [type(number) for number in data["n"]] == [type(number) for number in numbers]
