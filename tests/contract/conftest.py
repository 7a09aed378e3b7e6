"""A running server to call over HTTP: Novara's own web process, or the one NOVARA_URL names."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract import calls
from tests.web import web

BROKER = 8


class Webs:
    """Servers where an e-mail address alone logs in, and where it does not; started when asked."""

    def __init__(self, folder: Path, stack: ExitStack):
        self.folder = folder
        self.stack = stack
        self.started: dict[bool, str] = {}

    def __call__(self, *, passwordless: bool) -> str:
        if passwordless not in self.started:
            server = web(self.folder, broker=BROKER, LEGACY_PASSWORDLESS_LOGIN=str(passwordless))
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
