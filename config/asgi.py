"""The stream server: answers that last for hours, for which a web process has no threads."""

import os
import resource
import signal
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import django
from sse_starlette.sse import AppStatus, SendTimeoutError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

# After the apps are loaded.
from django.conf import settings  # noqa: E402

from config.restoring import positions  # noqa: E402
from config.stream_limits import limited  # noqa: E402
from core import flushing, gate, requests  # noqa: E402
from core.api.base import unforeseen  # noqa: E402
from core.api.v2 import PROBLEM, problem  # noqa: E402
from core.errors import DomainError  # noqa: E402
from documents.api import hints  # noqa: E402
from documents.api import stream as document_stream  # noqa: E402
from flags import agent, rules  # noqa: E402
from flags.api import stream  # noqa: E402
from ratelimits import rules as limit_rules  # noqa: E402
from ratelimits import store  # noqa: E402


class Frame:
    """As core.requests.request_frame: an id, and one line in the log, which has no query.

    It answers what nobody foresaw, as Starlette would let the server log the error's text.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status, current = time.perf_counter(), 0, uuid.uuid4().hex
        requests.request_id.set(current)

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", current.encode())]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except SendTimeoutError:
            pass  # The client is gone.
        except Exception as error:  # noqa: BLE001  The last resort of this door.
            known = unforeseen(error)
            if not status:
                await answer(known)(scope, receive, noting)
        finally:
            route = scope.get("route")
            requests.log.info(
                "request",
                extra={
                    "method": scope["method"],
                    "route": route.path.lstrip("/") if route else None,
                    "status": status,
                    "ms": round((time.perf_counter() - started) * 1000, 1),
                },
            )


def answer(error: DomainError) -> JSONResponse:
    return JSONResponse(problem(error), error.status, error.headers, PROBLEM)


async def refuse(_request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, DomainError):
        return answer(error)
    known = DomainError("There is no such stream. Streams are read with GET.")
    if isinstance(error, HTTPException):
        phrase = HTTPStatus(error.status_code).phrase
        known.status, known.code = error.status_code, phrase.lower().replace(" ", "-")
    return answer(known)


async def livez(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


@asynccontextmanager
async def end_streams_at_signals(_app: Starlette) -> AsyncIterator[None]:
    """A server that is to end waits for its requests, and streams have no end of their own.

    The event loop hears of signals by other means than these handlers, so granian's go on.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def end(number: int, frame: Any, before: Any = before) -> None:
            AppStatus.should_exit = True
            if callable(before):
                before(number, frame)

        signal.signal(number, end)
    yield


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with end_streams_at_signals(app), hints.heard():
        yield


gate.refuse_bypass()
positions.refuse_blindness()
# Each stream is an open file, and systems give a process few unless it asks.
_, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
agent.start()
flushing.start()
rules.current()
limit_rules.current()
store.connect()

application = Starlette(
    routes=[
        Route("/livez", livez),
        Route(stream.PATH, limited(stream.flags, purpose=stream.PURPOSE)),
        Route(
            document_stream.PATH,
            limited(document_stream.documents, purpose=document_stream.PURPOSE),
        ),
    ],
    middleware=[
        Middleware(
            CORSMiddleware,
            allow_origins=settings.CORS_ALLOWED_ORIGINS,
            allow_origin_regex="|".join(settings.CORS_ALLOWED_ORIGIN_REGEXES) or None,
            allow_headers=["cache-control", "last-event-id"],
            expose_headers=["retry-after", "x-request-id"],
        ),
        Middleware(Frame),
    ],
    exception_handlers={DomainError: refuse, HTTPException: refuse},
    lifespan=lifespan,
)
