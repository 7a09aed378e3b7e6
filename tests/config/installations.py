"""Servers of PostgreSQL with an installation each, and what somebody types who looks after them."""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import override_settings
from environ import Env

from config.dev import postgres
from config.dev.processes import last_lines, wait_until
from tests.web import WEB, answers, free_port, process

# As `make run` starts it; beat is inside.
WORKER = (
    *("celery", "-A", "config", "worker", "--beat", "--pool", "prefork", "-c", "2"),
    *("-Q", "default,metrics,documents", "--loglevel", "WARNING"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)


@dataclass(frozen=True)
class Installation:
    """A database, and folders with its documents and with the copies of its checkpoints."""

    home: Path
    database: str

    @property
    def files(self) -> Path:
        return self.home / "documents"

    @property
    def mirror(self) -> Path:
        return self.home / "audit"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database,
            "DOCUMENT_STORAGE": str(self.files),
            "AUDIT_MIRROR": str(self.mirror),
        }

    def manage(self, *words: str, fails: bool = False) -> str:
        """Run a command to its end; give what it said."""
        done = subprocess.run(  # noqa: S603
            [sys.executable, "manage.py", *words],
            check=False,
            cwd=settings.ROOT,
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert bool(done.returncode) is fails, done.stdout
        return done.stdout

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Lead this process to the database and to the files."""
        own: dict[str, Any] = Env.db_url_config(self.database)
        usual = dict(connection.settings_dict)
        here = {"HOST": own["OPTIONS"]["host"], "NAME": own["NAME"], "USER": own["USER"]}
        folders: dict[str, Any] = deepcopy(settings.STORAGES)
        folders["documents"]["OPTIONS"]["location"] = self.files
        folders["audit"]["OPTIONS"]["location"] = self.mirror
        connection.close()
        connection.settings_dict.update(here)
        try:
            with override_settings(STORAGES=folders):
                yield
        finally:
            connection.close()
            connection.settings_dict.update(usual)

    def call(self, *words: Any, fails: bool = False) -> str:
        """Run a command in this process, which is quicker."""
        said = StringIO()
        with self.opened():
            refusal: BaseException | None = None
            try:
                call_command(*words, stdout=said, stderr=said)
            except (CommandError, SystemExit) as error:
                refusal = error
        assert bool(refusal) is fails, f"{said.getvalue()}{refusal}"
        return f"{said.getvalue()}{refusal or ''}"

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database, autocommit=True) as server:
            cursor = server.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, query: str, *parameters: Any) -> Any:
        ((value,),) = self.rows(query, *parameters)
        return value

    @contextmanager
    def copy(self) -> Iterator["Installation"]:
        """Copy the database within its server, and the files, so that they can be spoiled."""
        name, home = f"copy_{uuid.uuid4().hex}", Path(mkdtemp(prefix="novara-test-"))
        own = urlsplit(self.database)
        # Who makes the copy must not be connected to the original.
        elsewhere = own._replace(path="/postgres").geturl()
        replace(self, database=elsewhere).rows(
            f"CREATE DATABASE {name} TEMPLATE {own.path.strip('/')}"
        )
        for folder in (self.files, self.mirror):
            shutil.copytree(folder, home / folder.name)
        copied = replace(self, home=home, database=own._replace(path=f"/{name}").geturl())
        try:
            yield copied
        finally:
            shutil.rmtree(home)

    @contextmanager
    def running(self, *, broker: int) -> Iterator[str]:
        """Run web, worker and beat; give the address."""
        port, log = free_port(), self.home / "web.log"
        web = (*WEB, "--port", str(port))
        worker = (*WORKER, "-s", str(self.home / "beat"))
        with (
            process(log, *web, broker=broker, **self.environment) as server,
            process(self.home / "worker.log", *worker, broker=broker, **self.environment),
        ):
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: server.poll() is not None or answers(url), seconds=60)
            assert answers(url), last_lines(log, 30)
            yield url


@contextmanager
def installation() -> Iterator[Installation]:
    """Start a new server of PostgreSQL, with an empty database; stop and delete it in the end."""
    home = Path(mkdtemp(prefix="novara-test-"))
    home.chmod(0o711)
    for name in ("documents", "audit"):
        (home / name).mkdir()
    try:
        yield Installation(home, postgres.start(home, durable=False))
    finally:
        postgres.discard(home)
        shutil.rmtree(home)
