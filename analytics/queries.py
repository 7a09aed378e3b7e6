"""Questions about a person's days and what stands behind them, asked inside the gate."""

import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from django.db import connection

from analytics.figures.doses import Told
from analytics.types import DayRow, Event
from core.errors import DomainError, NotFound
from core.gate import Person
from insights.models import Insight
from medications import queries as medications

# One statement, so one snapshot. Postgres builds the JSON: a year of rows through the driver would
# cost ten times as much.
DAYS: Final = f"""
    SELECT coalesce(json_agg(json_build_array({", ".join(DayRow.__struct_fields__)})
                             ORDER BY local_date), '[]')::text
      FROM exact_daily_metrics
     WHERE user_id = %(user_id)s
       AND local_date BETWEEN %(first)s AND %(last)s
"""
# What holds of these days. A local date begins at UTC+14 and ends at UTC-12; CASE, not coalesce:
# under row-level security an index serves only what is known not to leak.
EVENTS: Final = """
    SELECT coalesce(json_agg(json_build_array(
               CASE WHEN e.related_event_id IS NULL THEN e.id ELSE e.related_event_id END, e.id,
               e.event_type, e.event_subtype, e.local_date, e.occurred_at, e.recorded_at, e.source,
               CASE WHEN jsonb_typeof(e.event_data) = 'object'
                    THEN e.event_data - '{note,text,extra,info_needs}'::text[]
                    ELSE '{}' END)), '[]')::text
      FROM health_events e
     WHERE e.user_id = %(user_id)s
       AND e.event_type = ANY (%(types)s)
       AND e.occurred_at >= %(first)s::date::timestamp AT TIME ZONE 'UTC' - interval '14 hours'
       AND e.occurred_at < %(last)s::date::timestamp AT TIME ZONE 'UTC' + interval '36 hours'
       AND e.local_date BETWEEN %(first)s AND %(last)s
       AND e.status <> 'entered-in-error'
       AND NOT EXISTS (SELECT
                         FROM health_events n
                        WHERE n.related_event_id =
                              CASE WHEN e.related_event_id IS NULL
                                   THEN e.id ELSE e.related_event_id END
                          AND n.version > e.version)
"""
# The daily form's answer about appointments is none.
APPOINTMENTS: Final = f"""
    {EVENTS}
       AND e.source <> 'checkin'
       AND (e.local_date = %(last)s OR e.event_data ? 'starts_at')
"""
# Texts that clients sent can be any number: who decodes all of them may take all the memory.
BOUNDED: Final = """
    SELECT CASE WHEN octet_length(a.answer) <= %(most_bytes)s THEN a.answer END
      FROM ({query}) AS a (answer)
"""
# A year of ten events a day is a tenth of it.
MOST_BYTES: Final = 32_000_000
# An appointment is announced at most so long before; with the index's range it stays few rows.
ANNOUNCED_DAYS: Final = 366
MOST_INSIGHTS: Final = 20


class TooMuch(DomainError):
    status = 422
    code = "too-much-data"


_DAYS: Final = msgspec.json.Decoder(list[DayRow])
_EVENTS: Final = msgspec.json.Decoder(list[Event], float_hook=Decimal)


def days_between(user_id: uuid.UUID, first: dt.date, last: dt.date) -> list[DayRow]:
    """Give a person's days that have data, both ends included, exact at this moment."""
    return _DAYS.decode(_bounded(DAYS, {"user_id": user_id, "first": first, "last": last}))


def events_between(
    user_id: uuid.UUID, first: dt.date, last: dt.date, types: Sequence[str], *, sql: str = EVENTS
) -> list[Event]:
    """Find what holds of these types for a person's days, both ends included."""
    values: dict[str, Any] = {
        "user_id": user_id,
        "first": first,
        "last": last,
        "types": list(types),
    }
    return _EVENTS.decode(_bounded(sql, values))


def _bounded(query: str, values: dict[str, Any]) -> str:
    with connection.cursor() as cursor:
        cursor.execute(BOUNDED.format(query=query), {**values, "most_bytes": MOST_BYTES})
        answer: str | None = cursor.fetchone()[0]
    if answer is None:
        raise TooMuch("These days hold more than can be added up at once. Ask for fewer days.")
    return answer


def appointments_around(user_id: uuid.UUID, day: dt.date) -> list[Event]:
    """Find the appointments that may be of this day: theirs, and those of the year before."""
    try:
        first = day - dt.timedelta(days=ANNOUNCED_DAYS)
    except OverflowError:
        first = day
    return events_between(user_id, first, day, ["appointment"], sql=APPOINTMENTS)


def doses_between(
    person: Person,
    first: dt.date,
    last: dt.date,
    medication_id: uuid.UUID | None,
    *,
    now: dt.datetime,
) -> list[Told]:
    """Tell what became of the doses of these days, of all medications or one: scheduled and not."""
    medication = None
    if medication_id is not None:
        medication = medications.find_medication(person.id, medication_id)
        if medication is None:
            raise NotFound("There is no such medication.")
    courses = medications.find_courses(person, first, last, now=now, medication=medication)
    scheduled = [
        Told(
            slot.status,
            slot.local_date,
            slot.scheduled_at,
            slot.event_id,
            # A medication has one slot at a local time; after a journey two may be one instant.
            uuid.uuid5(slot.medication_id, f"{slot.local_date} {slot.local_time}"),
        )
        for course in courses
        for slot in course.slots
    ]
    beside = [
        Told(one.outcome, dose.local_date, dose.occurred_at, dose.event_id, dose.event_id)
        for course in courses
        for one in course.outcomes
        for dose in (one.dose,)
        if one.slot is None
    ]
    return scheduled + beside


def insights_of(user_id: uuid.UUID, day: dt.date) -> list[Insight]:
    """Find the insights of a day, the most urgent first. They are written on their day.

    The range of instants that a local day can have is for the index.
    """
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
    try:
        written = (midnight - dt.timedelta(hours=14), midnight + dt.timedelta(hours=36))
    except OverflowError:
        return []
    found = Insight.objects.filter(user_id=user_id, local_date=day, created_at__range=written)
    return list(found.order_by("-priority", "-created_at", "-id")[:MOST_INSIGHTS])
