"""Requests of one person that arrive at the same moment."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
from psycopg.types.json import Jsonb

from tests.conftest import client_of
from tests.factories import make_user
from tests.health.threads import at_once, then_close, wait_until_blocked

PATH = "/api/v2/medications"
BODY = {"medication_name": "Estradiol", "times_of_day": ["08:00"]}


def test_lets_one_of_two_changes_of_a_version_win(committed_db):
    client = client_of(make_user())
    path = f"{PATH}/{client.call('POST', PATH, BODY).json()['id']}"
    bodies = [{"dosage": f"{n} mg", "reason": "doctor"} for n in range(10)]

    answers = at_once(*[partial(client.call, "PATCH", path, body) for body in bodies])

    count = Counter(answer.status_code for answer in answers)
    assert count.keys() <= {200, 409}
    for refused in (answer.json() for answer in answers if answer.status_code == 409):
        assert (refused["code"], refused["retryable"]) == ("medication-changed", True)
    versions = client.call("GET", f"{path}/history").json()["history"]
    assert [one["version"] for one in versions] == list(range(1, count[200] + 2))


def test_says_that_it_was_changed_meanwhile(committed_db, database_url):
    user = make_user()
    client = client_of(user)
    medication = client.call("POST", PATH, BODY).json()["id"]
    path = f"{PATH}/{medication}"

    with psycopg.connect(database_url) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute(NEXT_VERSION, {"medication": medication, "changes": Jsonb({})})
        pause = partial(client.call, "POST", f"{path}/pause", {})
        running = pool.submit(then_close, pause)
        wait_until_blocked(database_url, 1)
        holder.commit()
        refused = running.result(timeout=30)

    assert (refused.status_code, refused.json()["code"]) == (409, "medication-changed")
    assert refused.json()["retryable"] is True
    assert client.call("POST", f"{path}/pause", {}).json()["regimen"]["version"] == 3


def test_takes_a_change_of_this_very_moment_for_no_plan(committed_db, database_url):
    client = client_of(make_user())
    medication = client.call("POST", PATH, BODY).json()["id"]
    # As of another process, whose request came in later and was done first.
    later = {"effective_from": "2099-01-01T00:00:00Z", "created_at": "2099-01-01T00:00:00Z"}
    with psycopg.connect(database_url) as other:
        other.execute(NEXT_VERSION, {"medication": medication, "changes": Jsonb(later)})

    change = {"dosage": "2 mg", "reason": "doctor"}
    refused = client.call("PATCH", f"{PATH}/{medication}", change)

    assert (refused.status_code, refused.json()["code"]) == (409, "medication-changed")


NEXT_VERSION = """
    INSERT INTO medication_regimens
    SELECT (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(), 'version', 2)
                                 || %(changes)s)).*
      FROM medication_regimens r
     WHERE medication_id = %(medication)s
"""


def test_ends_stopped_or_paused_but_not_torn(committed_db):
    client = client_of(make_user())
    path = f"{PATH}/{client.call('POST', PATH, BODY).json()['id']}"

    answers = at_once(
        *[partial(client.call, "POST", f"{path}/{word}", {}) for word in ("pause", "stop")] * 4
    )

    assert {answer.status_code for answer in answers} <= {200, 409}
    versions = client.call("GET", f"{path}/history").json()["history"]
    assert [one["version"] for one in versions] == list(range(1, len(versions) + 1))
    assert client.call("GET", path).json()["status"] == versions[-1]["status"]


def test_records_a_dose_once_however_often_it_is_sent(committed_db):
    client = client_of(make_user())
    path = f"{PATH}/{client.call('POST', PATH, BODY).json()['id']}/doses"
    body = {"client_event_id": "phone-1", "note": "one"}

    answers = at_once(*[partial(client.call, "POST", path, body)] * 12)

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 11}
    assert len({answer.content for answer in answers}) == 1
    assert len(client.call("GET", path).json()["doses"]) == 1


def test_keeps_the_history_of_zones_in_one_line(committed_db):
    client = client_of(make_user())
    zones = ["Europe/Berlin", "Asia/Tokyo", "America/New_York", "Australia/Sydney"]
    begins = {"start_date": "2026-01-01", "effective_from": "2026-01-01T00:00:00Z"}
    client.call("POST", PATH, BODY | begins)

    answers = at_once(
        *[partial(client.call, "PUT", "/api/users/me", {"timezone": zone}) for zone in zones]
    )

    assert {answer.status_code for answer in answers} == {200}
    schedule = client.call("GET", f"{PATH}/schedule?from=2026-05-04&to=2026-05-04").json()
    assert [one["time_zone"] for one in schedule["slots"]] == ["America/Los_Angeles"]


def test_adds_a_medication_once_however_often_it_is_sent(committed_db):
    client = client_of(make_user())

    answers = at_once(*[partial(client.call, "POST", PATH, BODY, Idempotency_Key="add-1")] * 12)

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 11}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(client.call("GET", PATH).json()["medications"]) == 1


def test_holds_the_bound_of_a_days_doses_against_calls_at_once(committed_db):
    client = client_of(make_user())
    hourly = BODY | {"times_of_day": [f"{hour:02}:00" for hour in range(24)]}

    answers = at_once(*[partial(client.call, "POST", PATH, hourly)] * 12)

    assert Counter(answer.status_code for answer in answers) == {201: 4, 400: 8}
    assert len(client.call("GET", PATH).json()["medications"]) == 4


def test_holds_the_bound_of_a_days_doses_against_changes_at_once(committed_db):
    client = client_of(make_user())
    hourly = {"times_of_day": [f"{hour:02}:00" for hour in range(24)]}
    paths = [f"{PATH}/{client.call('POST', PATH, BODY).json()['id']}" for _ in range(8)]

    answers = at_once(*[partial(client.call, "PATCH", path, hourly) for path in paths])

    # Four with 24 and four with one are 100.
    assert Counter(answer.status_code for answer in answers) == {200: 4, 400: 4}
