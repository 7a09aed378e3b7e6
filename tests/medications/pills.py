"""Medications with a history, zones and doses, put straight into the tables."""

import datetime as dt
from typing import Any

from accounts.models import TimeZoneChange, User, UserProfile
from core import gate
from health import services as health
from health.types import EventIn
from medications import queries
from medications.models import MedicationRegimen, UserMedication
from medications.types import AdherenceReport, Slot

LONG_AGO = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def prescribe(user: User, *versions: dict[str, Any], name: str = "Estradiol") -> UserMedication:
    """Make a medication with these versions; each is the one before with changes."""
    whose = {"user": user, "tenant": user.tenant}
    medication = UserMedication.objects.create(
        **whose, medication_name=name, created_at=LONG_AGO, updated_at=LONG_AGO
    )
    values: dict[str, Any] = {
        "effective_from": LONG_AGO,
        "status": "active",
        "start_date": dt.date(2025, 1, 1),
        "times_of_day": [dt.time(8), dt.time(20)],
    }
    for version, changes in enumerate(versions or ({},), start=1):
        values |= changes
        MedicationRegimen.objects.create(
            **whose, medication=medication, version=version, created_at=LONG_AGO, **values
        )
    return medication


def live_in(user: User, *zones: str, until: tuple[str, ...] = ()) -> None:
    """Give a person a history of zones, each but the last with the time at which it was left."""
    UserProfile.objects.filter(user=user).update(timezone=zones[-1])
    TimeZoneChange.objects.filter(user=user).delete()
    for zone, end in zip(zones, until, strict=False):
        TimeZoneChange.objects.create(user=user, tenant=user.tenant, time_zone=zone, until=at(end))


def report_dose(
    user: User, medication: UserMedication, when: str, status: str = "taken", **data: Any
) -> Any:
    """Record a dose as clients do, as an event of the log."""
    told = {"status": status, "medication_id": str(medication.id), **data}
    event = EventIn(event_type="medication", event_data=told, occurred_at=when)
    with gate.as_person(user.id) as person:
        recorded, _ = health.record_event_of(
            person=person,
            event=event,
            told=list(told),
            idempotency_key=None,
            now=at("2027-01-01T00:00Z"),
        )
    return recorded


def figures(user: User, first: str, last: str, now: dt.datetime) -> AdherenceReport:
    with gate.as_person(user.id) as person:
        return queries.adherence(
            person, dt.date.fromisoformat(first), dt.date.fromisoformat(last), now=now
        )


def slots(user: User, first: str, last: str, now: dt.datetime) -> list[Slot]:
    with gate.as_person(user.id) as person:
        return queries.find_slots(
            person, dt.date.fromisoformat(first), dt.date.fromisoformat(last), now=now
        )
