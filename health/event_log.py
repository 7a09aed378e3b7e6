"""The event log's engine: appends, versions and pages, by the SQL functions of this app."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from django.db import IntegrityError, transaction

from core import exact_json, gate, origin
from core.errors import DomainError, NotFound
from health.models import HealthEvent

RECORD: Final = (
    "SELECT record_events(%s::uuid, %s, %s::uuid, to_timestamp(%s), %s::boolean, %s::jsonb, %s)"
)
TIMELINE: Final = (
    "SELECT has_waiting, events, next FROM read_timeline("
    "%s::uuid, %s, %s::uuid, to_timestamp(%s), %s::date, %s::date, %s::text[], %s::boolean,"
    " %s::timestamptz, %s::timestamptz, %s::uuid, %s::integer)"
)


class Item(msgspec.Struct, omit_defaults=True, gc=False):
    """A checked event, as record_events() takes it. What is not given costs nothing to send."""

    id: uuid.UUID
    event_type: str
    event_data: dict[str, Any]
    schema_version: int
    occurred_at: dt.datetime
    source: str
    event_subtype: str | None = None
    states_time: bool = False
    time_zone: str | None = None
    utc_offset_minutes: int | None = None
    client_event_id: str | None = None
    correlation_id: uuid.UUID | None = None
    source_version: str | None = None


class EventsWaiting(Exception):
    """Rows written in V1 mode have no events yet; they come first."""


class GateRefused(DomainError):
    status = 401
    code = "token-invalid"


class EventChanged(DomainError):
    status = 409
    code = "event-changed"
    retryable = True


def record(claims: gate.Claims, items: Sequence[Item], *, with_events: bool) -> str:
    """Append items as the person of the claims; see record_events_v*.sql. One round trip."""
    row = gate.one_statement(
        RECORD, (*claims.as_parameters(), with_events, exact_json.encode(items), origin.context())
    )
    if row is None or row[0] is None:
        raise GateRefused("Invalid or expired token")
    answer: str = row[0]
    if not answer:
        raise EventsWaiting
    return answer


def page(
    claims: gate.Claims,
    *,
    first_date: dt.date | None,
    last_date: dt.date | None,
    types: list[str] | None,
    with_history: bool,
    as_of: dt.datetime | None,
    before: tuple[dt.datetime, uuid.UUID] | None,
    limit: int,
) -> tuple[str, str | None]:
    """Read one page of the timeline, newest first: the events as JSON, and where it ended."""
    row = gate.one_statement(
        TIMELINE,
        (
            *claims.as_parameters(),
            first_date or "-infinity",
            last_date or "infinity",
            types,
            with_history,
            as_of or "infinity",
            *map(str, before or ("infinity", uuid.UUID(int=2**128 - 1))),
            limit,
        ),
    )
    if row is None:
        raise GateRefused("Invalid or expired token")
    if row[0]:
        raise EventsWaiting
    return row[1] or "[]", row[2]


def append(events: Iterable[HealthEvent]) -> list[HealthEvent]:
    return HealthEvent.objects.bulk_create(events)


def add_version(
    current: HealthEvent, *, status: HealthEvent.Status, reason: str, **changes: Any
) -> HealthEvent:
    """Append the next version of an event.

    Two at the same moment would have the same number; the second one gets EventChanged.
    """
    fields = {
        field.attname: getattr(current, field.attname)
        for field in HealthEvent._meta.concrete_fields
        if field.attname not in {"id", "tx_id", "recorded_at", "client_event_id"}
    }
    version = HealthEvent(
        **fields
        | {
            "related_event_id": current.root_id,
            "version": current.version + 1,
            "status": status,
            "reason": reason,
        }
        | changes
    )
    try:
        with transaction.atomic():
            version.save(force_insert=True)
    except IntegrityError as error:
        raise EventChanged("The event was changed meanwhile. Read it again.") from error
    return version


def find_current(event_id: uuid.UUID) -> HealthEvent:
    """Find the newest version of an event of the person inside the gate."""
    found = (
        HealthEvent.objects.filter(id=event_id, related_event_id=None)
        | HealthEvent.objects.filter(related_event_id=event_id)
    ).order_by("-version")
    event = found.first()
    if event is None:
        raise NotFound("There is no such event.")
    return event
