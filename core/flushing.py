"""One thread of a process that writes down what its requests have counted, about once a second.

Whoever counts registers a function of a connection; a request then costs an append in memory.
A process that is killed loses what it counted since the last flush; one that ends flushes first.
While the database is away everything waits where it was counted: bound it there.
"""

import logging
import os
import threading
from collections.abc import Callable
from multiprocessing.util import Finalize
from typing import Any, Final, TypeAlias

import psycopg
from psycopg.rows import dict_row

from core import connections

log = logging.getLogger("novara.flushing")

# Of the owner role, in autocommit, with rows as dicts.
Connection: TypeAlias = psycopg.Connection[dict[str, Any]]
Flush: TypeAlias = Callable[[Connection], None]

EVERY_SECONDS: Final = 1.0
STOP_SECONDS: Final = 5.0

_flushes: Final[dict[str, Flush]] = {}


def register(name: str, flush: Flush) -> None:
    """Call `flush` from now on. What it raises is logged under its name; others go on."""
    _flushes[name] = flush


class Flusher:
    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flushing", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after a last flush, if the database answers."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        own: Connection | None = None
        is_last = False
        while not is_last:
            # Read before the flush, so that nothing is left behind the last one.
            is_last = self._stopping.wait(EVERY_SECONDS)
            try:
                if own is None or own.closed:
                    own = psycopg.connect(**connections.parameters(), row_factory=dict_row)
                flush_all(own)
            except psycopg.Error:
                # The database is away; the next turn tries again.
                own = None
        if own is not None:
            own.close()


def flush_all(own: Connection) -> None:
    """Call each flush once; raise only when the connection is lost."""
    for name, flush in list(_flushes.items()):
        try:
            flush(own)
        except Exception:
            if own.closed or own.broken:
                raise
            log.exception("what was counted waits", extra={"counter": name})


_flusher: Flusher | None = None
_lock = threading.Lock()


def start() -> None:
    """Begin to flush in this process; once is enough."""
    global _flusher  # noqa: PLW0603  One for each process.
    with _lock:
        if _flusher is not None:
            return
        _flusher = Flusher()
        _flusher.start()
        # Also at the end of a process of multiprocessing, which runs no atexit before Python 3.13.
        Finalize(None, stop, exitpriority=0)


def stop() -> None:
    global _flusher
    with _lock:
        flusher, _flusher = _flusher, None
    if flusher is not None:
        flusher.stop()


def _forget() -> None:
    """Threads do not come along when a process forks, and what they held stays held."""
    global _flusher, _lock
    _flusher, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
