"""What the log itself says of entries and payloads that are not there any more.

Only sealed entries explain anything, and those that wait to be sealed: what somebody put into the
sealed past explains nothing.
"""

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection
from psycopg import sql

from audit import lines
from audit.lines import Line, Position
from audit.models import AuditLegalHold, AuditRetention
from audit.types import LEAST_DAYS_KEPT, Category
from audit.verification.faults import Fault, instant, when

DAY: Final = dt.timedelta(days=1)
CONDITION: Final = sql.SQL(
    "is_notable AND event IN ('entries-pruned', 'payloads-erased', 'database-restored')"
)
RETENTION: Final = sql.SQL("object_type = 'audit_retention' AND object_id IN ({})").format(
    sql.SQL(", ").join(sql.Literal(category.value) for category in Category)
)
# Of the migration that made the table.
FIRST_DAYS: Final = 2191
HOLDING: Final = """
    SELECT entry_ids, leaves
      FROM audit_seals
     WHERE tenant_id = %s
       AND (before_tx, before_id) > (%s::text::xid8, %s)
     ORDER BY before_tx, before_id
     LIMIT 1
"""


@dataclass(slots=True)
class Pruning:
    """What retention said it deleted in one portion."""

    entry_id: int
    at: dt.datetime
    least_days: int

    def is_old_enough(self, sealed_at: dt.datetime) -> bool:
        return sealed_at + self.least_days * DAY <= self.at


@dataclass(slots=True)
class Explanations:
    whole: dict[tuple[uuid.UUID, int], Pruning] = field(default_factory=dict)
    places: dict[tuple[uuid.UUID, int], dict[int, Pruning]] = field(default_factory=dict)
    erased: set[tuple[bytes, str]] = field(default_factory=set)
    restored: list[dt.datetime] = field(default_factory=list)
    # Until when entries of a category were deleted.
    until: dict[str, dt.datetime] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def pruning_of(self, tenant: uuid.UUID, link: int, place: int) -> Pruning | None:
        """Find what deleted an entry; a link that went as a whole was said to be gone."""
        found = self.places.get((tenant, link), {}).get(place)
        return found or self.whole.get((tenant, link))

    def explains_erasure(self, line: Line) -> bool:
        people = (line.value(lines.SUBJECT), line.value(lines.ACTOR))
        return any(person and (line.tenant, person) in self.erased for person in people)

    def explains_loss(self, signed_at: dt.datetime, again: dt.datetime | None) -> bool:
        """Say whether a checkpoint is of a time that a restored backup did not have.

        `again`: when the link or checkpoint was made that is now in its place.
        """
        return any(signed_at < at and (again is None or again > at) for at in self.restored)


def load() -> Explanations:
    found = Explanations()
    end = lines.end_of_chains()
    kept = _known_retention(end)
    holds = _holds_of_tenants()
    for line in _trusted(list(lines.read(CONDITION)), end):
        at = instant(line.recorded_at)
        match line.value(lines.EVENT):
            case "entries-pruned":
                _take_pruning(found, line, at, kept, holds)
            case "payloads-erased":
                found.erased.add((line.tenant, line.value(lines.SUBJECT) or ""))
            case _:
                found.restored.append(at)
    return found


def _trusted(candidates: list[Line], end: Position) -> Iterator[Line]:
    for line in candidates:
        if line.position >= end or is_sealed(line):
            yield line


def is_sealed(line: Line) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(HOLDING, [line.tenant.decode(), str(line.tx_id), line.id])
        row = cursor.fetchone()
    if row is None or line.id not in row[0]:
        return False
    place = row[0].index(line.id) * len(line.leaf)
    return bytes(row[1][place : place + len(line.leaf)]) == line.leaf


def _take_pruning(
    found: Explanations,
    line: Line,
    at: dt.datetime,
    kept: dict[str, set[int]],
    holds: list[AuditLegalHold],
) -> None:
    told = line.told()
    tenant, days = uuid.UUID(line.tenant.decode()), told["days"]
    pruning = Pruning(line.id, at, min(days.values()))
    if why := _objection(tenant, pruning, days, kept, holds):
        found.faults.append(
            Fault("pruning-refused", f"Entry {line.id} {why}.", tenant, None, line.id, at)
        )
        return
    for link in told["links"]:
        found.whole[tenant, link] = pruning
    for link, places in told["places"].items():
        found.places.setdefault((tenant, int(link)), {}).update(dict.fromkeys(places, pruning))
    for category, count in days.items():
        until = at - count * DAY
        found.until[category] = max(until, found.until.get(category, until))


def _objection(
    tenant: uuid.UUID,
    pruning: Pruning,
    days: dict[str, int],
    kept: dict[str, set[int]],
    holds: list[AuditLegalHold],
) -> str:
    """Say why what retention says of itself cannot be; empty if it can."""
    strange = [name for name, count in days.items() if count not in kept.get(name, ())]
    if pruning.least_days < LEAST_DAYS_KEPT or strange:
        return (
            "tells of a retention that deleted entries sooner than any setting said that the log"
            " knows of"
        )
    for hold in holds:
        is_over = hold.released_at is not None and hold.released_at <= pruning.at
        if hold.tenant_id == tenant and hold.created_at <= pruning.at and not is_over:
            return f"tells of entries deleted while a legal hold of {when(hold.created_at)} stood"
    return ""


def _known_retention(end: Position) -> dict[str, set[int]]:
    """Give the days that each category had at some time, as the log tells."""
    known = {row.category: {FIRST_DAYS} for row in AuditRetention.objects.all()}
    for line in _trusted(list(lines.read(RETENTION)), end):
        told: dict[str, Any] = line.told() or {}
        days = told.get("changed", {}).get("days", {})
        shown = told.get("shown", {}).get("days")
        said = [days.get("from"), days.get("to")] if isinstance(days, dict) else []
        numbers = {number for number in [*said, shown] if isinstance(number, int)}
        known.setdefault(line.value(lines.OBJECT) or "", {FIRST_DAYS}).update(numbers)
    return known


def _holds_of_tenants() -> list[AuditLegalHold]:
    return list(AuditLegalHold.objects.filter(subject_id__isnull=True))
