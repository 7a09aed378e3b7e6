"""What the log itself says of entries and payloads that are not there any more.

Only sealed entries explain anything, and those that wait to be sealed: what somebody put into the
sealed past explains nothing.
"""

import datetime as dt
import uuid
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import Annotated, Any, Final

import msgspec
from psycopg import sql

from audit import lines
from audit.lines import Line, Position
from audit.models import AuditLegalHold
from audit.types import LEAST_DAYS_KEPT, Category
from audit.verification import links
from audit.verification.faults import EARLIEST, Fault, instant, when
from audit.verification.links import StoredLink

DAY: Final = dt.timedelta(days=1)
CONDITION: Final = sql.SQL(
    "is_notable AND event IN ('entries-pruned', 'payloads-erased', 'database-restored')"
)
SETTINGS: Final = sql.SQL("object_type IN ('audit_retention', 'audit_legal_holds')")
# Of the migration that made the table.
FIRST_DAYS: Final = 2191
# What prunings told that was read lately; each tells of thousands of links or entries.
REMEMBERED: Final = 20
# Farther back, no calendar goes.
FARTHEST_DAYS: Final = 700_000


class Told(msgspec.Struct, frozen=True):
    """The details of an entry `entries-pruned`.

    `links` lost all of their entries: from one to another, or single ones, as told once.
    """

    days: Annotated[
        dict[str, Annotated[int, msgspec.Meta(ge=0, le=FARTHEST_DAYS)]],
        msgspec.Meta(min_length=1),
    ]
    links: list[int | tuple[int, int]]
    places: dict[int, frozenset[int]]

    def ranges(self) -> list[tuple[int, int]]:
        return sorted((one, one) if isinstance(one, int) else one for one in self.links)


@dataclass(frozen=True, slots=True)
class Pruning:
    """What retention said it deleted in one portion, between two links."""

    entry_id: int
    at: dt.datetime
    # What was sealed later was too young.
    until: dt.datetime
    first: int
    last: int


class Deleted:
    """What one portion deleted, as read for a question."""

    def __init__(self, told: Told) -> None:
        self._ranges = told.ranges()
        self._places = told.places

    def has(self, link: int, place: int | None) -> bool:
        """Say whether a place of a link was deleted; without one, whether all of the link was."""
        before = bisect_right(self._ranges, link, key=lambda both: both[0])
        if before and link <= self._ranges[before - 1][1]:
            return True
        return place in self._places.get(link, ())


@dataclass(slots=True)
class Prunings:
    """The portions of one clinic. How far each reaches is kept, and not what it tells."""

    found: list[Pruning] = field(default_factory=list)
    # The farthest link of each portion and those before it.
    _reach: list[int] = field(default_factory=list)

    def put_in_order(self) -> None:
        self.found.sort(key=lambda one: (one.first, one.last))
        self._reach = list(accumulate((one.last for one in self.found), max))

    def about(self, link: int) -> Iterator[Pruning]:
        """Give the portions that may tell of a link."""
        at = bisect_right(self.found, link, key=lambda one: one.first) - 1
        while at >= 0 and self._reach[at] >= link:
            if self.found[at].last >= link:
                yield self.found[at]
            at -= 1


class Explanations:
    def __init__(self) -> None:
        self.prunings: dict[uuid.UUID, Prunings] = {}
        # The last entry that tells of the erasure of a person.
        self.erased: dict[tuple[bytes, str], int] = {}
        self.restored: list[dt.datetime] = []
        # Until when entries of a category were deleted.
        self.until: dict[str, dt.datetime] = {}
        self.faults: list[Fault] = []
        self._deleted = lru_cache(REMEMBERED)(_deleted_by)

    def pruning_of(self, link: StoredLink, place: int | None = None) -> Pruning | None:
        """Find what deleted an entry of a link, or all of them, when it was old enough.

        It asks the database: not while entries are being read.
        """
        of_tenant = self.prunings.get(link.tenant_id)
        for one in of_tenant.about(link.sequence) if of_tenant else ():
            is_old_enough = link.sealed_at <= one.until
            if is_old_enough and self._deleted(one.entry_id).has(link.sequence, place):
                return one
        return None

    def explains_erasure(self, line: Line) -> bool:
        """Say whether a person of an entry was erased after it was written."""
        people = (line.value(lines.SUBJECT), line.value(lines.ACTOR))
        return any(
            person and line.id < self.erased.get((line.tenant, person), 0) for person in people
        )

    def explains_loss(self, signed_at: dt.datetime, again: dt.datetime | None) -> bool:
        """Say whether a checkpoint is of a time that a restored backup did not have.

        `again`: when the link or checkpoint was made that is now in its place.
        """
        return any(signed_at < at and (again is None or again > at) for at in self.restored)


def load() -> Explanations:
    found = Explanations()
    end = lines.end_of_chains()
    settings = _settings(end)
    for line in _trusted(list(lines.read(CONDITION)), end):
        at = instant(line.recorded_at)
        match line.value(lines.EVENT):
            case "entries-pruned":
                _take_pruning(found, line, at, settings)
            case "payloads-erased":
                person = (line.tenant, line.value(lines.SUBJECT) or "")
                found.erased[person] = max(line.id, found.erased.get(person, 0))
            case _:
                found.restored.append(at)
    for of_tenant in found.prunings.values():
        of_tenant.put_in_order()
    return found


def _trusted(candidates: list[Line], end: Position) -> Iterator[Line]:
    for line in candidates:
        if line.position >= end or _is_sealed(line):
            yield line


def _is_sealed(line: Line) -> bool:
    link = links.link_of(uuid.UUID(line.tenant.decode()), line.position)
    if link is None or line.id not in link.entry_ids:
        return False
    place = link.entry_ids.index(line.id) * len(line.leaf)
    return link.leaves[place : place + len(line.leaf)] == line.leaf


# Retention


def _told(line: Line) -> Told | None:
    """Read what an entry says that retention deleted; None if retention says no such thing."""
    try:
        return msgspec.json.decode(lines.plain(line.details) or b"", type=Told)
    except ValueError:
        return None


def _deleted_by(entry_id: int) -> Deleted:
    """Read again what an entry told that was believed before."""
    (line,) = lines.read(sql.SQL("id = {}").format(sql.Literal(entry_id)))
    return Deleted(msgspec.json.decode(lines.plain(line.details) or b"", type=Told))


def _take_pruning(found: Explanations, line: Line, at: dt.datetime, settings: "Settings") -> None:
    tenant, told = uuid.UUID(line.tenant.decode()), _told(line)
    if why := _objection(tenant, at, told, settings):
        found.faults.append(
            Fault("pruning-refused", f"Entry {line.id} {why}.", tenant, None, line.id, at)
        )
    if told is None or why:
        return
    sequences = [*told.places, *(one for both in told.ranges() for one in both)]
    if sequences:
        first, last = min(sequences), max(sequences)
        one = Pruning(line.id, at, _before(at, min(told.days.values())), first, last)
        found.prunings.setdefault(tenant, Prunings()).found.append(one)
    for category, count in told.days.items():
        until = _before(at, count)
        found.until[category] = max(until, found.until.get(category, until))


def _before(at: dt.datetime, days: int) -> dt.datetime:
    try:
        return at - days * DAY
    except OverflowError:
        return EARLIEST


def _objection(tenant: uuid.UUID, at: dt.datetime, told: Told | None, settings: "Settings") -> str:
    """Say why what retention says of itself cannot be; empty if it can."""
    if told is None:
        return "says that retention deleted entries, and not which in the way that retention does"
    days = settings.days
    strange = [name for name, count in told.days.items() if count not in days.get(name, ())]
    if strange or min(told.days.values()) < LEAST_DAYS_KEPT:
        return (
            "tells of a retention that deleted entries sooner than any setting said that the log"
            " knows of"
        )
    for hold in settings.holds:
        if hold.tenant_id == tenant and hold.stood(at):
            return f"tells of entries deleted while a legal hold of {when(hold.since)} stood"
    return ""


# Settings


@dataclass(slots=True)
class Hold:
    """A legal hold on a whole clinic: of what was one person's, nothing tells when it is gone."""

    tenant_id: uuid.UUID
    since: dt.datetime
    until: dt.datetime | None

    def stood(self, at: dt.datetime) -> bool:
        return self.since <= at and (self.until is None or self.until > at)


@dataclass(slots=True)
class Settings:
    """The days that each category had at some time, and the holds that stood."""

    days: dict[str, set[int]] = field(default_factory=dict)
    holds: list[Hold] = field(default_factory=list)


def _settings(end: Position) -> Settings:
    """Tell from the log what was set when; from the tables only what the log does not tell."""
    days = {category.value: {FIRST_DAYS} for category in Category}
    holds: dict[str, Hold] = {}
    of_people: set[str] = set()
    for line in _trusted(list(lines.read(SETTINGS)), end):
        key = line.value(lines.OBJECT) or ""
        if line.value(lines.OBJECT_TYPE) == "audit_retention":
            days.setdefault(key, {FIRST_DAYS}).update(_days_in(_details(line)))
        elif line.value(lines.SUBJECT) is not None:
            of_people.add(key)
        else:
            _follow(holds, key, line)
    for row in AuditLegalHold.objects.filter(subject_id__isnull=True):
        if str(row.id) not in holds.keys() | of_people:
            holds[str(row.id)] = Hold(row.tenant_id, row.created_at, row.released_at)
    return Settings(days, list(holds.values()))


def _days_in(told: Any) -> set[int]:
    days = _at(told, "changed", "days")
    numbers = (_at(days, "from"), _at(days, "to"), _at(told, "shown", "days"))
    return {number for number in numbers if isinstance(number, int)}


def _follow(holds: dict[str, Hold], key: str, line: Line) -> None:
    """Take in what happened to the row of a hold."""
    at = instant(line.recorded_at)
    match line.value(lines.EVENT):
        case "row-inserted":
            holds[key] = Hold(uuid.UUID(line.tenant.decode()), at, None)
        case "row-deleted" if key in holds:
            holds[key].until = at
        case "row-updated" if key in holds and _at(_details(line), "changed", "released_at", "to"):
            holds[key].until = at


def _details(line: Line) -> Any:
    try:
        return line.told()
    except ValueError:  # A number that is too large for any setting.
        return None


def _at(told: Any, *names: str) -> Any:
    """Follow names into details, which may be anything."""
    for name in names:
        told = told.get(name) if isinstance(told, dict) else None
    return told
