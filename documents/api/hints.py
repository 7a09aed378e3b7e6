"""Who is told that a document went on: streams by their person. For the event loop alone.

What Postgres tells names a person and a document (documents/sql/functions/tell_document_progress).
One connection hears it for all streams of the process, and each goes to that person's own.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

import psycopg
from sse_starlette import JSONServerSentEvent

from core import connections
from core.streams import Seat

log = logging.getLogger("novara.documents")

CHANNEL: Final = "novara_documents"
RETRY_SECONDS: Final = 1.0
# A client that is slower than this is told to read everything.
MOST_WAITING: Final = 100


class News:
    """What one stream has not told yet: each document once, however often it went on."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._documents: dict[str, None] = {}
        self._has_missed = False

    def add(self, document_id: str) -> None:
        self._documents[document_id] = None
        if len(self._documents) > MOST_WAITING:
            self.miss()
        self._seat.wake()

    def miss(self) -> None:
        """Something may have been told while nobody heard it."""
        self._documents.clear()
        self._has_missed = True
        self._seat.wake()

    def take(self) -> Iterator[JSONServerSentEvent]:
        if self._has_missed:
            self._has_missed = False
            yield JSONServerSentEvent({}, event="resync")
        while self._documents:
            document_id = next(iter(self._documents))
            del self._documents[document_id]
            yield JSONServerSentEvent({"document_id": document_id}, event="progress")


_news: Final[dict[str, set[News]]] = {}


@contextmanager
def about(person_id: str, seat: Seat) -> Iterator[News]:
    """Collect what is told of a person's documents, and wake their seat."""
    own, news = _news.setdefault(person_id, set()), News(seat)
    own.add(news)
    try:
        yield news
    finally:
        own.remove(news)
        if not own:
            del _news[person_id]


@asynccontextmanager
async def heard() -> AsyncIterator[None]:
    """Listen in the background, to the end of the block."""
    listening = asyncio.create_task(listen())
    try:
        yield
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


async def listen() -> None:
    """Hear for as long as the process lives, also when the database goes and comes back."""
    while True:
        try:
            async for payload in connections.notices(CHANNEL):
                _hand_out(payload)
        except (psycopg.Error, OSError):
            log.warning("progress of documents is not heard: the database does not answer")
        except Exception as error:  # noqa: BLE001  Whatever it is, all streams depend on this.
            extra = {"kind": type(error).__name__}
            log.error("progress of documents is not heard: begun anew", extra=extra)  # noqa: TRY400
        await asyncio.sleep(RETRY_SECONDS)


def _hand_out(payload: str | None) -> None:
    if payload is None:
        for own in _news.values():
            for news in own:
                news.miss()
        return
    person_id, _, document_id = payload.partition(" ")
    for news in _news.get(person_id, ()):
        news.add(document_id)
