"""Links as they are stored, read in the order in which the sealer wrote them."""

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from audit import chain
from audit.lines import LINK_OF_POSITION, START, Position
from audit.sealing import microseconds
from audit.verification.faults import Scope

# Each holds at most a batch of the sealer, and most hold little.
PAGE: Final = 250
COLUMNS: Final = """
    id, tenant_id, sequence, entry_count, entry_ids, leaves, root, previous_hash, hash,
    before_tx::text, before_id, next_tx::text, sealed_at
"""
WITHIN: Final = """
    (%(tenant)s::uuid IS NULL OR tenant_id = %(tenant)s)
    AND (%(since)s::timestamptz IS NULL OR sealed_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR sealed_at < %(until)s)
"""
NEXT: Final = f"""
    SELECT {COLUMNS}
      FROM audit_seals
     WHERE id > %(after)s
       AND {WITHIN}
     ORDER BY id
     LIMIT %(page)s
"""
COUNT: Final = f"SELECT count(*), coalesce(sum(entry_count), 0) FROM audit_seals WHERE {WITHIN}"
BEFORE: Final = """
    SELECT before_tx::text, before_id
      FROM audit_seals
     WHERE id < %(id)s
       AND (%(tenant)s::uuid IS NULL OR tenant_id = %(tenant)s)
     ORDER BY id DESC
     LIMIT 1
"""
PREVIOUS: Final = f"""
    SELECT {COLUMNS}
      FROM audit_seals
     WHERE tenant_id = %s
       AND sequence = %s
"""


@dataclass(frozen=True, slots=True)
class StoredLink:
    id: int
    tenant_id: uuid.UUID
    sequence: int
    entry_count: int
    entry_ids: list[int]
    leaves: bytes
    root: bytes
    previous_hash: bytes
    hash: bytes
    end: Position
    next_tx: int
    sealed_at: dt.datetime

    @property
    def is_pruned(self) -> bool:
        """Say whether nothing is left of it but its root."""
        return not self.entry_ids and not self.leaves

    def computed_hash(self) -> bytes:
        link = chain.Link(
            self.tenant_id,
            self.sequence,
            self.entry_count,
            self.root,
            self.end.tx_id,
            self.end.id,
            self.next_tx,
            microseconds(self.sealed_at),
            self.previous_hash,
        )
        return link.hash()


def stored(row: tuple[Any, ...]) -> StoredLink:
    key, tenant, sequence, count, ids, *blobs, before_tx, before_id, next_tx, sealed_at = row
    leaves, root, previous_hash, hash_ = map(bytes, blobs)
    end = Position(int(before_tx), before_id)
    parts = (leaves, root, previous_hash, hash_, end, int(next_tx), sealed_at)
    return StoredLink(key, tenant, sequence, count, ids, *parts)


def _parameters(scope: Scope) -> dict[str, Any]:
    return {"tenant": scope.tenant_id, "since": scope.since, "until": scope.until}


def totals(scope: Scope) -> tuple[int, int]:
    """Count links and entries, those that retention deleted too."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, _parameters(scope))
        links, entries = cursor.fetchone()
    return links, int(entries)


def pages(scope: Scope) -> Iterator[list[StoredLink]]:
    """Give the links in pages. No page ends within a batch of the sealer."""
    held: list[StoredLink] = []
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(NEXT, _parameters(scope) | {"after": after, "page": PAGE})
            found = [stored(row) for row in cursor.fetchall()]
        held += found
        if len(found) < PAGE:
            break
        after = found[-1].id
        end = len(held)
        while end and held[end - 1].end == held[-1].end:
            end -= 1
        if end:
            yield held[:end]
            held = held[end:]
    if held:
        yield held


def start_of(first: StoredLink, scope: Scope) -> Position:
    """Give the position where the entries of a first link begin."""
    with connection.cursor() as cursor:
        cursor.execute(BEFORE, {"id": first.id, "tenant": scope.tenant_id})
        row = cursor.fetchone()
    return Position(int(row[0]), row[1]) if row else START


def previous_of(link: StoredLink) -> StoredLink | None:
    with connection.cursor() as cursor:
        cursor.execute(PREVIOUS, [link.tenant_id, link.sequence - 1])
        row = cursor.fetchone()
    return stored(row) if row else None


LINK_OF: Final = f"SELECT {COLUMNS} {LINK_OF_POSITION}"
WITH_ENTRY: Final = f"""
    SELECT {COLUMNS}
      FROM audit_seals
     WHERE entry_ids @> ARRAY[%s::bigint]
     LIMIT 1
"""
UP_TO: Final = f"""
    SELECT {COLUMNS}
      FROM audit_seals
     WHERE tenant_id = %s
       AND sequence > %s
       AND sequence <= %s
     ORDER BY sequence
"""


def link_of(tenant_id: uuid.UUID, position: Position) -> StoredLink | None:
    """Find the link that should hold an entry."""
    with connection.cursor() as cursor:
        cursor.execute(LINK_OF, [tenant_id, str(position.tx_id), position.id])
        row = cursor.fetchone()
    return stored(row) if row else None


def link_with(entry_id: int) -> StoredLink | None:
    """Find the link that names an entry which is not there any more; this looks through all."""
    with connection.cursor() as cursor:
        cursor.execute(WITH_ENTRY, [entry_id])
        row = cursor.fetchone()
    return stored(row) if row else None


def links_up_to(link: StoredLink, sequence: int) -> list[StoredLink]:
    with connection.cursor() as cursor:
        cursor.execute(UP_TO, [link.tenant_id, link.sequence, sequence])
        return [stored(row) for row in cursor.fetchall()]
