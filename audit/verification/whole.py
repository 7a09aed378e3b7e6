"""Verification of a scope from its first link to its last checkpoint."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, cast

from django.db import connection, transaction

from audit import lines
from audit.lines import Position
from audit.verification import explanations, links, triggers
from audit.verification.entries import Walk
from audit.verification.explanations import Explanations
from audit.verification.faults import Fault, Report, Scope, when
from audit.verification.signatures import Signatures

# Everything is looked at as it was at one moment, while others write.
ONE_MOMENT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
NOT_SEALED: Final = """
    SELECT count(*), min(recorded_at),
           count(*) FILTER (WHERE tx_id >= pg_snapshot_xmax(pg_current_snapshot())
                              AND tx_id IS DISTINCT FROM pg_current_xact_id_if_assigned())
      FROM audit_logs
     WHERE (tx_id, id) >= (%s::text::xid8, %s)
       AND (%s::uuid IS NULL OR tenant_id = %s)
"""


@contextmanager
def one_moment() -> Iterator[None]:
    is_first = not connection.in_atomic_block
    with transaction.atomic():
        if is_first:
            with connection.cursor() as cursor:
                cursor.execute(ONE_MOMENT)
        yield


def verify(
    scope: Scope, report: Report, tell: Callable[[int, int], None] = lambda _done, _of: None
) -> Iterator[Fault]:
    """Give each fault as it is found; `report` counts along, `tell` hears of links done."""
    with one_moment():
        for found in _verify(scope, report, tell):
            report.faults += 1
            yield found


def _verify(scope: Scope, report: Report, tell: Callable[[int, int], None]) -> Iterator[Fault]:
    yield from triggers.disabled()
    explained = explanations.load()
    yield from explained.faults
    total, _ = links.totals(scope)
    walk = Walk(scope, report, explained, _time_of_database())
    for page in links.pages(scope):
        yield from walk.page(page)
        tell(report.links, total)
    end = lines.end_of_chains()
    yield from walk.rest(end)
    yield from _signatures(scope, report, explained)
    if scope.until is None:
        yield from _not_sealed(scope, report, end)
    report.notes += [
        f"A backup was restored {when(at)}: what happened after it was made is lost."
        for at in explained.restored
    ]


def _time_of_database() -> dt.datetime:
    """Links are sealed by this clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    return cast(dt.datetime, now)


def _signatures(scope: Scope, report: Report, explained: Explanations) -> Iterator[Fault]:
    signatures = Signatures(scope, report, explained)
    for found in signatures.stored():
        if found is not None:
            yield found
    for found in signatures.mirrored():
        if found is not None:
            yield found


def _not_sealed(scope: Scope, report: Report, end: Position) -> Iterator[Fault]:
    """Count what waits for the sealer; what can never have been written is none of it."""
    with connection.cursor() as cursor:
        cursor.execute(NOT_SEALED, [str(end.tx_id), end.id, scope.tenant_id, scope.tenant_id])
        report.not_sealed, report.oldest_not_sealed, not_begun = cursor.fetchone()
    if not_begun:
        yield Fault(
            "transaction-not-begun",
            f"{not_begun} entries name transactions that have not begun: they were put there by"
            " hand, or the database was restored and `manage.py adopt_restored_database` has not"
            " run.",
        )
