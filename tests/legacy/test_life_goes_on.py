"""What old clients do the day after their people were brought over."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import ApiClient
from tests.health.forms import FULL
from tests.legacy import old_databases
from tests.legacy.conftest import brought_over
from tests.legacy.expected import assert_checkins_equal, client, form_of
from tests.legacy.novara import Moved, Novara
from tests.legacy.old_databases import read

PEOPLE, CHECKINS = 2, 40


@pytest.fixture(scope="module")
def brought(empty_novara: Novara) -> Iterator[Moved]:
    with brought_over(empty_novara, people=PEOPLE, checkins=CHECKINS, seed=13) as small:
        yield small


@pytest.fixture
def source(brought: Moved) -> str:
    return brought.source


@pytest.fixture
def moved(brought: Moved, committed_db: None) -> Iterator[Novara]:
    with old_databases.database(brought.novara.name) as address, Novara(address).opened():
        yield Novara(address)


@pytest.fixture
def person(source: str) -> dict[str, Any]:
    return read(source, "SELECT * FROM users WHERE status = 'active' ORDER BY id")[0]


@pytest.fixture
def rows(source: str, person: dict[str, Any]) -> list[dict[str, Any]]:
    return read(
        source,
        f"SELECT * FROM daily_checkins WHERE user_id = '{person['id']}' ORDER BY date_submitted",
    )


@pytest.fixture
def api(person: dict[str, Any]) -> ApiClient:
    return client(id=str(person["id"]), email=person["email"].lower(), iat=1_760_000_000)


def test_logs_in_by_address_as_before(moved, person, rows, settings):
    settings.LEGACY_PASSWORDLESS_LOGIN = True

    answer = ApiClient().call("POST", "/api/auth/login", {"email": f" {person['email']} "})

    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == str(person["id"])
    fresh = ApiClient(headers={"authorization": f"Bearer {answer.json()['token']}"})
    assert_checkins_equal(person["id"], fresh, rows)


def test_refuses_to_log_in_without_a_password_where_that_is_off(moved, person):
    for password in ({}, {"password": ""}, {"password": "!"}, {"password": "never a real one"}):
        answer = ApiClient().call("POST", "/api/auth/login", {"email": person["email"], **password})

        assert answer.status_code in {400, 401}


def test_refuses_a_second_sign_up(moved, person):
    answer = ApiClient().call("POST", "/api/users", {"email": person["email"].upper()})

    assert answer.status_code == 409


def test_changes_a_check_in_and_keeps_the_rest_of_it(moved, api, rows):
    row = rows[1]

    answer = api.call("PUT", f"/api/checkins/{row['id']}", {"anxiety_level": 9, "user_note": "new"})

    assert answer.status_code == 200
    shown = answer.json()["checkin"]
    kept = {name: shown.get(name) for name in form_of(row)}
    assert kept | {"anxiety_level": 9, "user_note": "new"} == kept
    path = f"/api/v2/health/timeline?include=history&event_types=mood&start_date={row['date_submitted']}"
    history = api.call("GET", f"{path}&end_date={row['date_submitted']}").json()["events"]
    assert [event["version"] for event in history] == [2, 1]
    assert history[1]["event_data"]["note"] == row["user_note"]


def test_deletes_a_check_in(moved, api, rows):
    answer = api.call("DELETE", f"/api/checkins/{rows[1]['id']}")

    assert answer.status_code == 200
    listed = api.call("GET", "/api/checkins?limit=1000").json()["checkins"]
    assert str(rows[1]["id"]) not in {item["id"] for item in listed}
    assert len(listed) == CHECKINS - 1


def test_refuses_a_second_check_in_for_a_day_and_shows_the_first(moved, api, rows):
    day = str(rows[0]["date_submitted"])

    answer = api.call("POST", "/api/checkins", FULL | {"date_submitted": day})

    assert answer.status_code == 409
    existing = answer.json()["existing_checkin"]
    assert existing["id"] == str(rows[0]["id"])
    assert existing["mood_today"] == rows[0]["mood_today"]
    assert existing["date_submitted"] == day


def test_takes_a_new_check_in(moved, api, rows):
    posted = api.call("POST", "/api/checkins", FULL | {"date_submitted": "2025-03-03"})

    assert posted.status_code == 201
    listed = api.call("GET", "/api/checkins?limit=1000").json()["checkins"]
    assert len(listed) == CHECKINS + 1
    assert posted.json()["checkin"]["id"] in {item["id"] for item in listed}


def test_shows_the_events_on_the_timeline(moved, api, rows):
    row = next(row for row in rows[1:] if row["medication_taken"] and row["side_effects"])
    day = row["date_submitted"]

    answer = api.call("GET", f"/api/v2/health/timeline?start_date={day}&end_date={day}")

    events = {event["event_type"]: event for event in answer.json()["events"]}
    assert events["mood"]["event_data"]["mood"] == row["mood_today"]
    assert events["medication"]["event_data"]["reported"] == row["medication_taken"]
    assert {event["correlation_id"] for event in events.values()} == {str(row["id"])}
    assert {event["local_date"] for event in events.values()} == {str(day)}
    assert {event["source"] for event in events.values()} == {"checkin"}


def test_fills_the_form_with_the_last_values(moved, api, rows):
    answer = api.call("GET", "/api/checkins/last-values")

    newest = max(rows, key=lambda row: row["date_submitted"])
    assert answer.json()["lastValues"]["last_checkin_date"] == str(newest["date_submitted"])
    assert answer.json()["lastValues"]["mood_today"] == newest["mood_today"]


def test_gives_figures_of_it(moved, api):
    answer = api.call("GET", "/api/users/metrics")

    assert answer.status_code == 200
    assert answer.json()["metrics"]["totalCheckIns"] == CHECKINS


def test_shows_nobody_elses(moved, source, person, rows):
    other = read(source, f"SELECT * FROM users WHERE id <> '{person['id']}'")[0]
    stranger = client(email=other["email"].lower())

    answer = stranger.call("GET", f"/api/checkins/{rows[0]['id']}")

    assert answer.status_code == 404
