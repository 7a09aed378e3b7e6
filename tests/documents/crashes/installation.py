"""An installation of its own: durable servers, a web process and workers that are killed for real."""

import contextlib
import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError
from psycopg.rows import dict_row
from redis import Redis

from config.dev import postgres, valkey
from config.dev.processes import end, last_lines, wait_until, with_variable
from tests.documents.crashes.gates import GATES, Gates
from tests.web import WEB, answers, free_port

PATIENCE = 60
LEASE_SECONDS = 2
WORKER = (
    *("celery", "-A", "config", "worker", "--pool", "prefork", "--loglevel", "WARNING"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)
MARK = "NOVARA_CRASHES"
HURRY = """
UPDATE documents
   SET due_at = clock_timestamp()
 WHERE leased_by = ''
   AND status IN ('processing', 'chunking', 'embedding')
   AND due_at > clock_timestamp()
"""
_endings = itertools.count()


class Program:
    """One of our programs, in a process group of its own."""

    def __init__(self, log: Path, variables: dict[str, str], *command: str) -> None:
        with log.open("ab") as output:
            self.main = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", *command],
                cwd=settings.ROOT,
                env=variables,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.log = log
        self.processes = 1

    def send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.main.pid, number)

    def kill(self) -> None:
        """The whole group at once, as if the machine were gone."""
        self.send(signal.SIGKILL)
        self.main.wait()


def kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    assert wait_until(lambda: all(map(is_gone, processes)), seconds=PATIENCE)


def is_gone(process: psutil.Process) -> bool:
    """Also when nobody has waited for it yet, which may take its new parent a while."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True


def has_begun(parser: psutil.Process) -> bool:
    """Tell whether it has tied itself to its parent: just after that, it offers itself as victim."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{parser.pid}/oom_score_adj").read_text() == "1000\n"
    return False


class Installation:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.storage = folder / "documents"
        self.temporary = folder / "tmp"
        self.variables: dict[str, str] = {}
        self.programs: dict[str, Program] = {}
        self.url = ""
        self._connection: psycopg.Connection[Any] | None = None

    # The servers

    def start(self) -> None:
        self.storage.mkdir()
        self.temporary.mkdir()
        self.variables = os.environ | {
            "DOCUMENT_STORAGE": str(self.storage),
            "DOCUMENT_LEASE_SECONDS": str(LEASE_SECONDS),
            "TMPDIR": str(self.temporary),
            MARK: str(self.folder),
        }
        self.start_servers()
        self.manage("migrate", "--verbosity", "0")
        self.sql(GATES)

    def manage(self, *words: str) -> None:
        command = [sys.executable, "manage.py", *words]
        subprocess.run(command, check=True, cwd=settings.ROOT, env=self.variables)  # noqa: S603

    def start_servers(self) -> None:
        """Start what does not run; the addresses stay."""
        self.variables["DATABASE_URL"] = postgres.start(self.folder)
        self.variables["REDIS_URL"] = valkey.start(self.folder)

    def discard(self) -> None:
        end(with_variable(MARK, str(self.folder)), grace=0)
        for kill_server in (self.kill_valkey, self.kill_postgres):
            with contextlib.suppress(FileNotFoundError, psutil.Error):
                kill_server()
        valkey.discard(self.folder)
        postgres.discard(self.folder)

    def postgres(self) -> psutil.Process:
        home = postgres.where(self.folder) / "data" / "postmaster.pid"
        return psutil.Process(int(home.read_text().split()[0]))

    def valkey(self) -> psutil.Process:
        return psutil.Process(int((self.folder / "valkey" / "pid").read_text()))

    def kill_postgres(self) -> None:
        """All of its processes: nobody is left to tell clients or to write anything."""
        postmaster = self.postgres()
        kill([postmaster, *postmaster.children()])

    def kill_valkey(self) -> None:
        kill([self.valkey()])

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.variables["DATABASE_URL"], autocommit=True)

    def sql(self, statement: Any, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run a statement as the owner; again with a new connection, if the server was away."""
        for _ in range(2):
            if self._connection is None or self._connection.closed:
                self._connection = self.connect()
            try:
                cursor = self._connection.execute(statement, parameters or None)
                return [] if cursor.description is None else cursor.fetchall()
            except psycopg.OperationalError:
                self._connection.close()
        raise AssertionError("Postgres ends connections.")

    def rows(self, model: type[Any], document: str) -> list[Any]:
        """Read the rows of a document; they are for looking at, not for saving."""
        statement = f"SELECT * FROM {model._meta.db_table} WHERE document_id = %s"
        with self.connect() as own:
            found = own.cursor(row_factory=dict_row).execute(statement.encode(), [document])
            return [model(**row) for row in found]

    # The programs

    def run(
        self, name: str, *command: str, variables: Mapping[str, str] = MappingProxyType({})
    ) -> Program:
        assert name not in self.programs
        log = self.folder / "logs" / f"{name}.log"
        self.programs[name] = Program(log, {**self.variables, **variables}, *command)
        return self.programs[name]

    def start_web(self) -> None:
        self.url = self.url or f"http://127.0.0.1:{free_port()}"
        program = self.run("web", *WEB, "--port", str(urlsplit(self.url).port))
        up = wait_until(lambda: answers(self.url), seconds=PATIENCE)
        assert up, last_lines(program.log, 30)

    def start_others(self) -> None:
        """A worker for everything but documents, and the clock."""
        schedule = self.folder / "schedule"
        queues = ("-Q", "default,metrics", "-c", "1", "-n", "others@test")
        self.run("others", *WORKER, *queues, "-B", "-s", str(schedule))

    def start_worker(
        self,
        variables: Mapping[str, str] = MappingProxyType({}),
        *,
        name: str = "documents",
        processes: int = 3,
    ) -> Program:
        command = (*WORKER, "-Q", "documents", "-c", str(processes), "-n", f"{name}@test")
        program = self.run(name, *command, variables=variables)
        program.processes = processes
        return program

    def need_worker(self, processes: int) -> None:
        """So many documents will stand somewhere at once."""
        if self.programs["documents"].processes < processes:
            self.kill_worker()
            self.start_worker(processes=processes)

    def kill_worker(self, name: str = "documents") -> None:
        self.programs.pop(name).kill()

    def kill_web(self) -> None:
        self.programs.pop("web").kill()

    def tidy(self) -> None:
        """Leave the next test what it expects, however this one ended."""
        for name in set(self.programs) - {"web", "others", "documents"}:
            self.kill_worker(name)
        self.restore()
        self.sql(
            "UPDATE documents SET status = 'cancelled', fence = fence + 1, leased_by = ''"
            " WHERE status NOT IN ('completed', 'failed', 'cancelled')"
        )

    def restore(self) -> None:
        """Start what was killed."""
        self.start_servers()
        if "documents" not in self.programs:
            self.start_worker()
        if "web" not in self.programs:
            self.start_web()

    @contextlib.contextmanager
    def gates(self) -> Iterator[Gates]:
        with contextlib.suppress(psycopg.OperationalError), self.connect() as own:
            yield Gates(own)

    # What runs

    def parsers(self, document: str = "") -> list[psutil.Process]:
        """Find the children that read this document, or any of ours, whoever their parent is."""
        path = str(self.storage / "documents" / document)
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()
                if "documents.parsers.child" in words and path in words[-1]:
                    found.append(process)
        return found

    def stop_parser(self, document: str) -> psutil.Process:
        """Stop the child that reads a document, as soon as it has begun."""
        found: list[psutil.Process] = []

        def is_stopped() -> bool:
            found[:] = filter(has_begun, self.parsers(document))
            for process in found:
                process.send_signal(signal.SIGSTOP)
            return bool(found)

        assert wait_until(is_stopped, seconds=PATIENCE, pause=0.001), self.state()
        return found[0]

    def holder(self, document: str) -> int:
        """Give the number of the worker's process that has a document."""
        [(worker,)] = self.sql("SELECT leased_by FROM documents WHERE id = %s", [document])
        return int(worker.partition(":")[2])

    def said(self, document: str, name: str = "documents") -> list[str]:
        """Read what a worker logged about a document: how each step ended."""
        lines = (self.folder / "logs" / f"{name}.log").read_text().splitlines()
        told = [json.loads(line) for line in lines if f'"{document}"' in line]
        return [line["outcome"] for line in told if "outcome" in line]

    # What clients say

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else None
        finally:
            connection.close()

    def sign_up(self) -> "Person":
        email = f"{uuid.uuid4().hex[:12]}@example.com"
        words = {"email": email, "password": "never-said-before-7", "nickname": "Olga"}
        status, answer = self.call(
            "POST",
            "/api/v2/auth/signup",
            json.dumps(words).encode(),
            {"Content-Type": "application/json"},
        )
        assert status == 201, answer
        return Person(self, answer["access_token"])

    def send_task(self, name: str, queue: str = "default") -> None:
        """Send a message past the clock; without a broker, nothing."""
        with contextlib.suppress(OperationalError):
            app = Celery(broker=self.variables["REDIS_URL"], set_as_current=False)
            with app.connection_for_write() as connection:
                app.send_task(name, queue=queue, connection=connection, retry=False, expires=5)

    def empty_queue(self, name: str) -> None:
        with Redis.from_url(self.variables["REDIS_URL"]) as broker:
            broker.delete(name)

    # Waiting

    def wait(self, condition: Callable[[], bool]) -> bool:
        return wait_until(condition, seconds=PATIENCE, pause=0.1)

    def until(self, condition: Callable[[], bool], *, is_hurried: bool = False) -> None:
        """Wait, with the watchdog looking about more often than by the clock.

        `is_hurried`: what waits for another try has waited for long enough.
        """
        deadline = time.monotonic() + PATIENCE
        while not wait_until(condition, seconds=0.4):
            assert time.monotonic() < deadline, self.state()
            if is_hurried:
                self.sql(HURRY)
            self.send_task("documents.tasks.watch")

    def state(self) -> str:
        """Say what everything looks like, for a test that waited in vain."""
        rows = self.sql(
            "SELECT original_filename, status, fence, leased_by, tries, losses, error_code,"
            " error_message, due_at - clock_timestamp() FROM documents"
            " WHERE status NOT IN ('completed', 'cancelled') ORDER BY id"
        )
        waits = self.sql(
            "SELECT pid, wait_event, state, left(query, 80) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND state <> 'idle'"
        )
        logs = [last_lines(program.log, 15) for program in self.programs.values()]
        return "\n".join([*map(str, rows), *map(str, waits), *logs])


class Person:
    """Somebody with documents."""

    def __init__(self, installation: Installation, token: str) -> None:
        self.installation = installation
        self.headers = {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str = "") -> tuple[int, Any]:
        return self.installation.call(method, f"/api/v2/documents{path}", headers=self.headers)

    def send(self, name: str, content: bytes) -> tuple[int, Any]:
        edge = "the-edge-of-a-part"
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
        kind = f"multipart/form-data; boundary={edge}"
        return self.installation.call(
            "POST", "/api/v2/documents", body, self.headers | {"Content-Type": kind}
        )

    def upload(self, name: str, content: bytes) -> str:
        """Send a file that they do not have yet, though its text is one they have."""
        status, answer = self.send(name, content + b"\n" * next(_endings))
        assert status == 201, answer
        return str(answer["id"])

    def read(self, document: str) -> Any:
        status, answer = self.call("GET", f"/{document}")
        assert status == 200, answer
        return answer

    def has_completed(self, documents: Iterable[str]) -> bool:
        statuses = {self.read(document)["status"] for document in documents}
        assert statuses.isdisjoint({"failed", "cancelled"}), self.installation.state()
        return statuses == {"completed"}
