"""The log as lines of JSON (NDJSON), for other systems and for who reviews it.

The first line describes the export, the last one counts its entries and gives the SHA-256 of all
bytes before it: a file without it is not whole. Entries are of one snapshot, in the order of their
ids, with our names; `action` and `outcome_code` are those of FHIR's AuditEvent beside them.
"""

import datetime as dt
import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import msgspec
from django.db import transaction
from django.db.models import QuerySet

from audit.models import AuditLog
from core.errors import DomainError

FORMAT: Final = "novara-audit"
VERSION: Final = 1
# So many entries are in memory at a time.
CHUNK: Final = 2_000
# FHIR: created, read, updated, deleted; everything else was executed.
ACTIONS: Final[Mapping[str, str]] = {
    "row-inserted": "C",
    "api-key-created": "C",
    "record-read": "R",
    "record-viewed": "R",
    "records-listed": "R",
    "document-disclosed": "R",
    "audit-viewed": "R",
    "audit-exported": "R",
    "row-updated": "U",
    "password-changed": "U",
    "rights-changed": "U",
    "log-settings-changed": "U",
    "retention-changed": "U",
    "limit-rule-changed": "U",
    "row-deleted": "D",
    "person-erased": "D",
    "rows-truncated": "D",
    "entries-pruned": "D",
    "payloads-erased": "D",
}
# FHIR: success, and minor failure: nothing was broken by what was refused.
OUTCOME_CODES: Final[Mapping[str, str]] = {"success": "0", "failure": "4"}
COLUMNS: Final = (
    *("id", "recorded_at", "tenant_id", "category", "event", "outcome", "actor_kind", "actor_id"),
    *("subject_id", "object_type", "object_id", "object_count", "request_id", "source"),
    *("network", "details", "salt"),
)


class TooMany(DomainError):
    status = 409
    code = "too-many-entries"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: of a span of time (`end` is left out), of one clinic, of some events."""

    first: dt.datetime
    end: dt.datetime
    tenant_id: uuid.UUID | None = None
    events: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Exported:
    entries: int
    sha256: str


@transaction.atomic
def write(
    out: BinaryIO,
    wanted: Wanted,
    *,
    now: dt.datetime,
    most: int | None = None,
    tell: Callable[[int], None] = lambda _: None,
) -> Exported:
    """Write the lines, with bounded memory. More than `most` entries are refused."""
    digest, count = hashlib.sha256(), 0
    out.write(_line(_head(wanted, now), digest.update))
    for row in rows(wanted):
        count += 1
        if most is not None and count > most:
            raise TooMany(f"There are more than {most:,} entries. Choose a shorter time.")
        out.write(_line(_entry(row), digest.update))
        if count % CHUNK == 0:
            tell(count)
    exported = Exported(count, digest.hexdigest())
    foot = {"type": "end", "entries": count, "sha256": exported.sha256}
    out.write(_line(foot, lambda _: None))
    return exported


def rows(wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Read by a cursor of the server, within the transaction at work."""
    found: Iterator[dict[str, Any]] = wanted_entries(wanted).values(*COLUMNS).iterator(CHUNK)
    return found


def wanted_entries(wanted: Wanted) -> QuerySet[AuditLog]:
    found = AuditLog.objects.filter(recorded_at__gte=wanted.first, recorded_at__lt=wanted.end)
    if wanted.tenant_id is not None:
        found = found.filter(tenant_id=wanted.tenant_id)
    if wanted.events:
        found = found.filter(event__in=wanted.events)
    return found.order_by("id")


def _head(wanted: Wanted, now: dt.datetime) -> dict[str, Any]:
    return {
        "type": "head",
        "format": FORMAT,
        "version": VERSION,
        "exported_at": now,
        "from": wanted.first,
        "to": wanted.end,
        "tenant_id": wanted.tenant_id,
        "events": list(wanted.events) or None,
    }


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "entry",
        "id": row["id"],
        "recorded_at": row["recorded_at"],
        "tenant_id": row["tenant_id"],
        "category": row["category"],
        "event": row["event"],
        "action": ACTIONS.get(row["event"], "E"),
        "outcome": row["outcome"],
        "outcome_code": OUTCOME_CODES[row["outcome"]],
        "actor": {"kind": row["actor_kind"], "id": row["actor_id"]},
        "subject_id": row["subject_id"],
        "object": {
            "type": row["object_type"],
            "id": row["object_id"] or None,
            "count": row["object_count"],
        },
        "request_id": row["request_id"] or None,
        "source": row["source"],
        "network": row["network"],
        "details": row["details"],
        # The payload of an erased person is gone; the chain still holds its commitment.
        "is_erased": row["salt"] is None,
    }


def _line(told: Mapping[str, Any], note: Callable[[bytes], None]) -> bytes:
    line = msgspec.json.encode(told) + b"\n"
    note(line)
    return line
