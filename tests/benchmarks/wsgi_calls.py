"""Calling Novara's WSGI application in this process. Import only where Django is set up."""

import io
import sys
from typing import Any

from django.core.handlers.wsgi import WSGIHandler


def call(handler: WSGIHandler, method: str, target: str, token: str, body: bytes = b"") -> bytes:
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_ACCEPT": "application/json",
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }
    said: list[str] = []

    def start_response(status: str, _headers: object, _error: object = None, /) -> Any:
        said.append(status)

    response = handler(environ, start_response)
    answer = b"".join(response)
    response.close()
    if not said[0].startswith("2"):
        raise SystemExit(f"{method} {path}: {said[0]} {answer.decode()[:2000]}")
    return answer
