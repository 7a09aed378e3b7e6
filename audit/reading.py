"""What people read of their own record: noted in memory, written down about once a second.

A note costs a request one append. Reads of the same thing between two flushes are one entry, whose
object_count tells how many there were. A process that is killed loses the reads since its last
flush (core/flushing.py); looks of staff are no part of this, they are written before they happen.

While the database is away reads wait, and the chain goes on without them. An entry that says that
it was recorded long before its transaction looks back-dated to who verifies the log: a read that
had to wait for longer than OLDEST has the time of OLDEST ago, and none has one to come.
"""

import datetime as dt
import logging
import os
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
import psycopg

from core import flushing, origin
from core.flushing import Connection

log = logging.getLogger("novara.audit")

# Reading needs the database, so that little waits while it is away: a bound for what is unforeseen.
MOST: Final = 20_000
# Less than verification tolerates (audit/verification/entries.py), by what clocks may differ.
OLDEST: Final = dt.timedelta(minutes=4)

# The gate let them pass by the one or the other: ids of the old service are no longer anybody's.
WRITE: Final = """
    INSERT INTO audit_logs
        (tenant_id, recorded_at, category, event, actor_kind, actor_id, subject_id, object_type,
         object_id, object_count, request_id, source, network)
    SELECT coalesce(i.tenant_id, e.tenant_id),
           least(greatest(to_timestamp(r.at), now() - %s), now()), 'access',
           'record-read', 'person', coalesce(i.id, e.id), coalesce(i.id, e.id), r.shown,
           r.object_id, r.times, r.request_id, r.source, nullif(r.network, '-')
      FROM json_to_recordset(%s)
           AS r (at float8, person uuid, email text, shown text, object_id text, request_id text,
                 source text, network text, times integer)
      LEFT JOIN users i ON i.id = r.person
      LEFT JOIN users e ON e.email = lower(r.email) AND i.id IS NULL
     WHERE coalesce(i.id, e.id) IS NOT NULL
"""
LOST: Final = (
    "SELECT write_audit_entry('reads-not-noted', 'system', NULL, NULL, '', '', %s, 'failure', NULL)"
)


class Read(NamedTuple):
    person: str | None
    email: str | None
    shown: str
    object_id: str


@dataclass(slots=True)
class Batch:
    """What goes to the database in one transaction, whose id tells later whether it got there."""

    reads: bytes
    lost: int
    transaction: str | None = None


class Reads:
    """The reads of one process that are not in the database yet."""

    def __init__(self) -> None:
        self._taken: list[tuple[Read, float, str, origin.Origin]] = []
        self._lost = 0
        self._batch: Batch | None = None

    def note(self, read: Read, request_id: str, came_in: origin.Origin) -> None:
        if len(self._taken) < MOST:
            self._taken.append((read, time.time(), request_id, came_in))
        else:
            self._lost += 1

    def flush(self, own: Connection) -> None:
        """Write what there is, once: what was sent without an answer is asked after first."""
        if self._batch is None:
            self._batch = self._collect()
        batch = self._batch
        if batch is None:
            return
        if batch.transaction is None or not has_committed(own, batch.transaction):
            self._send(own, batch)
        self._batch = None

    def _collect(self) -> Batch | None:
        # An append comes before or after each of these two; nothing falls between.
        taken = self._taken[:]
        del self._taken[: len(taken)]
        lost, self._lost = self._lost, 0
        if not (taken or lost):
            return None
        times = Counter(read for read, *_ in taken)
        # Of reads of the same thing, the first one's time and request.
        first = {entry[0]: entry for entry in reversed(taken)}
        rows = [
            {
                "person": read.person,
                "email": read.email,
                "shown": read.shown,
                "object_id": read.object_id,
                "at": at,
                "request_id": request_id,
                "source": came_in.source,
                "network": came_in.network,
                "times": times[read],
            }
            for read, at, request_id, came_in in reversed(first.values())
        ]
        return Batch(msgspec.json.encode(rows), lost)

    @staticmethod
    def _send(own: Connection, batch: Batch) -> None:
        try:
            with own.transaction():
                batch.transaction = _transaction_of(own)
                own.execute(WRITE, [OLDEST, batch.reads.decode()])
                if batch.lost:
                    own.execute(LOST, [batch.lost])
        except (psycopg.DataError, psycopg.IntegrityError):
            # It would be refused for ever, and everything behind it would wait.
            log.exception("reads are refused")
        if batch.lost:
            log.warning("reads were not noted", extra={"lost": batch.lost})


def _transaction_of(own: Connection) -> str:
    row = own.execute("SELECT pg_current_xact_id()::text AS id").fetchone()
    return str(row["id"]) if row else ""


def has_committed(own: Connection, transaction: str) -> bool:
    """Tell what became of a transaction whose answer was lost; waits while it goes on."""
    try:
        row: dict[str, Any] | None = own.execute(
            "SELECT pg_xact_status(%s::xid8) AS state", [transaction]
        ).fetchone()
    except psycopg.errors.InvalidParameterValue:
        # The server has not come so far: it was restored to a time before.
        return False
    state = row["state"] if row else None
    if state == "in progress":
        raise psycopg.OperationalError("The transaction before is not over yet.")
    return state == "committed"


_reads = Reads()


def note(read: Read, came_in: origin.Origin | None = None) -> None:
    """Note what was shown to its owner, as the request at work tells."""
    by = came_in or origin.current.get() or origin.Origin()
    _reads.note(read, origin.request_id.get(), by)


def flush(own: Connection) -> None:
    _reads.flush(own)


def _forget() -> None:
    """Begin anew in a child: what its parent noted, its parent writes."""
    global _reads  # noqa: PLW0603  One for each process.
    _reads = Reads()


flushing.register("reads", flush)
os.register_at_fork(after_in_child=_forget)
