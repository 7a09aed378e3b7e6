"""The event stream of flags (OFREP): it says that they have changed, never what they are.

Clients fetch anew, as themselves, when it says so. See core/streams.py.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from django.db import Error, close_old_connections
from django.utils import timezone
from sse_starlette import EventSourceResponse, JSONServerSentEvent, ServerSentEvent
from starlette.requests import Request

from accounts import queries
from core import streams, tickets
from core.gate import Claims
from core.tickets import Ticket, TicketInvalid
from flags import rules

PATH: Final = "/streams/flags"
VERSION: Final = re.compile(r"[0-9]{1,18}")
PURPOSE: Final = "flags-stream"

seats: Final = streams.seats


def address_for(*, claims: Claims | None, key_id: str | None, since: int) -> str | None:
    """Give the address of a client's stream; None if there is none.

    `since`: the rule set that the client knows, so that no change before it connects is missed.
    """
    return streams.address(PATH, purpose=PURPOSE, claims=claims, key_id=key_id, since=since)


async def flags(request: Request) -> EventSourceResponse:
    query = request.query_params
    ticket = tickets.read(query.get("ticket", ""), purpose=PURPOSE)
    try:
        is_good = await streams.in_thread(holds, ticket)
    except Error as error:
        raise streams.unavailable("The ticket can't be checked at the moment.", 5) from error
    if not is_good:
        raise TicketInvalid("ticket: its session, account or API key has been ended.")
    seats.refuse_if_full()
    known = request.headers.get("last-event-id") or query.get("since", "")
    return streams.answer(
        events(
            owner=ticket.holder,
            known=int(known) if VERSION.fullmatch(known) else None,
            still_holds=partial(still_holds, ticket),
        )
    )


async def events(
    *,
    owner: str,
    known: int | None,
    still_holds: Callable[[], Awaitable[bool]],
    check_seconds: float = streams.CHECK_SECONDS,
) -> AsyncIterator[ServerSentEvent]:
    """Tell each change of the rule set, and at once if it is not the `known` one any more."""
    with seats.taken(owner) as seat, _woken_by_changes(seat):
        yield ServerSentEvent(comment="flags", retry=streams.RETRY_MS)
        # One that lies ahead was read from a web process that is quicker than this one.
        present = rules.current().version
        known = present if known is None else min(known, present)
        while await seat.stays(still_holds, check_seconds):
            present = rules.current().version
            if present != known:
                known = present
                yield refetch(present)
        if seat.is_given_away:
            yield streams.farewell()


def refetch(version: int) -> ServerSentEvent:
    data = {
        "type": "refetchEvaluation",
        "etag": str(version),
        "lastModified": int(rules.changed_at().timestamp()),
    }
    return JSONServerSentEvent(data, event="message", id=str(version))


def holds(ticket: Ticket) -> bool:
    """Tell whether whose ticket it is may still come in. Asks the database: not for the loop."""
    if ticket.claims is not None:
        return streams.is_welcome(ticket.claims)
    close_old_connections()
    return queries.is_api_key_usable(ticket.holder, timezone.now())


async def still_holds(ticket: Ticket) -> bool:
    """Without the database nobody is sent away: it is only numbers that they get."""
    try:
        return await streams.in_thread(holds, ticket)
    except Error:
        return True


@contextmanager
def _woken_by_changes(seat: streams.Seat) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def wake(_version: int) -> None:
        # Called in the thread that reads the rule set.
        loop.call_soon_threadsafe(seat.wake)

    unsubscribe = rules.subscribe(wake)
    try:
        yield
    finally:
        unsubscribe()
