"""Questions about health events and check-ins, asked as the person inside the gate."""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from django.db import connection
from django.db.models import F

from core.errors import NotFound
from health import checkins
from health.models import DailyCheckin
from health.storage import keeps_events

NEWEST: Final = ("-date_submitted", "-id")

VERSIONS: Final = """
    SELECT event_json(e)::text
      FROM health_events e
     WHERE (e.id = %s AND e.related_event_id IS NULL OR e.related_event_id = %s)
       AND e.recorded_at <= %s::timestamptz
     ORDER BY e.version
"""
# The range of occurred_at, in which a local date can lie (UTC+14 to UTC-12), is for the index.
EVENTS_ON: Final = """
    SELECT event_json(e)::text
      FROM health_events e
     WHERE e.user_id = %s
       AND e.local_date = %s
       AND e.occurred_at >= %s::date::timestamp AT TIME ZONE 'UTC' - interval '14 hours'
       AND e.occurred_at < %s::date::timestamp AT TIME ZONE 'UTC' + interval '36 hours'
       AND e.status <> 'entered-in-error'
       AND NOT EXISTS (SELECT
                         FROM health_events n
                        WHERE n.related_event_id =
                              CASE WHEN e.related_event_id IS NULL
                                   THEN e.id ELSE e.related_event_id END
                          AND n.version > e.version)
     ORDER BY e.occurred_at, e.id
"""


@dataclass(frozen=True)
class Checkin:
    """A check-in as the old clients know it. `form` holds what was sent, without the date."""

    id: uuid.UUID
    user_id: uuid.UUID
    date: dt.date
    created_at: dt.datetime
    form: checkins.Form


def latest_checkins(user_id: uuid.UUID, limit: int) -> list[Checkin]:
    rows = DailyCheckin.objects.filter(user_id=user_id, deleted_at=None).order_by(*NEWEST)
    return read_checkins(rows[:limit])


def find_checkin_on(user_id: uuid.UUID, date: dt.date) -> Checkin | None:
    rows = DailyCheckin.objects.filter(user_id=user_id, deleted_at=None, date_submitted=date)
    found = read_checkins(rows)
    return found[0] if found else None


def get_checkin(user_id: uuid.UUID, checkin_id: uuid.UUID) -> Checkin:
    rows = DailyCheckin.objects.filter(user_id=user_id, deleted_at=None, id=checkin_id)
    found = read_checkins(rows)
    if not found:
        raise NotFound("Check-in not found")
    return found[0]


def read_checkins(rows: Iterable[DailyCheckin]) -> list[Checkin]:
    """Read what the rows say. In both storage modes: a row is in step with its events."""
    return [
        Checkin(
            id=row.id,
            user_id=row.user_id,
            date=row.date_submitted,
            created_at=row.created_at,
            form=checkins.from_row(vars(row)),
        )
        for row in rows
    ]


def get_event(
    event_id: uuid.UUID, *, as_of: dt.datetime | None = None, with_history: bool = False
) -> dict[str, Any]:
    """Give the newest version of an event, or the newest one known at `as_of`."""
    versions = _find_versions(event_id, as_of=as_of)
    if not versions:
        raise NotFound("There is no such event.")
    return versions[-1] | ({"history": versions} if with_history else {})


def _find_versions(event_id: uuid.UUID, *, as_of: dt.datetime | None) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(VERSIONS, [event_id, event_id, as_of or "infinity"])
        return [msgspec.json.decode(text) for (text,) in cursor.fetchall()]


def events_on(user_id: uuid.UUID, date: dt.date) -> list[dict[str, Any]]:
    """Find what holds for a person's local day, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(EVENTS_ON, [user_id, date, date, date])
        return [msgspec.json.decode(text) for (text,) in cursor.fetchall()]


def people_with_waiting_checkins() -> list[uuid.UUID]:
    """Find, for the system, active people with rows whose events may be written now."""
    waiting = DailyCheckin.objects.filter(
        revision__gt=F("events_revision"), user__is_active=True, user__tenant__is_active=True
    )
    found = waiting.values_list("user_id", flat=True).distinct()
    return [user_id for user_id in found if keeps_events(user_id)]
