"""Whom rules refused, or would have in shadow: counted by hour, rule and caller, with samples."""

import datetime as dt
from typing import Final, NamedTuple

import msgspec

from ratelimits.buckets import Subject, subject_of
from ratelimits.types import Caller, Decision, Verdict

# What one process keeps at most until it is flushed; callers beyond are counted as nobody.
MOST_ROWS: Final = 10_000
# Of single requests waiting to be added up: who sends so many is counted less.
MOST_WAITING: Final = 50_000
MOST_SAMPLES: Final = 5


class Sample(msgspec.Struct, frozen=True):
    at: dt.datetime
    method: str
    route: str
    request_id: str


class ViolationRow(msgspec.Struct):
    hour: dt.datetime
    rule_name: str
    # Hexadecimal; empty: callers who are not told apart.
    key: str
    mode: str
    scope: str
    subject: Subject
    first_at: dt.datetime
    last_at: dt.datetime
    violation_count: int = 0
    samples: list[Sample] = []


class Violation(NamedTuple):
    at: dt.datetime
    caller: Caller
    route: str
    method: str
    request_id: str
    decision: Decision


_taken: list[Violation] = []


def note(caller: Caller, route: str, method: str, request_id: str, decision: Decision) -> None:
    """Note that rules refused a request, or would have."""
    if len(_taken) < MOST_WAITING:
        at = dt.datetime.now(dt.UTC)
        _taken.append(Violation(at, caller, route, method, request_id, decision))


def drain(rows: dict[tuple[object, ...], ViolationRow]) -> None:
    """Add up what was noted since the last time. One thread at a time."""
    batch = _taken[:]
    del _taken[: len(batch)]
    for one in batch:
        for verdict in one.decision.verdicts:
            if verdict.is_exceeded:
                row = _row(rows, one, verdict)
                row.violation_count += 1
                row.last_at = one.at
                row.samples.append(Sample(one.at, one.method, one.route, one.request_id))
                # The last ones: they are what somebody looks for in the logs.
                del row.samples[:-MOST_SAMPLES]


def forget() -> None:
    _taken.clear()


def _row(
    rows: dict[tuple[object, ...], ViolationRow], one: Violation, verdict: Verdict
) -> ViolationRow:
    rule, key = verdict.rule, verdict.key.hex()
    hour = one.at.replace(minute=0, second=0, microsecond=0)
    row = rows.get((hour, rule.name, key, rule.mode))
    if row is None:
        subject = subject_of(one.caller, rule.scope, one.route)
        if len(rows) >= MOST_ROWS:
            key, subject = "", Subject()
        made = ViolationRow(
            hour, rule.name, key, rule.mode, rule.scope, subject, one.at, one.at, samples=[]
        )
        row = rows.setdefault((hour, rule.name, key, rule.mode), made)
    return row
