"""Questions about health events and check-ins, asked as the person inside the gate."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from django.db import connection
from django.db.models import F

from core.errors import NotFound
from health import checkins, legacy_metrics
from health.models import DailyCheckin, HealthEvent
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


NEW_EVENTS: Final = """
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text,
           (SELECT array_agg(DISTINCT e.user_id)
              FROM health_events e
             WHERE e.tx_id >= %s::xid8
               AND e.tx_id < pg_snapshot_xmin(pg_current_snapshot())
               AND e.event_type = ANY(%s))
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
    found = waiting.order_by("user_id").values_list("user_id", flat=True).distinct()
    return [user_id for user_id in found if keeps_events(user_id)]


# The days in a row begin with the newest day that has none just before it. It is looked for in the
# pass that counts: going back day by day costs the square of a long row, as it is planned.
HISTORY: Final = """
    WITH answers AS (
        (SELECT occurred_at, id, to_jsonb(phq4_score) AS score, to_jsonb(phq4_anxiety) AS anxiety,
                extra -> 'phq4_feeling_nervous' AS nervous,
                extra -> 'phq4_stop_worrying' AS worrying,
                extra -> 'phq4_little_interest' AS interest,
                extra -> 'phq4_feeling_down' AS down
           FROM daily_checkins
          WHERE user_id = %(user_id)s
            AND deleted_at IS NULL
            AND (phq4_score IS NOT NULL OR extra ? 'phq4_feeling_nervous')
          ORDER BY date_submitted DESC
          LIMIT %(most_answers)s)
         UNION ALL
        (SELECT e.occurred_at, e.id, e.event_data -> 'total_score',
                e.event_data -> 'anxiety_score', e.event_data -> 'feeling_nervous',
                e.event_data -> 'stop_worrying', e.event_data -> 'little_interest',
                e.event_data -> 'feeling_down'
           FROM health_events e
          WHERE %(with_events)s
            AND e.user_id = %(user_id)s
            AND e.event_type = 'assessment'
            AND lower(e.event_subtype) IN ('phq4', 'phq-4')
            AND e.source <> %(checkin)s
            AND e.status <> 'entered-in-error'
            AND NOT EXISTS (SELECT
                              FROM health_events n
                             WHERE n.related_event_id =
                                   CASE WHEN e.related_event_id IS NULL
                                        THEN e.id ELSE e.related_event_id END
                               AND n.version > e.version)
          ORDER BY e.occurred_at DESC, e.id DESC
          LIMIT %(most_answers)s))
    SELECT count(*),
           count(*) FILTER (WHERE c.medication_taken = ANY (%(tracked)s)),
           min(c.date_submitted),
           max(c.date_submitted) FILTER (WHERE c.date_submitted <= %(last)s),
           max(c.updated_at),
           max(c.date_submitted)
               FILTER (WHERE c.step IS DISTINCT FROM 1 AND c.date_submitted <= %(last)s),
           (SELECT u.created_at FROM users u WHERE u.id = %(user_id)s),
           (SELECT coalesce(json_agg(a ORDER BY a.occurred_at DESC, a.id DESC), '[]')::text
              FROM answers a)
      FROM (SELECT date_submitted, medication_taken, updated_at,
                   date_submitted - lag(date_submitted) OVER (ORDER BY date_submitted) AS step
              FROM daily_checkins
             WHERE user_id = %(user_id)s
               AND deleted_at IS NULL) c
"""
MOST_ANSWERS: Final = 10


def history(user_id: uuid.UUID, last: dt.date) -> legacy_metrics.History:
    """Count over all check-ins of a person. Both storage modes: their rows are in step.

    Days after `last` count, and are no part of a row of days: the old service took any date.
    """
    parameters: dict[str, Any] = {
        "user_id": user_id,
        "last": last,
        "tracked": list(legacy_metrics.TRACKED),
        "most_answers": MOST_ANSWERS,
        "with_events": keeps_events(user_id),
        "checkin": checkins.SOURCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(HISTORY, parameters)
        row: Any = cursor.fetchone()
    figures: list[Any] = [*row[:-1], msgspec.json.decode(row[-1])[:MOST_ANSWERS]]
    return legacy_metrics.History(*figures)


def find_checkins_between(user_id: uuid.UUID, first: dt.date, last: dt.date) -> list[Checkin]:
    """Find a person's check-ins of these days, both included, newest first."""
    rows = DailyCheckin.objects.filter(
        user_id=user_id, deleted_at=None, date_submitted__range=(first, last)
    ).order_by("-date_submitted")
    return read_checkins(rows)


def event_ids_of_checkins(
    user_id: uuid.UUID, checkin_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, dict[str, uuid.UUID]]:
    """Tell the ids of the events that hold each check-in, by event type."""
    events = HealthEvent.objects.filter(
        user_id=user_id,
        correlation_id__in=checkin_ids,
        source=checkins.SOURCE,
        related_event_id=None,
    ).order_by()
    found: dict[uuid.UUID, dict[str, uuid.UUID]] = {key: {} for key in checkin_ids}
    for event_id, checkin_id, event_type in events.values_list(
        "id", "correlation_id", "event_type"
    ):
        if checkin_id:
            found[checkin_id][event_type] = event_id
    return found


def find_events_between(
    user_id: uuid.UUID, first: dt.datetime, last: dt.datetime, types: Sequence[str]
) -> list[HealthEvent]:
    """Find what holds now of these types and this time, newest first, beside what check-ins say.

    In two steps, each by its index: in one, Postgres may read the person's whole history to find
    out what was corrected.
    """
    own = HealthEvent.objects.filter(user_id=user_id)
    events = own.filter(event_type__in=types, occurred_at__range=(first, last))
    found = list(events.exclude(source=checkins.SOURCE).order_by("-occurred_at", "-id"))
    corrections = own.filter(related_event_id__in={event.root_id for event in found})
    newest: dict[uuid.UUID, int] = {}
    for root_id, version in corrections.values_list("related_event_id", "version").order_by():
        if root_id:
            newest[root_id] = max(version, newest.get(root_id, 1))
    return [
        event
        for event in found
        if event.version == newest.get(event.root_id, 1)
        and event.status != HealthEvent.Status.ENTERED_IN_ERROR
    ]


def people_with_new_events(position: str, types: Sequence[str]) -> tuple[str, list[uuid.UUID]]:
    """Read the log on from a position, for the system: the next position, and who wrote since.

    Positions are transaction ids: what is below the snapshot's xmin is complete, which no time
    and no event id can say.
    """
    with connection.cursor() as cursor:
        cursor.execute(NEW_EVENTS, [position, list(types)])
        next_position, people = cursor.fetchone()
    return next_position, people or []
