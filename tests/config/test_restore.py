"""A backup, restored into an empty new server, is the installation that it was, and goes on.

The drill of docs/howto/backup-and-restore.md at small size, with the commands that are there.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from django.conf import settings

from accounts.models import User
from config import probes
from config.dev import postgres
from config.dev.processes import wait_until
from config.management import demo
from config.restoring import archive, positions
from health import queries as health
from insights import queries
from tests.config.installations import WORKER, Installation, installation

BROKER = 11
NEWCOMER = "after@example.com"
# How far the old server's counter is ahead of a new one's.
AHEAD = 200_000
FILL = f"""
from audit import tasks as audit
from config.restoring import positions
from documents import pipeline
from health import metrics
from insights import tasks
left = {AHEAD}
while left:
    left -= positions.burn(left)
while pipeline.advance():
    pass
metrics.fold()
tasks.write_insights_of_new_events()
audit.seal()
audit.write_checkpoint()
"""
EVENT = """
    INSERT INTO health_events
        (id, tenant_id, user_id, event_type, event_data, occurred_at, local_date)
    SELECT gen_random_uuid(), tenant_id, id, 'mood', '{"mood": "calm"}', now(), now()::date
      FROM users
     WHERE email = %s
"""
FIRST, SECOND = sorted(member.email for member in demo.CAST)[:2]
# The entries that tell of somebody's check-in, where they are in a chain.
SEALED = """
    SELECT count(*)
      FROM audit_logs l
     WHERE l.subject_id = (SELECT id FROM users WHERE email = %s)
       AND l.object_type = 'daily_checkins'
       AND EXISTS (SELECT
                     FROM audit_seals s
                    WHERE s.tenant_id = l.tenant_id
                      AND l.id = ANY (s.entry_ids))
"""
CHECKIN = {"mood_today": "worried", "confidence_today": 5}


@pytest.fixture(scope="module")
def old() -> Iterator[Installation]:
    with installation() as found:
        found.manage("migrate", "--no-input")
        found.manage("seed_demo")
        found.manage("shell", "-v", "0", "-c", FILL)
        yield found


@pytest.fixture(scope="module")
def backup(old: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backups") / "today"
    old.manage("back_up", str(folder))
    return folder


@pytest.fixture(scope="module")
def restored(old: Installation, backup: Path) -> Iterator[Installation]:
    """Restored and left as it is: who changes something takes a copy."""
    with installation() as found:
        shutil.copytree(old.files, found.files, dirs_exist_ok=True)
        shutil.copytree(old.mirror, found.mirror, dirs_exist_ok=True)
        said = found.manage("restore_backup", str(backup))
        assert "All equal" in said, said
        yield found


@pytest.fixture
def blind(committed_db: None, backup: Path) -> Iterator[Installation]:
    """The database alone, on a server that has just begun to count."""
    with installation() as found:
        with found.opened():
            archive.restore(backup, jobs=1)
        yield found


def who_has_new_events(of: Installation) -> list[str]:
    """Ask as the task does that writes insights."""
    with of.opened():
        _, people = health.people_with_new_events(queries.cursor_position(), queries.TELLING)
        return [user.email for user in User.objects.filter(id__in=people)]


def readiness(of: Installation) -> str:
    with of.opened():
        return probes.database()


def missing(of: Installation) -> int:
    with of.opened():
        return positions.look().missing


def count(of: Installation, table: str) -> int:
    return int(of.value(f"SELECT count(*) FROM {table}"))


def test_brings_everything_back(committed_db, old, restored, backup):
    said = restored.call("verify_restore", str(backup))

    assert "All equal" in said
    people = ("users", "health_events", "daily_checkins", "insights", "documents")
    tables = (*people, "audit_logs", "audit_seals", "audit_checkpoints")
    counts = {table: count(old, table) for table in tables}
    assert {table: count(restored, table) for table in tables} == counts
    assert min(counts.values()) > 0
    assert old.value("SELECT count(*) FROM documents WHERE status = 'completed'") > 0
    assert "are what the log says" in restored.call("verify_metrics")
    assert count(old, "audit_seals") > 0
    assert "All is as it was sealed." in old.call("audit", "verify")
    assert "All is as it was sealed." in restored.call("audit", "verify")


def test_keeps_the_backup_from_others(backup):
    modes = {path.name: path.stat().st_mode & 0o777 for path in (backup, *backup.iterdir())}

    assert modes.pop(backup.name) == 0o700
    assert set(modes.values()) == {0o600}


def test_goes_on_working(committed_db, restored):
    with restored.copy() as own:
        with own.running(broker=BROKER) as url:
            ready = httpx.get(f"{url}/readyz").json()
            reader = sign_in(url, demo.READERS[0])
            found = reader.post("/api/v2/documents/search", json={"query": "transfer"}).json()
            newcomer = sign_up(url)
            checked_in = newcomer.post("/api/checkins", json=CHECKIN)
            wait_until(lambda: newcomer.get("/api/v2/insights").json()["insights"], seconds=60)
            insights = newcomer.get("/api/v2/insights").json()["insights"]
            wait_until(lambda: own.value(SEALED, NEWCOMER), seconds=60)
        log = (own.home / "worker.log").read_text()
        sealed, verified = own.value(SEALED, NEWCOMER), own.call("audit", "verify")

    assert ready["checks"]["database"] == "ok"
    assert found["results"]
    assert checked_in.status_code == 201, checked_in.text
    assert insights, log
    assert sealed > 0, log
    assert "All is as it was sealed." in verified


def test_would_be_blind_to_all_that_is_new(blind):
    """What this page is about: a reader of the log on a server that counts from the beginning."""
    blind.rows(EVENT, FIRST)

    assert who_has_new_events(blind) == []
    blind.call("adopt_restored_database")
    blind.rows(EVENT, SECOND)
    # What was recorded before is skipped for good, so nobody may start before.
    assert who_has_new_events(blind) == [SECOND]


def test_does_not_start_before_the_counter_has_been_moved(blind):
    starts = {
        "web": [sys.executable, "-c", "import config.wsgi"],
        "stream": [sys.executable, "-c", "import config.asgi"],
        "worker": [sys.executable, "-m", *WORKER],
    }

    for name, command in starts.items():
        done = subprocess.run(  # noqa: S603
            command,
            check=False,
            cwd=settings.ROOT,
            env=os.environ | blind.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode != 0, name
        assert "manage.py adopt_restored_database" in done.stderr, name
    assert "manage.py adopt_restored_database" in readiness(blind)


def test_moves_the_counter_once_and_bit_by_bit(blind):
    before = missing(blind)
    with blind.opened():
        positions.burn(1000)

    left = missing(blind)
    first = blind.call("adopt_restored_database")
    second = blind.call("adopt_restored_database")

    assert AHEAD // 2 < left <= before - 1000
    assert "Novara may start" in first
    assert "nothing is to be done" in second
    assert readiness(blind) == "ok"


def test_does_not_move_it_while_novara_may_be_at_work(blind):
    with psycopg.connect(blind.database):
        said = blind.call("adopt_restored_database", fails=True)

    assert "End Novara first" in said
    assert missing(blind) > 0


def test_says_what_to_do_when_the_way_is_too_long(blind):
    blind.rows("UPDATE insight_cursors SET position = '9000000000000'")

    said = blind.call("adopt_restored_database", fails=True)

    assert "pg_resetwal --epoch=2096 " in said
    postgres.stop(blind.home)
    cluster = postgres._prepare(blind.home, durable=False)
    cluster.run("pg_resetwal", "--epoch=2096", f"--pgdata={cluster.data}")
    assert postgres.start(blind.home, durable=False) == blind.database
    assert "nothing is to be done" in blind.call("adopt_restored_database")
    blind.rows(EVENT, FIRST)
    assert who_has_new_events(blind) == [FIRST]


SPOILED = {
    "UPDATE user_profiles SET nickname = 'Eve' WHERE ctid = (SELECT min(ctid) FROM user_profiles)": (
        "table user_profiles: as many rows as before, of which some say something else"
    ),
    "DELETE FROM insights WHERE ctid = (SELECT min(ctid) FROM insights)": "table insights: ",
    "DROP POLICY person ON insights": "policy person on insights: is missing",
    "ALTER TABLE health_events DISABLE TRIGGER append_only": "trigger append_only on health_events",
    "ALTER TABLE health_events DISABLE ROW LEVEL SECURITY": "table health_events: is another",
    "GRANT DELETE ON users TO novara_api": "table users: is another",
    "GRANT EXECUTE ON FUNCTION erase_person TO public": "function erase_person",
    "DROP INDEX health_events_log": "index health_events_log: is missing",
    "CREATE TABLE another ()": "table another: was not there",
    "SELECT nextval('audit_logs_id_seq')": "sequence ",
}


def test_finds_all_that_is_not_as_it_was(committed_db, restored, backup):
    with restored.copy() as own:
        for statement in SPOILED:
            own.rows(statement)
        first, second, *_ = sorted((own.files / "documents").iterdir())
        first.unlink()
        second.write_bytes(second.read_bytes()[::-1])

        said = own.call("verify_restore", str(backup), fails=True)

    for words in SPOILED.values():
        assert f"\n{words}" in f"\n{said}", words
    assert f"file of document {first.name}: The file is not in the folder." in said
    assert f"file of document {second.name}: has other bytes" in said


def test_refuses_a_database_that_is_not_empty(committed_db, restored, backup):
    before = count(restored, "users")

    said = restored.call("restore_backup", str(backup), fails=True)

    assert "The database is not empty." in said
    assert count(restored, "users") == before


def test_refuses_a_backup_that_was_damaged_on_its_way(blind, backup, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(backup, damaged)
    dump = bytearray((damaged / "database.dump").read_bytes())
    dump[len(dump) // 2] ^= 1
    (damaged / "database.dump").write_bytes(dump)

    said = blind.call("restore_backup", str(damaged), fails=True)

    assert "is damaged: database.dump" in said


def test_leaves_no_half_backup_under_the_name_of_a_whole_one(
    committed_db, old, tmp_path, monkeypatch
):
    monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=100")
    with psycopg.connect(old.database) as other:
        other.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        said = old.call("back_up", str(tmp_path / "late"), fails=True)

    assert "lock timeout" in said
    assert not (tmp_path / "late").exists()


def sign_in(url: str, email: str) -> httpx.Client:
    sent = {"email": email, "password": demo.PASSWORD}
    return _client(url, httpx.post(f"{url}/api/v2/auth/login", json=sent))


def sign_up(url: str) -> httpx.Client:
    sent = {"email": NEWCOMER, "password": demo.PASSWORD, "timezone": "UTC"}
    return _client(url, httpx.post(f"{url}/api/v2/auth/signup", json=sent))


def _client(url: str, answer: httpx.Response) -> httpx.Client:
    assert answer.is_success, answer.text
    token = answer.json()["access_token"]
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
