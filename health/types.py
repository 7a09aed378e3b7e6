"""The shapes of what comes in and goes out of the event log's doors."""

import datetime as dt
import uuid
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]

Instant = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
ZoneName = Annotated[str, msgspec.Meta(examples=["Europe/Berlin"])]

LONGEST_BATCH = 1000
# Bytes of one event: a page of the timeline has up to 200.
LARGEST_EVENT = 256 * 1024

# What a mood counts from 1 to 10. A mood that is not listed has no number.
MOOD_SCORES: Final = {
    # The scale of the old service.
    "devastated": 1,
    "heartbroken": 2,
    "defeated": 3,
    "struggling": 4,
    "discouraged": 5,
    "uncertain": 6,
    "hopeful": 7,
    "confident": 8,
    "optimistic": 9,
    "empowered": 10,
    # The moods that its forms offer.
    "overwhelmed": 3,
    "frustrated": 3,
    "anxious": 4,
    "worried": 4,
    "tired": 5,
    "neutral": 5,
    "grateful": 8,
    "excited": 8,
    # The moods that its first form offered.
    "very tough": 1,
    "tough": 3,
    "okay": 6,
    "good": 8,
    "amazing": 10,
}


class EventIn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One thing to record.

    `occurred_at` is an RFC 3339 time with an offset or Z (default: now). The day it counts for
    is the local date in `time_zone` (IANA name) if given, else by the numeric offset sent, else
    in the zone of the person's profile. `client_event_id` makes a repeated call harmless. At most
    256 KB of JSON.
    """

    event_type: str
    event_data: dict[str, Any]
    event_subtype: ShortText | None = None
    occurred_at: Instant | None = None
    time_zone: ZoneName | None = None
    client_event_id: ShortText | None = None
    correlation_id: uuid.UUID | None = None
    source: ShortText = "api"
    source_version: ShortText | None = None


class BatchIn(msgspec.Struct, forbid_unknown_fields=True):
    """`all_or_nothing`: one event that is refused refuses all of them."""

    # Each an EventIn, read by itself: what is wrong with one is no fault of the others.
    events: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1, max_length=LONGEST_BATCH)]
    all_or_nothing: bool = False


class CorrectionIn(msgspec.Struct, forbid_unknown_fields=True):
    """What the event should have said: the whole new `event_data`, and why."""

    event_data: dict[str, Any]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    occurred_at: Instant | None = None
    time_zone: ZoneName | None = None


class RetractionIn(msgspec.Struct, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class TimelineQuery(msgspec.Struct, forbid_unknown_fields=True):
    """`start_date` and `end_date` are local dates, both included."""

    start_date: dt.date | None = None
    end_date: dt.date | None = None
    event_types: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: str | None = None
    include: Literal["history"] | None = None
    as_of: Instant | None = None


class EventQuery(msgspec.Struct, forbid_unknown_fields=True):
    include: Literal["history"] | None = None
    as_of: Instant | None = None


class SummaryQuery(msgspec.Struct, forbid_unknown_fields=True):
    date: dt.date | None = None


class EventOut(msgspec.Struct):
    """An event in one of its versions; `id` stays, `version_id` is this version's."""

    id: uuid.UUID
    version_id: uuid.UUID
    version: int
    status: Literal["final", "corrected", "entered-in-error"]
    reason: str | None
    event_type: str
    event_subtype: str | None
    event_data: dict[str, Any]
    schema_version: int
    occurred_at: dt.datetime
    local_date: dt.date
    utc_offset_minutes: int | None
    time_zone: str | None
    recorded_at: dt.datetime
    source: str
    source_version: str | None
    client_event_id: str | None
    correlation_id: uuid.UUID | None


class EventWithHistory(EventOut):
    history: list[EventOut] | UnsetType = UNSET


class FaultOut(msgspec.Struct):
    detail: str
    pointer: str


class ResultOut(msgspec.Struct, omit_defaults=True, gc=False):
    """What became of an event of a batch. `id` is the one that stands, whoever sent it.

    `created`; `replayed`: recorded before, with this content; `conflict`: its client_event_id was
    used before, for other content; `invalid`. The last two were not recorded: `status`, `code`
    and `errors` say what the event would have been answered by itself.
    """

    outcome: Literal["created", "replayed", "conflict", "invalid"]
    id: Annotated[str, msgspec.Meta(extra_json_schema={"format": "uuid"})] | UnsetType = UNSET
    local_date: Annotated[str, msgspec.Meta(extra_json_schema={"format": "date"})] | UnsetType = (
        UNSET
    )
    client_event_id: str | UnsetType = UNSET
    status: int | UnsetType = UNSET
    code: str | UnsetType = UNSET
    errors: list[FaultOut] | UnsetType = UNSET


class CountsOut(msgspec.Struct):
    created: int
    replayed: int
    conflict: int
    invalid: int


class BatchOut(msgspec.Struct):
    """A result for each event, in the order in which they were sent."""

    counts: CountsOut
    results: list[ResultOut]


class TimelineOut(msgspec.Struct):
    events: list[EventOut]
    next: str | None


class EventTypeOut(msgspec.Struct):
    """A type with the JSON Schema (2020-12) of each version of its `event_data`."""

    event_type: str
    description: str
    current_version: int
    schemas: dict[str, dict[str, Any]]


class EventTypesOut(msgspec.Struct):
    event_types: list[EventTypeOut]
