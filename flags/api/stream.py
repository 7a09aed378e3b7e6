"""The event stream of flags (OFREP): it says that they have changed, never what they are.

Clients fetch anew, as themselves, when it says so. The stream server alone runs this, in the one
thread of its event loop; the database is asked in threads beside it.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.db import Error, close_old_connections
from django.utils import timezone
from sse_starlette import EventSourceResponse, JSONServerSentEvent, ServerSentEvent
from starlette.requests import Request

from accounts import queries
from core import gate, tickets
from core.errors import DomainError
from core.gate import Claims
from core.tickets import Ticket, TicketInvalid
from flags import rules

PATH: Final = "/streams/flags"
VERSION: Final = re.compile(r"[0-9]{1,18}")
PURPOSE: Final = "flags-stream"
TICKET_SECONDS: Final = 12 * 60 * 60

HEARTBEAT_SECONDS: Final = 15
CHECK_SECONDS: Final = 30.0
# A client that takes nothing for so long is gone.
SEND_SECONDS: Final = 30
RETRY_MS: Final = 3_000
# For who had to make room. A browser asks again by itself: soon, and eleven tabs would push each
# other out for ever; never, and the tab would have no stream when others have been closed.
RETRY_LATER_MS: Final = 300_000

# Ten tabs. The oldest makes room, as it may be one that a phone left behind without a word.
MOST_OF_ONE: Final = 10
MOST: Final = 5_000

# Each thread keeps a connection to the database.
_checkers: Final = ThreadPoolExecutor(2, "tickets")


class StreamsUnavailable(DomainError):
    status = 503
    code = "streams-unavailable"
    retryable = True


def address_for(*, claims: Claims | None, key_id: str | None, since: int) -> str | None:
    """Give the address of a client's stream, good for 12 hours; None if there is none.

    `since`: the rule set that the client knows, so that no change before it connects is missed.
    Claims must name the person by id: an address would be written into the logs of proxies.
    """
    if not settings.STREAM_URL or (claims and claims.user_id is None):
        return None
    ticket = tickets.issue(purpose=PURPOSE, claims=claims, key_id=key_id, seconds=TICKET_SECONDS)
    query = urlencode({"ticket": ticket, "since": since})
    return f"{settings.STREAM_URL}{PATH}?{query}"


async def flags(request: Request) -> EventSourceResponse:
    query = request.query_params
    ticket = tickets.read(query.get("ticket", ""), purpose=PURPOSE)
    try:
        is_good = await _in_thread(holds, ticket)
    except Error as error:
        raise _unavailable("The ticket can't be checked at the moment.", 5) from error
    if not is_good:
        raise TicketInvalid("ticket: its session, account or API key has been ended.")
    seats.refuse_if_full()
    known = request.headers.get("last-event-id") or query.get("since", "")
    return answer(
        events(
            owner=ticket.holder,
            known=int(known) if VERSION.fullmatch(known) else None,
            still_holds=partial(still_holds, ticket),
        )
    )


def answer(
    stream: AsyncIterator[ServerSentEvent], *, heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> EventSourceResponse:
    return EventSourceResponse(
        stream,
        ping=heartbeat_seconds,
        ping_message_factory=partial(ServerSentEvent, comment="here"),
        send_timeout=SEND_SECONDS,
    )


async def events(
    *,
    owner: str,
    known: int | None,
    still_holds: Callable[[], Awaitable[bool]],
    check_seconds: float = CHECK_SECONDS,
) -> AsyncIterator[ServerSentEvent]:
    """Tell each change of the rule set, and at once if it is not the `known` one any more."""
    clock = asyncio.get_running_loop().time
    with seats.taken(owner) as seat, _woken_by_changes(seat):
        yield ServerSentEvent(comment="flags", retry=RETRY_MS)
        # One that lies ahead was read from a web process that is quicker than this one.
        present = rules.current().version
        known = present if known is None else min(known, present)
        check_at = clock() + check_seconds
        while not seat.is_given_away:
            seat.woken.clear()
            present = rules.current().version
            if present != known:
                known = present
                yield refetch(present)
            if clock() >= check_at:
                if not await still_holds():
                    return
                check_at = clock() + check_seconds
            with suppress(TimeoutError):
                async with asyncio.timeout_at(check_at):
                    await seat.woken.wait()
        yield ServerSentEvent(comment="too many streams", retry=RETRY_LATER_MS)


def refetch(version: int) -> ServerSentEvent:
    data = {
        "type": "refetchEvaluation",
        "etag": str(version),
        "lastModified": int(rules.changed_at().timestamp()),
    }
    return JSONServerSentEvent(data, event="message", id=str(version))


@dataclass(eq=False, slots=True)
class Seat:
    """The place of one open stream, which is woken when there is something to look at."""

    woken: asyncio.Event = field(default_factory=asyncio.Event)
    is_given_away: bool = False

    def give_away(self) -> None:
        self.is_given_away = True
        self.woken.set()


class Seats:
    """How many streams there are, and whose. Only for the thread of the event loop."""

    def __init__(self, *, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._by_owner: dict[str, list[Seat]] = {}
        self.count = 0

    def refuse_if_full(self) -> None:
        if self.count >= self._most:
            raise _unavailable("There are too many streams at the moment.", 60)

    @contextmanager
    def taken(self, owner: str) -> Iterator[Seat]:
        seats, seat = self._by_owner.setdefault(owner, []), Seat()
        seats.append(seat)
        self.count += 1
        if len(seats) > self._most_of_one:
            # Those before it have been given away, and may not have gone yet.
            seats[-self._most_of_one - 1].give_away()
        try:
            yield seat
        finally:
            seats.remove(seat)
            self.count -= 1
            if not seats:
                del self._by_owner[owner]


seats: Final = Seats(most=MOST, most_of_one=MOST_OF_ONE)


def holds(ticket: Ticket) -> bool:
    """Tell whether whose ticket it is may still come in. Asks the database: not for the loop."""
    close_old_connections()
    if ticket.claims is None:
        return queries.is_api_key_usable(ticket.holder, timezone.now())
    with gate.unit_of_work():
        return gate.enter(ticket.claims) is not None


async def still_holds(ticket: Ticket) -> bool:
    """Without the database nobody is sent away: it is only numbers that they get."""
    try:
        return await _in_thread(holds, ticket)
    except Error:
        return True


async def _in_thread(check: Callable[[Ticket], bool], ticket: Ticket) -> bool:
    return await asyncio.get_running_loop().run_in_executor(_checkers, check, ticket)


@contextmanager
def _woken_by_changes(seat: Seat) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def wake(_version: int) -> None:
        # Called in the thread that reads the rule set.
        loop.call_soon_threadsafe(seat.woken.set)

    unsubscribe = rules.subscribe(wake)
    try:
        yield
    finally:
        unsubscribe()


def _unavailable(reason: str, seconds: int) -> StreamsUnavailable:
    detail = f"{reason} Ask again in {seconds} seconds."
    return StreamsUnavailable(detail, extra={"retry_after": seconds})
