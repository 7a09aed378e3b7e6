"""Requests of one person that arrive at the same moment."""

import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import psycopg

from tests.conftest import ApiClient, client_of
from tests.factories import make_user
from tests.health.threads import at_once, then_close, wait_until_blocked

EVENTS = "/api/v2/health/events"
MOOD = {"event_type": "mood", "event_data": {"mood": "hopeful", "confidence": 7}}
FORM = {"mood_today": "hopeful", "confidence_today": 7, "side_effects": ["Nausea"]}


def someone() -> ApiClient:
    return client_of(make_user())


def sent(
    client: ApiClient, method: str, path: str, body: Any = None, **headers: str
) -> Callable[[], Any]:
    return partial(client.call, method, path, body, **headers)


def statuses(responses: list[Any]) -> Counter[int]:
    return Counter(response.status_code for response in responses)


def timeline(client: ApiClient, query: str = "") -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = client.call("GET", f"/api/v2/health/timeline{query}").json()[
        "events"
    ]
    return events


def test_lets_one_of_twenty_check_ins_of_a_day_through(committed_db):
    client = someone()
    form = FORM | {"date_submitted": "2025-05-05"}

    responses = at_once(*[sent(client, "POST", "/api/checkins", form)] * 20)

    assert statuses(responses) == {201: 1, 409: 19}
    (created,) = [r.json()["checkin"]["id"] for r in responses if r.status_code == 201]
    for refused in (r.json() for r in responses if r.status_code == 409):
        assert refused["existing_checkin"] == {
            "id": created,
            "mood_today": "hopeful",
            "confidence_today": 7,
            "date_submitted": "2025-05-05",
        }
    assert {event["correlation_id"] for event in timeline(client)} == {created}
    assert sorted(event["event_type"] for event in timeline(client)) == ["mood", "symptom"]


def test_lets_one_of_twenty_check_ins_through_in_v1_mode(committed_db, settings):
    settings.USE_SCHEMA_V2 = False
    client = someone()

    responses = at_once(*[sent(client, "POST", "/api/daily-checkin-enhanced", FORM)] * 20)

    assert statuses(responses) == {201: 1, 409: 19}
    assert client.call("GET", "/api/checkins").json()["count"] == 1


def test_records_an_event_once_however_often_it_is_sent(committed_db):
    client = someone()
    event = MOOD | {"client_event_id": "phone-1"}

    responses = at_once(*[sent(client, "POST", EVENTS, event)] * 20)

    assert statuses(responses) == {201: 1, 200: 19}
    assert len({response.content for response in responses}) == 1
    assert len(timeline(client, "?include=history")) == 1


def test_records_a_batch_once_however_its_items_are_ordered(committed_db):
    client = someone()
    events = [MOOD | {"client_event_id": f"phone-{number}"} for number in range(200)]
    batches = [{"events": events}, {"events": events[::-1]}] * 4

    responses = at_once(*[sent(client, "POST", f"{EVENTS}/batch", batch) for batch in batches])

    assert statuses(responses) == {200: 8}
    outcomes = Counter(
        result["outcome"] for response in responses for result in response.json()["results"]
    )
    assert outcomes == {"created": 200, "replayed": 1400}


def test_does_not_deadlock_on_batches_in_opposite_orders(committed_db, database_url):
    user = make_user()
    client = client_of(user)
    names = ["a", "m", "z"]
    batch = {"events": [MOOD | {"client_event_id": name} for name in names]}
    opposite = {"events": batch["events"][::-1]}

    with psycopg.connect(database_url) as holder, ThreadPoolExecutor(2) as pool:
        # Both batches get as far as "m", and go on together when this transaction ends.
        holder.execute(HOLD, {"tenant": user.tenant_id, "user": user.id, "id": uuid.uuid4()})
        path = f"{EVENTS}/batch"
        posts = [sent(client, "POST", path, body) for body in (batch, opposite)]
        running = [pool.submit(then_close, post) for post in posts]
        wait_until_blocked(database_url, 2)
        holder.rollback()
        responses = [task.result(timeout=30) for task in running]

    assert statuses(responses) == {200: 2}
    outcomes = Counter(
        result["outcome"] for response in responses for result in response.json()["results"]
    )
    assert outcomes == {"created": 3, "replayed": 3}


HOLD = """
    INSERT INTO health_events (id, tenant_id, user_id, event_type, event_data, occurred_at,
                               local_date, source, client_event_id)
    VALUES (%(id)s, %(tenant)s, %(user)s, 'mood', '{"mood": "ok"}', now(), now(), 'api', 'm')
"""


def test_lets_one_of_the_corrections_of_a_version_win(committed_db):
    client = someone()
    event = client.call("POST", EVENTS, MOOD).json()
    path = f"{EVENTS}/{event['id']}/corrections"
    bodies = [{"event_data": {"mood": f"mood {n}"}, "reason": "typed wrong"} for n in range(10)]
    tag = f'"{event["version_id"]}"'

    responses = at_once(*[sent(client, "POST", path, body, If_Match=tag) for body in bodies])

    count = statuses(responses)
    assert count[201] == 1
    assert count[409] + count[412] == 9
    (winner,) = [response.json() for response in responses if response.status_code == 201]
    assert [shown["version_id"] for shown in timeline(client)] == [winner["version_id"]]


def test_numbers_versions_without_gaps(committed_db):
    client = someone()
    event = client.call("POST", EVENTS, MOOD).json()
    path = f"{EVENTS}/{event['id']}/corrections"
    bodies = [{"event_data": {"mood": f"mood {n}"}, "reason": "typed wrong"} for n in range(10)]

    responses = at_once(*[sent(client, "POST", path, body) for body in bodies])

    won = [response.json() for response in responses if response.status_code == 201]
    assert statuses(responses).keys() <= {201, 409}
    assert won
    history = client.call("GET", f"{EVENTS}/{event['id']}?include=history").json()["history"]
    assert [version["version"] for version in history] == list(range(1, len(won) + 2))
    assert {version["version_id"] for version in history[1:]} == {one["version_id"] for one in won}


def test_ends_with_a_retraction_when_one_races_with_a_correction(committed_db):
    client = someone()
    event = client.call("POST", EVENTS, MOOD).json()
    path = f"{EVENTS}/{event['id']}"
    correct = {"event_data": {"mood": "tired"}, "reason": "typed wrong"}

    responses = at_once(
        *[sent(client, "POST", f"{path}/corrections", correct)] * 4,
        *[sent(client, "POST", f"{path}/retractions", {"reason": "not mine"})] * 4,
    )

    assert statuses(responses).keys() <= {201, 409}
    history = client.call("GET", f"{path}?include=history").json()["history"]
    states = [version["status"] for version in history]
    assert states[0] == "final"
    assert "entered-in-error" not in states[:-1]
    assert len(states) == 1 + statuses(responses)[201]


def test_keeps_every_key_of_updates_that_race(committed_db):
    client = someone()
    checkin_id = client.call("POST", "/api/checkins", FORM).json()["checkin"]["id"]
    path = f"/api/checkins/{checkin_id}"

    responses = at_once(*[sent(client, "PUT", path, {f"key_{n}": n}) for n in range(12)])

    assert statuses(responses) == {200: 12}
    one = client.call("GET", path).json()["checkin"]
    assert {key: one[key] for key in one if key.startswith("key_")} == {
        f"key_{n}": n for n in range(12)
    }
    history = timeline(client, "?include=history&event_types=mood")
    assert [event["version"] for event in history] == list(range(13, 0, -1))


def test_leaves_no_event_of_a_deleted_check_in_when_updates_race_with_it(committed_db):
    client = someone()
    checkin_id = client.call("POST", "/api/checkins", FORM).json()["checkin"]["id"]
    path = f"/api/checkins/{checkin_id}"

    responses = at_once(
        *[sent(client, "PUT", path, {"user_note": "late", "missed_doses": n}) for n in range(6)],
        *[sent(client, "DELETE", path)] * 2,
    )

    assert statuses(responses).keys() <= {200, 404}
    assert statuses(responses[6:]) == {200: 1, 404: 1}
    assert timeline(client) == []
    assert client.call("GET", "/api/checkins").json()["records"] == []
    assert client.call("POST", "/api/checkins", FORM).status_code == 201


def test_gives_a_day_to_one_of_a_new_check_in_and_one_that_moves_there(committed_db):
    client = someone()
    path = "/api/checkins"
    for _ in range(5):
        first = FORM | {"date_submitted": "2025-05-05"}
        checkin_id = client.call("POST", path, first).json()["checkin"]["id"]
        move = {"date_submitted": "2025-05-06"}

        responses = at_once(
            *[sent(client, "POST", path, FORM | move)] * 3,
            *[sent(client, "PUT", f"{path}/{checkin_id}", move)] * 3,
        )

        assert statuses(responses).keys() <= {200, 201, 409}
        days = [shown["date_submitted"] for shown in client.call("GET", path).json()["records"]]
        assert days.count("2025-05-06") == 1
        for shown in client.call("GET", path).json()["records"]:
            client.call("DELETE", f"{path}/{shown['id']}")
