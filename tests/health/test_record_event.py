"""POST /api/v2/health/events."""

import pytest

from health.event_types import EVENT_TYPES
from tests.conftest import ApiClient, client_of
from tests.factories import make_user
from tests.health.forms import is_same

MOOD = {"event_type": "mood", "event_data": {"mood": "hopeful", "confidence": 7}}
PATH = "/api/v2/health/events"


def test_gives_the_event_back_as_it_was_sent(as_alice):
    data = {
        "mood": "hopeful",
        "zero": 0,
        "no": False,
        "none": None,
        "list": [],
        "half": 1.0,
        "large": 1e23,
        "text": "1e23",
    }

    response = as_alice.call("POST", PATH, {"event_type": "mood", "event_data": data})

    assert response.status_code == 201
    assert is_same(response.json()["event_data"], data)
    event = as_alice.call("GET", f"{PATH}/{response.json()['id']}")
    assert is_same(event.json()["event_data"], data)


def test_keeps_everything_else_that_was_said(as_alice):
    stated = MOOD | {
        "event_subtype": "evening",
        "occurred_at": "2025-03-02T21:30:00.123456-05:00",
        "client_event_id": "phone-1",
        "correlation_id": "01a1fc7a-5b61-7d9b-9fde-93cc88f58957",
        "source": "phone",
        "source_version": "4.2",
    }

    event = as_alice.call("POST", PATH, stated).json()

    occurred = {"occurred_at": "2025-03-03T02:30:00.123456+00:00"}
    assert {key: event[key] for key in stated} == stated | occurred
    assert (event["status"], event["version"]) == ("final", 1)
    assert event["schema_version"] == EVENT_TYPES["mood"].version
    assert event["version_id"] == event["id"]


DATA = {
    "mood": {"mood": "tired"},
    "medication": {"status": "taken", "dose": "75 IU"},
    "symptom": {"symptoms": ["Nausea"], "severity": 4},
    "assessment": {"total_score": 4},
    "vital": {"name": "temperature", "value": 36.6, "unit": "Cel"},
    "treatment": {"procedure": "retrieval", "status": "completed"},
    "appointment": {"title": "Scan", "within_3_days": True},
    "note": {"text": "x"},
    "sleep": {"hours": 7.5},
    "exercise": {"minutes": 20},
}


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_takes_every_type_of_the_vocabulary(as_alice, event_type):
    body = {"event_type": event_type, "event_data": DATA[event_type]}

    response = as_alice.call("POST", PATH, body)

    assert response.status_code == 201
    assert response.json()["event_data"] == DATA[event_type]


def test_answers_a_repeated_client_event_id_with_the_first_answer(as_alice):
    event = MOOD | {"client_event_id": "phone-1"}

    first, again = (as_alice.call("POST", PATH, event) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers


def test_answers_the_first_version_also_after_a_correction(as_alice):
    event = MOOD | {"client_event_id": "phone-1"}
    first = as_alice.call("POST", PATH, event)
    correction = {"event_data": {"mood": "tired"}, "reason": "slip"}
    as_alice.call("POST", f"{PATH}/{first.json()['id']}/corrections", correction)

    again = as_alice.call("POST", PATH, event)

    assert again.status_code == 200
    assert again.content == first.content


@pytest.mark.parametrize(
    "change",
    [
        {"event_data": {"mood": "tired"}},
        {"event_data": {"mood": "hopeful", "confidence": 7, "more": 1}},
        {"event_type": "note"},
        {"event_subtype": "evening"},
        {"occurred_at": "2025-03-02T08:00:01Z"},
    ],
)
def test_refuses_a_client_event_id_with_other_content(as_alice, change):
    event = MOOD | {"client_event_id": "phone-1", "occurred_at": "2025-03-02T08:00:00Z"}
    as_alice.call("POST", PATH, event)

    response = as_alice.call("POST", PATH, event | change)

    assert response.status_code == 409
    assert response.json()["code"] == "client-event-id-reused"
    assert response.json()["errors"][0]["pointer"] == "/client_event_id"
    assert recorded(as_alice) == 1


def test_takes_an_idempotency_key_for_a_client_event_id(as_alice):
    first = as_alice.call("POST", PATH, MOOD, Idempotency_Key='"key-1"')
    again = as_alice.call("POST", PATH, MOOD, Idempotency_Key="key-1")
    other = as_alice.call("POST", PATH, MOOD, Idempotency_Key="key-2")
    misused = as_alice.call("POST", PATH, MOOD | {"event_subtype": "x"}, Idempotency_Key="key-1")

    answers = (first, again, other, misused)
    assert [answer.status_code for answer in answers] == [201, 200, 201, 409]
    assert again.content == first.content
    assert first.json()["client_event_id"] == "key-1"


@pytest.mark.parametrize("key", ["", '""', "x" * 191, "tab\there"])
def test_refuses_an_idempotency_key_it_cannot_keep(as_alice, key):
    response = as_alice.call("POST", PATH, MOOD, Idempotency_Key=key)

    assert response.status_code == 400
    assert response.json()["errors"][0]["parameter"] == "Idempotency-Key"
    assert recorded(as_alice) == 0


def test_gives_every_person_their_own_client_event_ids(db):
    event = MOOD | {"client_event_id": "phone-1"}

    answers = [client_of(make_user()).call("POST", PATH, event) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


def recorded(client: ApiClient) -> int:
    return len(client.call("GET", "/api/v2/health/timeline?include=history").json()["events"])
