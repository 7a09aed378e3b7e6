"""The V1 rows' engine: writes rows, and brings the events of a check-in in step with its row."""

import datetime as dt
import uuid
from typing import Any, Final

import msgspec
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from core import exact_json
from health import checkins, event_log
from health.models import DailyCheckin, HealthEvent

# One JSON parameter for all columns; RETURNING tells whether the day was free.
INSERT: Final = """
    INSERT INTO daily_checkins
    SELECT *
      FROM jsonb_populate_record(NULL::daily_checkins, %s::jsonb)
    ON CONFLICT (user_id, date_submitted, tenant_id) WHERE deleted_at IS NULL
    DO NOTHING
    RETURNING id
"""


def insert(row: DailyCheckin) -> bool:
    """Insert a row; False if the person has one for that day."""
    columns = {
        field.attname: getattr(row, field.attname) for field in DailyCheckin._meta.concrete_fields
    }
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [exact_json.encode(columns)])
        return cursor.fetchone() is not None


def form_of(row: DailyCheckin) -> checkins.Form:
    return checkins.from_row(vars(row))


def lock(checkin_id: uuid.UUID) -> DailyCheckin | None:
    """Lock a check-in for the rest of the transaction: first of the locks of a check-in."""
    rows = DailyCheckin.objects.select_for_update().filter(id=checkin_id, deleted_at=None)
    # By its key: in the order of the days Postgres would look through the person's check-ins.
    return rows.order_by("id").first()


def move(row: DailyCheckin, changes: dict[str, Any], *, now: dt.datetime) -> bool:
    """Write a changed row with another day; False if the person has a check-in for that day."""
    try:
        with transaction.atomic():
            save(row, changes, now=now)
    except IntegrityError:
        return False
    return True


def save(row: DailyCheckin, changes: dict[str, Any], *, now: dt.datetime) -> None:
    """Write a changed row. Its events lag behind until `write_events`."""
    for name, value in changes.items():
        setattr(row, name, value)
    row.updated_at = now
    row.revision += 1
    row.save(update_fields=[*changes, "updated_at", "revision"])


def write_events(row: DailyCheckin) -> None:
    """Append what makes the row's events say what the row says.

    Safe to run twice: a difference is appended once, as new event, correction or retraction.
    The row must be new or locked.
    """
    current = {
        event.event_type: event
        for event in HealthEvent.objects.filter(
            user_id=row.user_id, correlation_id=row.id, source=checkins.SOURCE
        )
        .current()
        .order_by("version")
    }
    wanted = [] if row.deleted_at else checkins.to_events(form_of(row), is_enhanced=row.is_enhanced)
    event_log.append(_new_event(row, part) for part in wanted if part.event_type not in current)
    for part in wanted:
        event = current.get(part.event_type)
        if event and not _says(event, row, part):
            event_log.add_version(
                event,
                status=HealthEvent.Status.CORRECTED,
                reason="check-in updated",
                event_subtype=part.subtype,
                event_data=part.data,
                recorded_at=row.updated_at,
                **_when(row),
            )
    kept = {part.event_type for part in wanted}
    for event_type, event in current.items():
        if event_type not in kept and event.status != HealthEvent.Status.ENTERED_IN_ERROR:
            event_log.add_version(
                event,
                status=HealthEvent.Status.ENTERED_IN_ERROR,
                reason="check-in deleted" if row.deleted_at else "check-in updated",
                recorded_at=row.deleted_at or row.updated_at,
            )
    DailyCheckin.objects.filter(id=row.id).update(events_revision=F("revision"))
    row.events_revision = row.revision


def write_waiting_events(user_id: uuid.UUID) -> int:
    """Write the events of a person's rows that wait for them; the person is inside the gate."""
    waiting = (
        DailyCheckin.objects.select_for_update()
        .filter(user_id=user_id, revision__gt=F("events_revision"))
        .order_by("date_submitted", "id")
    )
    rows = list(waiting)
    for row in rows:
        write_events(row)
    return len(rows)


def _new_event(row: DailyCheckin, part: checkins.Part) -> HealthEvent:
    return HealthEvent(
        tenant_id=row.tenant_id,
        user_id=row.user_id,
        event_type=part.event_type,
        event_subtype=part.subtype,
        event_data=part.data,
        correlation_id=row.id,
        source=checkins.SOURCE,
        recorded_at=row.created_at if row.revision == 1 else row.updated_at,
        **_when(row),
    )


def _when(row: DailyCheckin) -> dict[str, Any]:
    return {
        "occurred_at": row.occurred_at,
        "local_date": row.date_submitted,
        "utc_offset_minutes": row.utc_offset_minutes,
        "time_zone": row.time_zone,
    }


def _says(event: HealthEvent, row: DailyCheckin, part: checkins.Part) -> bool:
    """Compare as JSON text, as True equals 1 in Python but is not the same answer."""
    return (
        event.status != HealthEvent.Status.ENTERED_IN_ERROR
        and event.local_date == row.date_submitted
        and event.event_subtype == part.subtype
        and _canonical(event.event_data) == _canonical(part.data)
    )


def _canonical(data: dict[str, Any]) -> bytes:
    return msgspec.json.encode(data, order="sorted")
