"""What the event streams of the stream server have in common: addresses, seats, heartbeats.

A stream tells that something has changed, never what: its client asks anew, as itself. All of this
runs in the one thread of the server's event loop; the database is asked in threads beside it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.db import close_old_connections
from sse_starlette import EventSourceResponse, ServerSentEvent

from core import gate, tickets
from core.errors import DomainError
from core.gate import Claims

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
Answer = TypeVar("Answer")


class StreamsUnavailable(DomainError):
    status = 503
    code = "streams-unavailable"
    retryable = True


def unavailable(reason: str, seconds: int) -> StreamsUnavailable:
    detail = f"{reason} Ask again in {seconds} seconds."
    return StreamsUnavailable(detail, extra={"retry_after": seconds})


def address(
    path: str, *, purpose: str, claims: Claims | None, key_id: str | None = None, **query: int
) -> str | None:
    """Give the address of a caller's stream, good for 12 hours; None if there is none.

    Claims must name the person by id: an address would be written into the logs of proxies.
    """
    if not settings.STREAM_URL or (claims and claims.user_id is None):
        return None
    ticket = tickets.issue(purpose=purpose, claims=claims, key_id=key_id, seconds=TICKET_SECONDS)
    return f"{settings.STREAM_URL}{path}?{urlencode({'ticket': ticket} | query)}"


def is_welcome(claims: Claims) -> bool:
    """Tell whether a person may still come in. Asks the database: not for the loop."""
    close_old_connections()
    with gate.unit_of_work():
        return gate.enter(claims) is not None


async def in_thread(ask: Callable[..., Answer], *arguments: object) -> Answer:
    """Ask the database without holding up the loop."""
    return await asyncio.get_running_loop().run_in_executor(_checkers, partial(ask, *arguments))


def answer(
    stream: AsyncIterator[ServerSentEvent], *, heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> EventSourceResponse:
    return EventSourceResponse(
        stream,
        ping=heartbeat_seconds,
        ping_message_factory=partial(ServerSentEvent, comment="here"),
        send_timeout=SEND_SECONDS,
    )


def farewell() -> ServerSentEvent:
    """Send away who has to make room."""
    return ServerSentEvent(comment="too many streams", retry=RETRY_LATER_MS)


class Seat:
    """The place of one open stream, which is woken when there is something to look at."""

    def __init__(self) -> None:
        self.is_given_away = False
        self._woken = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        self._checked = self._clock()
        # Whoever comes looks once before they wait.
        self.wake()

    def wake(self) -> None:
        self._woken.set()

    def give_away(self) -> None:
        self.is_given_away = True
        self.wake()

    async def stays(self, still_holds: Callable[[], Awaitable[bool]], check_seconds: float) -> bool:
        """Wait until there may be something to look at; False when the stream is to end."""
        if self._clock() >= self._checked + check_seconds:
            if not await still_holds():
                return False
            self._checked = self._clock()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._checked + check_seconds):
                await self._woken.wait()
        self._woken.clear()
        return not self.is_given_away


class Seats:
    """How many streams there are, and whose. Only for the thread of the event loop."""

    def __init__(self, *, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._by_owner: dict[str, list[Seat]] = {}
        self.count = 0

    def refuse_if_full(self) -> None:
        if self.count >= self._most:
            raise unavailable("There are too many streams at the moment.", 60)

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


# Of all kinds of streams together: an owner is somebody in one of them.
seats: Final = Seats()
