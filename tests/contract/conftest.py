"""A running server to call over HTTP: Novara's own web process, or the one NOVARA_URL names."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from config.dev.processes import last_lines, port_is_free, wait_until
from tests.contract import calls

WEB = (
    *("granian", "config.wsgi:application", "--interface", "wsgi", "--host", "127.0.0.1"),
    *("--workers", "1", "--blocking-threads", "2", "--runtime-mode", "st", "--no-ws"),
)


def installation() -> dict[str, str]:
    """The test database, and a broker of its own: no other test's tasks are in it."""
    database, broker = urlsplit(os.environ["DATABASE_URL"]), urlsplit(os.environ["REDIS_URL"])
    name = settings.DATABASES["default"]["NAME"]
    return {
        "DATABASE_URL": database._replace(path=f"/{name}").geturl(),
        "REDIS_URL": broker._replace(path="/8").geturl(),
    }


def is_ready(url: str) -> bool:
    try:
        return calls.call(url, "GET", "/readyz").status == 200
    except OSError:
        return False


@contextmanager
def web(log: Path, **variables: str) -> Iterator[str]:
    """Run one web process with these variables; give its address."""
    # Below the range from which the system takes ports for outgoing connections.
    ports = random.sample(range(20_000, 32_000), 50)
    port = next(port for port in ports if port_is_free("127.0.0.1", port))
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", *WEB, "--port", str(port)],
            cwd=settings.ROOT,
            env=os.environ | installation() | variables,
            stdout=output,
            stderr=output,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        assert wait_until(lambda: is_ready(url), seconds=60), last_lines(log)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Webs:
    """Servers where an e-mail address alone logs in, and where it does not; started when asked."""

    def __init__(self, folder: Path, stack: ExitStack):
        self.folder = folder
        self.stack = stack
        self.started: dict[bool, str] = {}

    def __call__(self, *, passwordless: bool) -> str:
        if passwordless not in self.started:
            log = self.folder / f"{passwordless}.log"
            server = web(log, LEGACY_PASSWORDLESS_LOGIN=str(passwordless))
            self.started[passwordless] = self.stack.enter_context(server)
        return self.started[passwordless]


class RunningWeb:
    """One that runs already, as it is set."""

    def __init__(self, url: str):
        self.url = url.rstrip("/")
        unknown = {"email": "nobody@novara.invalid"}
        answer = calls.call(self.url, "POST", "/api/auth/login", unknown)
        self.is_passwordless = answer.status == 404

    def __call__(self, *, passwordless: bool) -> str:
        if passwordless != self.is_passwordless:
            wanted = "on" if passwordless else "off"
            pytest.skip(f"{self.url} does not have LEGACY_PASSWORDLESS_LOGIN {wanted}.")
        return self.url


@pytest.fixture(scope="session")
def webs(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Webs | RunningWeb]:
    if "NOVARA_URL" in os.environ:
        yield RunningWeb(os.environ["NOVARA_URL"])
        return
    with ExitStack() as stack:
        yield Webs(tmp_path_factory.mktemp("web"), stack)


@pytest.fixture
def server(webs: Webs | RunningWeb) -> str:
    return webs(passwordless=webs.is_passwordless if isinstance(webs, RunningWeb) else False)


@pytest.fixture
def old_server(webs: Webs | RunningWeb) -> str:
    """A server set up for clients that know no passwords."""
    return webs(passwordless=True)
