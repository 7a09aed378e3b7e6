"""Rows of the daily form, and groups of events that were one: each becomes a check-in."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from core import times
from health import checkins
from legacy.mapping import values
from legacy.types import Finding, Row

TABLES: Final = ("daily_checkins", "daily_checkins_v1")
OWN_PLACES: Final = frozenset({"id", "user_id", "date_submitted", "created_at", "updated_at"})
# Beyond the first six of the form: what the longer one asked.
ENHANCED: Final = frozenset(field.name for field in checkins.FIELDS) - {
    *("mood_today", "confidence_today", "user_note", "primary_concern_today", "medication_taken"),
    *("phq4_feeling_nervous", "phq4_stop_worrying", "phq4_little_interest", "phq4_feeling_down"),
}
KINDS: Final[Mapping[str, checkins.Kind]] = dict(checkins.COLUMNS) | {
    field.name: field.kind for field in checkins.FIELDS
}


# A day begins at UTC+14.
FIRST: Final = dt.timedelta(hours=14)


@dataclass
class Checkin:
    """A check-in as it will stand here. `event_ids` are old ids of its events, by type."""

    id: uuid.UUID
    date: dt.date
    form: checkins.Form
    created_at: dt.datetime
    updated_at: dt.datetime
    occurred_at: dt.datetime | None
    table: str
    key: str
    event_ids: dict[str, uuid.UUID] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    @property
    def is_enhanced(self) -> bool:
        return not ENHANCED.isdisjoint(self.form)

    def when(self, zone: str) -> dict[str, Any]:
        """Place it in time: when it was written if that is about its day, else noon of the day."""
        for instant in (self.occurred_at, self.created_at):
            if instant is not None and _local_date(instant, zone) == self.date:
                return {
                    "occurred_at": instant,
                    "utc_offset_minutes": times.utc_offset_minutes(instant, zone),
                    "time_zone": zone,
                }
        noon = times.noon(self.date, zone).astimezone(dt.UTC)
        # The old service took days far ahead. A day is looked for from where it begins first.
        begin = dt.datetime.combine(self.date, dt.time(), dt.UTC)
        instant = max(min(self.created_at, noon) + FIRST, begin) - FIRST
        return {"occurred_at": instant, "utc_offset_minutes": None, "time_zone": None}


class Refused(Exception):
    def __init__(self, finding: Finding) -> None:
        self.finding = finding


def from_row(row: Row, *, has_only_texts: bool) -> Checkin:
    date = values.date(row.get("date_submitted"))
    if date is None:
        raise Refused(_fault(row, "date_submitted", "is no date"))
    noon = dt.datetime.combine(date, dt.time(12), dt.UTC)
    created = values.instant(row.get("created_at"))
    updated = values.instant(row.get("updated_at"))
    form = _form(row, has_only_texts=has_only_texts)
    if str(values.as_json(row.get("date_submitted"))) != date.isoformat():
        form["legacy_date_submitted"] = values.as_json(row.get("date_submitted"))
    for name, time in (("created_at", created), ("updated_at", updated)):
        if time is None and row.get(name) is not None:
            form[f"legacy_{name}"] = values.as_json(row.get(name))
    if "id" in row.values and not values.is_own_id(row.key):
        form["legacy_id"] = row.get("id")
    _check(row, form)
    return Checkin(
        id=values.our_id(row.table, row.key),
        date=date,
        form=form,
        created_at=created or updated or noon,
        updated_at=updated or created or noon,
        occurred_at=None,
        table=row.table,
        key=row.key,
        rows=[row],
    )


def merge(checkin: Checkin, events: "Checkin") -> None:
    """Add to a row's check-in what only its events have; its own columns win."""
    checkin.form = events.form | checkin.form
    checkin.event_ids |= events.event_ids
    checkin.rows += events.rows


def read(name: str, value: Any, *, has_only_texts: bool) -> Any:
    """Read the value of a column as what its field holds; else word for word, as JSON."""
    kind = KINDS.get(name)
    if kind is None:
        return values.number_of(value) if has_only_texts else values.as_json(value)
    found = values.READ_AS[type(kind)](value)
    if has_only_texts and isinstance(kind, checkins.Texts):
        found = values.listed(value)
    is_whole = kind.holds(found) or isinstance(found, list | dict)
    return found if is_whole else values.as_json(value)


def key_of(name: str) -> str:
    """Give the key of the form for a column; some names are the server's own."""
    taken = checkins.RESERVED | {"date_submitted"}
    return f"legacy_{name}" if name in taken or name.startswith("legacy_") else name


def _form(row: Row, *, has_only_texts: bool) -> checkins.Form:
    return {
        key_of(name): read(name, value, has_only_texts=has_only_texts)
        for name, value in row.values.items()
        if value is not None and name not in OWN_PLACES
    }


def _check(row: Row, form: checkins.Form) -> None:
    for name in ("mood_today", "confidence_today"):
        if name not in form:
            raise Refused(_fault(row, name, "is missing"))
    if not isinstance(form["mood_today"], str):
        raise Refused(_fault(row, "mood_today", "is no text"))
    if not checkins.TEN.holds(form["confidence_today"]):
        raise Refused(_fault(row, "confidence_today", "is no whole number from 1 to 10"))


def _fault(row: Row, column: str, detail: str) -> Finding:
    return Finding(row.table, row.key, column, detail)


def _local_date(instant: dt.datetime, zone: str) -> dt.date | None:
    try:
        return times.local_date(instant, zone)
    except OverflowError:
        return None


def in_order(found: Sequence[Checkin]) -> list[Checkin]:
    return sorted(found, key=lambda checkin: (checkin.created_at, checkin.id), reverse=True)
