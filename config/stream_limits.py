"""The door of limits at the stream server: who opens a stream is counted by their ticket."""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import TypeAlias

from django.conf import settings
from django.db import close_old_connections
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from accounts import throttle
from config import limits
from config.limits import Passage
from core import streams, tickets
from core.api.base import caller_address
from core.api.v2 import PROBLEM, problem
from core.errors import DomainError
from core.tickets import TicketInvalid
from ratelimits import headers, services
from ratelimits.types import Caller

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def limited(endpoint: Endpoint, *, purpose: str) -> Endpoint:
    async def open_stream(request: Request) -> Response:
        if not settings.RATE_LIMITS:
            return await endpoint(request)
        started = time.perf_counter()
        passage = await streams.in_thread(enter, request, purpose)
        status = 500
        try:
            answer = await opened(endpoint, request, passage)
            status = answer.status_code
        except DomainError as error:
            status = error.status
            if isinstance(error, TicketInvalid) and passage.claims:
                limits.forget_person(passage.claims)
            raise
        finally:
            limits.note(limits.method_of(request.method), status, passage, started)
        answer.headers.update(headers.fields(passage.decision))
        return answer

    return open_stream


async def opened(endpoint: Endpoint, request: Request, passage: Passage) -> Response:
    if passage.decision.is_allowed:
        return await endpoint(request)
    error = limits.refused(passage.decision, is_problem=True)
    return JSONResponse(problem(error), error.status, error.headers, PROBLEM)


def enter(request: Request, purpose: str) -> Passage:
    """Count who opens a stream. May ask the store and the database: not for the loop."""
    close_old_connections()
    route = request.url.path
    address = request.client.host if request.client else ""
    sent = SimpleNamespace(headers=request.headers, META={"REMOTE_ADDR": address})
    caller, claims = Caller(None, None, None, throttle.network(caller_address(sent))), None
    with suppress(TicketInvalid):
        ticket = tickets.read(request.query_params.get("ticket", ""), purpose=purpose)
        claims = ticket.claims
        user_id, tenant_id = limits.membership(claims) if claims else (None, None)
        caller = Caller(user_id, tenant_id, ticket.key_id, caller.network)
    decision = services.check(caller=caller, route=route, method=limits.method_of(request.method))
    return Passage(caller, claims, None, route, decision)
