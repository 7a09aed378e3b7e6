"""A row that cannot be brought keeps its whole person out, and is named; all others come."""

import sqlite3
import uuid
from pathlib import Path
from typing import Any

import psycopg
import pytest

from accounts.models import User
from tests.factories import make_user
from tests.legacy import old_databases, old_files
from tests.legacy.expected import assert_checkins_equal, client
from tests.legacy.novara import Done, Novara
from tests.legacy.old_databases import Row, read

PEOPLE, CHECKINS = 14, 5

# What somebody did to the first database, by the person it happened to: the statement that
# spoils a row, the one that mends it, and the table and column that must be named. `%(person)s`
# is the person's id, `%(row)s` the id of their second check-in, `%(other)s` of their third.
SPOILT: dict[str, tuple[str, str, str, str]] = {
    "no date": (
        "UPDATE daily_checkins SET date_submitted = NULL WHERE id = %(row)s",
        "UPDATE daily_checkins SET date_submitted = '2001-01-01' WHERE id = %(row)s",
        "daily_checkins",
        "date_submitted",
    ),
    "a date without end": (
        "UPDATE daily_checkins SET date_submitted = 'infinity' WHERE id = %(row)s",
        "UPDATE daily_checkins SET date_submitted = '2001-01-01' WHERE id = %(row)s",
        "daily_checkins",
        "date_submitted",
    ),
    "a day twice": (
        "UPDATE daily_checkins SET date_submitted = %(day)s WHERE id = %(row)s",
        "UPDATE daily_checkins SET date_submitted = '2001-01-01' WHERE id = %(row)s",
        "daily_checkins",
        "date_submitted",
    ),
    "no mood": (
        "UPDATE daily_checkins SET mood_today = NULL WHERE id = %(row)s",
        "UPDATE daily_checkins SET mood_today = 'good' WHERE id = %(row)s",
        "daily_checkins",
        "mood_today",
    ),
    "no confidence": (
        "UPDATE daily_checkins SET confidence_today = NULL WHERE id = %(row)s",
        "UPDATE daily_checkins SET confidence_today = 3 WHERE id = %(row)s",
        "daily_checkins",
        "confidence_today",
    ),
    "too much confidence": (
        "UPDATE daily_checkins SET confidence_today = 11 WHERE id = %(row)s",
        "UPDATE daily_checkins SET confidence_today = 10 WHERE id = %(row)s",
        "daily_checkins",
        "confidence_today",
    ),
    "no address": (
        "UPDATE users SET email = '' WHERE id = %(person)s",
        "UPDATE users SET email = %(person)s || '@example.com' WHERE id = %(person)s",
        "users",
        "email",
    ),
    "an address of somebody here": (
        "UPDATE users SET email = %(taken)s WHERE id = %(person)s",
        "UPDATE users SET email = %(person)s || '@example.com' WHERE id = %(person)s",
        "users",
        "email",
    ),
    "an address like another one": (
        "UPDATE users SET email = 'Twin@example.com' WHERE id = %(person)s",
        "UPDATE users SET email = %(person)s || '@example.com' WHERE id = %(person)s",
        "users",
        "email",
    ),
    "the other one": (
        "UPDATE users SET email = 'tWIN@example.com' WHERE id = %(person)s",
        "UPDATE users SET email = %(person)s || '@example.com' WHERE id = %(person)s",
        "users",
        "email",
    ),
}
LOOSEN = """
    ALTER TABLE daily_checkins DROP CONSTRAINT daily_checkins_user_id_date_submitted_key;
    ALTER TABLE daily_checkins DROP CONSTRAINT daily_checkins_user_id_fkey;
    ALTER TABLE daily_checkins DROP CONSTRAINT daily_checkins_confidence_today_check;
    ALTER TABLE daily_checkins ALTER COLUMN date_submitted DROP NOT NULL;
    ALTER TABLE daily_checkins ALTER COLUMN mood_today DROP NOT NULL;
    ALTER TABLE daily_checkins ALTER COLUMN confidence_today DROP NOT NULL;
    ALTER TABLE daily_checkins DISABLE TRIGGER USER;
    ALTER TABLE users DISABLE TRIGGER USER;
"""


def spoil(source: str, spoilt: dict[str, Row], *, is_mending: bool) -> None:
    with psycopg.connect(source) as server:
        for kind, names in spoilt.items():
            server.execute(SPOILT[kind][1 if is_mending else 0].encode(), names)


def names_of(user: Row, rows: list[Row], taken: str) -> Row:
    mine = [row for row in rows if row["user_id"] == user["id"]]
    return {
        "person": str(user["id"]),
        "row": str(mine[1]["id"]),
        "other": str(mine[3]["id"]),
        "day": str(mine[3]["date_submitted"]),
        "taken": taken.upper(),
    }


def assert_all_others_came(novara: Novara, source: str, refused: set[str]) -> None:
    rows = read(source, "SELECT * FROM daily_checkins WHERE isfinite(date_submitted)")
    people = [user for user in read(source, "TABLE users") if str(user["id"]) not in refused]
    with novara.opened():
        for user in people:
            assert novara.value("SELECT count(*) FROM insights WHERE user_id = %s", user["id"]) == 3
            if user["status"] == "active":
                mine = [row for row in rows if row["user_id"] == user["id"]]
                assert_checkins_equal(user["id"], client(email=user["email"].lower()), mine)


def resident(novara: Novara) -> tuple[uuid.UUID, str]:
    """Somebody who has had an account here all along."""
    with novara.opened():
        user: User = make_user()
    return user.id, user.email


def test_names_each_row_and_keeps_its_person_out(novara):
    resident_id, taken = resident(novara)
    with old_databases.v1(people=PEOPLE, checkins=CHECKINS, seed=8) as source:
        users = read(source, "TABLE users ORDER BY created_at, id")
        rows = read(source, "SELECT * FROM daily_checkins ORDER BY date_submitted")
        pairs = zip(SPOILT, users, strict=False)
        spoilt = {kind: names_of(user, rows, taken) for kind, user in pairs}
        orphan = str(uuid.UUID(int=99))
        old_databases.run(source, LOOSEN)
        spoil(source, spoilt, is_mending=False)
        old_databases.run(
            source,
            f"INSERT INTO daily_checkins (id, user_id, mood_today, confidence_today, date_submitted)"
            f" VALUES ('{orphan}', '{uuid.UUID(int=98)}', 'good', 5, '2024-01-01')",
        )
        refused = {names["person"] for names in spoilt.values()}

        done = novara.bring(source)

        assert done.code == 1
        assert "Traceback" not in done.said
        found = done.faults()
        for kind, names in spoilt.items():
            _, _, table, column = SPOILT[kind]
            keys = {names["person"]} if table == "users" else {names["row"], names["other"]}
            assert any((table, key, column) in found for key in keys), kind
        assert ("daily_checkins", orphan, "user_id") in found
        assert {table for table, _, _ in found} == {"users", "daily_checkins"}
        assert done.report["people"]["refused"] == len(spoilt)
        assert done.report["people"]["brought"] == PEOPLE - len(spoilt)
        for person in refused:
            assert novara.tables_with(person) == set(), person
        assert novara.tables_with(resident_id) == {"users", "user_profiles"}
        assert_all_others_came(novara, source, refused)
        assert novara.verify(source).code == 1

        spoil(source, spoilt, is_mending=True)
        old_databases.run(source, f"DELETE FROM daily_checkins WHERE id = '{orphan}'")
        mended = novara.bring(source)

        assert mended.code == 0, mended.said[-2000:]
        assert mended.report["people"]["brought"] == len(spoilt)
        assert mended.report["people"]["already_here"] == PEOPLE - len(spoilt)
        assert_all_others_came(novara, source, set())
        assert novara.verify(source).code == 0


# The same for an SQLite file, which takes anything: the value that spoils a column, in SQL.
SPOILT_FILE: dict[str, tuple[str, str, str]] = {
    "a NUL character in a note": ("daily_checkins", "user_note", "'a' || char(0) || 'b'"),
    "a note that is not UTF-8": ("daily_checkins", "user_note", "CAST(X'61FF62' AS TEXT)"),
    "a nickname that is not UTF-8": ("users", "nickname", "CAST(X'C328' AS TEXT)"),
    "a day that never was": ("daily_checkins", "date_submitted", "'2024-02-30'"),
    "no day": ("daily_checkins", "date_submitted", "''"),
    "no mood": ("daily_checkins", "mood_today", "NULL"),
    "confidence in words": ("daily_checkins", "confidence_today", "'high'"),
    "an address that is not UTF-8": ("users", "email", "CAST(X'FF40622E6465' AS TEXT)"),
    "an insight that is not UTF-8": ("insights", "insight_message", "CAST(X'FF' AS TEXT)"),
}


@pytest.mark.parametrize("has_integer_ids", [True, False])
def test_names_each_row_of_a_file(novara, tmp_path, has_integer_ids):
    path = tmp_path / "old.sqlite"
    old_files.sqlite_file(path, people=PEOPLE, checkins=CHECKINS, has_integer_ids=has_integer_ids)
    spoilt: dict[str, tuple[Any, Any]] = {}
    with sqlite3.connect(path) as file:
        users = [key for (key,) in file.execute("SELECT id FROM users ORDER BY rowid")]
        for (kind, (table, column, value)), user in zip(SPOILT_FILE.items(), users, strict=False):
            owner = "id" if table == "users" else "user_id"
            ((key, before),) = file.execute(
                f"SELECT id, {column} FROM {table} WHERE {owner} = ? ORDER BY rowid LIMIT 1",
                [user],
            )
            file.execute(f"UPDATE {table} SET {column} = {value} WHERE id = ?", [key])
            spoilt[kind] = (key, before)

    done = novara.bring(str(path))

    assert done.code == 1
    assert "Traceback" not in done.said
    for kind, (key, _) in spoilt.items():
        table, column, _ = SPOILT_FILE[kind]
        assert (table, str(key), column) in done.faults(), kind
    assert len(done.faults()) == len(spoilt)
    assert done.report["people"]["refused"] == len(spoilt)
    assert novara.value("SELECT count(*) FROM users") == PEOPLE - len(spoilt)
    assert novara.value("SELECT count(*) FROM legacy_imports") == PEOPLE - len(spoilt)
    assert novara.value("SELECT count(*) FROM daily_checkins") == CHECKINS * (PEOPLE - len(spoilt))
    assert_nothing_without_its_person(novara)

    mend(path, spoilt)
    mended = novara.bring(str(path))

    assert mended.code == 0, mended.said[-2000:]
    assert mended.report["people"]["brought"] == len(spoilt)
    assert novara.value("SELECT count(*) FROM daily_checkins") == CHECKINS * PEOPLE


def mend(path: Path, spoilt: dict[str, tuple[Any, Any]]) -> None:
    with sqlite3.connect(path) as file:
        for kind, (key, before) in spoilt.items():
            table, column, _ = SPOILT_FILE[kind]
            file.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", [before, key])


def assert_nothing_without_its_person(novara: Novara) -> None:
    for table in ("user_profiles", "daily_checkins", "health_events", "insights", "legacy_records"):
        strays = f"SELECT count(*) FROM {table} t LEFT JOIN users u ON u.id = t.user_id"
        assert novara.value(f"{strays} WHERE u.id IS NULL AND t.user_id IS NOT NULL") == 0


def test_names_twins_whose_addresses_differ_in_case_in_a_dry_run(novara, tmp_path):
    path = tmp_path / "old.sqlite"
    old_files.sqlite_file(path, people=3, checkins=1, has_integer_ids=True)
    with sqlite3.connect(path) as file:
        twins = [key for (key,) in file.execute("SELECT id FROM users ORDER BY id LIMIT 2")]
        for key, email in zip(twins, ("Twin@example.com ", "twin@EXAMPLE.com"), strict=True):
            file.execute("UPDATE users SET email = ? WHERE id = ?", [email, key])

    done: Done = novara.bring(str(path), "--dry-run")

    assert done.code == 1
    assert done.faults() == {("users", str(key), "email") for key in twins}
    assert novara.value("SELECT count(*) FROM users") == 0
