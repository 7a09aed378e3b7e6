"""What can be done with medications and their doses."""

import datetime as dt
import hashlib
import uuid
from typing import Any, Final

import msgspec
from django.db import IntegrityError, connection, transaction

from core import cursors, times
from core.errors import DomainError, FieldError, InvalidInput, NotFound, VersionMismatch
from core.gate import Person
from health import services as health
from health import storage
from health.models import HealthEvent
from health.types import EventIn
from medications import queries, schedules
from medications.models import MedicationRegimen, UserMedication
from medications.queries import Course
from medications.types import (
    FARTHEST,
    LONGEST_WINDOW,
    AdherenceReport,
    Dose,
    Medication,
    MedicationChanges,
    MedicationIn,
    MedicationsQuery,
    Standing,
    TakenIn,
    WindowQuery,
)

Status = MedicationRegimen.Status

# What one person may have, so that nobody's figures take long.
MOST_MEDICATIONS: Final = 500
A_WHILE: Final = dt.timedelta(minutes=5)
MOST_VERSIONS: Final = 1000
CHANGED_MEANWHILE: Final = "The medication was changed meanwhile. Read it again."
MOST_DOSES_A_DAY: Final = 100
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('medications of ' || %s, 0))"

FIRST_DAY, LAST_DAY = dt.date(1900, 1, 1), dt.date(2999, 12, 31)
DAY: Final = dt.timedelta(days=1)
PLANNED_AHEAD: Final = dt.timedelta(days=366)
DEFAULT_WINDOW: Final = 30

TOLD: Final = ("medication_name", "medication_type", "notes")
SCHEDULED: Final = (
    *("dosage", "as_needed", "times_of_day", "every_n_days", "start_date", "end_date"),
    "tolerance_minutes",
)
# From which states a person may go to this one.
BEFORE: Final = {
    Status.ON_HOLD: (Status.ACTIVE,),
    Status.ACTIVE: (Status.ON_HOLD, Status.STOPPED),
    Status.STOPPED: (Status.ACTIVE, Status.ON_HOLD),
    Status.ENTERED_IN_ERROR: (Status.ACTIVE, Status.ON_HOLD, Status.STOPPED, Status.COMPLETED),
}


class MedicationChanged(DomainError):
    status = 409
    code = "medication-changed"
    retryable = True


class WrongStatus(DomainError):
    status = 409
    code = "medication-status"


class ChangePlanned(DomainError):
    status = 409
    code = "change-planned"


class KeyReused(DomainError):
    status = 409
    code = "idempotency-key-reused"


class TooMany(DomainError):
    status = 409
    code = "too-many-medications"


# Medications


def add_medication(
    *, person: Person, sent: MedicationIn, idempotency_key: str | None, now: dt.datetime
) -> tuple[Standing, bool]:
    """Add a medication; also tells whether it is new, or the same call added it before."""
    storage.require_events(person.id)
    begins = _effective_from(sent.effective_from, now)
    values = {name: getattr(sent, name) for name in SCHEDULED}
    values["start_date"] = sent.start_date or times.local_date(begins, person.time_zone)
    values = _checked_regimen(values)
    digest = hashlib.sha256(msgspec.json.encode(sent)).digest()
    _wait_for_turn(person)
    if idempotency_key is not None:
        earlier = _added_before(person, idempotency_key, digest)
        if earlier is not None:
            return _standing(person, earlier, now), False
    medication = UserMedication(
        user_id=person.id,
        tenant_id=person.tenant_id,
        idempotency_key=idempotency_key,
        request_digest=digest if idempotency_key is not None else None,
        created_at=now,
        updated_at=now,
        **{name: getattr(sent, name) for name in TOLD},
    )
    medication.save(force_insert=True)
    told = {"status": Status.ACTIVE, "effective_from": begins, "created_at": now}
    _add_version(person, medication.id, version=1, **told, **values)
    _check_bounds(person, since=begins)
    return get_medication(person=person, medication_id=medication.id, now=now), True


def _added_before(person: Person, key: str, digest: bytes) -> Medication | None:
    row = UserMedication.objects.filter(user_id=person.id, idempotency_key=key).first()
    if row is None:
        return None
    if bytes(row.request_digest or b"") != digest:
        raise _reused("was used before, for a medication with other content. Send a new key.")
    found = queries.find_medication(person.id, row.id)
    if found is None:
        raise _reused("was used for a medication that was entered in error. Send a new key.")
    return found


def _reused(fault: str) -> KeyReused:
    detail = f"Idempotency-Key: {fault}"
    return KeyReused(detail, [FieldError(detail, parameter="Idempotency-Key")])


def list_medications(
    *, person: Person, query: MedicationsQuery, now: dt.datetime
) -> tuple[list[Standing], str | None]:
    """Give a page of medications, newest first, and the cursor of the next one."""
    storage.require_events(person.id)
    before = cursors.read(query.cursor, cursors.instant, uuid.UUID)
    standings = [_standing(person, one, now) for one in queries.find_medications(person.id)]
    found = [
        one
        for one in standings
        if query.status in (None, one.status)
        and (before is None or (one.medication.created_at, one.medication.id) < before)
    ]
    page = found[: query.limit]
    last = page[-1].medication if len(found) > len(page) else None
    return page, cursors.write(last.created_at.isoformat(), last.id) if last else None


def get_medication(*, person: Person, medication_id: uuid.UUID, now: dt.datetime) -> Standing:
    return _standing(person, _get(person, medication_id), now)


def history(*, person: Person, medication_id: uuid.UUID) -> Medication:
    """Give a medication with all its versions, also one that was entered in error."""
    return _get(person, medication_id, with_errors=True)


def version_of(standing: Standing) -> str:
    """The version for ETag and If-Match: it changes with all that is shown of a medication."""
    changed_at = int(standing.medication.updated_at.timestamp() * 1_000_000)
    return f"{standing.regimen.version}-{standing.status}-{changed_at}"


def change_medication(
    *,
    person: Person,
    medication_id: uuid.UUID,
    changes: MedicationChanges,
    expected: str | None,
    now: dt.datetime,
) -> Standing:
    """Change what was told about a medication, and how it is to be taken from some moment on."""
    medication = _get_in_turn(person, medication_id)
    if expected is not None and expected != version_of(_standing(person, medication, now)):
        raise VersionMismatch("The medication was changed since you read it. Read it again.")
    told, schedule = _sent(changes, TOLD), _sent(changes, SCHEDULED)
    if schedule:
        _change_schedule(person, medication, schedule, changes, now)
    elif changes.effective_from or changes.reason:
        detail = "effective_from and reason go with a change of how the medication is taken."
        raise InvalidInput.at("", detail)
    UserMedication.objects.filter(id=medication.id).update(**told, updated_at=now)
    return get_medication(person=person, medication_id=medication_id, now=now)


def _change_schedule(
    person: Person,
    medication: Medication,
    schedule: dict[str, Any],
    changes: MedicationChanges,
    now: dt.datetime,
) -> None:
    newest = medication.newest
    if newest.status not in {Status.ACTIVE, Status.ON_HOLD}:
        raise WrongStatus(f"The medication is {newest.status}. Resume it first.")
    if changes.effective_from is None:
        begins = _begins(medication, now)
    else:
        begins = _effective_from(changes.effective_from, now)
    then = schedules.in_force(medication.regimens, begins)
    base = then or newest
    before = {name: getattr(base, name) for name in SCHEDULED}
    values = _checked_regimen(before | schedule)
    if values == _checked_regimen(before) and then is newest:
        return
    holds = schedules.in_force(medication.regimens, now) or medication.regimens[0]
    # A client's "now" is a little before ours.
    if begins < min(holds.effective_from, now - A_WHILE):
        since = holds.effective_from.isoformat()
        detail = f"effective_from: lies before what it changes, which holds from {since}."
        raise InvalidInput.at("/effective_from", detail)
    told = {"status": base.status, "effective_from": begins, "reason": changes.reason}
    _next_version(person, medication, now, **told, **values)
    _check_bounds(person, since=begins)


def _begins(medication: Medication, now: dt.datetime) -> dt.datetime:
    """Tell from when a change holds that does not say so: now, or when it all begins."""
    newest = medication.newest
    if newest.effective_from <= now:
        return now
    # Written after this request came in: it is no plan but somebody else's change.
    if newest.created_at is not None and newest.created_at > now:
        raise MedicationChanged(CHANGED_MEANWHILE)
    if medication.regimens[0].effective_from > now:
        return newest.effective_from
    raise ChangePlanned(
        f"A change is planned from {newest.effective_from.isoformat()}. PATCH the schedule with"
        " effective_from: from then on changes the plan, earlier replaces it."
    )


def set_status(
    *,
    person: Person,
    medication_id: uuid.UUID,
    status: MedicationRegimen.Status,
    reason: str | None,
    now: dt.datetime,
) -> Standing:
    """Pause, resume or stop a medication. What is so already stays as it is."""
    medication = _get_in_turn(person, medication_id)
    _move(person, medication, status, reason, now)
    return get_medication(person=person, medication_id=medication_id, now=now)


def remove_medication(*, person: Person, medication_id: uuid.UUID, now: dt.datetime) -> None:
    """Say that a medication was entered in error: it leaves lists and figures."""
    medication = _get_in_turn(person, medication_id)
    _move(person, medication, Status.ENTERED_IN_ERROR, None, now)


def _move(
    person: Person,
    medication: Medication,
    status: MedicationRegimen.Status,
    reason: str | None,
    now: dt.datetime,
) -> None:
    newest = medication.newest
    if newest.status == status:
        if _standing(person, medication, now).status != status:
            detail = f"The course ended on {newest.end_date}. PATCH end_date to go on with it."
            raise WrongStatus(detail)
        return
    if newest.status not in BEFORE[status]:
        raise WrongStatus(f"The medication is {newest.status}; it can't become {status}.")
    is_end = status in {Status.STOPPED, Status.ENTERED_IN_ERROR}
    begins = now if is_end else _begins(medication, now)
    base = schedules.in_force(medication.regimens, begins) or newest
    values = {name: getattr(base, name) for name in SCHEDULED}
    told = {"status": status, "effective_from": begins, "reason": reason}
    _next_version(person, medication, now, **told, **values)
    if status == Status.ACTIVE:
        _check_bounds(person, since=begins)
    UserMedication.objects.filter(id=medication.id).update(updated_at=now)


def _next_version(person: Person, medication: Medication, now: dt.datetime, **values: Any) -> None:
    newest = medication.newest
    if newest.version >= MOST_VERSIONS:
        raise TooMany(f"A medication can be changed at most {MOST_VERSIONS} times. Add a new one.")
    number = newest.version + 1
    try:
        with transaction.atomic():
            _add_version(person, medication.id, version=number, created_at=now, **values)
    except IntegrityError as error:
        raise MedicationChanged(CHANGED_MEANWHILE) from error


def _add_version(person: Person, medication_id: uuid.UUID, **values: Any) -> None:
    row = MedicationRegimen(
        user_id=person.id,
        tenant_id=person.tenant_id,
        medication_id=medication_id,
        **values | {"times_of_day": list(values["times_of_day"])},
    )
    row.save(force_insert=True)


def _get(person: Person, medication_id: uuid.UUID, *, with_errors: bool = False) -> Medication:
    storage.require_events(person.id)
    found = queries.find_medication(person.id, medication_id, with_errors=with_errors)
    if found is None:
        raise NotFound("There is no such medication.")
    return found


def _get_in_turn(person: Person, medication_id: uuid.UUID) -> Medication:
    _wait_for_turn(person)
    return _get(person, medication_id)


def _wait_for_turn(person: Person) -> None:
    """Let changes of one person's medications wait for each other, each till its transaction ends.

    Only then is what they have together counted with all of it, and a repeated call finds the
    first one.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [str(person.id)])


def _standing(person: Person, medication: Medication, now: dt.datetime) -> Standing:
    today = times.local_date(now, person.time_zone)
    return schedules.standing(medication, today=today, now=now)


def _sent(changes: MedicationChanges, names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(changes, name) for name in names}
    return {name: value for name, value in values.items() if value is not msgspec.UNSET}


def _checked_regimen(values: dict[str, Any]) -> dict[str, Any]:
    """Check what the shapes can't: how the parts of a regimen fit together."""
    times_of_day = [_time(one) for one in values["times_of_day"]]
    if len(set(times_of_day)) < len(times_of_day):
        raise InvalidInput.at("/times_of_day", "times_of_day: has a time twice.")
    if values["as_needed"] and times_of_day:
        detail = "times_of_day: must be empty for what is taken as needed."
        raise InvalidInput.at("/times_of_day", detail)
    if not values["as_needed"] and not times_of_day:
        detail = 'times_of_day: is required, such as ["08:00"], unless as_needed is true.'
        raise InvalidInput.at("/times_of_day", detail)
    start, end = values["start_date"], values["end_date"]
    for name, date in (("start_date", start), ("end_date", end)):
        if date is not None and not FIRST_DAY <= date <= LAST_DAY:
            raise InvalidInput.at(f"/{name}", f"{name}: must lie from {FIRST_DAY} to {LAST_DAY}.")
    if end is not None and end < start:
        raise InvalidInput.at("/end_date", f"end_date: lies before the start, {start}.")
    return values | {"times_of_day": sorted(times_of_day)}


def _time(sent: str | dt.time) -> dt.time:
    return sent if isinstance(sent, dt.time) else dt.time(int(sent[:2]), int(sent[3:5]))


def _effective_from(sent: str | None, now: dt.datetime) -> dt.datetime:
    if sent is None:
        return now
    pointer = "/effective_from"
    instant, _ = times.read_instant(sent, pointer)
    times.check_not_ahead(instant, now=now, most=PLANNED_AHEAD, pointer=pointer)
    return instant


def _check_bounds(person: Person, *, since: dt.datetime) -> None:
    """Refuse what is more than one person may have, now that it is written. Needs their turn."""
    medications = queries.find_medications(person.id, with_errors=True)
    if len(medications) > MOST_MEDICATIONS:
        raise TooMany(f"A person can have at most {MOST_MEDICATIONS} medications.")
    counted = [one for one in medications if one.newest.status != Status.ENTERED_IN_ERROR]
    count = schedules.most_doses_a_day(counted, since)
    if count > MOST_DOSES_A_DAY:
        detail = (
            f"times_of_day: all medications together would have {count} doses a day, and at most"
            f" {MOST_DOSES_A_DAY} are possible. Stop or end others first."
        )
        raise InvalidInput.at("/times_of_day", detail)


# Doses

# What a client says of a dose; the medication's name may have changed since.
TOLD_OF_DOSE: Final = ("medication_id", "status", "scheduled_for", "dose", "reason", "note")


def record_dose(
    *,
    person: Person,
    medication_id: uuid.UUID,
    sent: TakenIn,
    status: str,
    idempotency_key: str | None,
    now: dt.datetime,
) -> tuple[Dose, bool]:
    """Record a dose as an event of the log; also tells whether it is new."""
    medication = _get(person, medication_id)
    data = {
        "status": status,
        "medication_id": str(medication.id),
        "medication_name": medication.medication_name,
        "scheduled_for": _checked_times(sent, status, now),
        "dose": sent.dose,
        "reason": sent.reason,
        "note": sent.note,
    }
    is_reported = status in {"missed", "skipped"}
    event = EventIn(
        event_type="medication",
        event_subtype=medication.medication_type or "dose",
        event_data={name: value for name, value in data.items() if value is not None},
        occurred_at=sent.scheduled_for if is_reported else sent.taken_at,
        time_zone=sent.time_zone,
        client_event_id=sent.client_event_id,
    )
    recorded, is_new = health.record_event_of(
        person=person, event=event, told=TOLD_OF_DOSE, idempotency_key=idempotency_key, now=now
    )
    return _dose(recorded), is_new


def _checked_times(sent: TakenIn, status: str, now: dt.datetime) -> str | None:
    """Check when a dose was taken, and for when it was due; give the latter as the log has it.

    A missed dose has the time for which it was due: it counts for that day.
    """
    taken_at = now
    if sent.taken_at is not None:
        if status in {"missed", "skipped"}:
            detail = f"taken_at: a dose that was {status} has none. Send scheduled_for."
            raise InvalidInput.at("/taken_at", detail)
        taken_at, _ = times.read_instant(sent.taken_at, "/taken_at")
        times.check_not_ahead(taken_at, now=now, most=DAY, pointer="/taken_at")
    if sent.scheduled_for is None:
        return None
    scheduled_for, _ = times.read_instant(sent.scheduled_for, "/scheduled_for")
    if status in {"missed", "skipped"}:
        times.check_not_ahead(scheduled_for, now=now, most=DAY, pointer="/scheduled_for")
    elif abs(scheduled_for - taken_at) > FARTHEST:
        detail = f"scheduled_for: lies more than {FARTHEST.days} days from taken_at."
        raise InvalidInput.at("/scheduled_for", detail)
    return scheduled_for.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _dose(event: HealthEvent) -> Dose:
    data = event.event_data
    named = data.get("scheduled_for")
    return Dose(
        event_id=event.root_id,
        medication_id=uuid.UUID(data["medication_id"]),
        status=data["status"],
        occurred_at=event.occurred_at.astimezone(dt.UTC),
        local_date=event.local_date,
        scheduled_for=dt.datetime.fromisoformat(named) if named else None,
        medication_name=data["medication_name"],
        dose=data.get("dose"),
        reason=data.get("reason"),
        note=data.get("note"),
    )


# Windows


def doses(
    *, person: Person, medication_id: uuid.UUID, query: WindowQuery, now: dt.datetime
) -> tuple[dt.date, dt.date, Course]:
    """Give a medication's slots and doses of a window, and what became of each."""
    medication = _get(person, medication_id)
    first, last = _window(person, query, now, days=DEFAULT_WINDOW)
    (course,) = queries.find_courses(person, first, last, now=now, medication=medication)
    return first, last, course


def schedule(
    *, person: Person, query: WindowQuery, now: dt.datetime
) -> tuple[dt.date, dt.date, list[Course]]:
    """Give the slots of all medications in a window (default: today)."""
    storage.require_events(person.id)
    first, last = _window(person, query, now, days=1)
    return first, last, queries.find_courses(person, first, last, now=now)


def adherence(
    *, person: Person, query: WindowQuery, now: dt.datetime
) -> tuple[dt.date, dt.date, AdherenceReport]:
    """Give the figures of a window (default: the 30 days till today)."""
    storage.require_events(person.id)
    first, last = _window(person, query, now, days=DEFAULT_WINDOW)
    return first, last, queries.adherence(person, first, last, now=now)


def _window(
    person: Person, query: WindowQuery, now: dt.datetime, *, days: int
) -> tuple[dt.date, dt.date]:
    """Read a window. `to` alone ends one of the default's length; `from` alone begins one that has
    at least this length, and goes on till today.
    """
    length = dt.timedelta(days=days - 1)
    for name, date in (("from", query.first), ("to", query.last)):
        if date is not None and not FIRST_DAY <= date <= LAST_DAY:
            raise _refused(name, f"must lie from {FIRST_DAY} to {LAST_DAY}.")
    today = times.local_date(now, person.time_zone)
    if query.last is not None:
        last = query.last
    elif query.first is not None:
        last = max(query.first + length, today)
    else:
        last = today
    first = query.first if query.first is not None else last - length
    if last < first:
        raise _refused("to", f"lies before the first day, {first}.")
    if (last - first).days >= LONGEST_WINDOW:
        fault = f"the window has more than {LONGEST_WINDOW} days. Bring from and to closer."
        raise _refused("from", fault)
    return first, last


def _refused(name: str, fault: str) -> InvalidInput:
    return InvalidInput.of_parameter(name, f"{name}: {fault}")
