"""Questions about medications and their doses, asked as the person inside the gate."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from django.db import connection

from accounts import queries as people
from core.gate import Person
from medications import adherence as matching
from medications import schedules
from medications.models import MedicationRegimen
from medications.types import AdherenceReport, Dose, Medication, Regimen, Slot

ENTERED_IN_ERROR: Final = MedicationRegimen.Status.ENTERED_IN_ERROR
# What stands around a window and may have to do with it: a dose may name a slot three days away.
MARGIN: Final = dt.timedelta(days=5)

# As JSON: of a year there are thousands, and msgspec reads times ten times as fast as psycopg.
DOSES: Final = """
    SELECT json_agg(d)::text
      FROM (SELECT health_event_id AS event_id, medication_id, status, occurred_at, local_date,
                   scheduled_time AS scheduled_for, medication_name, dose, reason, notes AS note
              FROM medication_adherence
             WHERE user_id = %s
               AND occurred_at >= %s
               AND occurred_at < %s) d
"""
_DOSES: Final = msgspec.json.Decoder(list[Dose])


@dataclass(frozen=True, slots=True)
class Course:
    """A medication with its slots, and its doses, of a window of local dates."""

    medication: Medication
    slots: Sequence[Slot]
    outcomes: Sequence[matching.Outcome]


def find_medications(user_id: uuid.UUID, *, with_errors: bool = False) -> list[Medication]:
    """Find a person's medications, newest first; what was entered in error only if asked for."""
    rows = MedicationRegimen.objects.filter(user_id=user_id).select_related("medication")
    regimens: dict[uuid.UUID, list[MedicationRegimen]] = defaultdict(list)
    for row in rows.order_by("medication_id", "version"):
        regimens[row.medication_id].append(row)
    found = [_medication(versions) for versions in regimens.values()]
    found.sort(key=lambda one: (one.created_at, one.id), reverse=True)
    return [one for one in found if with_errors or one.newest.status != ENTERED_IN_ERROR]


def find_medication(
    user_id: uuid.UUID, medication_id: uuid.UUID, *, with_errors: bool = False
) -> Medication | None:
    rows = MedicationRegimen.objects.filter(user_id=user_id, medication_id=medication_id)
    versions = list(rows.select_related("medication").order_by("version"))
    if not versions:
        return None
    found = _medication(versions)
    return found if with_errors or found.newest.status != ENTERED_IN_ERROR else None


def find_slots(person: Person, first: dt.date, last: dt.date, *, now: dt.datetime) -> list[Slot]:
    """Find when doses are due on these local dates, both included, and what became of each."""
    slots = [slot for course in find_courses(person, first, last, now=now) for slot in course.slots]
    return sorted(slots, key=lambda slot: (slot.scheduled_at, slot.medication_name))


def adherence(
    person: Person, first: dt.date, last: dt.date, *, now: dt.datetime
) -> AdherenceReport:
    """Count what became of the doses of these local dates, both included."""
    courses = find_courses(person, first, last, now=now)
    days = (first + dt.timedelta(days=number) for number in range((last - first).days + 1))
    return matching.report([(one.medication, one.slots, one.outcomes) for one in courses], days)


def find_courses(
    person: Person,
    first: dt.date,
    last: dt.date,
    *,
    now: dt.datetime,
    medication: Medication | None = None,
) -> list[Course]:
    """Find all medications, or one, with what belongs to these local dates, both included."""
    medications = find_medications(person.id) if medication is None else [medication]
    clock = schedules.Clock(people.time_zones(person.id))
    doses = _find_doses(person.id, first, last)
    found = []
    for one in medications:
        moments = schedules.moments(one, first - MARGIN, last + MARGIN, clock)
        slots, outcomes = matching.match(one, moments, doses[one.id], now)
        found.append(
            Course(
                one,
                [slot for slot in slots if first <= slot.local_date <= last],
                [each for each in outcomes if first <= each.dose.local_date <= last],
            )
        )
    return found


def _find_doses(
    user_id: uuid.UUID, first: dt.date, last: dt.date
) -> defaultdict[uuid.UUID, list[Dose]]:
    found: defaultdict[uuid.UUID, list[Dose]] = defaultdict(list)
    begin = dt.datetime.combine(first - MARGIN, dt.time(), dt.UTC)
    end = dt.datetime.combine(last + MARGIN, dt.time(), dt.UTC)
    with connection.cursor() as cursor:
        cursor.execute(DOSES, [user_id, begin, end])
        ((doses,),) = cursor.fetchall()
    for dose in _DOSES.decode(doses or "[]"):
        found[dose.medication_id].append(dose)
    return found


def _medication(versions: Sequence[MedicationRegimen]) -> Medication:
    told = versions[0].medication
    return Medication(
        id=told.id,
        medication_name=told.medication_name,
        medication_type=told.medication_type,
        notes=told.notes,
        created_at=told.created_at,
        updated_at=told.updated_at,
        regimens=tuple(map(_regimen, versions)),
    )


def _regimen(row: MedicationRegimen) -> Regimen:
    return Regimen(
        id=row.id,
        version=row.version,
        effective_from=row.effective_from,
        status=row.status,
        start_date=row.start_date,
        dosage=row.dosage,
        end_date=row.end_date,
        as_needed=row.as_needed,
        times_of_day=tuple(row.times_of_day),
        every_n_days=row.every_n_days,
        tolerance_minutes=row.tolerance_minutes,
        reason=row.reason,
        created_at=row.created_at,
    )
