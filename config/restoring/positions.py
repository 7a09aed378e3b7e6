"""Positions in the log (xid8), and the transaction counter of the server that gave them.

Readers of a log take what lies below the oldest running transaction. A dump keeps the positions
of the old server, and a new server begins to count anew: until its counter has passed them,
readers would see nothing of what is written, and later skip it.
"""

from dataclasses import dataclass
from typing import Final

from django.db import connection
from psycopg import sql

COLUMNS: Final = """
    SELECT c.oid::regclass::text, a.attname,
           pg_relation_size(c.oid) < 1048576
           OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum)
      FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid
     WHERE a.atttypid = 'xid8'::regtype
       AND NOT a.attisdropped
       AND c.relkind IN ('r', 'p')
       AND c.relpersistence <> 't'
       AND c.relnamespace = 'public'::regnamespace
     ORDER BY 1, 2
"""
# Taken before the rows are looked at: who stores a position has it from an older snapshot.
COUNTER: Final = "pg_snapshot_xmax(pg_current_snapshot())::text::numeric"
# A commit a turn is all that moves the counter; none of them waits for the disk.
BURN: Final = """
    DO $$
    BEGIN
        FOR turn IN 1 .. {} LOOP
            PERFORM pg_current_xact_id();
            COMMIT;
        END LOOP;
    END
    $$
"""
# The server stops at 2^31 transactions after the oldest row that is not frozen.
ROOM: Final = "SELECT 1500000000 - max(age(datfrozenxid))::bigint FROM pg_database"
EPOCH: Final = 2**32
PORTION: Final = 50_000


@dataclass(frozen=True)
class Positions:
    """The highest stored position (0 if there is none), and where the server's counter stands."""

    highest: int
    counter: int

    @property
    def missing(self) -> int:
        return max(0, self.highest - self.counter)

    @property
    def next_epoch(self) -> int:
        return self.highest // EPOCH + 1


def look(*, closely: bool = False) -> Positions:
    """Look where an index or a small table tells at once: cursors, which are ahead of all else.

    `closely` goes through every table that has positions.
    """
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        highest = [
            _highest(table, column)
            for table, column, is_quick in cursor.fetchall()
            if is_quick or closely
        ]
        cursor.execute(f"SELECT {COUNTER}, greatest(0, {', '.join(highest) or '0'})")
        counter, found = cursor.fetchone()
    return Positions(int(found), int(counter))


def _highest(table: str, column: str) -> str:
    name = sql.Identifier(column).as_string()
    return f"(SELECT max({name}) FROM {table})::text::numeric"


def complaint() -> str:
    """Say in a sentence why nobody may work on this database; empty if everybody may."""
    found = look()
    if not found.missing:
        return ""
    return (
        f"the log goes up to transaction {found.highest}, and this server counts from"
        f" {found.counter}: the database was restored from a dump. End all processes and run"
        " `manage.py adopt_restored_database`"
    )


def refuse_blindness() -> None:
    """Refuse to start on a database whose log readers would see nothing new."""
    if why := complaint():
        raise RuntimeError(f"Novara does not start: {why}.")


def room() -> int:
    """Give how far the counter can go before rows must be frozen."""
    with connection.cursor() as cursor:
        cursor.execute(ROOM)
        (left,) = cursor.fetchone()
    return int(left)


def burn(count: int) -> int:
    """Use up transactions, a portion at most; give how many."""
    if connection.in_atomic_block:
        raise RuntimeError("Transactions are not used up inside another one.")
    portion = min(count, PORTION)
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")
        cursor.execute(BURN.format(portion))
    return portion


# Somebody at a terminal records nothing.
OTHERS: Final = """
    SELECT count(*)
      FROM pg_stat_activity
     WHERE datname = current_database()
       AND backend_type = 'client backend'
       AND usename = current_user
       AND pid <> pg_backend_pid()
       AND application_name NOT IN ('psql', 'pg_dump', 'pg_restore')
"""


def others() -> int:
    """Count the connections of those who may be at work on this database."""
    with connection.cursor() as cursor:
        cursor.execute(OTHERS)
        (count,) = cursor.fetchone()
    return int(count)
