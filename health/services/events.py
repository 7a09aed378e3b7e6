"""Events one by one: recorded, corrected, retracted, read."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from django.db import IntegrityError, transaction

from core import cursors, times
from core.errors import DomainError, FieldError, InvalidInput, VersionMismatch
from core.gate import Claims, Person
from core.models import uuid7
from health import checkins, event_log, queries
from health.event_log import Item
from health.event_types import EVENT_TYPES, SERVER_SOURCES, check_data, get_event_type
from health.models import HealthEvent
from health.services.modes import bring_up_to_date, in_step, require_events
from health.types import CorrectionIn, EventIn, TimelineQuery


class ClientEventConflict(DomainError):
    status = 409
    code = "client-event-id-reused"


class AlreadyRetracted(DomainError):
    status = 409
    code = "event-retracted"


class WrittenByServer(DomainError):
    status = 409
    code = "written-by-server"


class PartOfCheckin(DomainError):
    status = 409
    code = "part-of-check-in"


class Recorded(msgspec.Struct):
    """What became of an item; `event` is its JSON, ready to be passed on."""

    outcome: str
    event: msgspec.Raw


_RECORDED = msgspec.json.Decoder(list[Recorded])


def record_event(
    *, claims: Claims, event: EventIn, idempotency_key: str | None, now: dt.datetime
) -> Recorded:
    refuse_kept_source(event)
    item = to_item(event, uuid7(), idempotency_key, now)
    recorded = _RECORDED.decode(append(claims, [item], with_events=True))[0]
    if recorded.outcome == "conflict":
        raise conflict()
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
    item = msgspec.structs.asdict(to_item(event, uuid7(), idempotency_key, now))
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
        raise conflict()
    return found, False


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


def read_timeline(*, claims: Claims, query: TimelineQuery) -> tuple[str, str | None]:
    """Read a page of the timeline: the events as JSON, and the cursor of the next page."""
    require_events(claims)
    page: dict[str, Any] = {
        "first_date": query.start_date,
        "last_date": query.end_date,
        "types": _types(query.event_types),
        "with_history": query.include == "history",
        "as_of": None if query.as_of is None else times.read_parameter(query.as_of, "as_of"),
        "before": cursors.read(query.cursor, cursors.instant, uuid.UUID),
        "limit": query.limit,
    }
    events, position = in_step(claims, lambda: event_log.page(claims, **page))
    return events, cursors.write(position) if position else None


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


def conflict() -> ClientEventConflict:
    detail = "client_event_id: was used before, for an event with other content."
    return ClientEventConflict(detail, [FieldError(detail, pointer="/client_event_id")])


def append(claims: Claims, items: Sequence[Item], *, with_events: bool) -> str:
    require_events(claims)
    # Two batches with the same ids wait for each other in one order, and cannot deadlock. The
    # answer comes in the order of the items' own ids.
    items = sorted(items, key=lambda item: item.client_event_id or "")
    return in_step(claims, lambda: event_log.record(claims, items, with_events=with_events))


def refuse_kept_source(event: EventIn) -> None:
    if event.source == checkins.SOURCE or event.source in SERVER_SOURCES:
        detail = f"source: '{event.source}' is kept for events that the server writes by itself."
        raise InvalidInput.at("/source", detail)


def to_item(event: EventIn, event_id: uuid.UUID, key: str | None, now: dt.datetime) -> Item:
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
