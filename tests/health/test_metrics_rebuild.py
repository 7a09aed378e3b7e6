"""manage.py rebuild_metrics and verify_metrics, on a database of their own."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from config.dev.processes import wait_until
from health import metrics
from health.models import MetricRebuild
from tests.factories import make_tenant, make_user
from tests.health.threads import wait_until_blocked
from tests.house.catalog import rows
from tests.house.scratch import scratch_database
from tests.web import installation

# Five portions of people.
CROWD = 4 * metrics.PEOPLE + 3
FILL = """
    INSERT INTO health_events
           (id, tenant_id, user_id, event_type, event_data, occurred_at, local_date)
    SELECT gen_random_uuid(), u.tenant_id, u.id, k.kind, k.data, d.day + time '12:00', d.day
      FROM users u
     CROSS JOIN generate_series(date '2026-01-01', date '2026-01-03', interval '1 day') AS d (day)
     CROSS JOIN (VALUES ('mood', '{"mood": "calm", "confidence": 7}'::jsonb),
                        ('medication', '{"status": "taken"}')) AS k (kind, data)
"""
DAMAGE = (
    "UPDATE user_daily_metrics SET event_count = 987654321, latest_mood = 'DAMAGED' WHERE user_id = %s",
    "DELETE FROM user_daily_metrics WHERE user_id = %s AND local_date = '2026-01-02'",
    """
    INSERT INTO user_daily_metrics
    SELECT (jsonb_populate_record(s, '{"local_date": "2031-01-01"}')).*
      FROM user_daily_metrics s
     WHERE user_id = %s AND local_date = '2026-01-01'
    """,
)
TENANT_DAMAGE = (
    "UPDATE tenant_daily_metrics SET confidence_sum = 12345 WHERE local_date = '2026-01-01'",
    "DELETE FROM tenant_daily_metrics WHERE local_date = '2026-01-02'",
    """
    INSERT INTO tenant_daily_metrics
    SELECT (jsonb_populate_record(t, '{"local_date": "2032-01-01"}')).*
      FROM tenant_daily_metrics t
     WHERE local_date = '2026-01-01'
    """,
)
OTHERS = """
    SELECT count(*)
      FROM pg_stat_activity
     WHERE datname = current_database()
       AND pid <> pg_backend_pid()
       AND backend_type = 'client backend'
"""


MARK_ALL = """
    INSERT INTO metric_marks (tenant_id, user_id, local_date)
    SELECT DISTINCT tenant_id, user_id, local_date
      FROM health_events
"""


@pytest.fixture(scope="module")
def crowd(django_db_setup: None, django_db_blocker: Any, database_url: str) -> Iterator[list[User]]:
    with django_db_blocker.unblock(), scratch_database(is_copy=False, url=database_url):
        call_command("migrate", verbosity=0)
        tenant = make_tenant()
        everybody = [make_user(tenant) for _ in range(CROWD)]
        rows(FILL)
        # Ids of one millisecond come in any order; the commands go by them.
        yield sorted(everybody, key=lambda user: user.id)


@pytest.fixture
def people(crowd: list[User], django_db_blocker: Any) -> Iterator[list[User]]:
    """Committed people with three days each, all folded."""
    with django_db_blocker.unblock():
        rows("TRUNCATE user_daily_metrics, tenant_daily_metrics, metric_marks, metric_rebuilds")
        rows(MARK_ALL)
        metrics.fold()
        yield crowd


@pytest.fixture
def scratch_url(people: list[User], database_url: str) -> str:
    return f"{database_url} dbname={connection.settings_dict['NAME']}"


def run(name: str, *words: str) -> tuple[int, str]:
    """Run a command here; answer how it ended, and what it said on standard output."""
    out, code = StringIO(), 0
    try:
        call_command(name, *words, stdout=out, stderr=StringIO())
    except SystemExit as end:
        code = int(str(end.code))
    return code, out.getvalue()


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "manage.py", "rebuild_metrics", *words],
        cwd=Path(settings.ROOT),
        env=os.environ | installation(0),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def damage(user: User) -> None:
    for statement in DAMAGE:
        rows(statement, [user.id])


def figures() -> tuple[list[Any], list[Any]]:
    return (
        rows("SELECT s::text FROM user_daily_metrics s ORDER BY 1"),
        rows("SELECT t::text FROM tenant_daily_metrics t WHERE person_count <> 0 ORDER BY 1"),
    )


def test_find_nothing_to_replace_where_all_is_folded(people):
    before = figures()

    assert run("verify_metrics") == (0, f"The figures of {CROWD} people are what the log says.\n")
    assert run("rebuild_metrics") == (
        0,
        f"{CROWD} people: all of {3 * CROWD} days stood as the log says.\n",
    )
    assert figures() == before


def test_name_what_differs_without_its_values(people):
    damage(people[5])

    code, said = run("verify_metrics")

    assert code == 1
    her = f"user {people[5].id}"
    assert f"{her}, 2026-01-01: event_count, latest_mood\n" in said
    assert f"{her}, 2026-01-02: the whole day is missing\n" in said
    assert f"{her}, 2031-01-01: the whole day should not be there\n" in said
    assert f"tenant {people[5].tenant_id}, 2026-01-01: event_count\n" in said
    assert str(people[4].id) not in said
    assert "DAMAGED" not in said
    assert "987654321" not in said


def test_name_no_more_than_fifty(people):
    rows("DELETE FROM user_daily_metrics")

    code, said = run("verify_metrics")

    assert code == 1
    assert said.count(": the whole day is missing\n") == 50
    assert f"… and {3 * CROWD - 50} more.\n" in said


def test_compare_one_person_alone(people):
    damage(people[5])

    assert run("verify_metrics", "--person", str(people[5].id))[0] == 1
    assert run("verify_metrics", "--person", str(people[4].id))[0] == 0


def test_do_not_take_waiting_days_for_faults(people):
    rows("DELETE FROM user_daily_metrics WHERE user_id = %s", [people[0].id])
    rows(
        "INSERT INTO metric_marks (tenant_id, user_id, local_date)"
        " SELECT DISTINCT tenant_id, user_id, local_date FROM health_events WHERE user_id = %s",
        [people[0].id],
    )

    assert run("verify_metrics")[0] == 0


def test_repair_whatever_was_done_to_either_table(people):
    before = figures()
    for user in people[::7]:
        damage(user)
    for statement in TENANT_DAMAGE:
        rows(statement)

    assert run("verify_metrics")[0] == 1
    assert run("rebuild_metrics")[0] == 0

    assert figures() == before
    assert run("verify_metrics")[0] == 0


def test_repair_one_person_and_the_sums(people):
    before = figures()
    damage(people[5])

    code, said = run("rebuild_metrics", "--person", str(people[5].id))

    assert code == 0
    assert said.startswith("1 person: ")
    assert figures() == before


def test_fill_emptied_tables(people):
    before = figures()
    rows("TRUNCATE user_daily_metrics, tenant_daily_metrics")

    code, said = run("rebuild_metrics")

    assert code == 0
    assert f"of {3 * CROWD:,} days" in said
    assert figures() == before
    assert run("verify_metrics")[0] == 0


@pytest.mark.parametrize("command", ["rebuild_metrics", "verify_metrics"])
def test_refuse_somebody_unknown(people, command):
    with pytest.raises(CommandError, match="no person with this id"):
        call_command(command, person=uuid.uuid4())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_end_a_portion_when_asked_to_stop_and_go_on_there(people, scratch_url, number):
    before = figures()
    for user in people:
        damage(user)

    with psycopg.connect(scratch_url) as holder:
        held_in_the_third_portion(holder, people)
        running = start()
        wait_until_blocked(scratch_url, 1)
        running.send_signal(number)
        holder.rollback()
        out, said = running.communicate(timeout=60)

    done = 3 * metrics.PEOPLE
    assert running.returncode == 128 + number
    assert out == ""
    assert f"Stopped after {done} people. Run `manage.py rebuild_metrics` again to go on" in said
    assert MetricRebuild.objects.get(finished_at=None).position == people[done - 1].id
    assert run("verify_metrics", "--person", str(people[done - 1].id))[0] == 0
    assert run("verify_metrics", "--person", str(people[done].id))[0] == 1

    again = start()
    out, said = again.communicate(timeout=60)

    assert again.returncode == 0
    assert f"Going on after {done} people." in said
    assert out.startswith(f"{CROWD} people: ")
    assert figures() == before


def test_go_on_after_the_last_whole_portion_when_killed(people, scratch_url):
    before = figures()
    for user in people:
        damage(user)

    with psycopg.connect(scratch_url) as holder:
        held_in_the_third_portion(holder, people)
        running = start()
        wait_until_blocked(scratch_url, 1)
        running.kill()
        running.communicate(timeout=60)
    # The server notices as soon as it has something to answer.
    wait_until(lambda: rows(OTHERS) == [(0,)], seconds=30)

    done = 2 * metrics.PEOPLE
    assert MetricRebuild.objects.get(finished_at=None).position == people[done - 1].id
    again = start()
    _, said = again.communicate(timeout=60)
    assert again.returncode == 0
    assert f"Going on after {done} people." in said
    assert figures() == before


def test_begin_anew_when_told_to(people):
    stopped = metrics.rebuild(is_new=False)
    for _ in range(3):
        next(stopped)
    stopped.close()
    damage(people[0])

    _, said = run("rebuild_metrics", "--restart")

    assert said.startswith(f"{CROWD} people: ")
    assert run("verify_metrics")[0] == 0
    assert not MetricRebuild.objects.filter(finished_at=None).exists()


def test_let_one_run_at_a_time(people, scratch_url):
    for user in people:
        damage(user)

    with psycopg.connect(scratch_url) as holder:
        held_in_the_third_portion(holder, people)
        first = start()
        wait_until_blocked(scratch_url, 1)
        second = start()
        _, said = second.communicate(timeout=60)
        holder.rollback()
        first.communicate(timeout=60)

    assert second.returncode == 1
    assert "Another rebuild is running. Wait until it has ended." in said
    assert first.returncode == 0
    assert run("verify_metrics")[0] == 0


def held_in_the_third_portion(holder: psycopg.Connection[Any], people: list[User]) -> None:
    """Keep a rebuild from replacing a day of somebody in the third portion."""
    one = people[2 * metrics.PEOPLE + 3]
    holder.execute("SELECT FROM user_daily_metrics WHERE user_id = %s FOR UPDATE", [one.id])
