"""Keeps the figures of people's days in step with the log, by the SQL functions of this app.

Readers never wait for it: exact_daily_metrics computes what is not folded yet.
"""

import datetime as dt
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from django.db import connection
from django.db.models.functions import Now

from accounts.models import User
from core import gate
from core.errors import DomainError, NotFound
from health.models import MetricRebuild

# About half a second of work, after which others get their turn.
PORTION: Final = 2000
PEOPLE: Final = 20
NOBODY: Final = uuid.UUID(int=0)

# As cheap when a million marks wait, which is when somebody has to look. The mark of a day that
# is too large to be folded lies in the future.
BACKLOG: Final = """
    SELECT count(*), greatest(extract(epoch FROM now() - min(m.marked_at)), 0)::float8
      FROM (SELECT marked_at FROM metric_marks LIMIT 100000) m
"""
LOCK: Final = "hashtextextended('rebuild_metrics', 0)"
# That of fold_metrics(), rebuild_metrics() and erase_person().
FOLD_LOCK: Final = "hashtextextended('metrics', 0)"
# A day of one side only differs as a whole; of others the columns are named, never the values.
COLUMNS: Final = """
    CASE WHEN (d.stored).local_date IS NULL THEN '{"the whole day is missing"}'
         WHEN (d.fresh).local_date IS NULL THEN '{"the whole day should not be there"}'
         ELSE ARRAY(SELECT key
                      FROM jsonb_each(to_jsonb(d.stored)) s
                      JOIN jsonb_each(to_jsonb(d.fresh)) f USING (key)
                     WHERE s.value IS DISTINCT FROM f.value
                     ORDER BY key)
    END
"""
DIFFERING: Final = f"""
    SELECT 'user ' || d.user_id, d.local_date, {COLUMNS}
      FROM differing_days(%s) d
     ORDER BY 1, 2
"""
DIFFERING_TENANTS: Final = f"""
    SELECT 'tenant ' || d.tenant_id, d.local_date, {COLUMNS}
      FROM differing_tenant_days() d
     ORDER BY 1, 2
"""


class AlreadyRunning(DomainError):
    status = 409
    code = "rebuild-running"
    retryable = True


@dataclass(frozen=True)
class Backlog:
    """What the fold has not come to yet. `marks` ends at a hundred thousand."""

    marks: int
    lag: float


@dataclass(frozen=True)
class Difference:
    """A day that does not stand as it should: whose it is, and what about it; never a value."""

    owner: str
    date: dt.date
    columns: Sequence[str]


@dataclass(frozen=True)
class Verified:
    """What a portion of people came to; the last one is about no people but their clinics."""

    people: int
    differences: Sequence[Difference]


# Folding


def fold(*, portions: int | None = None) -> int:
    """Compute all marked days anew, portion by portion (at most so many); answers how many.

    Less than a whole portion is all there was; while people write there would always be more.
    """
    total = 0
    for _ in range(portions) if portions else count():
        folded = _fold_portion()
        total += folded
        if folded < PORTION:
            break
    return total


def _fold_portion() -> int:
    """Answers 0 while another fold, a rebuild or an erasure is at work: nobody waits for it."""
    with gate.as_system():
        if not _rows(f"SELECT pg_try_advisory_xact_lock({FOLD_LOCK})")[0][0]:
            return 0
        folded: int = _rows("SELECT fold_metrics(%s)", [PORTION])[0][0]
    return folded


def backlog() -> Backlog:
    """Look how many marks wait, and for how long the oldest has: of the first ones, if too many."""
    with gate.as_system():
        return Backlog(*_rows(BACKLOG)[0])


# Rebuilding and comparing


def count_people() -> int:
    return User.objects.count()


def rebuild(*, is_new: bool) -> Generator[MetricRebuild]:
    """Compute everybody's days anew and replace what differs, in portions by rising ids.

    Tells after each portion, which is a transaction, how far the run has come. Whoever stops
    asking ends it there; the next run goes on at that place, unless it is to be a new one.
    """
    with _alone():
        run = _unfinished(is_new=is_new)
        yield run
        while _rebuild_portion(run):
            yield run
        with gate.as_system():
            run.changed_count += _rows("SELECT rebuild_tenant_metrics()")[0][0]
            run.finished_at = _rows("SELECT now()")[0][0]
            run.save(update_fields=["changed_count", "finished_at"])
        yield run


def rebuild_person(user_id: uuid.UUID) -> tuple[int, int]:
    """Compute one person's days anew; answers how many they are, and how many stood otherwise."""
    _check_known(user_id)
    with gate.as_system():
        days, changed = _rows("SELECT * FROM rebuild_metrics(%s)", [[user_id]])[0]
        # What had been done to the days by hand was not in the sums.
        changed += _rows("SELECT rebuild_tenant_metrics()")[0][0] if changed else 0
    return days, changed


def verify() -> Iterator[Verified]:
    """Compare everybody's days with what the log says, and the sums of clinics with the days.

    A portion is one statement and so one snapshot: people may write meanwhile.
    """
    position = NOBODY
    while people := _people_after(position):
        yield Verified(len(people), _differences(DIFFERING, [people]))
        position = people[-1]
    yield Verified(0, _differences(DIFFERING_TENANTS, []))


def verify_person(user_id: uuid.UUID) -> Sequence[Difference]:
    _check_known(user_id)
    return _differences(DIFFERING, [[user_id]])


@contextmanager
def _alone() -> Iterator[None]:
    if not _rows(f"SELECT pg_try_advisory_lock({LOCK})")[0][0]:
        raise AlreadyRunning("Another rebuild is running. Wait until it has ended.")
    try:
        yield
    finally:
        _rows(f"SELECT pg_advisory_unlock({LOCK})")


def _unfinished(*, is_new: bool) -> MetricRebuild:
    with gate.as_system():
        begun = MetricRebuild.objects.filter(finished_at=None)
        if is_new:
            begun.update(finished_at=Now())
        found = begun.order_by("-id").first()
        return found or MetricRebuild.objects.create()


def _rebuild_portion(run: MetricRebuild) -> bool:
    """Do the next people; False if there are none left."""
    with gate.as_system():
        people = _people_after(run.position)
        if not people:
            return False
        days, changed = _rows("SELECT * FROM rebuild_metrics(%s)", [people])[0]
        run.position = people[-1]
        run.person_count += len(people)
        run.day_count += days
        run.changed_count += changed
        run.save(update_fields=["position", "person_count", "day_count", "changed_count"])
    return True


def _people_after(position: uuid.UUID) -> list[uuid.UUID]:
    people = User.objects.filter(id__gt=position).order_by("id")
    return list(people.values_list("id", flat=True)[:PEOPLE])


def _check_known(user_id: uuid.UUID) -> None:
    if not User.objects.filter(id=user_id).exists():
        raise NotFound("There is no person with this id.")


def _differences(query: str, parameters: Sequence[Any]) -> list[Difference]:
    with gate.as_system():
        return [Difference(*row) for row in _rows(query, parameters)]


def _rows(query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
