"""Events of the half-migrated service: check-ins in pieces, and events of their own."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from health import checkins
from health.event_types import EVENT_TYPES
from legacy.mapping import values
from legacy.mapping.checkins import Checkin, key_of
from legacy.types import Row

TABLE: Final = "health_events"

# By which keys the old writers put a field of the form into event_data.
ALIASES: Final[Mapping[str, Mapping[str, str]]] = {
    "mood": {
        "mood": "mood_today",
        "confidence": "confidence_today",
        "note": "user_note",
        "primary_concern": "primary_concern_today",
        "partner_involved": "partner_involved_today",
        "info_needs": "wish_knew_more_about",
        "coping_strategies": "coping_strategies_used",
        "strategies": "coping_strategies_used",
    },
    "medication": {"reported": "medication_taken"},
    "symptom": {"symptoms": "side_effects"},
    "appointment": {"within_3_days": "appointment_within_3_days", "anxiety": "appointment_anxiety"},
    "note": {
        "strategies": "coping_strategies_used",
        "coping_strategies": "coping_strategies_used",
    },
    "assessment": {
        "total_score": "phq4_score",
        "anxiety_score": "phq4_anxiety",
        "depression_score": "phq4_depression",
        "feeling_nervous": "phq4_feeling_nervous",
        "stop_worrying": "phq4_stop_worrying",
        "little_interest": "phq4_little_interest",
        "feeling_down": "phq4_feeling_down",
    },
}
REPORTED: Final = {"taken": "yes", "missed": "no"}
# What an event of a check-in may say of itself without a place of its own there.
SHOWN: Final = frozenset(
    {
        *("id", "user_id", "event_type", "event_subtype", "event_data", "occurred_at"),
        *("recorded_at", "created_at", "source", "source_version", "correlation_id"),
    }
)


@dataclass
class Event:
    """An event of its own, as it will stand here."""

    id: uuid.UUID
    row: Row
    columns: dict[str, Any]


@dataclass
class Sorted:
    """The events of a person: check-ins, events of their own, and rows to keep as they are."""

    checkins: list[Checkin]
    events: list[Row]
    records: list[Row]
    duplicate_count: int = 0


def sort(rows: Sequence[Row]) -> Sorted:
    """Put the events of check-ins together. Exact repetitions are kept as records."""
    found = Sorted([], [], [])
    groups: dict[Any, list[Row]] = {}
    seen: set[bytes] = set()
    for row in sorted(rows, key=_recorded):
        if (content := _content(row)) in seen:
            found.records.append(row)
            found.duplicate_count += 1
            continue
        seen.add(content)
        groups.setdefault(row.get("correlation_id") or row.key, []).append(row)
    for key, group in groups.items():
        checkin = _checkin(str(key), group)
        if checkin is None:
            found.events += group
        else:
            found.checkins.append(checkin)
            used = {row.key for row in checkin.rows}
            found.events += [row for row in group if row.key not in used]
    return found


def event(row: Row, zone: str) -> Event | None:
    """Make an event of its own; None if the log has no place for one like it."""
    occurred = values.instant(row.get("occurred_at"))
    data = row.get("event_data")
    data = values.content(data) if isinstance(data, str) else data
    if row.get("event_type") not in EVENT_TYPES or not isinstance(data, dict) or occurred is None:
        return None
    columns = {
        "event_type": row.get("event_type"),
        "event_subtype": row.get("event_subtype"),
        "event_data": data,
        "recorded_at": recorded_at(row) or occurred,
        "source": _source(row),
        "source_version": row.get("source_version"),
        "correlation_id": _uuid(row.get("correlation_id")),
        **_when(row, occurred, zone),
    }
    return Event(values.our_id(TABLE, row.key), row, columns)


def is_whole(row: Row) -> bool:
    """Tell whether every column of an event of its own has a place in the log."""
    texts = (row.get("event_subtype"), row.get("source"), row.get("source_version"))
    return (
        SHOWN.issuperset(name for name, value in row.values.items() if value is not None)
        and all(value is None or isinstance(value, str) for value in texts)
        and values.is_own_id(row.key)
        and row.get("source") not in (None, checkins.SOURCE)
        and (row.get("correlation_id") is None or _uuid(row.get("correlation_id")) is not None)
        and _is_recorded_once(row)
    )


def is_told(row: Row, checkin: Checkin) -> bool:
    """Tell whether a check-in says everything that this event of it says."""
    return (
        SHOWN.issuperset(name for name, value in row.values.items() if value is not None)
        and checkin.event_ids.get(str(row.get("event_type"))) == _uuid(row.key)
        and _is_recorded_once(row)
        and row.get("event_subtype") in SUBTYPES.get(str(row.get("event_type")), ())
        and row.get("source_version") is None
        and row.get("source") == checkin.form.get("legacy_source")
        and _uuid(row.get("correlation_id")) in (checkin.id, None)
        and recorded_at(row) == checkin.created_at
        and values.instant(row.get("occurred_at")) == _time_told(checkin)
        and _is_data_told(row, checkin.form)
    )


SUBTYPES: Final = {
    "mood": ("daily_checkin", "enhanced_checkin"),
    "medication": ("daily_status",),
    "symptom": ("side_effect",),
    "appointment": ("upcoming",),
    "note": ("coping_strategies",),
    "assessment": ("phq4",),
}


def _time_told(checkin: Checkin) -> dt.datetime | None:
    if "legacy_occurred_at" in checkin.form:
        return values.instant(checkin.form["legacy_occurred_at"])
    return dt.datetime.combine(checkin.date, dt.time(), dt.UTC)


def _is_data_told(row: Row, form: Mapping[str, Any]) -> bool:
    told = _told(row)
    return told is not None and all(
        key in form and _equal_json(form[key], value) for key, value in told.items()
    )


def _equal_json(one: Any, other: Any) -> bool:
    """Compare as JSON, where true is not 1."""
    return _encode(one) == _encode(other)


def _encode(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted", enc_hook=str)


def _told(row: Row) -> dict[str, Any] | None:
    """Give what an event of a check-in says, by the keys of the form."""
    data = values.content(row.get("event_data"))
    if not isinstance(data, dict):
        return None
    kind = str(row.get("event_type"))
    aliases = ALIASES.get(kind, {})
    told: dict[str, Any] = {}
    for key, value in data.items():
        name = aliases.get(key, key_of(key))
        if name == "status" and kind == "medication":
            if "reported" not in data and isinstance(value, str):
                told["medication_taken"] = REPORTED.get(value, value)
                continue
            name = "medication_status_that_day"
        if name in told and not _equal_json(told[name], value):
            return None
        told[name] = value
    return told


def _checkin(key: str, group: Sequence[Row]) -> Checkin | None:
    """Make a check-in of a group, if it has a mood event that is one."""
    moods = [row for row in group if _is_mood(row)]
    if not moods:
        return None
    mood = moods[-1]
    form = _told(mood) or {}
    rows, ids = [mood], {"mood": values.our_id(TABLE, mood.key)}
    for row in group:
        kind = str(row.get("event_type"))
        told = _told(row) if row.get("event_subtype") in SUBTYPES.get(kind, ()) else None
        if told is not None and kind not in ids:
            _add(form, told, kind)
            ids[kind] = values.our_id(TABLE, row.key)
            rows.append(row)
    is_whole = isinstance(form.get("mood_today"), str)
    if not is_whole or not checkins.TEN.holds(form.get("confidence_today")):
        return None
    return _placed(key, mood, form, rows, ids)


def _add(form: checkins.Form, told: Mapping[str, Any], kind: str) -> None:
    """Add what a further event says; where it says something else, under a name of its own."""
    for name, value in told.items():
        differs = name in form and not _equal_json(form[name], value)
        form.setdefault(f"{kind}_{name}" if differs else name, value)


def _placed(
    key: str, mood: Row, form: checkins.Form, rows: list[Row], ids: dict[str, uuid.UUID]
) -> Checkin | None:
    occurred = values.instant(mood.get("occurred_at"))
    if occurred is None:
        return None
    stated = form.pop("legacy_date_submitted", None)
    date = values.date(stated) if isinstance(stated, str) else None
    if stated is not None and (date is None or stated != date.isoformat()):
        form["legacy_date_submitted"] = stated
    date = date or occurred.date()
    if occurred != dt.datetime.combine(date, dt.time(), dt.UTC):
        form["legacy_occurred_at"] = occurred.isoformat()
    if isinstance(mood.get("source"), str):
        form["legacy_source"] = mood.get("source")
    recorded = recorded_at(mood) or occurred
    is_midnight = occurred.time() == dt.time()
    return Checkin(
        id=values.our_id("daily_checkins", key),
        date=date,
        form=form,
        created_at=recorded,
        updated_at=recorded,
        occurred_at=None if is_midnight else occurred,
        table=TABLE,
        key=mood.key,
        event_ids=ids,
        rows=rows,
    )


def _is_mood(row: Row) -> bool:
    subtype = row.get("event_subtype") or ""
    return (
        row.get("event_type") == "mood"
        and any(word in str(subtype) for word in ("checkin", "check_in", "daily", "enhanced"))
        and _told(row) is not None
    )


def recorded_at(row: Row) -> dt.datetime | None:
    return values.instant(row.get("recorded_at")) or values.instant(row.get("created_at"))


def _recorded(row: Row) -> tuple[dt.datetime, str]:
    return recorded_at(row) or dt.datetime.min.replace(tzinfo=dt.UTC), row.key


def _is_recorded_once(row: Row) -> bool:
    created = row.get("created_at")
    return created is None or values.instant(created) == recorded_at(row)


def _content(row: Row) -> bytes:
    names = ("event_type", "event_subtype", "event_data", "occurred_at", "correlation_id")
    return _encode([row.get(name) for name in names])


def _source(row: Row) -> str:
    source = row.get("source")
    is_free = isinstance(source, str) and source != checkins.SOURCE
    return source if is_free else "migration"


def _uuid(value: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(value)) if value is not None else None
    except ValueError:
        return None


def _when(row: Row, occurred: dt.datetime, zone: str) -> dict[str, Any]:
    """Place an event: a time of its own in the person's zone, a bare midnight on that day."""
    source = values.instant(row.get("occurred_at"))
    if source is not None and source.time() == dt.time():
        return {
            "occurred_at": occurred,
            "local_date": occurred.date(),
            "utc_offset_minutes": None,
            "time_zone": None,
        }
    return {
        "occurred_at": occurred,
        "local_date": values.local_date(occurred, zone),
        "utc_offset_minutes": values.offset(occurred, zone),
        "time_zone": zone,
    }
