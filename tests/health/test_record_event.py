"""POST /api/v2/health/events."""

import uuid

MOOD = {"event_type": "mood", "event_data": {"mood": "hopeful", "confidence": 7}}
PATH = "/api/v2/health/events"


def test_gives_the_event_back_as_it_was_sent(as_alice):
    data = {"mood": "hopeful", "zero": 0, "no": False, "none": None, "list": [], "half": 1.0}

    response = as_alice.call("POST", PATH, {"event_type": "mood", "event_data": data})

    assert response.status_code == 201
    assert response.json()["event_data"] == data
    event = as_alice.call("GET", f"{PATH}/{response.json()['id']}")
    assert event.json()["event_data"] == data


def test_is_unknown_to_others(as_alice, as_bob, as_charlie):
    event_id = as_alice.call("POST", PATH, MOOD).json()["id"]

    for other in (as_bob, as_charlie):
        theirs = other.call("GET", f"{PATH}/{event_id}")
        unknown = other.call("GET", f"{PATH}/{uuid.uuid4()}")
        assert theirs.status_code == unknown.status_code == 404
        assert theirs.json() | {"request_id": ""} == unknown.json() | {"request_id": ""}
