"""The event stream of documents: it says which one went on, never how far.

Reading the document is the truth: a client that gets a hint late, twice or never is as right as
one without the stream. See core/streams.py.
"""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Final

from django.db import Error
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request

from audit import services as audit
from core import streams, tickets
from core.errors import DomainError
from core.gate import Claims, Person
from core.tickets import TicketInvalid
from documents.api import hints
from flags import services as flags

PATH: Final = "/streams/documents"
PURPOSE: Final = "documents-stream"
FLAG: Final = "realtime_progress"

seats: Final = streams.seats


class ProgressStreamOff(DomainError):
    status = 409
    code = "progress-stream-off"


def address_for(person: Person, claims: Claims) -> str | None:
    """Give the address of a person's stream; None if they have none."""
    if not flags.is_on(FLAG, person.id, default=False):
        return None
    own = Claims(str(person.id), session_id=claims.session_id, issued_at=claims.issued_at)
    return streams.address(PATH, purpose=PURPOSE, claims=own)


async def documents(request: Request) -> EventSourceResponse:
    ticket = tickets.read(request.query_params.get("ticket", ""), purpose=PURPOSE)
    if ticket.claims is None:
        raise TicketInvalid("ticket: is not a person's.")
    try:
        is_welcome = await streams.in_thread(streams.is_welcome, ticket.claims)
        has_flag = await streams.in_thread(_has_flag, ticket.claims)
    except Error as error:
        raise streams.unavailable("The ticket can't be checked at the moment.", 5) from error
    if not is_welcome:
        raise TicketInvalid("ticket: its session or account has been ended.")
    if not has_flag:
        raise ProgressStreamOff("Progress is not streamed to you now. Read the document instead.")
    seats.refuse_if_full()
    person_id = str(uuid.UUID(ticket.holder))
    audit.note_read(person_id=person_id, shown="documents", source="stream")
    return streams.answer(events(person_id, still_holds=partial(still_holds, ticket.claims)))


async def events(
    person_id: str,
    *,
    still_holds: Callable[[], Awaitable[bool]],
    check_seconds: float = streams.CHECK_SECONDS,
) -> AsyncIterator[ServerSentEvent]:
    """Tell which of a person's documents went on."""
    with seats.taken(f"documents of {person_id}") as seat, hints.about(person_id, seat) as news:
        yield ServerSentEvent(comment="documents", retry=streams.RETRY_MS)
        while await seat.stays(still_holds, check_seconds):
            for event in news.take():
                yield event
        if seat.is_given_away:
            yield streams.farewell()


async def still_holds(claims: Claims) -> bool:
    """Without the database nobody is sent away: it is only ids of their own that they get."""
    try:
        return await streams.in_thread(_holds, claims)
    except Error:
        return True


def _holds(claims: Claims) -> bool:
    return streams.is_welcome(claims) and _has_flag(claims)


def _has_flag(claims: Claims) -> bool:
    return flags.is_on(FLAG, uuid.UUID(claims.user_id), default=False)
