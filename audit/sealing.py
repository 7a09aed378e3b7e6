"""The sealer: it hangs what was written into the chains, behind the writers, who know nothing.

One at a time. It reads what lies below the oldest running transaction, from where the newest link
ends, in batches; each tenant with an entry in a batch gets a link that ends where the batch does.
So a link says: all entries of this tenant between the end of its last link and here are these.
"""

import datetime as dt
import time
import uuid
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from django.db import connection
from psycopg import sql

from audit import aggregation, chain, lines
from audit.lines import Line, Position
from core import gate

BATCH: Final = 5_000
# A run that has so much to do leaves the rest to the next one.
LONGEST_SECONDS: Final = 30.0

LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('audit sealer', 0))"
# Taken before the entries are read: what is below the first number then is complete.
HORIZON: Final = """
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text,
           pg_snapshot_xmax(pg_current_snapshot())::text,
           clock_timestamp()
"""
LAST: Final = """
    SELECT t.tenant_id, l.sequence, l.hash
      FROM unnest(%s::uuid[]) AS t (tenant_id)
     CROSS JOIN LATERAL (
           SELECT s.sequence, s.hash
             FROM audit_seals s
            WHERE s.tenant_id = t.tenant_id
            ORDER BY s.sequence DESC
            LIMIT 1
           ) l
"""
KEEP: Final = """
    INSERT INTO audit_seals
        (tenant_id, sequence, entry_count, entry_ids, leaves, root, previous_hash, hash, before_tx,
         before_id, next_tx, sealed_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::text::xid8, %s, %s::text::xid8, %s)
"""
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND: Final = dt.timedelta(microseconds=1)


class Horizon(NamedTuple):
    """Transactions below `complete` have ended; those from `unseen` on have not begun.

    `at` is the time of the database, as retention goes by it: no caller may choose it.
    """

    complete: int
    unseen: int
    at: dt.datetime


def seal() -> int:
    """Seal all that can be sealed; give how many entries. Safe to run twice, also at once."""
    sealed, began = 0, time.monotonic()
    while batch := seal_batch():
        sealed += batch
        if batch < BATCH or time.monotonic() - began > LONGEST_SECONDS:
            break
    return sealed


def seal_batch(*, size: int = BATCH) -> int:
    """Seal the next batch; 0 if there is none, or somebody else is at it."""
    with gate.as_system():
        with connection.cursor() as cursor:
            cursor.execute(LOCK)
            (is_alone,) = cursor.fetchone()
        if not is_alone:
            return 0
        start, seen = lines.end_of_chains(), horizon()
        found = list(lines.read(waiting(start, seen.complete), size))
        if not found:
            return 0
        end = Position(seen.complete, 0)
        if len(found) == size:
            end = Position(found[-1].tx_id, found[-1].id + 1)
        _link(found, end, seen)
        aggregation.count(start, end)
    return len(found)


def waiting(start: Position, complete: int) -> sql.Composed:
    """Give the condition of entries that can be sealed."""
    return sql.SQL("{} AND tx_id < {}::text::xid8").format(
        start.onwards(), sql.Literal(str(complete))
    )


def horizon() -> Horizon:
    with connection.cursor() as cursor:
        cursor.execute(HORIZON)
        complete, unseen, at = cursor.fetchone()
    return Horizon(int(complete), int(unseen), at)


def _link(found: Iterable[Line], end: Position, seen: Horizon) -> None:
    """Append a link to the chain of each tenant that has an entry in the batch."""
    batch: dict[uuid.UUID, list[Line]] = {}
    names: dict[bytes, uuid.UUID] = {}
    for line in found:
        if line.tenant not in names:
            names[line.tenant] = uuid.UUID(line.tenant.decode())
        batch.setdefault(names[line.tenant], []).append(line)
    with connection.cursor() as cursor:
        cursor.execute(LAST, [list(batch)])
        last = {tenant: (sequence, bytes(hash_)) for tenant, sequence, hash_ in cursor.fetchall()}
        rows: list[list[Any]] = []
        for tenant, entries in batch.items():
            sequence, previous = last.get(tenant, (0, chain.FIRST))
            leaves = [line.leaf for line in entries]
            link = chain.Link(
                tenant,
                sequence + 1,
                len(entries),
                chain.root(leaves),
                end.tx_id,
                end.id,
                seen.unseen,
                microseconds(seen.at),
                previous,
            )
            rows.append(_row(link, entries, b"".join(leaves), seen.at))
        cursor.executemany(KEEP, rows)


def _row(link: chain.Link, entries: list[Line], leaves: bytes, at: dt.datetime) -> list[Any]:
    return [
        link.tenant_id,
        link.sequence,
        link.entry_count,
        [line.id for line in entries],
        leaves,
        link.root,
        link.previous_hash,
        link.hash(),
        str(link.before_tx),
        link.before_id,
        str(link.next_tx),
        at,
    ]


def microseconds(instant: dt.datetime) -> int:
    return (instant - EPOCH) // MICROSECOND
