"""The buckets: counted in Valkey by one script, for all rules of a request at once.

Asking costs 20 ms at most, whatever becomes of the store. While it does not answer, nobody waits
for it but one request now and then, which finds out whether it is back; each rule says what
becomes of the others. A caller whose bucket is empty is refused from memory, for a second at most.
"""

import hashlib
import hmac
import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

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

# For everything: a connection, where there is none yet, the question and the answer. A step of it
# takes less, and is what somebody gets on top who stood still meanwhile.
PATIENCE_SECONDS: Final = 0.012
STEP_SECONDS: Final = 0.006
# One answer may be late; a store that is three times too slow is away.
SLOW_ANSWERS: Final = 3
PROBE_SECONDS: Final = 0.5

MEMORY_SECONDS: Final = 1.0
MOST_REMEMBERED: Final = 10_000
# What a caller is told who met a rule that lets nobody pass while the store is away.
CLOSED_SECONDS: Final = 1.0


class Away(Exception):
    """The store did not answer, or is not asked at the moment."""


class Asked(NamedTuple):
    rule: Rule
    key: bytes
    cost: int


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
    keys = [PREFIX + one.key.hex().encode() for one in asked]
    figures: list[int] = [int(is_taken)]
    for rule, _, cost in asked:
        is_watching = int(rule.mode is Mode.SHADOW)
        window = rule.window_seconds * 1000
        figures += (rule.capacity, rule.refill, window, min(cost, rule.capacity), is_watching)
    answer = _circuit.call(keys, figures, now)
    return Decision(
        tuple(
            _verdict(one, answer[2 * place + 1], Source.STORE, is_short=bool(answer[2 * place + 2]))
            for place, one in enumerate(asked)
        )
    )


def _verdict(asked: Asked, level: int, source: Source, *, is_short: bool) -> Verdict:
    rule, key, cost = asked
    window = rule.window_seconds * 1000
    if is_short:
        missing = min(cost, rule.capacity) * window - level
    else:
        missing = 0 if level >= rule.capacity * window else window - level % window
    wait = missing / rule.refill / 1000
    return Verdict(rule, key, level // window, wait, is_short, source, cost)


class Circuit:
    """Connections to the store, and whether it is worth asking it."""

    def __init__(self) -> None:
        self._pool: ConnectionPool = ConnectionPool.from_url(
            settings.REDIS_URL,
            # It only makes connections here and never sees one again, so it must not count them.
            max_connections=2**31,
            socket_connect_timeout=STEP_SECONDS,
            socket_timeout=STEP_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        )
        self._idle: deque[Any] = deque()
        self._lock = threading.Lock()
        self._late = 0
        self._probe_at = -math.inf
        self.is_open = False

    def call(self, keys: list[bytes], figures: list[int], began: float) -> list[int]:
        if self.is_open and not self._may_probe(began):
            raise Away
        try:
            answer = self._talk(keys, figures, began + PATIENCE_SECONDS)
        except (exceptions.RedisError, OSError) as error:
            self._fail(error)
            raise Away from error
        if self._late or self.is_open:
            self._succeed()
        return answer

    def _talk(self, keys: list[bytes], figures: list[int], deadline: float) -> list[int]:
        try:
            own = self._idle.pop()
        except IndexError:
            return self._converse(self._pool.make_connection(), keys, figures, deadline)
        try:
            return self._converse(own, keys, figures, deadline)
        except exceptions.TimeoutError:
            raise
        except exceptions.ConnectionError:
            # The store was restarted behind an old connection; those that lie here are as old.
            self._idle.clear()
            return self._converse(self._pool.make_connection(), keys, figures, deadline)

    def _converse(
        self, own: Any, keys: list[bytes], figures: list[int], deadline: float
    ) -> list[int]:
        try:
            try:
                answer = _exchange(own, deadline, b"EVALSHA", SCRIPT_NAME, keys, figures)
            except exceptions.NoScriptError:
                answer = _exchange(own, deadline, b"EVAL", SCRIPT, keys, figures)
        except BaseException:
            own.disconnect()
            raise
        self._idle.append(own)
        return answer

    def _may_probe(self, now: float) -> bool:
        with self._lock:
            if now < self._probe_at:
                return False
            self._probe_at = now + PROBE_SECONDS
            return True

    def _fail(self, error: Exception) -> None:
        with self._lock:
            self._late += 1
            is_late = isinstance(error, exceptions.TimeoutError) and self._late < SLOW_ANSWERS
            if is_late and not self.is_open:
                return
            if not self.is_open:
                # The kind alone: an error's text may hold the address with its password.
                log.warning("limits: the store is away", extra={"kind": type(error).__name__})
            self.is_open = True
            self._probe_at = time.monotonic() + PROBE_SECONDS

    def _succeed(self) -> None:
        with self._lock:
            if self.is_open:
                log.warning("limits: the store is back")
            self.is_open, self._late = False, 0


def _exchange(
    own: Any, deadline: float, command: bytes, script: bytes, keys: list[bytes], figures: list[int]
) -> list[int]:
    own.send_command(command, script, len(keys), *keys, *figures)
    began = time.monotonic()
    left = max(0.001, deadline - began)
    answer: list[int]
    try:
        answer = own.read_response(timeout=left, disconnect_on_error=False)
    except exceptions.TimeoutError:
        if time.monotonic() - began < 2 * left:
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
    rule, key, cost = asked
    if rule.when_away is WhenAway.CLOSED:
        return Verdict(rule, key, 0, CLOSED_SECONDS, True, Source.CLOSED, cost)  # noqa: FBT003
    return Verdict(rule, key, rule.capacity, 0, False, Source.OPEN, cost)  # noqa: FBT003


# Key to level and when, as in the store; what this process saw last, or counted by itself.
_levels: Final[dict[bytes, tuple[int, int]]] = {}
_levels_lock = threading.Lock()


def _count_here(asked: Sequence[Asked], now: float, *, is_taken: bool) -> list[Verdict]:
    at = int(now * 1000)
    with _levels_lock:
        levels = [_level_here(one, at) for one in asked]
        prices = [
            min(one.cost, one.rule.capacity) * one.rule.window_seconds * 1000 for one in asked
        ]
        shorts = [level < price for level, price in zip(levels, prices, strict=True)]
        is_taken = is_taken and not any(
            short and one.rule.mode is Mode.ENFORCED
            for short, one in zip(shorts, asked, strict=True)
        )
        for place, one in enumerate(asked):
            if is_taken and not shorts[place]:
                levels[place] -= prices[place]
                _note_level(one.key, levels[place], at)
    return [
        _verdict(one, level, Source.LOCAL, is_short=short)
        for one, level, short in zip(asked, levels, shorts, strict=True)
    ]


def _note_level(key: bytes, level: int, at: int) -> None:
    if len(_levels) >= MOST_REMEMBERED and key not in _levels:
        _levels.clear()
    _levels[key] = level, at


def _level_here(asked: Asked, at: int) -> int:
    full = asked.rule.capacity * asked.rule.window_seconds * 1000
    left, since = _levels.get(asked.key, (full, at))
    return min(full, left + (at - since) * asked.rule.refill)


# Empty buckets


class Empty(NamedTuple):
    rule: Rule
    cost: int
    remaining: int
    # When the cost will be there, if nobody else takes of it meanwhile.
    enough_at: float
    until: float


_empty: Final[dict[bytes, Empty]] = {}


def _remember(verdict: Verdict, now: float) -> None:
    if len(_empty) >= MOST_REMEMBERED:
        _empty.clear()
    until = now + min(verdict.wait, MEMORY_SECONDS)
    _empty[verdict.key] = Empty(
        verdict.rule, verdict.cost, verdict.remaining, now + verdict.wait, until
    )


def _remembered(asked: Sequence[Asked], now: float) -> tuple[Verdict, ...]:
    """Give refusals that need not be asked for: nothing can be taken from these before."""
    if not _empty:
        return ()
    found = []
    for rule, key, cost in asked:
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


def forget() -> None:
    """Begin anew: with other connections, and nothing in memory."""
    global _circuit, _levels_lock
    _circuit, _levels_lock = Circuit(), threading.Lock()
    _levels.clear()
    _empty.clear()


# Two processes must not talk over one connection, and locks stay held.
os.register_at_fork(after_in_child=forget)
