"""What is asked of flags, counted. A question costs one append; a thread adds up behind it.

`take((outcome, subject))` notes a question. The agent drains several times a second, so that what
waits stays small, and flushes every two seconds: counts, the subjects that a variant has not had
before in this hour, and single evaluations. While the database is away all of it waits, within
bounds.
"""

import datetime as dt
import logging
import threading
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Final

import msgspec
import psycopg

from flags import outcomes, rules
from flags.types import Outcome, Reason

log = logging.getLogger("novara.flags")

# What one process keeps at most while the database is away: some 60 MB.
MOST_SUBJECTS: Final = 200_000
MOST_EVALUATIONS: Final = 30_000
MOST_COUNTS: Final = 10_000
# Subjects that are remembered so that they are not sent again; forgotten, they are.
MOST_KNOWN: Final = 200_000
LONGEST_SUBJECT: Final = 200
NOBODY: Final = {None, ""}
ADD: Final = "SELECT add_flag_tallies(%s, %s, %s::json)"

# The names of OpenTelemetry; all others are "targeting_match".
TOLD_REASONS: Final = {
    Reason.DISABLED: "disabled",
    Reason.EVERYBODY: "static",
    Reason.NOBODY: "static",
    Reason.NO_SUBJECT: "default",
    Reason.PERCENTAGE_IN: "split",
    Reason.PERCENTAGE_OUT: "split",
}

# A question and its subject, or more of such pairs in a row.
Taken = Sequence[Outcome | str | None]

# Outcome, subject, outcome, subject: a tuple for each question would be work for the garbage
# collector. `extend` with a tuple is one step: no other thread comes between the two.
_taken: list[Any] = []
# Until an agent begins nobody would add up. Say counting.take: it is replaced then.
take: Callable[[Taken], None] = deque[Any](maxlen=0).extend


class CountRow(msgspec.Struct):
    flag_name: str
    variant: str | None
    reason: Reason
    hour: dt.datetime
    last_evaluated_at: dt.datetime
    evaluations: int = 0


class ExposureRow(msgspec.Struct):
    flag_name: str
    variant: str | None
    hour: dt.datetime
    subjects: list[str | None]


class EvaluationRow(msgspec.Struct):
    flag_name: str
    variant: str | None
    evaluation_reason: Reason
    evaluation_result: str
    evaluated_at: dt.datetime
    sample_minute: dt.datetime | None
    targeting_key: str | None
    user_id: uuid.UUID | None
    metadata: dict[str, str | None]


class Tallies:
    """What is not in the database yet."""

    def __init__(self) -> None:
        self.counts: dict[tuple[Any, ...], CountRow] = {}
        self.exposures: dict[tuple[Any, ...], ExposureRow] = {}
        self.evaluations: list[EvaluationRow] = []
        self.subjects = 0
        self.dropped = 0

    def count(self, row: CountRow, number: int) -> None:
        key = (row.flag_name, row.variant, row.reason, row.hour)
        if key not in self.counts and len(self.counts) >= MOST_COUNTS:
            self.dropped += number
            return
        kept = self.counts.setdefault(key, row)
        kept.evaluations += number
        kept.last_evaluated_at = row.last_evaluated_at

    def expose(self, row: ExposureRow) -> bool:
        """Keep subjects; False if there is no room for them."""
        if self.subjects + len(row.subjects) > MOST_SUBJECTS:
            self.dropped += len(row.subjects)
            return False
        self.subjects += len(row.subjects)
        key = (row.flag_name, row.variant, row.hour)
        kept = self.exposures.setdefault(key, row)
        if kept is not row:
            kept.subjects += row.subjects
        return True

    def record(self, rows: Iterable[EvaluationRow], number: int) -> None:
        room = MOST_EVALUATIONS - len(self.evaluations)
        self.evaluations += islice(rows, room)
        self.dropped += max(0, number - room)


class Counter:
    """The tallies of one process, and how far they have been sent."""

    def __init__(self) -> None:
        self._process, self._sequence = uuid.uuid4(), 0
        self._lock = threading.Lock()
        self._tallies = Tallies()
        self._sent: bytes | None = None
        self._hour: dt.datetime | None = None
        self._minute: dt.datetime | None = None
        self._known: defaultdict[tuple[str, str | None], set[str | None]] = defaultdict(set)
        self._sampled: set[tuple[str, str | None, Reason]] = set()

    def drain(self, now: dt.datetime) -> None:
        """Add up what was taken since the last time."""
        with self._lock:
            batch = _taken[:]
            del _taken[: len(batch)]
            if not batch:
                return
            hour = now.replace(minute=0, second=0, microsecond=0)
            if hour != self._hour or sum(map(len, self._known.values())) > MOST_KNOWN:
                self._hour = hour
                self._known.clear()
            minute = now.replace(second=0, microsecond=0)
            if minute != self._minute:
                self._minute = minute
                self._sampled.clear()
            for outcome, subjects in grouped(batch):
                self._count(outcome, subjects, hour, now)
                self._record(outcome, subjects, minute, now)

    def _count(
        self, one: Outcome, subjects: Sequence[str | None], hour: dt.datetime, now: dt.datetime
    ) -> None:
        self._tallies.count(CountRow(one.key, one.variant, one.reason, hour, now), len(subjects))
        known = self._known[one.key, one.variant]
        fresh = set(subjects) - known
        fresh -= NOBODY
        if fresh and self._tallies.expose(ExposureRow(one.key, one.variant, hour, list(fresh))):
            known |= fresh

    def _record(
        self, one: Outcome, subjects: Sequence[str | None], minute: dt.datetime, now: dt.datetime
    ) -> None:
        sample = (one.key, one.variant, one.reason)
        flag = rules.current().flags.get(one.key)
        if flag is not None and flag.definition.record_all:
            rows = (evaluation(one, subject, None, now) for subject in subjects)
            self._tallies.record(rows, len(subjects))
        elif sample not in self._sampled:
            self._sampled.add(sample)
            self._tallies.record([evaluation(one, subjects[0], minute, now)], 1)

    def flush(self, own: psycopg.Connection[Any]) -> None:
        """Send what there is. What was sent without an answer is sent again first, as it was."""
        if self._sent is not None:
            self._send(own, self._sent)
        found = outcomes.collect(own)
        with self._lock:
            tallies, self._tallies = self._tallies, Tallies()
        if tallies.dropped:
            log.warning("tallies of flags were full", extra={"dropped": tallies.dropped})
        if tallies.counts or found:
            self._sent = msgspec.json.encode(
                {
                    "counts": list(tallies.counts.values()),
                    "exposures": list(tallies.exposures.values()),
                    "evaluations": tallies.evaluations,
                    "outcomes": found,
                }
            )
            self._sequence += 1
            self._send(own, self._sent)

    def _send(self, own: psycopg.Connection[Any], sent: bytes) -> None:
        try:
            own.execute(ADD, (self._process, self._sequence, sent.decode()))
        except (psycopg.DataError, psycopg.IntegrityError):
            # It would be refused for ever, and everything behind it would wait.
            log.exception("tallies of flags are refused")
        self._sent = None


def grouped(batch: Sequence[Any]) -> Iterable[tuple[Outcome, list[str | None]]]:
    found: defaultdict[Outcome, list[str | None]] = defaultdict(list)
    for outcome, subject in zip(batch[::2], batch[1::2], strict=True):
        found[outcome].append(subject)
    return found.items()


def evaluation(
    one: Outcome, subject: str | None, minute: dt.datetime | None, now: dt.datetime
) -> EvaluationRow:
    """Describe a single evaluation. A subject that may be an e-mail address is not kept."""
    kept = subject if subject and "@" not in subject and len(subject) <= LONGEST_SUBJECT else None
    told = {
        "feature_flag.key": one.key,
        "feature_flag.result.variant": one.variant,
        "feature_flag.result.reason": TOLD_REASONS.get(one.reason, "targeting_match"),
        "feature_flag.context.id": kept,
        "feature_flag.version": str(one.version),
        "feature_flag.provider.name": "novara",
    }
    return EvaluationRow(
        flag_name=one.key,
        variant=one.variant,
        evaluation_reason=one.reason,
        evaluation_result=msgspec.json.encode(one.value).decode(),
        evaluated_at=now,
        sample_minute=minute,
        targeting_key=kept,
        user_id=uuid_of(kept),
        metadata={name: value for name, value in told.items() if value is not None},
    )


def uuid_of(subject: str | None) -> uuid.UUID | None:
    """Read a subject as an id; whether it is a person's the database knows."""
    try:
        return uuid.UUID(subject) if subject else None
    except ValueError:
        return None


_counter = Counter()


def begin() -> Counter:
    """Have everything counted from here on; by the agent, which adds up."""
    global take  # noqa: PLW0603  One list for each process.
    take = _taken.extend
    return _counter


def forget() -> None:
    """Begin anew in a child: what its parent took, its parent counts."""
    global _counter, take
    _taken.clear()
    _counter, take = Counter(), deque[Any](maxlen=0).extend
