"""Requests through the WSGI door, with the signals that Django's own test client leaves out.

They keep the thread's connection between requests, check it before each, and commit.
"""

import json
import sys
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.core.handlers.wsgi import WSGIHandler
from django.db import connection

from accounts.models import User
from tests.conftest import token_of

IN_TRANSACTION_OR_GATE = """
    SELECT current_user <> session_user,
           coalesce(current_setting('app.tenant_id', true), ''),
           coalesce(current_setting('app.user_id', true), '')
"""
CLEAN = (False, "", "")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


def call(method: str, path: str, body: Any = None, *, user: User | None = None) -> Answer:
    sent = b"" if body is None else json.dumps(body).encode()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "HTTP_HOST": "localhost",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(sent)),
        "wsgi.input": BytesIO(sent),
        "wsgi.errors": sys.stderr,
    }
    if user:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {token_of(user)}"
    setup_testing_defaults(environ)
    begun: list[Any] = []
    handle: Any = WSGIHandler()
    response = handle(environ, lambda *start: begun.append(start))
    try:
        text = b"".join(response).decode()
    finally:
        response.close()
    status, headers = begun[0][:2]
    return Answer(int(status[:3]), dict(headers), text)


def backend() -> int:
    """Give the process of this thread's connection, past Django."""
    raw: Any = connection.connection
    pid: int = raw.info.backend_pid
    return pid


def left_behind() -> tuple[Any, ...]:
    """Ask this thread's connection, past Django, for its role and settings."""
    raw: Any = connection.connection
    assert raw.info.transaction_status.name == "IDLE"
    row: tuple[Any, ...] = raw.execute(IN_TRANSACTION_OR_GATE).fetchone()
    return row
