"""Brings check-ins and events of the old service in, with their ids and dates, in bulk."""

import datetime as dt
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any, Final

import msgspec
from django.db import connection

from core.models import uuid7s
from health import checkin_rows, checkins, event_log
from health.models import DailyCheckin, HealthEvent

SOURCE_VERSION: Final = "migrate_v1"
LARGEST_BATCH: Final = 2000

# Old numbers are Decimals, which need not be written out as exact_json does with large floats.
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")

ADD_CHECKINS: Final = """
    INSERT INTO daily_checkins
    SELECT *
      FROM jsonb_populate_recordset(NULL::daily_checkins, %s::jsonb)
"""
ADD_EVENTS: Final = """
    INSERT INTO health_events
           (id, tenant_id, user_id, event_type, event_subtype, event_data, schema_version, status,
            version, occurred_at, local_date, utc_offset_minutes, time_zone, recorded_at, source,
            source_version, correlation_id)
    SELECT id, tenant_id, user_id, event_type, event_subtype, event_data, 1, 'final',
           1, occurred_at, local_date, utc_offset_minutes, time_zone, recorded_at, source,
           source_version, correlation_id
      FROM jsonb_populate_recordset(NULL::health_events, %s::jsonb)
"""
# As texts, so that numbers come through exactly.
ROWS_WITHOUT_EVENTS: Final = """
    SELECT to_jsonb(c)::text
      FROM daily_checkins c
     WHERE user_id = %s
       AND events_revision = 0
       AND revision = 1
       AND deleted_at IS NULL
     ORDER BY date_submitted, id
       FOR UPDATE
"""


@dataclass(frozen=True)
class OldCheckin:
    """A check-in of the old service. `event_ids` are the ids its events had there, by type."""

    id: uuid.UUID
    date: dt.date
    form: checkins.Form
    is_enhanced: bool
    created_at: dt.datetime
    updated_at: dt.datetime
    occurred_at: dt.datetime
    utc_offset_minutes: int | None
    time_zone: str | None
    event_ids: Mapping[str, uuid.UUID] = field(default_factory=dict)


def add_checkins(
    *,
    user_id: uuid.UUID,
    tenant_id: uuid.UUID,
    old: Sequence[OldCheckin],
    has_events: bool,
) -> None:
    owner = {"user_id": user_id, "tenant_id": tenant_id}
    _insert(ADD_CHECKINS, (owner | _row(checkin, has_events=has_events) for checkin in old))
    if has_events:
        _insert(ADD_EVENTS, (owner | event for event in _events(old, SOURCE_VERSION)))


def add_events(
    *, user_id: uuid.UUID, tenant_id: uuid.UUID, events: Sequence[dict[str, Any]]
) -> None:
    owner = {"user_id": user_id, "tenant_id": tenant_id}
    _insert(ADD_EVENTS, (owner | event for event in events))


def write_first_events(user_id: uuid.UUID) -> int:
    """Write the events of check-ins that never had any, in bulk; give how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(ROWS_WITHOUT_EVENTS, [user_id])
        rows = [json.loads(text, parse_float=Decimal) for (text,) in cursor]
    old = [_old(row) for row in rows]
    if rows:
        owner = {"user_id": user_id, "tenant_id": rows[0]["tenant_id"]}
        _insert(ADD_EVENTS, (owner | event for event in _events(old, None)))
    DailyCheckin.objects.filter(id__in=[checkin.id for checkin in old]).update(events_revision=1)
    return len(rows)


def _old(row: dict[str, Any]) -> OldCheckin:
    return OldCheckin(
        id=row["id"],
        date=row["date_submitted"],
        form=checkins.from_row(row),
        is_enhanced=row["is_enhanced"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        occurred_at=row["occurred_at"],
        utc_offset_minutes=row["utc_offset_minutes"],
        time_zone=row["time_zone"],
    )


def change_checkin(*, old: OldCheckin, has_events: bool, now: dt.datetime) -> int:
    """Bring a check-in that was changed in the old service up to date; give its new revision."""
    row = DailyCheckin.objects.select_for_update().get(id=old.id)
    fields = _row(old, has_events=False)
    kept = {"id", "created_at", "updated_at", "revision", "events_revision"}
    changes = {name: value for name, value in fields.items() if name not in kept}
    checkin_rows.save(row, changes, now=now)
    if has_events:
        checkin_rows.write_events(row)
    return row.revision


def change_event(*, event_id: uuid.UUID, changes: Mapping[str, Any], now: dt.datetime) -> None:
    """Append a correction of an event that was changed in the old service."""
    event_log.add_version(
        event_log.find_current(event_id),
        status=HealthEvent.Status.CORRECTED,
        reason="changed in the old service",
        **dict(changes) | {"recorded_at": now},
    )


def _row(old: OldCheckin, *, has_events: bool) -> dict[str, Any]:
    return {
        "id": old.id,
        "date_submitted": old.date,
        "is_enhanced": old.is_enhanced,
        **checkins.to_row(old.form),
        "occurred_at": old.occurred_at,
        "utc_offset_minutes": old.utc_offset_minutes,
        "time_zone": old.time_zone,
        "created_at": old.created_at,
        "updated_at": old.updated_at,
        "revision": 1,
        "events_revision": int(has_events),
    }


def _events(old: Sequence[OldCheckin], source_version: str | None) -> Iterator[dict[str, Any]]:
    for checkin in old:
        parts = checkins.to_events(checkin.form, is_enhanced=checkin.is_enhanced)
        for part, new_id in zip(parts, uuid7s(len(parts)), strict=True):
            yield {
                "id": checkin.event_ids.get(part.event_type, new_id),
                "event_type": part.event_type,
                "event_subtype": part.subtype,
                "event_data": part.data,
                "occurred_at": checkin.occurred_at,
                "local_date": checkin.date,
                "utc_offset_minutes": checkin.utc_offset_minutes,
                "time_zone": checkin.time_zone,
                "recorded_at": checkin.created_at,
                "source": checkins.SOURCE,
                "source_version": source_version,
                "correlation_id": checkin.id,
            }


def _insert(statement: str, rows: Iterator[dict[str, Any]]) -> None:
    with connection.cursor() as cursor:
        while batch := list(islice(rows, LARGEST_BATCH)):
            cursor.execute(statement, [_ENCODER.encode(batch).decode()])
