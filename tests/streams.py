"""The real stream server, and answers of it that are read line by line."""

import asyncio
import http.client
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import psycopg
from django.db import connection
from sse_starlette import ServerSentEvent

from accounts.models import User
from config.dev import services
from config.dev.processes import last_lines, wait_until
from core.gate import Claims
from tests.web import answers, free_port, process


@contextmanager
def stream_server(log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start it as `make run` does."""
    port = free_port()
    every = services.all_services(log.parent, "127.0.0.1", port, port)
    (command,) = (service.command[2:] for service in every if service.name == "stream")
    with process(log, *command, broker=12) as running:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: running.poll() is not None or answers(url), seconds=60)
        assert answers(url), last_lines(log, 30)
        yield url, running


def claims_of(user: User, session_id: uuid.UUID | None = None) -> Claims:
    return Claims(
        str(user.id), session_id=str(session_id) if session_id else None, issued_at=time.time() + 1
    )


class Opened:
    """One answer of the server, read line by line."""

    def __init__(
        self,
        url: str,
        path: str,
        ticket: str | None,
        method: str = "GET",
        since: int | None = None,
        **headers: str,
    ) -> None:
        query = {"ticket": ticket, "since": since}
        sent = urlencode({name: value for name, value in query.items() if value is not None})
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, f"{path}?{sent}", headers=named)
        self.answer = self._connection.getresponse()

    def block(self) -> dict[str, str]:
        """Read what comes next, up to an empty line; a comment has no name."""
        found = {}
        while line := self.answer.readline().decode().strip():
            name, _, value = line.partition(": ")
            found[name.rstrip(":")] = value
        return found

    def is_over(self) -> bool:
        try:
            return self.answer.read() == b""
        except http.client.IncompleteRead as cut:
            return cut.partial == b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self._connection.close()


async def blocks(
    events: AsyncIterator[ServerSentEvent], seen: Callable[[str], Any] = lambda _: None
) -> list[str]:
    """Read to the end, and show each block to `seen` in a thread of its own."""
    found = []
    async with asyncio.timeout(20), aclosing(events):  # type: ignore[type-var]  # A generator.
        async for event in events:
            found.append(event.encode().decode())
            await asyncio.to_thread(seen, found[-1])
    return found


def in_thread(work: Callable[[], Any]) -> Callable[[str], None]:
    def done(_block: str) -> None:
        try:
            work()
        finally:
            connection.close()

    return done


@contextmanager
def database_away(own: psycopg.Connection[Any]) -> Iterator[None]:
    """Nobody comes in, and whoever was in is sent away, but for this connection."""
    (name,) = own.execute("SELECT quote_ident(current_database())").fetchone() or ("",)
    own.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0".encode())
    try:
        own.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        yield
    finally:
        own.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1".encode())
