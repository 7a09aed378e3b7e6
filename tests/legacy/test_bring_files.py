"""manage.py migrate_v1 from an SQLite file, and from a folder of CSV exports."""

import datetime as dt
import json
import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.legacy import old_databases, old_files
from tests.legacy.expected import NO_ANSWERS, answers_in, assert_same, client, instant
from tests.legacy.novara import Done, Novara

PEOPLE, CHECKINS = 12, 25


@pytest.fixture(scope="module", params=[True, False], ids=["integers", "uuids"])
def brought(
    request: pytest.FixtureRequest, empty_novara: Novara, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, dict[Any, list[dict[str, Any]]], Novara, Done]]:
    path = tmp_path_factory.mktemp("old") / "novara.sqlite"
    expected = old_files.sqlite_file(
        path, people=PEOPLE, checkins=CHECKINS, has_integer_ids=request.param
    )
    with old_databases.database(empty_novara.name) as address:
        novara = Novara(address)
        yield path, expected, novara, novara.bring(str(path))


def test_brings_every_field_of_a_file(brought, committed_db):
    path, expected, novara, done = brought
    users = old_files.read_sqlite(path, "users")

    assert done.code == 0, done.said[-2000:]
    assert done.report["people"]["brought"] == PEOPLE
    assert done.report["rows"]["daily_checkins"] == PEOPLE * CHECKINS
    with novara.opened():
        for user in users:
            api = client(email=user["email"].strip().lower())
            shown = api.call("GET", "/api/checkins?limit=1000").json()["checkins"]
            assert_forms_equal(shown, expected[user["id"]])


def assert_forms_equal(shown: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    assert len(shown) == len(rows)
    by_id = {item.get("legacy_id", item["id"]): item for item in shown}
    for row in rows:
        item = by_id[row["id"]]
        form = {name: value for name, value in row.items() if name not in NO_ANSWERS}
        kept = {} if old_files.is_uuid(row["id"]) else {"legacy_id": row["id"]}
        assert_same(form | kept, answers_in(item), str(row["id"]))
        assert item["date_submitted"] == row["date_submitted"]
        assert instant(item["created_at"]) == instant(row["created_at"])


def test_brings_every_account_of_a_file(brought, committed_db):
    path, _, novara, _ = brought

    for user in old_files.read_sqlite(path, "users"):
        email = user["email"].strip().lower()
        with novara.opened():
            shown = client(email=email).call("GET", "/api/users/me").json()["user"]
        for name in ("nickname", "confidence_meds", "cycle_stage", "onboarding_path", "timezone"):
            assert shown[name] == user[name], name
        assert shown["email"] == email
        assert shown["email_opt_in"] is bool(user["email_opt_in"])
        assert shown["baseline_completed"] is bool(user["baseline_completed"])
        assert instant(shown["created_at"]) == dt.datetime(2023, 10, 1, 8, 15, tzinfo=dt.UTC)
        key, extra = novara.rows(
            "SELECT u.id, p.extra FROM users u JOIN user_profiles p ON p.user_id = u.id"
            " WHERE u.email = %s",
            email,
        )[0]
        assert extra["legacy_email"] == user["email"]
        if old_files.is_uuid(user["id"]):
            assert key == uuid.UUID(user["id"])
        else:
            assert extra["legacy_id"] == user["id"]


def test_brings_the_other_tables_of_a_file(brought, committed_db):
    path, _, novara, _ = brought
    ids = dict(novara.rows("SELECT email, id FROM users"))
    owners = {
        user["id"]: ids[user["email"].strip().lower()]
        for user in old_files.read_sqlite(path, "users")
    }

    insights = novara.rows("SELECT user_id, title, message, insight_type, local_date FROM insights")
    assert sorted(insights, key=str) == sorted(
        (
            (
                owners[row["user_id"]],
                row["insight_title"],
                row["insight_message"],
                row["insight_type"],
                dt.date.fromisoformat(row["date"]),
            )
            for row in old_files.read_sqlite(path, "insights")
        ),
        key=str,
    )
    for table in ("insight_engagement", "fmv_analytics"):
        records = {
            key: (owner, content)
            for key, owner, content in novara.rows(
                "SELECT source_key, user_id, content FROM legacy_records WHERE source_table = %s",
                table,
            )
        }
        rows = old_files.read_sqlite(path, table)
        assert len(records) == len(rows) == PEOPLE
        for row in rows:
            owner, content = records[str(row["id"])]
            assert owner == owners[row["user_id"]]
            for name, value in row.items():
                assert content.get(name) in (value, as_json(value)), name


def as_json(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


def test_changes_nothing_of_a_file_the_second_time(brought, committed_db):
    path, _, novara, _ = brought
    before, content = novara.versions(), path.read_bytes()

    again = novara.bring(str(path))
    verified = novara.verify(str(path))

    assert (again.code, verified.code) == (0, 0), again.said[-2000:]
    assert again.report["people"]["already_here"] == PEOPLE
    assert novara.versions() == before
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_lets_in_whoever_has_a_token_of_a_file(brought, committed_db):
    path, _, novara, _ = brought

    with novara.opened():
        for user in old_files.read_sqlite(path, "users"):
            email = user["email"].strip().lower()
            for token in (
                {"id": user["id"], "email": email},
                {"userId": user["id"], "email": email},
            ):
                answer = client(**token).call("GET", "/api/users/me")
                assert answer.status_code == 200
                assert answer.json()["user"]["email"] == email


def test_brings_what_was_added_to_a_file(novara, tmp_path):
    path = tmp_path / "old.sqlite"
    expected = old_files.sqlite_file(path, people=2, checkins=2, has_integer_ids=True)
    assert novara.bring(str(path)).code == 0
    person = next(iter(expected))
    with sqlite3.connect(path) as file:
        file.execute(
            "INSERT INTO daily_checkins (id, user_id, mood_today, confidence_today, date_submitted)"
            " VALUES (9999, ?, 'good', 5, '2020-02-02')",
            [person],
        )

    done = novara.bring(str(path))

    assert done.code == 0, done.said[-2000:]
    assert novara.value("SELECT count(*) FROM daily_checkins") == 5
    added = "SELECT extra ->> 'legacy_id' FROM daily_checkins WHERE date_submitted = '2020-02-02'"
    assert novara.value(added) == "9999"


@pytest.mark.parametrize("has_bom", [True, False])
def test_brings_a_folder_of_exports(novara, tmp_path, has_bom):
    old_files.csv_folder(tmp_path, has_bom=has_bom)

    done = novara.bring(str(tmp_path))

    assert done.code == 0, done.said[-2000:]
    assert done.report["people"]["brought"] == 2
    with novara.opened():
        ada, eve = client(email="ada@example.com"), client(email="eve@example.com")
        profiles = [api.call("GET", "/api/users/me").json()["user"] for api in (ada, eve)]
        shown = [api.call("GET", "/api/checkins").json()["checkins"] for api in (ada, eve)]
    assert profiles[0]["nickname"] == 'Ada, "the first"'
    assert profiles[0]["confidence_meds"] == 7
    assert profiles[0]["email_opt_in"] is True
    assert profiles[0]["timezone"] == "Europe/London"
    assert (profiles[0]["loyalty_number"], profiles[0]["time_zone_note"]) == ("007", "0042")
    assert (profiles[0]["points"], profiles[1]["points"]) == (42, 4.5)
    assert instant(profiles[0]["created_at"]) == dt.datetime(2023, 10, 1, 8, 15, tzinfo=dt.UTC)
    assert profiles[1]["nickname"] == "E\u0301ve \U0001f33b"
    forms = {item["legacy_id"]: answers_in(item) for item in (*shown[0], *shown[1])}
    dates = {item["legacy_id"]: item["date_submitted"] for item in (*shown[0], *shown[1])}
    assert dates == {"recC1": "2024-01-31", "recC2": "2024-02-29", "recC3": "2024-02-01"}
    for key, form in CSV_FORMS.items():
        found = forms[key]
        assert_same(form, {name: found.get(name) for name in form}, key)
        assert {
            name for name in found.keys() - form.keys() if not name.startswith("legacy_")
        } == set()
    records = novara.rows(
        "SELECT u.email, r.content ->> 'event_type' FROM legacy_records r"
        " LEFT JOIN users u ON u.id = r.user_id WHERE source_table = 'fmv_analytics' ORDER BY 2"
    )
    assert records == [("ada@example.com", "checkin_completed"), (None, "page_opened")]
    before = novara.versions()
    assert novara.bring(str(tmp_path)).code == 0
    assert novara.versions() == before
    assert novara.undo().code == 0


CSV_FORMS: dict[str, dict[str, Any]] = {
    "recC1": {
        "mood_today": "hopeful, tired",
        "confidence_today": 7,
        "user_note": "12345",
        "side_effects": ["Headache", "Hot flashes"],
        "missed_doses": 0,
        "partner_involved_today": True,
        "coping_strategies_used": ["a, b", "c"],
        "anxiety_level": 3,
        "lab_code": "0012",
        "weight": 61.5,
    },
    "recC2": {
        "mood_today": "anxious",
        "confidence_today": 1,
        "user_note": 'two\nlines, "quoted"',
        "partner_involved_today": True,
        "coping_strategies_used": ["Journaling"],
        "lab_code": "A7",
        "weight": 60,
    },
    "recC3": {
        "mood_today": "good",
        "confidence_today": 10,
        "user_note": " ",
        "side_effects": ["Nausea"],
        "missed_doses": 2,
    },
}
