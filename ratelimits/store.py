"""The buckets: counted in Valkey by one script, for all rules of a request at once.

Asking costs 20 ms at most, whatever becomes of the store: 12 for all of it, and a step more for
who stood still meanwhile. While it does not answer, nobody waits for it but one request now and
then, which finds out whether it is back; each rule says what becomes of the others. A caller whose
bucket is empty is refused from memory, for a second at most.
"""

import hashlib
import hmac
import logging
import math
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple, TypeVar

from django.conf import settings
from redis import ConnectionPool, exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from ratelimits.types import Decision, Mode, Rule, Source, Verdict, WhenAway

log = logging.getLogger("novara.limits")

SCRIPT: Final = Path(__file__).with_name("consume.lua").read_bytes()
SCRIPT_NAME: Final = hashlib.sha1(SCRIPT, usedforsecurity=False).hexdigest().encode()
# One slot of a cluster: a script may only touch keys of one.
PREFIX: Final = b"novara:{limits}:"

# For everything: until a connection is free, the question and the answer.
PATIENCE_SECONDS: Final = 0.012
# What somebody gets on top who stood still meanwhile.
STEP_SECONDS: Final = 0.006
# Nobody waits for it: who needs a connection takes the first one that is free.
CONNECTING_SECONDS: Final = 1.0
# Made before the first request, one for each thread, so that nobody waits in a burst either.
FIRST_CONNECTIONS: Final = 8
# One answer may be late; a store that is too slow three times in a row is away.
SLOW_ANSWERS: Final = 3
PROBE_SECONDS: Final = 0.5

MEMORY_SECONDS: Final = 1.0
MOST_REMEMBERED: Final = 10_000
# What a caller is told who met a rule that lets nobody pass while the store is away.
CLOSED_SECONDS: Final = 1.0


Key = TypeVar("Key")
Kept = TypeVar("Kept")


def keep(kept: OrderedDict[Key, Kept], key: Key, value: Kept) -> None:
    """Remember it as the newest; what is the oldest goes where there is too much."""
    # Each step is one for all threads.
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > MOST_REMEMBERED:
        kept.popitem(last=False)


class Away(Exception):
    """The store did not answer, or is not asked at the moment."""


def _words(*words: bytes | int) -> bytes:
    """Write what is sent as the store's protocol has it."""
    sent = (word if isinstance(word, bytes) else b"%d" % word for word in words)
    return b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in sent)


# The first figure of the script.
TAKES: Final = _words(1)
LOOKS: Final = _words(0)
# The script by its name, and by its text where the store has lost it.
BY_NAME: Final = _words(b"EVALSHA", SCRIPT_NAME)
BY_TEXT: Final = _words(b"EVAL", SCRIPT)


class Asked:
    """One bucket of a question. Who asks again keeps it: the words for the store are made once."""

    __slots__ = ("cost", "figures", "full", "key", "name", "price", "rule")

    def __init__(self, rule: Rule, key: bytes, cost: int) -> None:
        self.rule, self.key, self.cost = rule, key, cost
        # In parts of a token: as many as the window has milliseconds.
        window = rule.window_seconds * 1000
        self.full, self.price = rule.capacity * window, min(cost, rule.capacity) * window
        self.name = _words(PREFIX + key.hex().encode())
        is_watching = int(rule.mode is Mode.SHADOW)
        self.figures = _words(self.full, rule.refill, self.price, is_watching)


def key_of(rule: Rule, subject: str) -> bytes:
    """Name a bucket so that nobody reads from it whose it is."""
    # Parts of a token are of the window's size, so another window is another bucket.
    text = f"{rule.name}\0{rule.window_seconds}\0{subject}"
    return hmac.digest(settings.SECRET_KEY.encode(), text.encode(), "sha256")[:16]


def ask(asked: Sequence[Asked]) -> Decision:
    """Take what a request costs from all its buckets, or, if one has too little, from none."""
    now = time.monotonic()
    at = int(now * 1000)
    refused = _remembered(asked, now)
    if refused:
        return Decision(refused)
    try:
        decision = _consume(asked, now, is_taken=True)
    except Away:
        return _without_store(asked, now)
    for verdict in decision.verdicts:
        if verdict.is_refusal:
            _remember(verdict, now)
        if verdict.rule.when_away is WhenAway.LOCAL:
            # An outage gives nobody a full bucket: counting goes on from here.
            _note_level(verdict.key, verdict.remaining * verdict.rule.window_seconds * 1000, at)
    return decision


def peek(asked: Sequence[Asked]) -> Decision:
    """Tell how full buckets are, and take nothing. Raises Away."""
    return _consume(asked, time.monotonic(), is_taken=False)


def is_away() -> bool:
    return _circuit.is_open


# The question and its answer


def _consume(asked: Sequence[Asked], now: float, *, is_taken: bool) -> Decision:
    names, figures = [one.name for one in asked], [one.figures for one in asked]
    question = b"".join((_words(len(asked)), *names, TAKES if is_taken else LOOKS, *figures))
    told = _circuit.call(b"*%d\r\n" % (4 + 5 * len(asked)), question, now)
    levels, shorts = told[::2], told[1::2]
    return Decision(
        tuple(
            _verdict(one, level, Source.STORE, is_short=bool(is_short))
            for one, level, is_short in zip(asked, levels, shorts, strict=True)
        )
    )


def _verdict(asked: Asked, level: int, source: Source, *, is_short: bool) -> Verdict:
    rule = asked.rule
    window = rule.window_seconds * 1000
    if is_short:
        missing = asked.price - level
    else:
        missing = 0 if level >= asked.full else window - level % window
    wait = missing / rule.refill / 1000
    return Verdict(rule, asked.key, level // window, wait, is_short, source, asked.cost)


class Circuit:
    """Connections to the store, and whether it is worth asking it."""

    def __init__(self) -> None:
        self._pool: ConnectionPool = ConnectionPool.from_url(
            settings.REDIS_URL,
            # It only makes connections here and never sees one again, so it must not count them.
            max_connections=2**31,
            socket_connect_timeout=CONNECTING_SECONDS,
            socket_timeout=PATIENCE_SECONDS,
            # An answer is some 50 bytes; by default room for 64 KB is made for each.
            socket_read_size=4096,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        )
        # Connections that nobody uses. The last one used is the quickest.
        self._idle: deque[Any] = deque()
        # What is handed to those who wait: connections, and errors of some that cannot be made.
        self._handed: SimpleQueue[Any] = SimpleQueue()
        self._waiting = 0
        self._is_connecting = threading.Lock()
        self._lock = threading.Lock()
        self._late, self._late_at = 0, -math.inf
        self._probe_at = -math.inf
        self.is_open = False

    def call(self, count: bytes, question: bytes, began: float) -> list[int]:
        """Ask the script; `count` is how many words it takes, `question` those behind its name."""
        if self.is_open and not self._may_probe(began):
            raise Away
        try:
            answer = self._talk(count, question, began + PATIENCE_SECONDS)
        except (exceptions.RedisError, OSError) as error:
            self._fail(error, began)
            raise Away from error
        if self._late or self.is_open:
            self._succeed()
        return answer

    def _talk(self, count: bytes, question: bytes, deadline: float) -> list[int]:
        own = self._free() or self._next(deadline)
        try:
            return self._converse(own, count, question, deadline)
        except exceptions.TimeoutError:
            raise
        except exceptions.ConnectionError:
            # The store was restarted behind an old connection; those that lie here are as old.
            self._drop()
            return self._converse(self._next(deadline), count, question, deadline)

    def _free(self) -> Any:
        """Take a connection that nobody uses; None if there is none."""
        with suppress(IndexError):
            return self._idle.pop()
        # What was handed over too late.
        with suppress(Empty):
            while isinstance(own := self._handed.get_nowait(), Exception):
                continue
            return own
        return None

    def _drop(self) -> None:
        """Forget the connections that nobody uses; those in use come to their end by themselves."""
        while self._free():
            pass

    def _give(self, own: Any) -> None:
        """Hand a connection to who waits; where nobody does, keep it."""
        self._idle.append(own)
        if self._waiting:
            with suppress(IndexError):
                self._handed.put(self._idle.pop())

    def _next(self, deadline: float) -> Any:
        """Wait for the next connection: a new one, or one that another request has done with."""
        self._add_waiting(1)
        try:
            self.connect()
            return self._free() or self._handed_over(deadline)
        finally:
            self._add_waiting(-1)

    def _add_waiting(self, one: int) -> None:
        with self._lock:
            self._waiting += one

    def _handed_over(self, deadline: float) -> Any:
        error: Exception = exceptions.TimeoutError()
        while True:
            try:
                own = self._handed.get(timeout=max(0.001, deadline - time.monotonic()))
            except Empty:
                raise error from None
            if not isinstance(own, Exception):
                return own
            error = own

    def connect(self, many: int = 1) -> None:
        """Make connections in a thread beside: to look up the store's name has no end of its own.

        One thread at a time. Whom it is too slow for gets what others give back.
        """
        if self._is_connecting.acquire(blocking=False):
            try:
                threading.Thread(target=self._connect, args=[many], daemon=True).start()
            except RuntimeError:
                # The process ends, and makes no threads any more.
                self._is_connecting.release()

    def _connect(self, many: int) -> None:
        try:
            for _ in range(many):
                own: Any = self._pool.make_connection()
                own.connect()
                self._give(own)
        except (exceptions.RedisError, OSError) as error:
            self._handed.put(error)
        finally:
            self._is_connecting.release()

    def _converse(self, own: Any, count: bytes, question: bytes, deadline: float) -> list[int]:
        try:
            try:
                answer = _exchange(own, b"%b%b%b" % (count, BY_NAME, question), deadline)
            except exceptions.NoScriptError:
                answer = _exchange(own, b"%b%b%b" % (count, BY_TEXT, question), deadline)
        except BaseException:
            own.disconnect()
            raise
        self._give(own)
        return [int(word) for word in answer.split()]

    def _may_probe(self, now: float) -> bool:
        with self._lock:
            if now < self._probe_at:
                return False
            self._probe_at = now + PROBE_SECONDS
            return True

    def _fail(self, error: Exception, began: float) -> None:
        with self._lock:
            # Who waited through the same moment counts once: this machine may have stood still.
            if began >= self._late_at:
                self._late, self._late_at = self._late + 1, time.monotonic()
            is_late = isinstance(error, exceptions.TimeoutError) and self._late < SLOW_ANSWERS
            if is_late and not self.is_open:
                return
            if not self.is_open:
                # The kind alone: an error's text may hold the address with its password.
                log.warning("limits: the store is away", extra={"kind": type(error).__name__})
                # Whatever is there is from before.
                self._drop()
            self.is_open = True
            self._probe_at = time.monotonic() + PROBE_SECONDS

    def _succeed(self) -> None:
        with self._lock:
            if self.is_open:
                log.warning("limits: the store is back")
            self.is_open, self._late = False, 0


def _exchange(own: Any, command: bytes, deadline: float) -> bytes:
    began = time.monotonic()
    # Who got here late, for want of a processor, has not asked the store yet.
    left = max(STEP_SECONDS, deadline - began)
    # To set another time-out than the connection's costs time in each request.
    is_late = left <= STEP_SECONDS
    answer: bytes
    try:
        own.send_packed_command([command])
        more = {"timeout": left} if is_late else {}
        answer = own.read_response(disconnect_on_error=False, **more)
    except exceptions.TimeoutError:
        if time.monotonic() - began < 2 * PATIENCE_SECONDS:
            raise
        # Too many threads, or the whole machine stood still, and the store may have answered.
        answer = own.read_response(timeout=STEP_SECONDS)
    return answer


# Without the store


def _without_store(asked: Sequence[Asked], now: float) -> Decision:
    local = [one for one in asked if one.rule.when_away is WhenAway.LOCAL]
    others = [_by_word(one) for one in asked if one.rule.when_away is not WhenAway.LOCAL]
    is_free = not any(verdict.is_refusal for verdict in others)
    return Decision((*others, *_count_here(local, now, is_taken=is_free)))


def _by_word(asked: Asked) -> Verdict:
    rule, key, cost = asked.rule, asked.key, asked.cost
    if rule.when_away is WhenAway.CLOSED:
        return Verdict(rule, key, 0, CLOSED_SECONDS, True, Source.CLOSED, cost)  # noqa: FBT003
    return Verdict(rule, key, rule.capacity, 0, False, Source.OPEN, cost)  # noqa: FBT003


# Key to level and when, as in the store; what this process saw last, or counted by itself.
_levels: Final[OrderedDict[bytes, tuple[int, int]]] = OrderedDict()
_levels_lock = threading.Lock()


def _count_here(asked: Sequence[Asked], now: float, *, is_taken: bool) -> list[Verdict]:
    at = int(now * 1000)
    with _levels_lock:
        levels = [_level_here(one, at) for one in asked]
        shorts = [level < one.price for level, one in zip(levels, asked, strict=True)]
        is_taken = is_taken and not any(
            short and one.rule.mode is Mode.ENFORCED
            for short, one in zip(shorts, asked, strict=True)
        )
        for place, one in enumerate(asked):
            if is_taken and not shorts[place]:
                levels[place] -= one.price
                _note_level(one.key, levels[place], at)
    return [
        _verdict(one, level, Source.LOCAL, is_short=short)
        for one, level, short in zip(asked, levels, shorts, strict=True)
    ]


def _note_level(key: bytes, level: int, at: int) -> None:
    # Who was seen the longest ago has the fullest bucket.
    keep(_levels, key, (level, at))


def _level_here(asked: Asked, at: int) -> int:
    left, since = _levels.get(asked.key, (asked.full, at))
    return min(asked.full, left + (at - since) * asked.rule.refill)


# Empty buckets


class Emptied(NamedTuple):
    rule: Rule
    cost: int
    remaining: int
    # When the cost will be there, if nobody else takes of it meanwhile.
    enough_at: float
    until: float


_empty: Final[OrderedDict[bytes, Emptied]] = OrderedDict()


def _remember(verdict: Verdict, now: float) -> None:
    until = now + min(verdict.wait, MEMORY_SECONDS)
    found = Emptied(verdict.rule, verdict.cost, verdict.remaining, now + verdict.wait, until)
    keep(_empty, verdict.key, found)


def _remembered(asked: Sequence[Asked], now: float) -> tuple[Verdict, ...]:
    """Give refusals that need not be asked for: nothing can be taken from these before."""
    if not _empty:
        return ()
    found = []
    for one in asked:
        rule, key, cost = one.rule, one.key, one.cost
        empty = _empty.get(key)
        # A changed rule may have more, and what costs less may pass.
        if empty is None or empty.rule is not rule or cost < empty.cost:
            continue
        if now >= empty.until:
            _empty.pop(key, None)
            continue
        wait = empty.enough_at - now
        found.append(Verdict(rule, key, empty.remaining, wait, True, Source.MEMORY, cost))  # noqa: FBT003
    return tuple(found)


_circuit = Circuit()


def connect() -> None:
    """Have connections before the first request comes."""
    _circuit.connect(FIRST_CONNECTIONS)


def forget() -> None:
    """Begin anew: with other connections, and nothing in memory."""
    global _circuit, _levels_lock
    _circuit, _levels_lock = Circuit(), threading.Lock()
    _levels.clear()
    _empty.clear()


# Two processes must not talk over one connection, and locks stay held.
os.register_at_fork(after_in_child=forget)
