"""Postgres and Valkey of a running server stop, and start again where they were."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from django.conf import settings

from config.dev import postgres, valkey
from config.dev.processes import wait_until
from tests.web import web

KEY = "enhanced_error_handling"
STALE = "flags are stale"
SWITCH = f"""
from django.utils import timezone
from flags import services
actor = services.Actor("tester@example.com")
services.{{verb}}_flag(key="{KEY}", actor=actor, reason="A test.", now=timezone.now())
"""
PERSON = {"email": "olga@example.com", "password": "never-said-before-7", "nickname": "Olga"}


class Installation:
    """Servers, a web process, and a person who asks for a flag."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.addresses: dict[str, str] = {}
        self.url, self.headers = "", {"Content-Type": "application/json"}
        self.asked = 0

    def start(self) -> None:
        self.addresses = {
            "DATABASE_URL": postgres.start(self.folder, durable=False),
            "REDIS_URL": valkey.start(self.folder),
        }

    def stop(self) -> None:
        valkey.stop(self.folder)
        postgres.stop(self.folder)

    def discard(self) -> None:
        valkey.discard(self.folder)
        postgres.discard(self.folder)

    def manage(self, *words: str) -> None:
        command = [sys.executable, "manage.py", *words]
        subprocess.run(command, check=True, cwd=settings.ROOT, env=os.environ | self.addresses)  # noqa: S603

    def post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(  # noqa: S310
            self.url + path, json.dumps(body).encode(), self.headers
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return json.load(response)

    def ask(self) -> tuple[bool, bool]:
        """Give the flag's value and whether it is stale."""
        self.asked += 1
        answer = self.post(f"/ofrep/v1/evaluate/flags/{KEY}", {"context": {}})
        return answer["value"], answer["metadata"].get("stale", False)

    def counted(self) -> int:
        with psycopg.connect(self.addresses["DATABASE_URL"]) as own:
            rows = own.execute(
                "SELECT evaluations FROM feature_flag_counts WHERE flag_name = %s", [KEY]
            ).fetchall()
        return sum(number for (number,) in rows)

    def log(self) -> str:
        """Read what the web process wrote."""
        return (self.folder / f"{urlsplit(self.url).port}.log").read_text()

    def send(self, number: int) -> None:
        """Send a signal to Postgres, all its processes: a server that hangs answers nobody."""
        pid = int((postgres.where(self.folder) / "data" / "postmaster.pid").read_text().split()[0])
        postmaster = psutil.Process(pid)
        for process in (postmaster, *postmaster.children()):
            process.send_signal(number)


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="novara-outage-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # So that, started by root, PostgreSQL's user can pass through.
        found = Installation(folder)
        try:
            found.start()
            found.manage("migrate", "--verbosity", "0")
            with web(folder, broker=0, **found.addresses) as found.url:
                answer = found.post("/api/v2/auth/signup", PERSON)
                found.headers["Authorization"] = f"Bearer {answer['access_token']}"
                yield found
        finally:
            found.discard()


def test_goes_on_while_postgres_and_valkey_are_away(installation):
    assert installation.ask() == (True, False)
    installation.stop()
    assert wait_until(lambda: installation.ask() == (True, True), seconds=10)

    installation.start()

    assert wait_until(lambda: installation.ask() == (True, False), seconds=5)
    assert wait_until(lambda: installation.counted() == installation.asked, seconds=10)


def test_knows_what_changed_once_they_are_back(installation):
    installation.stop()
    installation.start()

    installation.manage("shell", "-v", "0", "-c", SWITCH.format(verb="kill"))
    assert wait_until(lambda: installation.ask() == (False, False), seconds=5)
    installation.manage("shell", "-v", "0", "-c", SWITCH.format(verb="restore"))

    assert wait_until(lambda: installation.ask() == (True, False), seconds=5)


def test_goes_on_while_postgres_hangs(installation):
    assert wait_until(lambda: installation.ask() == (True, False), seconds=10)
    before = installation.log().count(STALE)
    installation.send(signal.SIGSTOP)
    try:
        # Whoever asks before would wait for the database, as all requests do.
        assert wait_until(lambda: installation.log().count(STALE) > before, seconds=30)
        assert installation.ask() == (True, True)
    finally:
        installation.send(signal.SIGCONT)

    assert wait_until(lambda: installation.ask() == (True, False), seconds=5)
    assert wait_until(lambda: installation.counted() == installation.asked, seconds=10)
