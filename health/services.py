"""What can be done with health events and check-ins."""

import datetime as dt
import re
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, TypeVar

import msgspec
from django.db import IntegrityError, transaction
from msgspec import UNSET

from accounts import queries as people
from accounts import services as accounts
from accounts.types import CYCLE_STAGES
from core import cursors, gate, times
from core.depth import check_depth
from core.errors import MOST_FAULTS, DomainError, FieldError, InvalidInput, NotFound
from core.gate import Claims, Person
from core.models import uuid7, uuid7s
from health import (
    checkin_rows,
    checkins,
    event_log,
    imports,
    legacy_metrics,
    queries,
    questions,
    storage,
)
from health.event_log import Item
from health.event_types import EVENT_TYPES, SERVER_SOURCES, check_data, get_event_type
from health.models import DailyCheckin, HealthEvent
from health.queries import Checkin
from health.types import (
    BatchOut,
    CorrectionIn,
    CountsOut,
    EventIn,
    FaultOut,
    ResultOut,
    TimelineQuery,
)


class ClientEventConflict(DomainError):
    status = 409
    code = "client-event-id-reused"


class AlreadyRetracted(DomainError):
    status = 409
    code = "event-retracted"


class WrittenByServer(DomainError):
    status = 409
    code = "written-by-server"


class VersionMismatch(DomainError):
    status = 412
    code = "version-mismatch"


class AlreadyCheckedIn(DomainError):
    status = 409
    code = "already-submitted"


class Recorded(msgspec.Struct):
    """What became of an item; `event` is its JSON, ready to be passed on."""

    outcome: str
    event: msgspec.Raw


_RECORDED = msgspec.json.Decoder(list[Recorded])
_RESULTS = msgspec.json.Decoder(list[ResultOut])
# A batch may have a thousand invalid events, so an answer names fewer faults of each.
MOST_FAULTS_OF_ONE: Final = 10


# Events


def record_event(
    *, claims: Claims, event: EventIn, idempotency_key: str | None, now: dt.datetime
) -> Recorded:
    _refuse_kept_source(event)
    item = _checked(event, uuid7(), idempotency_key, now)
    recorded = _RECORDED.decode(_append(claims, [item], with_events=True))[0]
    if recorded.outcome == "conflict":
        raise _conflict()
    return recorded


def record_event_of(
    *,
    person: Person,
    event: EventIn,
    told: Collection[str],
    idempotency_key: str | None,
    now: dt.datetime,
) -> tuple[HealthEvent, bool]:
    """Record an event that another app makes for the person inside the gate.

    Its source may be one that clients cannot use. Gives the event, and whether it is new: what
    says the same under the same client_event_id is the event that was recorded before. `told`
    names what the client says in event_data; the rest is the app's, and may have changed since.
    """
    bring_up_to_date(person)
    item = msgspec.structs.asdict(_checked(event, uuid7(), idempotency_key, now))
    states_time = item.pop("states_time")
    instant, offset = item.pop("occurred_at"), item.pop("utc_offset_minutes")
    local = _local(instant, offset, item.pop("time_zone") or person.time_zone)
    row = HealthEvent(user_id=person.id, tenant_id=person.tenant_id, **item | local)
    try:
        with transaction.atomic():
            return event_log.append([row])[0], True
    except IntegrityError:
        if row.client_event_id is None:
            raise
        found = HealthEvent.objects.filter(
            user_id=person.id, client_event_id=row.client_event_id, related_event_id=None
        ).first()
        if found is None:
            raise
    is_same = found.event_type == row.event_type and all(
        found.event_data.get(name) == row.event_data.get(name) for name in told
    )
    if not is_same or (states_time and found.occurred_at != row.occurred_at):
        raise _conflict()
    return found, False


def _conflict() -> ClientEventConflict:
    detail = "client_event_id: was used before, for an event with other content."
    return ClientEventConflict(detail, [FieldError(detail, pointer="/client_event_id")])


def record_events(
    *,
    claims: Claims,
    events: Sequence[EventIn | InvalidInput],
    all_or_nothing: bool,
    idempotency_key: str | None,
    now: dt.datetime,
) -> BatchOut:
    """Record up to 1,000 events in one transaction; tell what became of each, in order.

    A fault found while an event was read stands in its place. `idempotency_key` gives the n-th
    event without a client_event_id the id "key#n". With `all_or_nothing` nothing is recorded
    unless all of it is.
    """
    checked = [
        _checked_or_fault(event, event_id, idempotency_key and f"{idempotency_key}#{index}", now)
        for index, (event, event_id) in enumerate(zip(events, uuid7s(len(events)), strict=True))
    ]
    if all_or_nothing:
        _refuse_any_fault(checked)
        with transaction.atomic():
            results = _record_sound(claims, checked)
            _refuse_any_conflict(results)
    else:
        results = _record_sound(claims, checked)
    counts = Counter[str](result.outcome for result in results)
    return BatchOut(CountsOut(*(counts[name] for name in CountsOut.__struct_fields__)), results)


def _checked_or_fault(
    event: EventIn | InvalidInput, event_id: uuid.UUID, key: str | None, now: dt.datetime
) -> Item | InvalidInput:
    if isinstance(event, InvalidInput):
        return event
    try:
        _refuse_kept_source(event)
        return _checked(event, event_id, key, now)
    except InvalidInput as error:
        return error


def _record_sound(claims: Claims, checked: Sequence[Item | InvalidInput]) -> list[ResultOut]:
    """Record what is sound; `checked` holds faults in the places of what is not."""
    items = [item for item in checked if isinstance(item, Item)]
    recorded = iter(_RESULTS.decode(_append(claims, items, with_events=False)))
    results = []
    for index, item in enumerate(checked):
        if isinstance(item, Item):
            result = next(recorded)
            result.client_event_id = item.client_event_id or UNSET
            if result.outcome == "conflict":
                _tell(result, _conflict(), index)
        else:
            result = ResultOut("invalid")
            _tell(result, item, index)
        results.append(result)
    return results


def _tell(result: ResultOut, error: DomainError, index: int) -> None:
    result.status, result.code = error.status, error.code
    result.errors = [
        FaultOut(fault.detail, f"/events/{index}{fault.pointer or ''}")
        for fault in error.errors[:MOST_FAULTS_OF_ONE]
    ]


def _refuse_any_fault(checked: Sequence[Item | InvalidInput]) -> None:
    faults = [
        FieldError(fault.detail, pointer=f"/events/{index}{fault.pointer or ''}")
        for index, item in enumerate(checked)
        if isinstance(item, InvalidInput)
        for fault in item.errors
    ]
    if faults:
        detail = f"{len(faults)} fault(s); nothing was recorded. The first: {faults[0].detail}"
        raise InvalidInput(detail, faults[:MOST_FAULTS])


def _refuse_any_conflict(results: Sequence[ResultOut]) -> None:
    conflict = _conflict()
    faults = [
        FieldError(conflict.detail, pointer=f"/events/{index}/client_event_id")
        for index, result in enumerate(results)
        if result.outcome == "conflict"
    ]
    if faults:
        detail = f"{len(faults)} conflict(s); nothing was recorded. Each: {conflict.detail}"
        raise ClientEventConflict(detail, faults[:MOST_FAULTS])


def read_timeline(*, claims: Claims, query: TimelineQuery) -> tuple[str, str | None]:
    """Read a page of the timeline: the events as JSON, and the cursor of the next page."""
    _require_events(claims)
    page: dict[str, Any] = {
        "first_date": query.start_date,
        "last_date": query.end_date,
        "types": _types(query.event_types),
        "with_history": query.include == "history",
        "as_of": None if query.as_of is None else times.read_parameter(query.as_of, "as_of"),
        "before": cursors.read(query.cursor, cursors.instant, uuid.UUID),
        "limit": query.limit,
    }
    events, position = _in_step(claims, lambda: event_log.page(claims, **page))
    return events, cursors.write(position) if position else None


def correct_event(
    *,
    person: Person,
    event_id: uuid.UUID,
    correction: CorrectionIn,
    expected_version: str | None,
    now: dt.datetime,
) -> HealthEvent:
    current = _current(person, event_id, expected_version)
    # Before, that source was anybody's.
    if current.source in SERVER_SOURCES and current.schema_version > 1:
        raise WrittenByServer(SERVER_SOURCES[current.source])
    kind = get_event_type(current.event_type)
    check_data(kind, correction.event_data)
    changes: dict[str, Any] = {
        "event_data": correction.event_data,
        "schema_version": kind.version,
        "recorded_at": now,
    }
    if correction.occurred_at is not None or correction.time_zone is not None:
        instant, offset = current.occurred_at, None
        if correction.occurred_at is not None:
            at = "/occurred_at"
            instant, offset = times.read_instant(correction.occurred_at, at)
            times.check_not_ahead(instant, now=now, most=kind.furthest_ahead, pointer=at)
        zone = person.time_zone
        if correction.time_zone is not None:
            zone, offset = times.check_zone(correction.time_zone, "/time_zone"), None
        changes |= _local(instant, offset, zone)
    return event_log.add_version(
        current, status=HealthEvent.Status.CORRECTED, reason=correction.reason, **changes
    )


def retract_event(
    *,
    person: Person,
    event_id: uuid.UUID,
    reason: str,
    expected_version: str | None,
    now: dt.datetime,
) -> HealthEvent:
    current = _current(person, event_id, expected_version)
    return event_log.add_version(
        current, status=HealthEvent.Status.ENTERED_IN_ERROR, reason=reason, recorded_at=now
    )


def get_event(
    *, person: Person, event_id: uuid.UUID, as_of: dt.datetime | None, with_history: bool
) -> dict[str, Any]:
    """Give an event with all events in place, those of rows written in V1 mode included."""
    bring_up_to_date(person)
    return queries.get_event(event_id, as_of=as_of, with_history=with_history)


def daily_summary(*, person: Person, date: dt.date | None, now: dt.datetime) -> dict[str, Any]:
    """Sum up a person's local day (default: today)."""
    bring_up_to_date(person)
    day = date or times.local_date(now, person.time_zone)
    events = queries.events_on(person.id, day)
    checkin = queries.find_checkin_on(person.id, day)
    moods = [event["event_data"] for event in events if event["event_type"] == "mood"]
    form = checkin.form if checkin else {}
    return {
        "date": day,
        "check_in_completed": checkin is not None,
        "check_in_id": checkin.id if checkin else None,
        "mood": moods[-1].get("mood") if moods else None,
        "confidence": moods[-1].get("confidence") if moods else None,
        "medication_taken": form.get("medication_taken"),
        "event_counts": Counter(event["event_type"] for event in events),
        "events": events,
    }


def bring_up_to_date(person: Person) -> None:
    storage.require_events(person.id)
    checkin_rows.write_waiting_events(person.id)


def _current(person: Person, event_id: uuid.UUID, expected_version: str | None) -> HealthEvent:
    bring_up_to_date(person)
    current = event_log.find_current(event_id)
    if expected_version is not None and expected_version != str(current.id):
        raise VersionMismatch("The event was changed since you read it. Read it again.")
    if current.status == HealthEvent.Status.ENTERED_IN_ERROR:
        raise AlreadyRetracted("The event is retracted; record a new one instead.")
    if current.source == checkins.SOURCE:
        detail = "This event is part of a daily check-in. Change the check-in instead."
        raise PartOfCheckin(detail, extra={"check_in_id": str(current.correlation_id)})
    return current


class PartOfCheckin(DomainError):
    status = 409
    code = "part-of-check-in"


def _append(claims: Claims, items: Sequence[Item], *, with_events: bool) -> str:
    _require_events(claims)
    # Two batches with the same ids wait for each other in one order, and cannot deadlock. The
    # answer comes in the order of the items' own ids.
    items = sorted(items, key=lambda item: item.client_event_id or "")
    return _in_step(claims, lambda: event_log.record(claims, items, with_events=with_events))


Done = TypeVar("Done")


def _in_step(claims: Claims, work: Callable[[], Done]) -> Done:
    """Do a hot path's work as soon as no row written in V1 mode waits for its events.

    While the mode is being switched, another one may come in after each look.
    """
    for _ in range(MOST_LOOKS):
        try:
            return work()
        except event_log.EventsWaiting:
            _write_waiting_events(claims)
    raise EventsBehind("Check-ins are still being brought over. Try again.")


def _require_events(claims: Claims) -> None:
    """Look whether the person has events at all; who an old token means, only the gate knows."""
    if claims.user_id:
        storage.require_events(uuid.UUID(claims.user_id))
    else:
        _write_waiting_events(claims)


MOST_LOOKS: Final = 10


class EventsBehind(DomainError):
    status = 503
    code = "events-behind"
    retryable = True


def _write_waiting_events(claims: Claims) -> None:
    with gate.unit_of_work():
        person = _enter(claims)
        storage.require_events(person.id)
        checkin_rows.write_waiting_events(person.id)


def _refuse_kept_source(event: EventIn) -> None:
    if event.source == checkins.SOURCE or event.source in SERVER_SOURCES:
        detail = f"source: '{event.source}' is kept for events that the server writes by itself."
        raise InvalidInput.at("/source", detail)


def _checked(event: EventIn, event_id: uuid.UUID, key: str | None, now: dt.datetime) -> Item:
    kind = get_event_type(event.event_type)
    check_data(kind, event.event_data)
    occurred_at, offset = now, None
    if event.occurred_at is not None:
        at = "/occurred_at"
        occurred_at, offset = times.read_instant(event.occurred_at, at)
        times.check_not_ahead(occurred_at, now=now, most=kind.furthest_ahead, pointer=at)
    zone = None
    if event.time_zone is not None:
        zone, offset = times.check_zone(event.time_zone, "/time_zone"), None
    return Item(
        id=event_id,
        event_type=event.event_type,
        event_data=event.event_data,
        schema_version=kind.version,
        occurred_at=occurred_at,
        source=event.source,
        event_subtype=event.event_subtype,
        states_time=event.occurred_at is not None,
        time_zone=zone,
        utc_offset_minutes=offset,
        client_event_id=event.client_event_id or key,
        correlation_id=event.correlation_id,
        source_version=event.source_version,
    )


def _local(instant: dt.datetime, offset: int | None, zone: str) -> dict[str, Any]:
    if offset is None:
        return {
            "occurred_at": instant,
            "local_date": times.local_date(instant, zone),
            "utc_offset_minutes": times.utc_offset_minutes(instant, zone),
            "time_zone": zone,
        }
    return {
        "occurred_at": instant,
        "local_date": instant.date(),
        "utc_offset_minutes": offset,
        "time_zone": None,
    }


def _types(names: str | None) -> list[str] | None:
    """Read a list of types; each one counts once."""
    if names is None:
        return None
    types = list(dict.fromkeys(name.strip() for name in names.split(",")))
    if not EVENT_TYPES.keys() >= set(types):
        detail = f"event_types: must be one or more of {', '.join(EVENT_TYPES)}, with commas."
        raise InvalidInput.of_parameter("event_types", detail)
    return types


# Check-ins


def submit_checkin(
    *, claims: Claims, form: checkins.Form, now: dt.datetime, is_enhanced: bool = False
) -> Checkin:
    """Record the day's check-in: 1 to 6 events with one correlation id, which is its id."""
    content = _checked_form(form, now)
    has_events = _keeps_events(claims)
    item = _new_checkin(content, now, is_enhanced=is_enhanced, has_events=has_events)
    user_id, submitted = checkin_rows.submit(claims, item)
    return _submitted(item, user_id, submitted, content, now)


def submit_enhanced_checkin(*, person: Person, form: checkins.Form, now: dt.datetime) -> Checkin:
    """Record the long form, which may also move the person to another stage of the cycle."""
    content = _checked_form(form, now)
    has_events = storage.keeps_events(person.id)
    item = _new_checkin(content, now, is_enhanced=True, has_events=has_events)
    checkin = _submitted(item, person.id, checkin_rows.add(person, item), content, now)
    stage = form.get("cycle_stage_update")
    if isinstance(stage, str) and stage in CYCLE_STAGES:
        accounts.update_cycle_stage(person=person, stage=stage, now=now)
    return checkin


def list_checkins(*, claims: Claims, limit: int) -> list[bytes]:
    """Give the newest check-ins, each as the JSON that V1 shows."""
    return checkin_rows.newest(claims, limit)


def _new_checkin(
    content: checkins.Form, now: dt.datetime, *, is_enhanced: bool, has_events: bool
) -> dict[str, Any]:
    """Put together what add_checkin_v*.sql takes, which finds the day's place in time itself."""
    said = {key: value for key, value in content.items() if key != "date_submitted"}
    row = checkins.to_row(said) | {"id": uuid7(), "is_enhanced": is_enhanced}
    item = {"now": now, "date": content.get("date_submitted"), "row": row}
    if not has_events:
        return item
    parts = checkins.to_events(said, is_enhanced=is_enhanced)
    return item | {
        "events": [
            {
                "id": event_id,
                "event_type": part.event_type,
                "event_subtype": part.subtype,
                "event_data": part.data,
            }
            for event_id, part in zip(uuid7s(len(parts)), parts, strict=True)
        ]
    }


def _submitted(
    item: dict[str, Any],
    user_id: uuid.UUID,
    submitted: checkin_rows.Submitted,
    content: checkins.Form,
    now: dt.datetime,
) -> Checkin:
    if submitted.outcome == "exists":
        raise AlreadyCheckedIn(
            "A check-in for this date was already submitted. Update it instead.",
            extra={"existing_checkin": submitted.existing},
        )
    said = {key: value for key, value in content.items() if key != "date_submitted"}
    return Checkin(item["row"]["id"], user_id, submitted.date, now, said)


def _keeps_events(claims: Claims) -> bool:
    """Tell the storage mode of the person of a token; who an old one means, the gate knows."""
    if claims.user_id:
        return storage.keeps_events(uuid.UUID(claims.user_id))
    with gate.unit_of_work():
        return storage.keeps_events(_enter(claims).id)


def _enter(claims: Claims) -> Person:
    person = gate.enter(claims)
    if person is None:
        raise event_log.GateRefused("Invalid or expired token")
    return person


def update_checkin(
    *, person: Person, checkin_id: uuid.UUID, form: checkins.Form, now: dt.datetime
) -> Checkin:
    """Merge the keys sent into a check-in; what is not sent stays as it was."""
    row = _locked(person, checkin_id)
    changes = _checked_form(form, now, is_partial=True)
    date = changes.pop("date_submitted", None) or row.date_submitted
    columns = checkins.to_row(checkin_rows.form_of(row) | changes)
    if date == row.date_submitted:
        checkin_rows.save(row, columns, now=now)
    elif not checkin_rows.move(row, columns | _when(date, person, now), now=now):
        raise AlreadyCheckedIn(
            "A check-in for that date was already submitted.",
            extra={"existing_checkin": _summary(person, date)},
        )
    if storage.keeps_events(person.id):
        checkin_rows.write_events(row)
    return queries.read_checkins([row])[0]


def delete_checkin(*, person: Person, checkin_id: uuid.UUID, now: dt.datetime) -> None:
    """Delete a check-in: its events are retracted, and its day is free again."""
    row = _locked(person, checkin_id)
    checkin_rows.save(row, {"deleted_at": now}, now=now)
    if storage.keeps_events(person.id):
        checkin_rows.write_events(row)


def today(person: Person, now: dt.datetime) -> dt.date:
    return times.local_date(now, person.time_zone)


def summary_of(checkin: Checkin) -> dict[str, Any]:
    return {
        "id": checkin.id,
        "mood_today": checkin.form.get("mood_today"),
        "confidence_today": checkin.form.get("confidence_today"),
        "date_submitted": checkin.date,
    }


def _summary(person: Person, date: dt.date) -> dict[str, Any] | None:
    existing = queries.find_checkin_on(person.id, date)
    return summary_of(existing) if existing else None


def _locked(person: Person, checkin_id: uuid.UUID) -> DailyCheckin:
    row = checkin_rows.lock(checkin_id)
    if row is None:
        raise NotFound("Check-in not found")
    if storage.keeps_events(person.id) and row.revision > row.events_revision:
        checkin_rows.write_events(row)
    return row


def _when(date: dt.date, person: Person, now: dt.datetime) -> dict[str, Any]:
    """Place a check-in in time: now if it is about today, else noon of its day.

    A client may be a zone ahead of the profile; then the date it states counts, and the offset
    is unknown.
    """
    zone = person.time_zone
    if date == times.local_date(now, zone):
        instant, is_exact = now, True
    else:
        instant, is_exact = min(now, times.noon(date, zone)), False
    return {
        "date_submitted": date,
        "occurred_at": instant,
        "utc_offset_minutes": times.utc_offset_minutes(instant, zone) if is_exact else None,
        "time_zone": zone if is_exact else None,
    }


def _checked_form(
    form: checkins.Form, now: dt.datetime, *, is_partial: bool = False
) -> checkins.Form:
    """Check the mood, the confidence and the date; every other key is kept as it is."""
    content = {key: value for key, value in form.items() if key not in checkins.RESERVED}
    for key, value in content.items():
        check_depth(value, f"/{key}")
    if not is_partial and "mood_today" not in content:
        moods = content.get("moods")
        if isinstance(moods, list) and moods and all(isinstance(mood, str) for mood in moods):
            content["mood_today"] = ",".join(moods)
    if "mood_today" in content or not is_partial:
        mood = content.get("mood_today")
        if not isinstance(mood, str) or not mood.strip():
            raise InvalidInput.at("/mood_today", "mood_today is required: a text.")
    if "confidence_today" in content or not is_partial:
        content["confidence_today"] = _confidence(content.get("confidence_today"))
    if content.get("date_submitted") is None:
        content.pop("date_submitted", None)
    else:
        content["date_submitted"] = _date(content["date_submitted"], now)
    return content


def _confidence(value: object) -> int:
    """Accept 1 to 10, also as a text of digits, as the old service did."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value.strip()) <= 2:  # noqa: PLR2004
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not 1 <= value <= 10:  # noqa: PLR2004
        raise InvalidInput.at(
            "/confidence_today", "confidence_today is required: a whole number from 1 to 10."
        )
    return value


DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _date(value: object, now: dt.datetime) -> dt.date:
    advice = "date_submitted must be a date: YYYY-MM-DD."
    if not isinstance(value, str):
        raise InvalidInput.at("/date_submitted", advice)
    try:
        date = dt.date.fromisoformat(value) if DATE.fullmatch(value) else None
    except ValueError:
        date = None
    if date is None:
        raise InvalidInput.at("/date_submitted", advice)
    # Somewhere on earth it may be tomorrow already (UTC+14).
    if date > (now.astimezone(dt.UTC) + dt.timedelta(hours=14)).date():
        raise InvalidInput.at("/date_submitted", "date_submitted lies in the future.")
    if date < times.EARLIEST.date():
        raise InvalidInput.at("/date_submitted", "date_submitted lies before 1900.")
    return date


# What old clients show beside check-ins


def metrics(*, person: Person, now: dt.datetime) -> dict[str, Any]:
    date = today(person, now)
    last = date + legacy_metrics.AHEAD
    history = queries.history(person.id, last)
    recent = queries.latest_checkins(person.id, legacy_metrics.RECENT)
    days = [legacy_metrics.Day(found.date, found.form) for found in recent if found.date <= last]
    signed_up = times.local_date(history.signed_up_at, person.time_zone)
    figures = legacy_metrics.figures(history, days, today=date, signed_up=signed_up)
    return {"user_id": person.id, **figures}


def first_values(*, person: Person) -> dict[str, Any]:
    """Give what the form begins with before the first check-in: the onboarding's scores."""
    profile = people.profile(person.id)
    return {
        "confidence_today": profile["confidence_overall"],
        "medication_confidence_today": profile["confidence_meds"],
        "financial_stress_today": profile["confidence_costs"],
        "journey_readiness_today": profile["confidence_overall"],
        "last_checkin_date": None,
    }


def questions_of_day(*, person: Person, now: dt.datetime) -> dict[str, Any]:
    profile = people.profile(person.id)
    signed_up = times.local_date(profile["created_at"], person.time_zone)
    days = max(0, (today(person, now) - signed_up).days)
    asked = questions.questions(profile, days=days)
    return {
        "questions": asked,
        "metadata": questions.metadata(asked, profile, days=days),
        "personalization_summary": questions.personalization(profile),
    }


# From the old service


def import_history(
    *,
    user_id: uuid.UUID,
    tenant_id: uuid.UUID,
    checkins: Sequence[dict[str, Any]],
    events: Sequence[dict[str, Any]],
) -> None:
    """Add check-ins with their events, and events of their own, with their ids and dates.

    `checkins` have the fields of health.imports.OldCheckin, `events` the columns of the log.
    """
    old = [imports.OldCheckin(**checkin) for checkin in checkins]
    has_events = storage.keeps_events(user_id)
    imports.add_checkins(user_id=user_id, tenant_id=tenant_id, old=old, has_events=has_events)
    imports.add_events(user_id=user_id, tenant_id=tenant_id, events=events)


def change_imported_checkin(
    *, user_id: uuid.UUID, checkin: dict[str, Any], now: dt.datetime
) -> int:
    """Bring a check-in up to date with the old service; give its new revision."""
    old = imports.OldCheckin(**checkin)
    return imports.change_checkin(old=old, has_events=storage.keeps_events(user_id), now=now)


def change_imported_event(
    *, event_id: uuid.UUID, changes: dict[str, Any], now: dt.datetime
) -> None:
    """Correct an event as the old service changed it since it was brought over."""
    imports.change_event(event_id=event_id, changes=changes, now=now)


def write_waiting_events(*, user_id: uuid.UUID) -> int:
    """Write, as the system, the events of a person's check-ins that wait; give how many did."""
    with gate.as_system():
        written = imports.write_first_events(user_id)
        return written + checkin_rows.write_waiting_events(user_id)
