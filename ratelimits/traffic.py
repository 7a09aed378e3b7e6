"""What is asked of the API, counted. A request costs one append; the flushing thread adds up.

`note()` takes a finished request. Once a second core.flushing has all of it added up and sent in
one statement: requests by hour and route, the finished minutes of each caller (for previews),
buckets that are getting empty, and violations. A flush without an answer is sent again as it was,
and the database adds it once. While the database is away everything waits, within bounds.

A killed process loses what it counted in its last second, and of single callers the last minute.
"""

import datetime as dt
import logging
import os
import threading
import uuid
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final
from zlib import crc32

import msgspec
import psycopg

from core import flushing
from ratelimits import buckets, violations
from ratelimits.buckets import BucketRow
from ratelimits.types import BOUNDS, Caller, Decision

log = logging.getLogger("novara.ratelimits")

# Callers of one minute that one process tells apart, and those of all minutes that wait for the
# database: some 60 MB at most. Requests of others are counted, as nobody's.
MOST_CALLERS: Final = 20_000
MOST_MINUTE_ROWS: Final = 100_000
MOST_HOUR_ROWS: Final = 20_000
MOST_BUCKETS: Final = 10_000
# Requests that wait to be added up; whoever finds so many adds them up first.
MOST_WAITING: Final = 10_000
FIELDS: Final = 6
# All routes and methods together, for questions about weeks.
EVERY_ROUTE: Final = "*"
MINUTE: Final = dt.timedelta(minutes=1)
ADD: Final = "SELECT add_rate_limit_tallies(%s, %s, %s::json)"

# Caller, route, method, status, milliseconds, decision, caller, …: a tuple for each request would
# be work for the garbage collector. `extend` is one step: no other thread comes between.
_taken: list[Any] = []


def note(
    caller: Caller, route: str, method: str, status: int, ms: float, decision: Decision
) -> None:
    """Count a finished request of /api/ or /ofrep/."""
    _taken.extend((caller, route, method, status, ms, decision))
    if len(_taken) >= MOST_WAITING * FIELDS:
        _counter.drain(dt.datetime.now(dt.UTC))


def route_id(method: str, route: str) -> int:
    """Give 31 bits for a route; among a thousand of them two are one with 1 in 4,000."""
    return crc32(f"{method} {route}".encode()) >> 1


class HourRow(msgspec.Struct):
    hour: dt.datetime
    route: str
    method: str
    status_class: int
    histogram: list[int]
    request_count: int = 0
    total_ms: float = 0.0


class MinuteRow(msgspec.Struct):
    minute: dt.datetime
    tenant_id: str | None
    user_id: str | None
    api_key_id: str | None
    network: str
    routes: list[int]
    requests: list[int]
    request_count: int


# Whose requests are told apart: tenant, person, API key, network.
Who = tuple[str | None, str | None, str | None, str]
NOBODY: Final[Who] = (None, None, None, "")


def who(caller: Caller) -> Who:
    """Tell callers apart as rules do: a network is of those alone who are not signed in."""
    if caller.user_id or caller.api_key_id:
        return caller.tenant_id, caller.user_id, caller.api_key_id, ""
    return None, None, None, buckets.network_hash(caller.network)


class Tallies:
    """What is not in the database yet."""

    def __init__(self) -> None:
        self.hours: dict[tuple[object, ...], HourRow] = {}
        self.buckets: dict[str, BucketRow] = {}
        self.violations: dict[tuple[object, ...], violations.ViolationRow] = {}
        self.dropped = 0

    @property
    def is_empty(self) -> bool:
        return not (self.hours or self.buckets or self.violations)

    def count(self, hour: dt.datetime, route: str, method: str, status: int, ms: float) -> None:
        place = (hour, route, method, status // 100)
        row = self.hours.get(place)
        if row is None:
            if len(self.hours) >= MOST_HOUR_ROWS:
                self.dropped += 1
                return
            row = self.hours[place] = HourRow(
                hour, route, method, status // 100, [0] * (len(BOUNDS) + 1)
            )
        row.request_count += 1
        row.total_ms += ms
        row.histogram[bisect_left(BOUNDS, ms)] += 1

    def see(self, caller: Caller, route: str, decision: Decision, now: dt.datetime) -> None:
        for verdict in decision.verdicts:
            if not buckets.is_worth_showing(verdict):
                continue
            row = buckets.row_of(caller, route, verdict, now)
            before = self.buckets.get(row.key)
            if before is None and len(self.buckets) >= MOST_BUCKETS:
                self.dropped += 1
                continue
            if before is not None:
                row.limited_until = row.limited_until or before.limited_until
            self.buckets[row.key] = row


class Counts:
    """The tallies of one process, and how far they have been sent."""

    def __init__(self) -> None:
        self._process, self._sequence = uuid.uuid4(), 0
        self._lock = threading.Lock()
        self._tallies = Tallies()
        self._minutes: dict[dt.datetime, dict[Who, Counter[int]]] = {}
        self._callers = 0
        self._sent: bytes | None = None

    def drain(self, now: dt.datetime) -> None:
        """Add up what was taken since the last time."""
        with self._lock:
            batch = _taken[:]
            del _taken[: len(batch)]
            hour = now.replace(minute=0, second=0, microsecond=0)
            callers = self._minutes.setdefault(now.replace(second=0, microsecond=0), {})
            parts = [batch[part::FIELDS] for part in range(FIELDS)]
            for caller, route, method, status, ms, decision in zip(*parts, strict=True):
                self._tallies.count(hour, route, method, status, ms)
                self._tallies.count(hour, EVERY_ROUTE, EVERY_ROUTE, status, ms)
                self._tallies.see(caller, route, decision, now)
                self._count_caller(callers, who(caller), route_id(method, route))
            violations.drain(self._tallies.violations)

    def _count_caller(self, callers: dict[Who, Counter[int]], one: Who, route: int) -> None:
        counted = callers.get(one)
        if counted is None:
            is_full = len(callers) >= MOST_CALLERS or self._callers >= MOST_MINUTE_ROWS
            one = NOBODY if is_full else one
            self._callers += one not in callers
            counted = callers.setdefault(one, Counter())
        counted[route] += 1

    def flush(self, own: psycopg.Connection[Any], now: dt.datetime) -> None:
        """Send what there is. What was sent without an answer is sent again first, as it was."""
        if self._sent is not None:
            self._send(own, self._sent)
        self.drain(now)
        with self._lock:
            tallies, self._tallies = self._tallies, Tallies()
            minutes = list(self._finished(now))
        if tallies.dropped:
            log.warning("tallies of requests were full", extra={"dropped": tallies.dropped})
        if minutes or not tallies.is_empty:
            self._sent = msgspec.json.encode(
                {
                    "hours": list(tallies.hours.values()),
                    "minutes": minutes,
                    "buckets": list(tallies.buckets.values()),
                    "violations": list(tallies.violations.values()),
                }
            )
            self._sequence += 1
            self._send(own, self._sent)

    def _finished(self, now: dt.datetime) -> Iterator[MinuteRow]:
        """Give the minutes that are over: one row each, not one each second."""
        for minute in [one for one in self._minutes if one + MINUTE <= now]:
            callers = self._minutes.pop(minute)
            self._callers -= len(callers)
            for one, counted in callers.items():
                yield MinuteRow(
                    minute, *one, list(counted), list(counted.values()), counted.total()
                )

    def _send(self, own: psycopg.Connection[Any], sent: bytes) -> None:
        try:
            own.execute(ADD, (self._process, self._sequence, sent.decode()))
        except (psycopg.DataError, psycopg.IntegrityError):
            # It would be refused for ever, and everything behind it would wait.
            log.exception("tallies of requests are refused")
        self._sent = None


_counter = Counts()


def flush(own: psycopg.Connection[Any]) -> None:
    """Send what this process has counted."""
    _counter.flush(own, dt.datetime.now(dt.UTC))


def _forget() -> None:
    """Begin anew in a child: what its parent took, its parent counts."""
    global _counter  # noqa: PLW0603  One for each process.
    _taken.clear()
    violations.forget()
    _counter = Counts()


os.register_at_fork(after_in_child=_forget)
flushing.register("requests and limits", flush)
