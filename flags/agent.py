"""What runs beside the requests of a process: it keeps the flags fresh and sends what was counted.

Two threads. One talks with the database, over a connection of its own: it hears of changes at
once (LISTEN), asks for the version each second all the same (a pooler may swallow what it
hears), and flushes tallies. The other never waits for anybody: it adds up what was taken, and
says that the flags are stale when the database has not answered for a while.

A process that is killed loses what it counted since its last flush, FLUSH_SECONDS at most.
"""

import datetime as dt
import logging
import os
import socket
import threading
import time
from contextlib import suppress
from multiprocessing.util import Finalize
from typing import Any, Final

import psycopg

from flags import counting, outcomes, rules

log = logging.getLogger("novara.flags")

DRAIN_SECONDS: Final = 0.2
CHECK_SECONDS: Final = 1.0
FLUSH_SECONDS: Final = 2.0
RETRY_SECONDS: Final = 1.0
# Without an answer for so long: flags are stale; and a connection is given up.
SILENT_SECONDS: Final = 3.0
PATIENCE_SECONDS: Final = 4.0
# A flush after a long time without the database is large.
FLUSH_PATIENCE_SECONDS: Final = 60.0
STOP_SECONDS: Final = 5.0
LISTEN: Final = "LISTEN novara_flags"


class Agent:
    def __init__(self) -> None:
        self._counter = counting.begin()
        self._stopping = threading.Event()
        self._own: psycopg.Connection[Any] | None = None
        self._checked = time.monotonic()
        self._deadline: float | None = None
        self._flushed = time.monotonic()
        self._threads = [
            threading.Thread(target=self._watch, name="flags-watch", daemon=True),
            threading.Thread(target=self._talk, name="flags-talk", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after a last flush, if the database answers."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(STOP_SECONDS)

    def _watch(self) -> None:
        while not self._stopping.wait(DRAIN_SECONDS):
            now = time.monotonic()
            if now - self._checked > SILENT_SECONDS:
                rules.mark_stale()
            if self._deadline is not None and now > self._deadline:
                self._give_up()
            self._drain()

    def _drain(self) -> None:
        try:
            self._counter.drain(dt.datetime.now(dt.UTC))
        except Exception:
            log.exception("evaluations of flags are not counted")

    def _give_up(self) -> None:
        """Let whoever waits for an answer find the connection broken."""
        own, self._deadline = self._own, None
        if own is not None:
            with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(own.fileno())) as it:
                it.shutdown(socket.SHUT_RDWR)

    def _talk(self) -> None:
        while not self._talk_once():
            if self._stopping.wait(RETRY_SECONDS):
                return

    def _talk_once(self) -> bool:
        """Talk until it is time to stop; False if the database went away before."""
        try:
            with rules.connect() as self._own:
                self._keep_talking(self._own)
        except (psycopg.Error, OSError):
            rules.mark_stale()
            return False
        except Exception:
            # Whatever it is: without this thread nothing would be fresh again.
            log.exception("flags are not looked after")
            return False
        finally:
            self._own = self._deadline = None
        return True

    def _keep_talking(self, own: psycopg.Connection[Any]) -> None:
        self._expect(PATIENCE_SECONDS)
        with suppress(psycopg.NotSupportedError):
            own.execute(LISTEN)
        is_last = False
        while not is_last:
            # Read before the last flush, so that nothing is left behind it.
            is_last = self._stopping.is_set()
            self._expect(PATIENCE_SECONDS)
            rules.load(own)
            outcomes.watch(own)
            self._checked = time.monotonic()
            if is_last or time.monotonic() - self._flushed >= FLUSH_SECONDS:
                self._flush(own)
            if not is_last:
                self._listen(own)

    def _listen(self, own: psycopg.Connection[Any]) -> None:
        self._deadline = None
        until = min(time.monotonic() + CHECK_SECONDS, self._flushed + FLUSH_SECONDS)
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            if list(own.notifies(timeout=min(left, DRAIN_SECONDS), stop_after=1)):
                return

    def _flush(self, own: psycopg.Connection[Any]) -> None:
        self._expect(FLUSH_PATIENCE_SECONDS)
        self._drain()
        try:
            self._counter.flush(own)
        except psycopg.Error:
            if own.closed:
                raise
            # A deadlock, or a database that is older than this program: it is sent again.
            log.exception("tallies of flags wait")
        self._flushed = time.monotonic()

    def _expect(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds


_agent: Agent | None = None
_lock = threading.Lock()


def start() -> None:
    """Begin to look after the flags of this process; once is enough."""
    global _agent  # noqa: PLW0603  One agent for each process.
    with _lock:
        if _agent is not None:
            return
        _agent = Agent()
        _agent.start()
        # Also at the end of a process of multiprocessing, which runs no atexit before Python 3.13.
        Finalize(None, stop, exitpriority=0)


def stop() -> None:
    """End with a last flush."""
    global _agent
    with _lock:
        agent, _agent = _agent, None
    if agent is not None:
        agent.stop()


def _forget() -> None:
    """Threads do not come along when a process forks, and what they held stays held."""
    global _agent, _lock
    _agent, _lock = None, threading.Lock()
    rules.unlock()
    counting.forget()
    outcomes.forget()


os.register_at_fork(after_in_child=_forget)
