"""What insights are made from, and what a rule finds: values, without a database."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Checkin:
    """A day's check-in. `form` is what was sent; `event_ids` are the events that hold it."""

    id: uuid.UUID
    date: dt.date
    created_at: dt.datetime
    form: Mapping[str, Any]
    event_ids: Mapping[str, uuid.UUID] = field(default_factory=dict)  # By event type.


@dataclass(frozen=True)
class Event:
    """A health event that holds and is no part of a check-in."""

    id: uuid.UUID
    event_type: str
    event_subtype: str | None
    data: Mapping[str, Any]
    occurred_at: dt.datetime
    date: dt.date


@dataclass(frozen=True)
class Facts:
    """Everything a rule may look at, about one person, at one moment.

    `checkins` are the newest first, of the last 60 days; `events` (mood, medication,
    assessment) are the newest first, of the last 8 days. `profile` has the names of V1:
    nickname, confidence_meds, confidence_costs, confidence_overall, top_concern, cycle_stage,
    primary_need, created_at, ….

    Where alerts are written, `screened` are the assessments of the last 60 days, the moods that
    name a question about self-harm (a daily form takes any key), and what a standing safety alert
    rests on; and `safety_items` are the names of the questions of the clinic's own questionnaires
    that call for one, by the plain name of the questionnaire and its version, None for any.
    """

    profile: Mapping[str, Any]
    today: dt.date
    checkins: Sequence[Checkin] = ()
    events: Sequence[Event] = ()
    screened: Sequence[Event] = ()
    safety_items: Mapping[tuple[str, str | None], frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """What a finding rests on: an event or a check-in (id), or the summary of a day (date)."""

    kind: str  # health-event, check-in or daily-summary
    id: uuid.UUID | None = None
    date: dt.date | None = None


@dataclass(frozen=True)
class Finding:
    """What a rule found. `type` names its text in the catalogue; `values` fill the text.

    `occasion` is what it is found for, once: the same occasion never gives a second insight.
    `expires_after` counts from when it is written.
    """

    type: str
    category: str  # trend, achievement, risk or recommendation
    priority: int  # 1 to 10
    confidence: float  # 0 to 1
    occasion: str
    values: Mapping[str, Any] = field(default_factory=dict)
    evidence: Sequence[Evidence] = ()
    expires_after: dt.timedelta = dt.timedelta(days=7)


@dataclass(frozen=True)
class Text:
    """A finding in words, as people read it."""

    title: str
    message: str
    icon: str
    action_label: str | None = None
    action_type: str | None = None
