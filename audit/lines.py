"""Entries as the chain takes them: one line each, in the order of their position in the log.

An entry's position is (its transaction, its id). What lies below the oldest running transaction
is complete: nobody can write there any more, which no time and no id can promise.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, LiteralString, NamedTuple

import msgspec
import psycopg
from django.db import connection
from psycopg import sql

from audit import chain

# The payload comes last: it is not in the line, but its commitment is.
COLUMNS: Final[LiteralString] = """
    id, tenant_id, (extract(epoch FROM recorded_at) * 1000000)::bigint, tx_id, category, event,
    outcome, actor_kind, actor_id, subject_id, object_type, object_id, object_count, request_id,
    source, network, details, salt, encode(commitment, 'hex')
"""
PAYLOAD_COLUMNS: Final = 4
# Places of some of them.
EVENT, ACTOR, SUBJECT, OBJECT_TYPE, OBJECT = 5, 8, 9, 10, 11
NULL: Final = b"\\N"
# COPY's text format, backwards.
ESCAPE: Final = re.compile(rb"\\(.)", re.DOTALL)
MEANT: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


class Position(NamedTuple):
    tx_id: int
    id: int

    def before(self) -> sql.Composed:
        """Give the condition of entries that lie before it."""
        pattern = sql.SQL("(tx_id, id) < ({}::text::xid8, {})")
        return pattern.format(sql.Literal(str(self.tx_id)), sql.Literal(self.id))

    def onwards(self) -> sql.Composed:
        """Give the condition of entries that lie at it or after."""
        pattern = sql.SQL("(tx_id, id) >= ({}::text::xid8, {})")
        return pattern.format(sql.Literal(str(self.tx_id)), sql.Literal(self.id))


START: Final = Position(0, 0)
# Of a tenant: the link that holds what lies at a position.
LINK_OF_POSITION: Final = """
      FROM audit_seals
     WHERE tenant_id = %s
       AND (before_tx, before_id) > (%s::text::xid8, %s)
     ORDER BY before_tx, before_id
     LIMIT 1
"""
END: Final = "SELECT before_tx::text, before_id FROM audit_seals ORDER BY id DESC LIMIT 1"


class Line(NamedTuple):
    """An entry as the chain sees it. `recorded_at` is in microseconds since 1970."""

    id: int
    tenant: bytes
    recorded_at: int
    tx_id: int
    leaf: bytes
    is_erased: bool
    columns: bytes
    details: bytes

    @property
    def position(self) -> Position:
        return Position(self.tx_id, self.id)

    def value(self, column: int) -> str | None:
        """Give a column by its place in COLUMNS, from EVENT on."""
        return text(self.columns.split(b"\t")[column])

    def told(self) -> Any:
        """Give what is in its details."""
        found = plain(self.details)
        return None if found is None else msgspec.json.decode(found)


def end_of_chains() -> Position:
    """Give the position where the newest link ends, and the next one begins."""
    with connection.cursor() as cursor:
        cursor.execute(END)
        row = cursor.fetchone()
    return Position(int(row[0]), row[1]) if row else START


def read(condition: sql.Composable, limit: int | None = None) -> Iterator[Line]:
    """Give the entries for which a condition holds, by their position, without keeping them.

    What it reads from stays busy meanwhile: other statements need another connection, or wait.
    """
    most = sql.SQL("") if limit is None else sql.SQL(" LIMIT {}").format(sql.Literal(limit))
    statement = sql.SQL(
        "COPY (SELECT {} FROM audit_logs WHERE {} ORDER BY tx_id, id{}) TO STDOUT"
    ).format(sql.SQL(COLUMNS), condition, most)
    with raw_cursor() as cursor, cursor.copy(statement) as copy:
        for row in copy:
            yield parse(bytes(row))


def parse(row: bytes) -> Line:
    columns, network, details, salt, committed = row[:-1].rsplit(b"\t", PAYLOAD_COLUMNS)
    key, tenant, recorded_at, tx_id, _ = columns.split(b"\t", 4)
    if committed == NULL:
        commitment = chain.commitment(plain(salt) or b"", plain(network), plain(details))
    elif salt == network == details == NULL:
        commitment = bytes.fromhex(committed.decode())
    else:
        # Erasure leaves no payload: a commitment beside one is no entry's.
        commitment = b""
    leaf = chain.leaf(columns, commitment)
    is_erased = committed != NULL
    return Line(int(key), tenant, int(recorded_at), int(tx_id), leaf, is_erased, columns, details)


def plain(field: bytes) -> bytes | None:
    """Undo COPY's escapes."""
    if field == NULL:
        return None
    if b"\\" not in field:
        return field
    return ESCAPE.sub(lambda match: MEANT.get(match[1], match[1]), field)


def text(field: bytes) -> str | None:
    value = plain(field)
    return None if value is None else value.decode()


def raw_cursor() -> psycopg.Cursor[Any]:
    """Give a cursor past Django's, which has no COPY."""
    connection.ensure_connection()
    return psycopg.Cursor(connection.connection)
