"""The agent of a process: fresh flags, and tallies that reach the database."""

import os
import signal
import subprocess
import sys
import threading
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from config.dev.processes import last_lines, wait_until
from flags import agent, counting, outcomes, rules, services
from flags.models import FeatureFlagCount, FeatureFlagRamp, FlagRuleSet
from flags.types import Definition
from tests.conftest import token_of
from tests.factories import make_user
from tests.web import WEB, answers, free_port, installation, process

BROKER = 13
TESTER = services.Actor("tester@example.com")


@pytest.fixture
def key() -> str:
    return f"watched-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def running(committed_db: None) -> Iterator[None]:
    before = rules.replace(None)
    agent.start()
    yield
    agent.stop()
    counting.forget()
    outcomes.forget()
    rules.replace(before)
    connection.close()


def make(key: str) -> None:
    definition = Definition(key=key, salt=key, is_enabled=True)
    services.create_flag(definition=definition, actor=TESTER, now=timezone.now())


def counted(key: str) -> int:
    return sum(row.evaluations for row in FeatureFlagCount.objects.filter(flag_name=key))


def agents() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return sorted(name for name in names if name.startswith("flags-"))


def test_hears_of_a_change_without_asking(key, monkeypatch, running):
    monkeypatch.setattr(agent, "CHECK_SECONDS", 600)
    # What it had begun to wait for before.
    wait_until(lambda: rules.current().version > 0, seconds=10)
    agent.stop()
    agent.start()
    make(f"{key}-first")
    wait_until(lambda: f"{key}-first" in rules.current().flags, seconds=10)

    make(key)

    assert wait_until(lambda: key in rules.current().flags, seconds=10)


def test_asks_for_the_version_where_nobody_tells(running):
    before = rules.current().version

    FlagRuleSet.objects.update(version=before + 1)

    assert wait_until(lambda: rules.current().version == before + 1, seconds=10)


def test_sends_what_was_counted(key, running):
    make(key)
    wait_until(lambda: key in rules.current().flags, seconds=10)

    services.is_on(key, uuid.uuid4(), default=False)

    assert wait_until(lambda: counted(key) == 1, seconds=10)


def test_sends_the_rest_when_it_stops(key, running):
    make(key)
    wait_until(lambda: key in rules.current().flags, seconds=10)

    services.is_on(key, uuid.uuid4(), default=False)
    agent.stop()

    assert counted(key) == 1
    assert agents() == []


def test_starts_once(running):
    agent.start()

    assert agents() == ["flags-talk", "flags-watch"]


def test_is_fresh_again_after_its_connection_broke(key, running):
    wait_until(lambda: rules.current().version > 0, seconds=10)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query = ANY(%s) AND datname = current_database()",
            [[rules.VERSION, outcomes.GUARDED, agent.LISTEN]],
        )
        assert cursor.rowcount

    make(key)

    assert wait_until(lambda: key in rules.current().flags and not rules.is_stale(), seconds=10)


def test_watches_ramps_that_are_guarded_and_run(key, running):
    ramp = FeatureFlagRamp.objects.create(
        flag_name=key, steps=[], starts_at=timezone.now(), state=FeatureFlagRamp.State.RUNNING
    )

    assert wait_until(lambda: key in outcomes.guarded, seconds=10)
    ramp.state = FeatureFlagRamp.State.PAUSED
    ramp.save()
    assert wait_until(lambda: key not in outcomes.guarded, seconds=10)


FORKS = """
import os, sys, uuid
import django
django.setup()
from flags import agent, services

agent.start()
for _ in range(2):
    services.is_on(sys.argv[1], uuid.uuid4(), default=False)
child = os.fork()
if not child:
    agent.start()
    for _ in range(3):
        services.is_on(sys.argv[1], uuid.uuid4(), default=False)
    agent.stop()
    os._exit(0)
os.waitpid(child, 0)
"""


def test_counts_in_parent_and_child_what_each_took(key, committed_db):
    make(key)

    subprocess.run(  # noqa: S603
        [sys.executable, "-c", FORKS, key],
        check=True,
        cwd=settings.ROOT,
        env=environment(),
        timeout=60,
    )

    assert counted(key) == 5


BY_MULTIPROCESSING = """
import multiprocessing, sys, uuid
import django
django.setup()
from flags import agent, services

def work():
    agent.start()
    services.is_on(sys.argv[1], uuid.uuid4(), default=False)

process = multiprocessing.get_context("fork").Process(target=work)
process.start()
process.join()
"""


def test_sends_the_rest_when_a_process_ends_that_a_server_made(key, committed_db):
    make(key)

    subprocess.run(  # noqa: S603
        [sys.executable, "-c", BY_MULTIPROCESSING, key],
        check=True,
        cwd=settings.ROOT,
        env=environment(),
        timeout=60,
    )

    assert counted(key) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_sends_the_rest_when_the_web_server_ends(number, key, committed_db, tmp_path):
    make(key)
    headers = {"Authorization": f"Bearer {token_of(make_user())}"}
    with server(tmp_path, *WEB) as (running, url):
        post(f"{url}/ofrep/v1/evaluate/flags/{key}", headers)
        running.send_signal(number)
        running.wait(30)

        assert counted(key) == 1


def environment() -> dict[str, str]:
    return os.environ | installation(0) | {"DJANGO_SETTINGS_MODULE": "config.settings"}


@contextmanager
def server(folder: Path, *command: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = free_port()
    url, log = f"http://127.0.0.1:{port}", folder / f"{port}.log"
    with process(log, *command, "--port", str(port), broker=BROKER) as running:
        wait_until(lambda: running.poll() is not None or answers(url), seconds=60)
        assert answers(url), last_lines(log, 30)
        yield running, url


def post(url: str, headers: dict[str, str]) -> None:
    told = {"Content-Type": "application/json", **headers}
    with urllib.request.urlopen(urllib.request.Request(url, b"{}", told), timeout=10):  # noqa: S310
        pass
