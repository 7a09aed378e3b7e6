"""`manage.py verify_deployment` against real servers: Novara's web processes, and others."""

import json
import os
import re
import secrets
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.conf import settings
from django.core.management import CommandError, call_command

from accounts.models import User
from config.dev.processes import last_lines, wait_until
from health import storage
from tests import web as servers
from tests.flag_sets import Flags

BROKER = 9
WORKER = (
    *("celery", "-A", "config", "worker", "-Q", "default,documents,metrics", "--pool", "solo"),
    *("--beat", "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "-n", "verify@it"),
)
MOVED = (
    b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://novara.example/livez\r\n"
    b"Content-Type: text/html\r\nContent-Length: 0\r\n\r\n"
)
NOT_HTTP = b"SSH-2.0-OpenSSH_9.6\r\n"


@dataclass(frozen=True)
class Verdict:
    """How the command ended, and what it said."""

    code: int
    out: str
    report: dict[str, Any]

    def results(self, result: str) -> dict[str, str]:
        checks = self.report["checks"]
        return {check["check"]: check["reason"] for check in checks if check["result"] == result}


Verify = Callable[..., Verdict]


@pytest.fixture
def verify(committed_db: None, tmp_path: Path) -> Verify:
    """Call the command, beside the database of the server."""

    def run(url: str, *options: str) -> Verdict:
        path, out = tmp_path / "report.json", StringIO()
        code = 0
        try:
            call_command(
                "verify_deployment", "--url", url, "--json", str(path), *options, stdout=out
            )
        except SystemExit as end:
            code = int(end.code or 0)
        return Verdict(code, out.getvalue(), json.loads(path.read_text()))

    return run


@pytest.fixture
def verify_from_elsewhere(committed_db: None, tmp_path: Path) -> Verify:
    """Start the command on its own, with a database that is not the server's."""

    def run(url: str, database: str) -> Verdict:
        path = tmp_path / "report.json"
        done = subprocess.run(  # noqa: S603
            [
                *(sys.executable, "manage.py", "verify_deployment"),
                *("--url", url, "--json", str(path)),
            ],
            cwd=settings.ROOT,
            env=os.environ | {"DATABASE_URL": database},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            timeout=90,
        )
        return Verdict(done.returncode, done.stdout, json.loads(path.read_text()))

    return run


@pytest.fixture(scope="module")
def web(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., str]]:
    """Start web processes with these variables; they end with the module."""
    folder = tmp_path_factory.mktemp("web")
    with ExitStack() as stack:

        def start(**variables: str) -> str:
            return stack.enter_context(servers.web(folder, broker=BROKER, **variables))

        yield start


@pytest.fixture(scope="module")
def usual(web: Callable[..., str]) -> str:
    return web()


@pytest.fixture(scope="module")
def without_events(web: Callable[..., str], django_db_blocker: Any) -> Iterator[str]:
    """Health events are on, but for nobody here: no check waits for a worker."""
    with django_db_blocker.unblock():
        flags = Flags()
        flags.change(storage.FLAG, environment_restrictions=[settings.ENVIRONMENT])
        yield web(ENVIRONMENT="elsewhere")
        flags.change(storage.FLAG, environment_restrictions=[])


@pytest.fixture
def worker(usual: str, tmp_path: Path) -> Iterator[None]:
    """A worker that keeps the timetable too, as one process of its own."""
    schedule = ("-s", str(tmp_path / "schedule"))
    log = tmp_path / "worker.log"
    with (
        servers.process(log, *WORKER, *schedule, broker=BROKER),
        Celery(broker=servers.installation(BROKER)["REDIS_URL"], set_as_current=False) as app,
    ):
        ping = app.control.ping
        assert wait_until(lambda: bool(ping(timeout=0.5)), seconds=60), last_lines(log)
        yield


@contextmanager
def talker(words: bytes) -> Iterator[str]:
    """A server that says the same to everybody."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            self.wfile.write(words)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def throw_away_people() -> int:
    return User.objects.filter(email__endswith="@deployment.invalid").count()


def test_passes_a_whole_installation_and_leaves_nobody_behind(usual, worker, verify):
    verdict = verify(usual)

    assert verdict.results("FAILED") == verdict.results("skipped") == {}
    assert verdict.code == 0
    assert f"{verdict.report['passed']} passed, 0 failed, 0 skipped" in verdict.out
    assert verdict.report["passed"] == len(verdict.report["checks"]) > 40
    assert verdict.report["left_behind"] == []
    assert throw_away_people() == 0


def test_says_that_other_services_cannot_call(without_events, verify, settings):
    with talker(MOVED) as elsewhere:
        settings.PUBLIC_URL = elsewhere
        verdict = verify(without_events)

    reason = verdict.results("FAILED")["other services can call (PUBLIC_URL)"]
    assert "expected status 401" in reason
    assert "PUBLIC_URL" in reason


def test_says_that_no_worker_runs_and_checks_on(usual, verify):
    verdict = verify(usual)

    (reason,) = verdict.results("FAILED").values()
    assert verdict.code == 1
    assert "Does a worker run" in reason
    assert set(verdict.results("skipped")) == {"they miss the insight"}
    assert throw_away_people() == 0


def test_says_that_health_events_are_off_and_checks_the_rest(web, verify):
    url = web(USE_SCHEMA_V2="False", LEGACY_PASSWORDLESS_LOGIN="True")

    verdict = verify(url)

    (reason,) = verdict.results("FAILED").values()
    assert verdict.code == 1
    assert reason.startswith("GET /api/v2/status: expected status.schema_v2_enabled to be true")
    assert "USE_SCHEMA_V2 is off on the server" in reason
    assert "they come back as they were sent" in verdict.results("ok")
    skipped = verdict.results("skipped")
    assert skipped["the person has events"] == "It builds on “health events are on”."
    assert skipped["a wrong password is refused"].startswith("LEGACY_PASSWORDLESS_LOGIN is on")


def test_does_not_blame_a_server_where_only_some_people_have_events(without_events, verify):
    verdict = verify(without_events)

    assert verdict.code == 0
    assert "on for 0 percent of the people" in verdict.results("skipped")["the person has events"]


def test_says_that_the_secret_is_another_one_and_shows_neither(without_events, verify, tmp_path):
    secret, file = secrets.token_urlsafe(48), tmp_path / "secret"
    file.write_text(f"{secret}\n")

    verdict = verify(without_events, "--jwt-secret-file", str(file))

    ((check, reason),) = verdict.results("FAILED").items()
    assert verdict.code == 1
    assert check == "this JWT_SECRET is the server's"
    assert "expected status 200, came 403 (Invalid or expired token)" in reason
    assert "does not accept tokens signed with this JWT_SECRET" in reason
    said = verdict.out + json.dumps(verdict.report)
    assert not [word for word in (secret, settings.JWT_SECRET, "eyJ") if word in said]


def test_names_the_people_it_cannot_erase(without_events, verify_from_elsewhere):
    verdict = verify_from_elsewhere(without_events, os.environ["DATABASE_URL"])

    left = verdict.report["left_behind"]
    assert User.objects.filter(email__in=left).count() == len(left) == 2
    assert "in another database" in verdict.out
    for email in left:
        assert f"manage.py erase_person {email} --yes --reason" in verdict.out


def test_needs_no_database_of_its_own(without_events, verify_from_elsewhere):
    verdict = verify_from_elsewhere(without_events, "postgresql://nobody@127.0.0.1:1/nothing")

    assert verdict.code == 0
    assert len(verdict.report["left_behind"]) == 2


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("text/html", b"<html>Hi!", "expected JSON, came 200 (an HTML page)"),
        ("application/json", b'{"status":', "expected JSON, came 200 (broken JSON)"),
        ("application/json", b"[" * 100_000, "expected JSON, came 200 (broken JSON)"),
        ("application/json", b'[{"status":"ok"}]', "expected the key status in the answer"),
        ("application/json", b'{"status":["ok"]}', 'expected status to be "ok", came a list'),
    ],
)
def test_fails_a_server_that_is_something_else(verify, kind, body, said):
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"

    with talker(head.encode() + body) as url:
        verdict = verify(url)

    assert verdict.code == 1
    assert set(verdict.results("ok")) <= {"JSON is compact", "other sites are kept out"}
    assert said in verdict.results("FAILED")["it is alive (/livez)"]


def test_does_not_follow_a_server_that_sends_elsewhere(verify):
    with talker(MOVED) as url, pytest.raises(CommandError, match="give that as --url") as ended:
        verify(url)

    assert "sends to https://novara.example:" in str(ended.value)
    assert ended.value.returncode == 2


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("http://127.0.0.1:1", (), "no answer from http://127.0.0.1:1 (Connection refused)"),
        ("ftp://127.0.0.1", (), "Give --url as http://host or https://host"),
        ("127.0.0.1:8000", (), "Give --url as http://host or https://host"),
        ("http://127.0.0.1:1", ("--jwt-secret-file", "/no/such/file"), "/no/such/file"),
    ],
)
def test_ends_with_2_where_there_is_nothing_to_check(verify, url, options, said):
    with pytest.raises(CommandError, match=re.escape(said)) as ended:
        verify(url, *options)

    assert ended.value.returncode == 2


def test_ends_with_2_where_no_http_is_spoken(verify):
    with talker(NOT_HTTP) as url, pytest.raises(CommandError, match="is not HTTP") as ended:
        verify(url)

    assert ended.value.returncode == 2
