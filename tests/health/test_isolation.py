"""What is Alice's is unknown to Bob of her clinic and to Charlie of another, at every endpoint."""

import uuid
from typing import Any

import pytest

from accounts.models import User
from health.models import DailyCheckin, HealthEvent
from tests.conftest import ApiClient
from tests.health.forms import FULL

CHECKINS = "/api/checkins"
EVENTS = "/api/v2/health/events"
NOTE = {"event_type": "note", "event_data": {"text": "Alice's"}, "client_event_id": "phone-1"}

# Every path with an id of somebody's.
BY_ID = (
    ("GET", "/api/checkins/{checkin}", None),
    ("PUT", "/api/checkins/{checkin}", {"user_note": "changed"}),
    ("PUT", "/api/checkins/{checkin}", {"mood_today": 5}),
    ("DELETE", "/api/checkins/{checkin}", None),
    ("GET", "/api/checkins/user/{user}", None),
    ("GET", "/api/checkins/user/{user}?limit=5", None),
    ("GET", EVENTS + "/{event}", None),
    ("GET", EVENTS + "/{event}?include=history", None),
    ("GET", EVENTS + "/{event}?as_of=2999-01-01T00:00:00Z", None),
    ("POST", EVENTS + "/{event}/corrections", {"event_data": {"text": "x"}, "reason": "x"}),
    ("POST", EVENTS + "/{event}/retractions", {"reason": "x"}),
    ("GET", EVENTS + "/{part}", None),
    ("POST", EVENTS + "/{part}/corrections", {"event_data": {"text": "x"}, "reason": "x"}),
    ("POST", EVENTS + "/{part}/retractions", {"reason": "x"}),
)
# Every path that shows what one has.
LISTS = (
    CHECKINS,
    f"{CHECKINS}?limit=1000",
    f"{CHECKINS}/last-values",
    f"{CHECKINS}/today",
    "/api/v2/health/timeline",
    "/api/v2/health/timeline?include=history",
    "/api/v2/health/timeline?event_types=note,mood",
    "/api/v2/health/timeline?as_of=2999-01-01T00:00:00Z",
    "/api/health-events",
    "/api/v2/health/daily-summary",
)


@pytest.fixture
def ids(as_alice: ApiClient, alice: User) -> dict[str, str]:
    """Make what is Alice's, and give the ids of it."""
    checkin = as_alice.call("POST", CHECKINS, FULL).json()["checkin"]["id"]
    part = as_alice.call("GET", "/api/v2/health/timeline?event_types=mood").json()["events"][0][
        "id"
    ]
    event = as_alice.call("POST", EVENTS, NOTE).json()["id"]
    return {"checkin": checkin, "part": part, "event": event, "user": str(alice.id)}


@pytest.fixture(params=["bob", "charlie"])
def stranger(request: pytest.FixtureRequest, ids: dict[str, str]) -> ApiClient:
    client: ApiClient = request.getfixturevalue(f"as_{request.param}")
    return client


def answer(response: Any) -> tuple[int, dict[str, str], Any]:
    """Give all of an answer but what is different each time."""
    headers = {name: value for name, value in response.headers.items() if name != "X-Request-ID"}
    body = response.json()
    body.pop("request_id", None)
    return response.status_code, headers | {"Content-Length": ""}, body


def everything(user: User) -> list[Any]:
    return [
        list(table.objects.filter(user_id=user.id).order_by("id").values())
        for table in (HealthEvent, DailyCheckin)
    ]


@pytest.mark.parametrize(("method", "path", "body"), BY_ID)
@pytest.mark.parametrize("is_on", [True, False])
def test_answers_as_to_an_id_that_nobody_has(
    settings, alice, ids, stranger, method, path, body, is_on
):
    settings.USE_SCHEMA_V2 = is_on
    before = everything(alice)
    unknown = dict.fromkeys(ids, str(uuid.uuid4()))

    theirs = stranger.call(method, path.format(**ids), body)
    nobodys = stranger.call(method, path.format(**unknown), body)

    assert answer(theirs) == answer(nobodys)
    assert theirs.status_code == (404 if is_on or path.startswith(CHECKINS) else 503)
    assert everything(alice) == before


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("is_on", [True, False])
def test_shows_nothing_of_hers(settings, ids, stranger, path, is_on):
    settings.USE_SCHEMA_V2 = is_on

    response = stranger.call("GET", path)

    text = response.content.decode()
    assert response.status_code in {200, 503}
    for secret in (*ids.values(), "Slept well", "Alice", "Headache"):
        assert secret not in text


def test_shows_empty_lists(stranger):
    assert stranger.call("GET", CHECKINS).json()["records"] == []
    assert stranger.call("GET", f"{CHECKINS}/today").json()["hasCheckedIn"] is False
    assert stranger.call("GET", f"{CHECKINS}/last-values").json()["hasValues"] is False
    assert stranger.call("GET", "/api/v2/health/timeline").json()["events"] == []
    assert stranger.call("GET", "/api/v2/health/daily-summary").json()["event_counts"] == {}


def test_does_not_stand_in_the_way_of_others(stranger, as_alice, alice, ids):
    before = everything(alice)

    checkin = stranger.call("POST", CHECKINS, FULL)
    event = stranger.call("POST", EVENTS, NOTE | {"event_data": {"text": "mine"}})
    together = NOTE | {"client_event_id": None, "correlation_id": ids["checkin"]}
    joined = stranger.call("POST", EVENTS, together)
    batch = stranger.call(
        "POST",
        f"{EVENTS}/batch",
        {"events": [NOTE | {"event_type": "mood", "event_data": {"mood": "x"}}]},
    )

    assert [response.status_code for response in (checkin, event, joined)] == [201, 201, 201]
    assert batch.json()["results"][0]["id"] == event.json()["id"]
    assert everything(alice) == before
    assert len(as_alice.call("GET", CHECKINS).json()["records"]) == 1


def test_ignores_the_person_that_a_check_in_names(stranger, as_alice, alice, ids):
    before = everything(alice)
    named = FULL | {"user_id": str(alice.id), "email": alice.email, "id": ids["checkin"]}

    checkin = stranger.call("POST", CHECKINS, named).json()["checkin"]

    assert checkin["user_id"] != str(alice.id)
    assert checkin["id"] != ids["checkin"]
    assert alice.email not in str(checkin)
    assert everything(alice) == before


CLOSED = (
    ("GET", CHECKINS),
    ("POST", CHECKINS),
    ("POST", "/api/daily-checkin-enhanced"),
    ("GET", f"{CHECKINS}/last-values"),
    ("GET", f"{CHECKINS}/today"),
    ("GET", f"{CHECKINS}/user/{uuid.UUID(int=7)}"),
    ("GET", f"{CHECKINS}/{uuid.UUID(int=7)}"),
    ("PUT", f"{CHECKINS}/{uuid.UUID(int=7)}"),
    ("DELETE", f"{CHECKINS}/{uuid.UUID(int=7)}"),
    ("POST", EVENTS),
    ("POST", f"{EVENTS}/batch"),
    ("GET", f"{EVENTS}/{uuid.UUID(int=7)}"),
    ("POST", f"{EVENTS}/{uuid.UUID(int=7)}/corrections"),
    ("POST", f"{EVENTS}/{uuid.UUID(int=7)}/retractions"),
    ("GET", "/api/v2/health/timeline"),
    ("GET", "/api/v2/health/daily-summary"),
    ("GET", "/api/health-events"),
    ("POST", "/api/health-events"),
)


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_wants_to_know_who_asks(db, nobody, method, path):
    body = NOTE if method == "POST" else None

    missing = nobody.call(method, path, body)
    forged = nobody.call(method, path, body, authorization="Bearer a.b.c")

    assert missing.status_code == 401
    assert forged.status_code == (401 if "health" in path else 403)


BODIES = {
    f"{EVENTS}/batch": {"events": [NOTE]},
    CHECKINS: {"mood_today": "hopeful", "confidence_today": 5},
    "/api/daily-checkin-enhanced": {"mood_today": "hopeful", "confidence_today": 5},
}


@pytest.mark.parametrize(("method", "path"), CLOSED)
@pytest.mark.parametrize("switch", ["person", "clinic"])
def test_knows_nobody_whose_account_is_off(alice, as_alice, method, path, switch):
    owner = alice if switch == "person" else alice.tenant
    owner.is_active = False
    owner.save()

    body = BODIES.get(path, NOTE)

    response = as_alice.call(method, path, body if method == "POST" else None)

    assert response.status_code in {401, 403}
    assert not HealthEvent.objects.filter(user_id=alice.id).exists()
