"""The two storage modes, and switching between them at any moment."""

import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import User
from core.models import uuid7
from health import storage
from health.models import DailyCheckin, HealthEvent
from tests.conftest import ApiClient, client_of
from tests.factories import make_user
from tests.health.forms import FULL, is_same, said
from tests.health.threads import then_close, wait_until_blocked

CHECKINS = "/api/checkins"
TIMELINE = "/api/v2/health/timeline"
DAY_ZERO = date(2025, 1, 1)


def listed(client: ApiClient) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = client.call("GET", f"{CHECKINS}?limit=1000").json()["records"]
    return records


def events(client: ApiClient, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.call("GET", TIMELINE + query).json()["events"]
    return found


class Diary:
    """One thread's check-ins, and what each must say in the end."""

    def __init__(self, client: ApiClient, first_day: date) -> None:
        self.client = client
        self.first_day = first_day
        self.expected: dict[str, dict[str, Any]] = {}
        self.v1: Counter[int] = Counter()
        self.v2: Counter[tuple[int, str | None]] = Counter()

    def write(self, rounds: int) -> None:
        try:
            for number in range(rounds):
                self._write_day(number)
        finally:
            connection.close()

    def _write_day(self, number: int) -> None:
        day = (self.first_day + timedelta(days=number)).isoformat()
        form = FULL | {"date_submitted": day, "number": number, "flag": False}
        checkin_id = self._call("POST", CHECKINS, form)["checkin"]["id"]
        self._read_timeline()
        update = {"user_note": f"changed {number}", "side_effects": None, "new": [number]}
        path = f"{CHECKINS}/{checkin_id}"
        self._call("PUT", path, update)
        if number % 3 == 2:
            self._call("DELETE", path)
        else:
            self.expected[checkin_id] = form | update
        self._call("GET", CHECKINS)
        self._read_timeline()

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        response = self.client.call(method, path, body)
        self.v1[response.status_code] += 1
        return response.json()

    def _read_timeline(self) -> None:
        response = self.client.call("GET", TIMELINE)
        self.v2[response.status_code, response.json().get("code")] += 1


def test_loses_nothing_while_the_mode_is_switched_under_load(committed_db, settings):
    people = [make_user(), make_user()]
    diaries = [
        Diary(client_of(people[number % 2]), DAY_ZERO + timedelta(days=20 * number))
        for number in range(8)
    ]

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(diary.write, 9) for diary in diaries]
        for is_on in switches(running):
            settings.USE_SCHEMA_V2 = is_on
    settings.USE_SCHEMA_V2 = True
    for task in running:
        task.result()

    for diary in diaries:
        assert diary.v1.keys() <= {200, 201}
        assert diary.v2.keys() <= {(200, None), (503, "health-events-off")}
    assert {status for diary in diaries for status, _ in diary.v2} == {200, 503}
    for number, person in enumerate(people):
        expected = {
            key: form for diary in diaries[number::2] for key, form in diary.expected.items()
        }
        assert_the_same_in_both_modes(person, expected, settings)


def switches(running: list[Future[None]]) -> Iterator[bool]:
    """Go to and fro until all writers are done, with time for some requests in each mode."""
    pause = threading.Event()
    while not all(task.done() for task in running):
        for is_on in (False, True):
            yield is_on
            pause.wait(0.05)


def assert_the_same_in_both_modes(
    person: User, expected: dict[str, dict[str, Any]], settings: Any
) -> None:
    client = client_of(person)
    settings.USE_SCHEMA_V2 = False
    from_rows = listed(client)
    settings.USE_SCHEMA_V2 = True
    before_first_touch = listed(client)
    assert events(client, "?limit=1") != []
    from_events = listed(client)

    assert is_same(from_rows, from_events)
    assert is_same(from_rows, before_first_touch)
    assert {shown["id"] for shown in from_events} == expected.keys()
    for shown in from_events:
        form = expected[shown["id"]]
        assert is_same(said(shown | {"date_submitted": ""}, form), without_date(form))
        assert shown["date_submitted"] == form["date_submitted"]
    rows = DailyCheckin.objects.filter(user_id=person.id)
    assert all(row.events_revision == row.revision for row in rows)


def without_date(form: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in form.items() if key != "date_submitted"}


def test_gives_rows_of_v1_mode_their_events_on_the_first_touch(as_alice, alice, settings):
    settings.USE_SCHEMA_V2 = False
    kept = as_alice.call("POST", CHECKINS, FULL).json()["checkin"]
    gone = as_alice.call("POST", CHECKINS, FULL | {"date_submitted": "2025-01-01"}).json()[
        "checkin"
    ]
    as_alice.call("PUT", f"{CHECKINS}/{kept['id']}", {"anxiety_level": 2})
    as_alice.call("DELETE", f"{CHECKINS}/{gone['id']}")
    assert not HealthEvent.objects.filter(user_id=alice.id).exists()

    settings.USE_SCHEMA_V2 = True
    found = events(as_alice)

    assert {event["correlation_id"] for event in found} == {kept["id"]}
    assert len(found) == 6
    (mood,) = [event for event in found if event["event_type"] == "mood"]
    assert mood["event_data"]["anxiety_level"] == 2
    assert mood["version"] == 1
    assert len(events(as_alice, "?include=history")) == 6


def test_shows_rows_of_v1_mode_that_wait_for_their_events(as_alice, alice, settings):
    kept = as_alice.call("POST", CHECKINS, FULL).json()["checkin"]
    settings.USE_SCHEMA_V2 = False
    as_alice.call("PUT", f"{CHECKINS}/{kept['id']}", {"anxiety_level": 2})
    as_alice.call("POST", CHECKINS, FULL | {"date_submitted": "2025-01-01"})
    before = listed(as_alice)

    settings.USE_SCHEMA_V2 = True

    assert is_same(listed(as_alice), before)
    assert [shown["anxiety_level"] for shown in before] == [2, 8]
    one = as_alice.call("GET", f"{CHECKINS}/{kept['id']}").json()["checkin"]
    assert is_same(one, before[0])
    waiting = DailyCheckin.objects.filter(user_id=alice.id)
    assert [row.revision - row.events_revision for row in waiting] == [1, 1]


def test_brings_over_a_row_that_comes_in_while_others_are_brought_over(
    committed_db, database_url, settings
):
    user = make_user()
    client = client_of(user)
    settings.USE_SCHEMA_V2 = False
    client.call("POST", CHECKINS, FULL | {"date_submitted": "2025-05-05"})
    settings.USE_SCHEMA_V2 = True
    row = DailyCheckin.objects.get(user_id=user.id)

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        # The timeline waits for the locked row; the new one is not in its sight yet.
        DailyCheckin.objects.select_for_update().get(id=row.id)
        row.id, row.date_submitted = uuid7(), date(2025, 5, 6)
        row.save(force_insert=True)
        running = pool.submit(then_close, partial(client.call, "GET", TIMELINE))
        wait_until_blocked(database_url, 1)

    response = running.result()
    assert response.status_code == 200
    assert {event["local_date"] for event in response.json()["events"]} == {
        "2025-05-05",
        "2025-05-06",
    }


TOUCHES = {
    "timeline": ("GET", TIMELINE, None),
    "record": (
        "POST",
        "/api/v2/health/events",
        {"event_type": "note", "event_data": {"text": "x"}},
    ),
    "batch": (
        "POST",
        "/api/v2/health/events/batch",
        {"events": [{"event_type": "note", "event_data": {"text": "x"}}]},
    ),
    "summary": ("GET", "/api/v2/health/daily-summary", None),
    "event": ("GET", f"/api/v2/health/events/{uuid.UUID(int=7)}", None),
}


@pytest.mark.parametrize("touch", TOUCHES)
def test_writes_waiting_events_at_whatever_touches_the_log(committed_db, settings, touch):
    user = make_user()
    client = client_of(user)
    settings.USE_SCHEMA_V2 = False
    client.call("POST", CHECKINS, FULL)
    settings.USE_SCHEMA_V2 = True

    response = client.call(*TOUCHES[touch])

    waiting = DailyCheckin.objects.get(user_id=user.id)
    if touch == "event":  # What was asked for does not exist, and a refusal changes nothing.
        assert response.status_code == 404
        assert waiting.events_revision == 0
    else:
        assert response.status_code in {200, 201}
        assert waiting.events_revision == waiting.revision == 1
        assert HealthEvent.objects.filter(correlation_id=waiting.id).count() == 6


def test_writes_events_of_a_change_made_in_v1_mode_as_corrections(as_alice, settings):
    checkin = as_alice.call("POST", CHECKINS, FULL).json()["checkin"]
    settings.USE_SCHEMA_V2 = False
    as_alice.call("PUT", f"{CHECKINS}/{checkin['id']}", {"user_note": "new", "missed_doses": "two"})
    settings.USE_SCHEMA_V2 = True

    history = events(as_alice, "?include=history&limit=200")

    assert Counter(event["event_type"] for event in history if event["version"] == 2) == {
        "mood": 1,
        "medication": 1,
    }
    one = as_alice.call("GET", f"{CHECKINS}/{checkin['id']}").json()["checkin"]
    assert (one["user_note"], one["missed_doses"]) == ("new", "two")


def test_retracts_events_of_a_check_in_deleted_in_v1_mode(as_alice, settings):
    checkin = as_alice.call("POST", CHECKINS, FULL).json()["checkin"]
    settings.USE_SCHEMA_V2 = False
    as_alice.call("DELETE", f"{CHECKINS}/{checkin['id']}")
    assert as_alice.call("POST", CHECKINS, FULL).status_code == 201
    settings.USE_SCHEMA_V2 = True

    found = events(as_alice)

    assert checkin["id"] not in {event["correlation_id"] for event in found}
    assert len(found) == 6


CLOSED = (
    ("GET", TIMELINE, None),
    ("GET", "/api/health-events", None),
    ("GET", "/api/v2/health/daily-summary", None),
    ("GET", f"/api/v2/health/events/{uuid.UUID(int=7)}", None),
    ("POST", "/api/v2/health/events", {"event_type": "note", "event_data": {"text": "x"}}),
    ("POST", "/api/health-events", {"event_type": "note", "event_data": {"text": "x"}}),
    (
        "POST",
        "/api/v2/health/events/batch",
        {"events": [{"event_type": "note", "event_data": {"text": "x"}}]},
    ),
    (
        "POST",
        f"/api/v2/health/events/{uuid.UUID(int=7)}/corrections",
        {"event_data": {"text": "x"}, "reason": "slip"},
    ),
    ("POST", f"/api/v2/health/events/{uuid.UUID(int=7)}/retractions", {"reason": "slip"}),
)


@pytest.mark.parametrize(("method", "path", "body"), CLOSED)
def test_answers_503_in_v2_while_events_are_off(as_alice, settings, method, path, body):
    settings.USE_SCHEMA_V2 = False

    response = as_alice.call(method, path, body)

    assert response.status_code == 503
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "health-events-off"
    assert response.json()["retryable"] is True


def test_tells_the_mode_in_its_status(nobody, settings):
    for is_on in (True, False):
        settings.USE_SCHEMA_V2 = is_on

        status = nobody.call("GET", "/api/v2/status").json()["status"]

        assert status["schema_v2_enabled"] is is_on
        assert status["features"]["health_events"] is is_on


def test_narrows_by_percent_stably_and_only_adds_people_when_it_rises(flags):
    people = [uuid.uuid4() for _ in range(2000)]
    inside: set[uuid.UUID] = set()
    for percent in (0, 1, 10, 50, 99, 100):
        flags.roll_out(storage.FLAG, percent)

        chosen = {person for person in people if storage.keeps_events(person)}

        assert chosen == {person for person in people if storage.keeps_events(person)}
        assert chosen >= inside
        assert abs(len(chosen) / 20 - percent) < 6
        inside = chosen
    assert len(inside) == 2000


def test_chooses_the_same_people_on_every_machine(flags):
    flags.roll_out(storage.FLAG, 50)

    chosen = [storage.keeps_events(uuid.UUID(int=number)) for number in range(16)]

    assert "".join("1" if one else "0" for one in chosen) == "0101110101111011"


def test_is_off_for_everybody_at_one_switch(flags):
    flags.change(storage.FLAG, is_enabled=False)

    assert not any(storage.keeps_events(uuid.uuid4()) for _ in range(20))


def test_is_on_where_nobody_made_the_flag(flags):
    flags.delete(storage.FLAG)

    assert storage.keeps_events(uuid.uuid4())


def test_keeps_people_outside_the_percentage_in_v1_mode(flags):
    flags.roll_out(storage.FLAG, 50)
    people = {storage.keeps_events(user.id): user for user in (make_user() for _ in range(40))}

    for is_inside, user in people.items():
        client = client_of(user)
        assert client.call("POST", CHECKINS, FULL).status_code == 201
        assert client.call("GET", TIMELINE).status_code == (200 if is_inside else 503)
        assert HealthEvent.objects.filter(user_id=user.id).exists() is is_inside
        assert is_same(said(listed(client)[0], FULL), FULL)
    assert people.keys() == {True, False}
