"""A whole installation of the proof's own: servers, and every process of `make run`."""

import contextlib
import http.client
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.dev import services, throwaway
from config.dev.processes import SetupError, last_lines, wait_until
from config.dev.services import Service
from tests.proof.ports import free_port

READY_WITHIN: Final = 90
# Of somebody's own installation; none of it must be touched.
FOREIGN: Final = ("DATABASE_URL", "REDIS_URL", "DOCUMENT_STORAGE", "NOVARA_TESTS")


@dataclass
class Installation:
    folder: Path
    web: str
    stream: str
    running: list[Service]

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    def stop_all(self) -> None:
        for service in self.running:
            service.send(signal.SIGTERM)
        wait_until(lambda: not any(one.is_alive() for one in self.running), seconds=20)
        for service in self.running:
            service.kill_group()

    def stop(self, name: str) -> None:
        for service in self.running:
            if service.name == name and service.process is not None:
                service.send(signal.SIGTERM)
                service.process.wait(20)


@contextlib.contextmanager
def servers() -> Iterator[Path]:
    """Start PostgreSQL and Valkey, and name them in the environment; give their folder."""
    for name in FOREIGN:
        os.environ.pop(name, None)
    with throwaway.servers() as variables:
        os.environ.update(variables)
        os.environ |= {
            "NOVARA_ENV_FILE": os.devnull,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "LOG_LEVEL": "INFO",
            # The proof asks faster than people may. Limits have tests of their own.
            "RATE_LIMITS": "False",
        }
        folder = Path(variables["DOCUMENT_STORAGE"]).parent
        (folder / "tmp").mkdir()
        os.environ["TMPDIR"] = str(folder / "tmp")
        tempfile.tempdir = None
        yield folder


@contextlib.contextmanager
def processes(folder: Path) -> Iterator[Installation]:
    port, stream_port = free_port(), free_port()
    web, stream = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{stream_port}"
    os.environ["STREAM_URL"] = stream
    variables = services.variables_for(folder, Path(os.devnull))
    migrate(folder, variables)
    running = services.all_services(folder, "127.0.0.1", port, stream_port)
    try:
        for service in running:
            service.start(variables)
        for service, url, path in zip(running[:2], (web, stream), ("readyz", "livez"), strict=True):
            _await(service, f"{url}/{path}")
        yield Installation(folder, web, stream, running)
    finally:
        Installation(folder, web, stream, running).stop_all()
        services.end_orphans(folder, grace=2)


def migrate(folder: Path, variables: dict[str, str]) -> None:
    log = folder / "logs" / "migrate.log"
    task = Service("migrate", [sys.executable, "manage.py", "migrate", "--no-input"], log)
    task.start(variables)
    if task.process is None or task.process.wait():
        raise SetupError(f"The migrations failed:\n{last_lines(log, 20)}\nRepair that first.")


def _await(service: Service, url: str) -> None:
    wait_until(lambda: not service.is_alive() or _answers(url), seconds=READY_WITHIN, pause=0.1)
    if not service.is_alive() or not _answers(url):
        said = last_lines(service.log, 20)
        raise SetupError(f"{service.name} does not answer:\n{said}\nRepair that first.")


def _answers(url: str) -> bool:
    _, _, place, path = url.split("/", 3)
    connection = http.client.HTTPConnection(place, timeout=5)
    try:
        connection.request("GET", f"/{path}")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
