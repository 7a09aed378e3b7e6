"""`run`: the whole service in front of your eyes, until Ctrl-C."""

import contextlib
import http.client
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from celery import Celery

from config.dev import postgres, services, valkey
from config.dev.processes import SetupError, last_lines, locked, port_is_free
from config.dev.progress import say, step
from config.dev.services import Service

READY_WITHIN = 90
WARM_SHUTDOWN = 12.0
SERVERS_EVERY = 2.0
LAST_PORT = 65_535
LONGEST_DEMO = 25


class StopRequestedError(Exception):
    """The user has asked to stop."""


class Wishes:
    """What signals have asked for. Handlers only take notes; whoever waits looks at them."""

    def __init__(self) -> None:
        self.stop = 0
        self.reload = False
        self._has_terminal = sys.stdout.isatty() and _terminal_is_there()
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_hangup)

    def _on_stop(self, *_: object) -> None:
        self.stop += 1

    def _on_hangup(self, *_: object) -> None:
        self.reload = True
        self.notice_terminal()

    def notice_terminal(self) -> None:
        """A closed terminal means stop. It sends the signal of a reload, or none at all to us."""
        if self._has_terminal and not _terminal_is_there():
            self._has_terminal = False
            self.stop += 1

    def pause(self, seconds: float = 0.1) -> None:
        if self.stop:
            raise StopRequestedError
        time.sleep(seconds)
        if self.stop:
            raise StopRequestedError


class Run:
    def __init__(self, folder: Path, host: str, first_port: int, up: Callable[[], dict[str, str]]):
        self.folder = folder
        self.host = host
        self.first_port = first_port
        self.up = up
        self.addresses: dict[str, str] = {}
        self.variables = services.variables_for(folder, folder / "run.env")
        self.services: list[Service] = []
        self.is_up = False
        self.wishes = Wishes()

    def __call__(self) -> int:
        with _only_one(self.folder):
            try:
                self._start()
                self._watch()
            except StopRequestedError:
                say("\nStopping …")
                return 0
            finally:
                self._stop()
        return 0

    def _start(self) -> None:
        if count := services.end_orphans(self.folder, grace=3):
            say(f"✓ ended {count} processes that a killed run had left behind")
        self.addresses = self.up()
        self._command("database migrated", "migrate", "--no-input")
        demo = self._command("demo data", "seed_demo")
        port = self._choose_port(self.first_port)
        if port != self.first_port:
            say(f"! port {self.first_port} is taken: taking {port} instead")
        stream_port = self._choose_port(port + 1)
        self.variables["NOVARA_STREAM_URL"] = self._base(stream_port)
        self.services = services.all_services(self.folder, self.host, port, stream_port)
        with step("web, stream, workers and beat answer"):
            for service in self.services:
                services.turn_over(service.log)
                service.start(self.variables)
            self._await("web", lambda: _answers(self.host, port, "/readyz"))
            self._await("stream", lambda: _answers(self.host, stream_port, "/livez"))
            for kind in ("worker", "documents"):
                self._await(kind, partial(self._worker_answers, kind))
            self._await("beat", lambda: True)
        self.is_up = True
        self._introduce(self._base(port), self._base(stream_port), demo)

    def _command(self, title: str, *arguments: str) -> str:
        """Run one manage.py command to its end; what it prints goes to a log and is returned."""
        log = self.folder / "logs" / f"{arguments[0]}.log"
        log.unlink(missing_ok=True)
        task = Service(title, [sys.executable, "manage.py", *arguments], log)
        with step(title):
            task.start(self.variables)
            try:
                while task.is_alive():
                    self.wishes.pause(0.05)
            finally:
                task.kill_group()
            if task.process is None or task.process.returncode:
                raise SetupError(
                    f"manage.py {' '.join(arguments)} failed:\n{last_lines(log, 20)}\n"
                    "Repair that, then make run again."
                )
        return log.read_text(errors="replace")

    def _choose_port(self, first: int) -> int:
        for port in range(first, min(first + 100, LAST_PORT + 1)):
            if port_is_free(self.host, port):
                return port
        raise SetupError(
            f"Neither port {first} nor the next hundred is free on {self.host}. "
            "Give another with PORT=…, or another address with HOST=…."
        )

    def _base(self, port: int) -> str:
        host = _reachable(self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def _await(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while True:
            self._look_after_services()
            if ready():
                return
            if time.monotonic() > deadline:
                raise SetupError(
                    f"{name} does not answer. Its last words:\n{self._last_words(name)}\n"
                    f"Repair what {self.folder}/logs/{name}.log says, then make run again."
                )
            self.wishes.pause()

    def _worker_answers(self, kind: str) -> bool:
        url = self.addresses.get("REDIS_URL") or os.environ["REDIS_URL"]
        name = services.worker_name(self.folder, kind)
        # Whatever fails, here or in the transport: it does not answer yet.
        with Celery(broker=url) as client, contextlib.suppress(Exception):
            return bool(client.control.ping(destination=[name], timeout=0.5))
        return False

    def _last_words(self, name: str) -> str:
        return last_lines(self.folder / "logs" / f"{name}.log")

    def _watch(self) -> None:
        checked = time.monotonic()
        while True:
            self.wishes.pause(0.2)
            self._look_after_services()
            if self.wishes.reload:
                self.wishes.reload = False
                self._reload()
            if time.monotonic() - checked > SERVERS_EVERY:
                checked = time.monotonic()
                self.wishes.notice_terminal()
                self._look_after_servers()

    def _look_after_services(self) -> None:
        for service in self.services:
            if service.is_alive():
                continue
            if service.due == 0:
                self._mourn(service)
            elif time.monotonic() >= service.due:
                service.due = 0
                service.start(self.variables)

    def _mourn(self, service: Service) -> None:
        code = service.process.returncode if service.process else None
        service.kill_group()
        if service.stopping:
            service.due = time.monotonic()
            return
        service.count_failure()
        say(f"\n! {service.name} ended (exit code {code}). Its last words:")
        say(last_lines(service.log))
        if service.failures > (services.ATTEMPTS if self.is_up else services.FIRST_ATTEMPTS):
            raise SetupError(
                f"{service.name} ended {service.failures} times in a row. "
                f"Repair what {service.log} says, then make run again."
            )
        say(f"  Starting it again in {service.due - time.monotonic():.0f} s.")

    def _look_after_servers(self) -> None:
        """An embedded server that is gone is started again; at a new address, all begin anew."""
        embedded = {"DATABASE_URL": postgres.runs, "REDIS_URL": valkey.runs}
        if all(embedded[name](self.folder) for name in self.addresses):
            return
        say("\n! an embedded server has ended: starting it again")
        before, self.addresses = self.addresses, self.up()
        if before != self.addresses:
            for service in self.services:
                service.stopping = True
                service.send(signal.SIGTERM)

    def _reload(self) -> None:
        """New settings without a refused request: servers change their workers one by one."""
        say("Reading the settings again …")
        for service in self.services:
            if service.name in ("web", "stream"):
                service.send(signal.SIGHUP)
            else:
                service.stopping = True
                service.send(signal.SIGTERM)

    def _introduce(self, base: str, streams: str, demo: str) -> None:
        lines = demo.strip().splitlines()
        if len(lines) > LONGEST_DEMO:
            lines = [f"Demo log-ins: {self.folder}/logs/seed_demo.log"]
        say(f"""
  Novara is running.

    API       {base}/api/v2/
    Docs      {base}/api/docs
    Admin     {base}/admin/
    Streams   {streams}/streams/
    Data      {postgres.where(self.folder) if "DATABASE_URL" in self.addresses else "DATABASE_URL"}
    Logs      {self.folder}/logs/
    Settings  {self.folder}/run.env   (kill -HUP {os.getpid()} reads it again)
""")
        for line in lines:
            say(f"    {line}")
        say(f"\n  Ctrl-C stops everything; data stays in {self.folder.name}/.\n")

    def _stop(self) -> None:
        """Ask all at once, wait, then insist; a second Ctrl-C insists at once."""
        for service in self.services:
            service.send(signal.SIGTERM)
        asked, deadline = self.wishes.stop, time.monotonic() + WARM_SHUTDOWN
        while any(service.is_alive() for service in self.services):
            if time.monotonic() > deadline or self.wishes.stop > max(asked, 1):
                break
            time.sleep(0.05)
        for service in self.services:
            service.kill_group()
            if service.process is not None:
                service.process.wait()
        services.end_orphans(self.folder, grace=1)
        valkey.stop(self.folder)
        postgres.stop(self.folder)
        say("Everything has stopped.")


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    try:
        with locked(folder / "run.lock", wait=False) as descriptor:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
            yield
    except BlockingIOError:
        raise SetupError(
            f"Novara is running already (process {running_pid(folder)}). "
            "Stop it with Ctrl-C there, or with make down."
        ) from None


def running_pid(folder: Path) -> int | None:
    """The process of the present run; None when there is none, whatever the file says."""
    path = folder / "run.lock"
    if not path.exists():
        return None
    try:
        with locked(path, wait=False):
            return None
    except BlockingIOError:
        text = path.read_text()
        return int(text) if text.isdigit() else None


def _terminal_is_there() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104


def _answers(host: str, port: int, path: str) -> bool:
    """Asked without urllib, which would go through a proxy that the environment names."""
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
