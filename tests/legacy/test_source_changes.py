"""The old service goes on while it is brought over: a later run brings what is new."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.legacy import old_databases
from tests.legacy.conftest import brought_over
from tests.legacy.expected import assert_checkins_equal, client
from tests.legacy.novara import Moved, Novara
from tests.legacy.old_databases import read

PEOPLE, CHECKINS = 3, 5
NEW_DAY = "2025-06-01"


@pytest.fixture(scope="module")
def moved(empty_novara: Novara) -> Iterator[Moved]:
    with brought_over(empty_novara, people=PEOPLE, checkins=CHECKINS, seed=11) as small:
        yield small


@pytest.fixture
def source(moved: Moved) -> Iterator[str]:
    with old_databases.database(Novara(moved.source).name) as address:
        yield address


@pytest.fixture
def novara(moved: Moved, committed_db: None) -> Iterator[Novara]:
    with old_databases.database(moved.novara.name) as address:
        yield Novara(address)


@pytest.fixture
def person(source: str) -> dict[str, Any]:
    return read(source, "SELECT * FROM users WHERE status = 'active' ORDER BY id")[0]


def change(source: str, statement: str, *values: Any) -> None:
    with psycopg.connect(source) as server:
        assert server.execute(statement.encode(), values).rowcount == 1


def rows_of(source: str, person: dict[str, Any]) -> list[dict[str, Any]]:
    return read(
        source,
        f"SELECT * FROM daily_checkins WHERE user_id = '{person['id']}' ORDER BY date_submitted",
    )


def new_checkin(source: str, person: dict[str, Any], day: str = NEW_DAY) -> None:
    change(
        source,
        "INSERT INTO daily_checkins (user_id, mood_today, confidence_today, date_submitted,"
        " user_note) VALUES (%s, 'tough', 2, %s, 'Later.')",
        person["id"],
        day,
    )


def test_brings_rows_and_people_that_came_later(novara, source, person):
    new_checkin(source, person)
    change(
        source,
        "INSERT INTO insights (user_id, insight_type, insight_title, insight_message, insight_id,"
        " date) VALUES (%s, 'later', 'Later', 'Later', 'later_1', '2025-06-01')",
        person["id"],
    )
    change(source, "INSERT INTO partners (user_id, name) VALUES (%s, 'Later')", person["id"])
    change(source, "INSERT INTO users (email, nickname) VALUES ('later@example.com', 'Later')")

    done = novara.bring(source)

    assert done.code == 0, done.said[-2000:]
    assert done.report["people"]["found"] == PEOPLE + 1
    assert novara.value("SELECT count(*) FROM legacy_imports") == PEOPLE + 1
    assert novara.value("SELECT count(*) FROM users WHERE email = 'later@example.com'") == 1
    assert novara.value("SELECT count(*) FROM insights WHERE insight_type = 'later'") == 1
    partners = "SELECT count(*) FROM legacy_records WHERE source_table = 'partners'"
    assert novara.value(partners) == PEOPLE + 1
    with novara.opened():
        api = client(email=person["email"].lower())
        assert_checkins_equal(person["id"], api, rows_of(source, person))
    assert novara.verify(source).code == 0


def test_leaves_everybody_else_as_they_are(novara, source, person):
    others = "SELECT xmin::text, id FROM daily_checkins WHERE user_id <> %s ORDER BY id"
    before = novara.rows(others, person["id"])
    new_checkin(source, person)

    novara.bring(source)

    assert novara.rows(others, person["id"]) == before


def test_takes_over_what_changed_in_the_source(novara, source, person):
    key = rows_of(source, person)[1]["id"]
    change(
        source,
        "UPDATE daily_checkins SET user_note = 'Changed my mind.', missed_doses = 3,"
        " partner_involved_today = NULL, tags = '{x}' WHERE id = %s",
        key,
    )

    done = novara.bring(source)

    assert done.code == 0, done.said[-2000:]
    with novara.opened():
        api = client(email=person["email"].lower())
        assert_checkins_equal(person["id"], api, rows_of(source, person))
        moods = api.call(
            "GET", "/api/v2/health/timeline?include=history&event_types=mood&limit=100"
        )
    versions = [e["version"] for e in moods.json()["events"] if e["correlation_id"] == str(key)]
    assert sorted(versions) == [1, 2]
    before = novara.versions()
    assert novara.bring(source).code == 0
    assert novara.versions() == before


def test_keeps_what_the_person_changed_here_and_says_so(novara, source, person):
    key = rows_of(source, person)[1]["id"]
    with novara.opened():
        api = client(email=person["email"].lower())
        assert api.call("PUT", f"/api/checkins/{key}", {"user_note": "Mine."}).status_code == 200
    unchanged = novara.bring(source)
    change(source, "UPDATE daily_checkins SET user_note = 'Theirs.' WHERE id = %s", key)

    done = novara.bring(source)

    assert unchanged.code == 0, unchanged.said[-2000:]
    assert unchanged.report["notes"]
    assert done.code == 1
    assert str(key) in {found for _, found, _ in done.differences() | done.faults()}
    assert novara.value("SELECT user_note FROM daily_checkins WHERE id = %s", key) == "Mine."
    with novara.opened():
        one = client(email=person["email"].lower()).call("GET", f"/api/checkins/{key}")
    assert one.json()["checkin"]["user_note"] == "Mine."


def test_does_not_take_what_the_person_wrote_here_for_a_difference(novara, source, person):
    with novara.opened():
        api = client(email=person["email"].lower())
        sent = {"mood_today": "good", "confidence_today": 6, "date_submitted": NEW_DAY}
        assert api.call("POST", "/api/checkins", sent).status_code == 201

    done = novara.bring(source)
    verified = novara.verify(source)

    assert (done.code, verified.code) == (0, 0), done.said[-2000:]


def test_goes_on_bringing_after_the_person_has_written_here(novara, source, person):
    with novara.opened():
        api = client(email=person["email"].lower())
        sent = {"mood_today": "good", "confidence_today": 6, "date_submitted": NEW_DAY}
        assert api.call("POST", "/api/checkins", sent).status_code == 201
        note = {"event_type": "note", "event_data": {"text": "Mine."}}
        assert api.call("POST", "/api/v2/health/events", note).status_code == 201
        named = {"insight_id": "mine_1", "helpful": True}
        assert api.call("POST", "/api/insights/feedback", named).status_code == 200
    new_checkin(source, person, "2025-06-02")

    codes = [novara.bring(source).code, novara.bring(source).code, novara.verify(source).code]

    assert codes == [0, 0, 0]
    with novara.opened():
        api = client(email=person["email"].lower())
        listed = api.call("GET", "/api/checkins").json()["checkins"]
    notes = {shown["date_submitted"]: shown["user_note"] for shown in listed}
    assert (notes[NEW_DAY], notes["2025-06-02"]) == (None, "Later.")


def test_loses_neither_of_two_check_ins_of_a_day(novara, source, person):
    with novara.opened():
        api = client(email=person["email"].lower())
        sent = {"mood_today": "good", "confidence_today": 6, "date_submitted": NEW_DAY}
        posted = api.call("POST", "/api/checkins", sent).json()["checkin"]["id"]
    new_checkin(source, person)

    done = novara.bring(source)

    assert done.code == 1
    assert done.faults() | done.differences()
    assert "Traceback" not in done.said
    days = "SELECT id::text FROM daily_checkins WHERE date_submitted = %s AND deleted_at IS NULL"
    assert novara.rows(days, NEW_DAY) == [(posted,)]


def test_takes_nothing_from_a_person_who_went_from_the_source(novara, source, person):
    change(source, "DELETE FROM users WHERE id = %s", person["id"])
    before = novara.rows("SELECT xmin::text, id FROM daily_checkins ORDER BY id")

    done = novara.bring(source)

    assert "Traceback" not in done.said
    assert novara.tables_with(person["id"]) >= {"users", "daily_checkins", "health_events"}
    assert novara.rows("SELECT xmin::text, id FROM daily_checkins ORDER BY id") == before
