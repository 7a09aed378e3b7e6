"""The V1 rows' engine: writes rows, and brings the events of a check-in in step with its row."""

import datetime as dt
import uuid
from typing import Any, Final

import msgspec
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from core import exact_json, gate, origin
from health import checkins, event_log
from health.models import DailyCheckin, HealthEvent

SUBMIT: Final = (
    "SELECT user_id, answer"
    "  FROM submit_checkin(%s::uuid, %s, %s::uuid, to_timestamp(%s), %s::jsonb, %s)"
)
ADD: Final = "SELECT add_checkin(%s::uuid, %s::uuid, %s, %s::jsonb)"
NEWEST: Final = "SELECT newest_checkins(%s::uuid, %s, %s::uuid, to_timestamp(%s), %s::integer)"


class Existing(msgspec.Struct):
    """The check-in that a day has already."""

    id: uuid.UUID
    mood_today: str
    confidence_today: int
    date_submitted: dt.date


class Submitted(msgspec.Struct):
    """What became of a check-in: created, or not, as the day had one already."""

    outcome: str
    date: dt.date
    existing: Existing | None = None


_SUBMITTED = msgspec.json.Decoder(Submitted)


class _Listed(msgspec.Struct):
    shown: msgspec.Raw
    rest: dict[str, Any] | None


_LISTED = msgspec.json.Decoder(list[_Listed])


def submit(claims: gate.Claims, item: dict[str, Any]) -> tuple[uuid.UUID, Submitted]:
    """Add a check-in as the person of the claims; see submit_checkin_v*.sql. One round trip."""
    row = gate.one_statement(
        SUBMIT, (*claims.as_parameters(), exact_json.encode(item), origin.context())
    )
    if row is None:
        raise event_log.GateRefused("Invalid or expired token")
    return uuid.UUID(row[0]), _SUBMITTED.decode(row[1])


def add(person: gate.Person, item: dict[str, Any]) -> Submitted:
    """Add a check-in of the person who is inside the gate already."""
    with connection.cursor() as cursor:
        cursor.execute(
            ADD, [person.tenant_id, person.id, person.time_zone, exact_json.encode(item)]
        )
        row: tuple[str] = cursor.fetchone()
    return _SUBMITTED.decode(row[0])


def newest(claims: gate.Claims, limit: int) -> list[bytes]:
    """Read the newest check-ins of the person of the claims, each as JSON. One round trip."""
    row = gate.one_statement(NEWEST, (*claims.as_parameters(), limit))
    if row is None or row[0] is None:
        raise event_log.GateRefused("Invalid or expired token")
    return [_listed(listed.shown, listed.rest) for listed in _LISTED.decode(row[0])]


def _listed(shown: msgspec.Raw, rest: dict[str, Any] | None) -> bytes:
    if rest is None:
        return bytes(shown)
    return msgspec.json.encode(msgspec.json.decode(shown) | rest)


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
