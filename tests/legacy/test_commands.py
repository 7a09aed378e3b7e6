"""How the commands speak: dry run, sources that cannot be read, two at once, and silence."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.legacy import old_databases
from tests.legacy.novara import Done, Novara, wait_until
from tests.legacy.old_databases import read

PEOPLE, CHECKINS = 6, 8
TABLES = ("users", "daily_checkins", "insights", "auth_tokens", "partners", "reminders")


@pytest.fixture(scope="module")
def source() -> Iterator[str]:
    with old_databases.v1(people=PEOPLE, checkins=CHECKINS, seed=5) as address:
        yield address


def assert_says_no_value(done: Done, source: str) -> None:
    """Look for everything that people wrote, e-mail addresses included."""
    said = done.said.lower()
    for table in TABLES:
        for row in read(source, f"TABLE {table}"):
            for name, value in row.items():
                if isinstance(value, str) and len(value.strip()) > 7 and name != "timezone":
                    assert value.lower() not in said, (table, name)
                    assert json.dumps(value)[1:-1].lower() not in said, (table, name)


def test_writes_nothing_in_a_dry_run_and_says_what_would_come(novara, source):
    before = novara.versions()

    done = novara.bring(source, "--dry-run")

    assert done.code == 0, done.said[-2000:]
    assert novara.versions() == before
    assert done.report["people"]["found"] == PEOPLE
    assert done.report["rows"]["daily_checkins"] == PEOPLE * CHECKINS
    assert done.report["rows"]["insights"] == PEOPLE * 3
    assert str(PEOPLE) in done.out
    assert str(PEOPLE * CHECKINS) in done.out


def test_only_reads_the_source(novara, source):
    state = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) AS n FROM pg_stat_user_tables"
    before = [read(source, f"SELECT xmin::text, t::text FROM {t} t") for t in TABLES]
    changes = read(source, state)

    novara.bring(source)
    novara.verify(source)

    assert [read(source, f"SELECT xmin::text, t::text FROM {t} t") for t in TABLES] == before
    assert read(source, state) == changes


def test_shows_no_value(novara, source):
    spoken = [
        novara.bring(source, "--dry-run"),
        novara.bring(source),
        novara.verify(source),
        novara.undo("--dry-run"),
        novara.undo(),
    ]

    assert [done.code for done in spoken] == [0] * 5
    for done in spoken:
        assert_says_no_value(done, source)


def test_shows_no_value_of_what_is_wrong(novara):
    with old_databases.v1(people=PEOPLE, checkins=CHECKINS, seed=6) as ours:
        with psycopg.connect(ours) as server:
            server.execute("ALTER TABLE daily_checkins ALTER COLUMN mood_today DROP NOT NULL")
            server.execute(
                "UPDATE daily_checkins SET mood_today = NULL WHERE user_note LIKE 'Long%'"
            )
            server.execute("UPDATE users SET email = upper(email)")

        spoken = [novara.bring(ours, "--dry-run"), novara.bring(ours), novara.verify(ours)]

        assert [done.code for done in spoken] == [1, 1, 1]
        assert len(spoken[0].faults()) == PEOPLE
        assert spoken[0].faults() == spoken[1].faults()
        for done in spoken:
            assert_says_no_value(done, ours)


def test_puts_its_progress_on_standard_error(novara, source):
    done = novara.bring(source)

    assert str(PEOPLE) in done.err
    assert "rows/s" in done.err
    assert "rows/s" not in done.out


def some_file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def without_users(folder: Path) -> str:
    path = folder / "other.sqlite"
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE songs (id INTEGER)")
    return str(path)


def address_of_stranger(_: Path) -> str:
    return old_databases.database_address("postgres").replace("novara@", "stranger:s3cretw0rd@")


UNREADABLE: dict[str, Callable[[Path], str]] = {
    "no such file": lambda folder: str(folder / "gone.sqlite"),
    "no database of that name": lambda _: old_databases.database_address("no_such_database"),
    "nobody answers": lambda _: "postgresql://novara:s3cretw0rd@127.0.0.1:9/novara",
    "wrong name or password": address_of_stranger,
    "no address at all": lambda _: "postgresql://[s3cretw0rd",
    "a folder without tables": lambda folder: str(some_file(folder, "a.txt", b"").parent),
    "exports without people": lambda folder: str(some_file(folder, "a.csv", b"id\n1\n").parent),
    "not a database": lambda folder: str(some_file(folder, "a.sqlite", b"What I ate. " * 400)),
    "a torn database": lambda folder: str(
        some_file(folder, "a.sqlite", b"SQLite format 3\0" + b"What I ate. " * 400)
    ),
    "an SQLite file without people": without_users,
}


@pytest.mark.parametrize(
    ("command", "kind"),
    [*(("migrate_v1", kind) for kind in UNREADABLE), ("verify_migration", "nobody answers")],
)
def test_refuses_a_source_that_it_cannot_read(novara, tmp_path, kind, command):
    done = novara.run(command, "--from", UNREADABLE[kind](tmp_path))

    assert done.code == 2
    assert "Traceback" not in done.said
    assert "s3cretw0rd" not in done.said
    assert "What I ate" not in done.said
    assert done.err.strip().endswith(".")


def test_refuses_a_database_without_people(novara):
    with old_databases.database() as nothing:
        done = novara.bring(nothing)

    assert done.code == 2
    assert "Traceback" not in done.said
    assert done.err.strip().endswith(".")


def test_refuses_a_verification_of_nothing(novara):
    done = novara.run("verify_migration")

    assert done.code == 2
    assert "--from" in done.err


def test_refuses_to_run_twice_at_once(novara, source):
    with psycopg.connect(novara.address) as held:
        held.execute("LOCK TABLE users IN SHARE MODE")
        first = novara.start("migrate_v1", "--from", source)
        wait_until(novara.is_locked)

        second = novara.bring(source)
        undo = novara.undo()
        held.rollback()
    first.communicate()

    for refused in (second, undo):
        assert refused.code != 0
        assert "Traceback" not in refused.said
        assert refused.err.strip().endswith(".")
    assert first.returncode == 0
    assert novara.value("SELECT count(*) FROM legacy_imports") == PEOPLE


def test_names_the_source_without_its_password(novara, source):
    done = novara.bring(source.replace("://novara@", "://novara:s3cretw0rd@"))

    assert done.code == 0
    assert "s3cretw0rd" not in done.said
    assert "s3cretw0rd" not in str(novara.rows("SELECT source FROM legacy_imports"))
    assert Novara(source).name in done.report["source"]


# Events are written for those who may use the service; the others' wait until they may.
EVENTS = """
    SELECT e.event_type, e.event_data, e.local_date, e.correlation_id
      FROM health_events e
      JOIN users u ON u.id = e.user_id
     WHERE u.is_active
     ORDER BY e.correlation_id, e.event_type
"""


def test_writes_events_later_if_events_are_off(novara, source, empty_novara):
    with old_databases.database(empty_novara.name) as address:
        usual = Novara(address)
        assert usual.bring(source).code == 0

        off = novara.bring(source, USE_SCHEMA_V2="False")
        without_events = novara.value("SELECT count(*) FROM health_events")
        on = novara.run("migrate_v1")

        assert (off.code, on.code) == (0, 0), (off.said, on.said)
        assert without_events == 0
        active = novara.value("SELECT count(*) FROM users WHERE is_active")
        assert str(active * CHECKINS) in on.out
        assert novara.verify(source).code == 0
        assert novara.rows(EVENTS) == usual.rows(EVENTS)
