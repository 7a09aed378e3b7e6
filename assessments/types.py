"""What a questionnaire is, what a completed one says, and the shapes of the API's doors."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

import msgspec

from health.types import Instant, ShortText, ZoneName

# From the mildest to the most severe.
Severity = Literal["none", "minimal", "mild", "moderate", "moderately_severe", "severe"]
# From here on, a questionnaire is asked again sooner.
PRESSING: Final = frozenset({"moderate", "moderately_severe", "severe"})


@dataclass(frozen=True)
class Option:
    """An answer: its coded weight, its words, and its LOINC answer code."""

    value: int
    text: str
    loinc: str | None = None


@dataclass(frozen=True)
class Item:
    """A question. `link_id` is its key in the event's data."""

    link_id: str
    text: str
    options: tuple[Option, ...]
    loinc: str | None = None
    is_scored: bool = True

    @property
    def values(self) -> tuple[int, ...]:
        return tuple(option.value for option in self.options)

    def option(self, value: int) -> Option:
        return next(option for option in self.options if option.value == value)


@dataclass(frozen=True)
class SubScore:
    """The sum of some items. From `cut_off` on, the questionnaire `offers` is worth asking."""

    name: str
    title: str
    items: tuple[str, ...]
    loinc: str | None = None
    cut_off: int | None = None
    offers: str | None = None


@dataclass(frozen=True)
class Band:
    """What totals from `low` to `high`, both included, say."""

    low: int
    high: int
    severity: str
    text: str
    loinc: str | None = None


@dataclass(frozen=True)
class Instrument:
    """A questionnaire in one version. Never changed: what was answered must stay readable."""

    name: str
    version: str
    title: str
    intro: str
    items: tuple[Item, ...]
    bands: tuple[Band, ...]
    sub_scores: tuple[SubScore, ...] = ()
    safety_items: frozenset[str] = frozenset()
    panel_loinc: str | None = None
    total_loinc: str | None = None
    credit: str | None = None

    @property
    def scored(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.is_scored)

    @property
    def highest(self) -> int:
        return sum(max(item.values) for item in self.scored)

    def band(self, total: int | None) -> Band | None:
        if total is None:
            return None
        return next((band for band in self.bands if band.low <= total <= band.high), None)


@dataclass(frozen=True)
class Score:
    """What answers say. Without all scored answers there is no total and no band."""

    answers: Mapping[str, int | None]
    total: int | None
    sub_scores: Mapping[str, int | None]
    band: Band | None
    missing: tuple[str, ...]
    flagged: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        return not self.missing

    @property
    def severity(self) -> str | None:
        return self.band.severity if self.band else None


@dataclass(frozen=True)
class Due:
    """When a questionnaire is asked next, and why. `due_at` is where the person's day begins."""

    instrument: str
    title: str
    due_at: dt.datetime
    is_due: bool
    reason: str
    last_completed_at: dt.datetime | None
    last_score: int | None
    last_severity: str | None


@dataclass(frozen=True)
class Completed:
    """A completed questionnaire as the log has it, from whichever door."""

    event_id: uuid.UUID
    instrument: str
    version: str | None
    completed_at: dt.datetime
    local_date: dt.date
    total: int | None
    severity: str | None
    sub_scores: Mapping[str, int | None] = field(default_factory=dict)


# What comes in

Version = Annotated[str, msgspec.Meta(pattern="^[0-9]{1,9}$")]


class CompletionIn(msgspec.Struct, forbid_unknown_fields=True):
    """Answers by link id, by LOINC code, or by their old names (q1, phq4_feeling_down, …).

    Each is the coded weight of an answer; null or left out: not answered. `version` is the one
    that was shown (default: the one that is asked now). `completed_at` is an RFC 3339 time with its
    offset or Z (default: now).
    """

    answers: dict[str, Any]
    version: Version | None = None
    started_at: Instant | None = None
    completed_at: Instant | None = None
    time_zone: ZoneName | None = None
    client_event_id: ShortText | None = None


class DefinitionQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Without `version`: the one that is asked now."""

    version: Version | None = None


class ResponsesQuery(msgspec.Struct, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: str | None = None


# What goes out


class OptionOut(msgspec.Struct):
    value: int
    text: str
    loinc: str | None


class ItemOut(msgspec.Struct):
    """A question. One that is not scored may stay open in a complete questionnaire."""

    link_id: str
    text: str
    loinc: str | None
    is_scored: bool
    options: list[OptionOut]


class SubScoreDefinition(msgspec.Struct):
    name: str
    title: str
    items: list[str]
    loinc: str | None
    cut_off: int | None


class BandDefinition(msgspec.Struct):
    low: int
    high: int
    severity: Severity
    text: str
    loinc: str | None


class DefinitionOut(msgspec.Struct):
    """A questionnaire in full. `loinc` is the panel's code, `total_loinc` the total's."""

    type: str
    version: str
    title: str
    intro: str
    loinc: str | None
    total_loinc: str | None
    highest_total: int
    items: list[ItemOut]
    sub_scores: list[SubScoreDefinition]
    bands: list[BandDefinition]
    credit: str | None


class DueOut(msgspec.Struct):
    """`due_at` is the beginning of a day where the person lives."""

    type: str
    title: str
    due_at: dt.datetime
    is_due: bool
    reason: str
    last_completed_at: dt.datetime | None
    last_score: int | None
    last_severity: str | None


class DuesOut(msgspec.Struct):
    due: list[DueOut]


class LastOut(msgspec.Struct):
    """`version` is the one that was answered; null where a client recorded it otherwise."""

    event_id: uuid.UUID
    version: str | None
    completed_at: dt.datetime
    total_score: int | None
    severity: str | None


class AssessmentOut(DefinitionOut):
    """A questionnaire with the newest complete answer to it, and when it is asked next."""

    last: LastOut | None
    due: DueOut | None


class AssessmentsOut(msgspec.Struct):
    assessments: list[AssessmentOut]


class BandOut(msgspec.Struct):
    severity: Severity
    text: str
    loinc: str | None


class SubScoreOut(msgspec.Struct):
    """Null where one of its answers is missing."""

    name: str
    title: str
    score: int | None
    loinc: str | None


class AnswerOut(msgspec.Struct):
    """An answer with its words and codes; nulls where the question stayed open."""

    link_id: str
    loinc: str | None
    value: int | None
    text: str | None
    answer_loinc: str | None


class SafetyOut(msgspec.Struct):
    """A word to a person whose answer needs one at once, and what they can do."""

    items: list[str]
    message: str
    what_to_do: list[str]


class CompletionOut(msgspec.Struct):
    """What the answers say. `offered`: questionnaires worth asking after these answers."""

    event_id: uuid.UUID
    event_href: str
    type: str
    version: str
    title: str
    loinc: str | None
    started_at: dt.datetime | None
    completed_at: dt.datetime
    local_date: dt.date
    is_complete: bool
    missing: list[str]
    note: str | None
    total_score: int | None
    total_loinc: str | None
    highest_total: int
    severity: str | None
    band: BandOut | None
    sub_scores: list[SubScoreOut]
    answers: list[AnswerOut]
    offered: list[str]
    next_due_at: dt.datetime | None
    safety: SafetyOut | None


class ResponseOut(msgspec.Struct):
    """A completed questionnaire: the weights that were answered, and the scores.

    `definition_href` is what was asked, in the version that was answered.
    """

    id: uuid.UUID
    assessment_name: str
    assessment_version: str
    definition_href: str
    health_event_id: uuid.UUID
    event_href: str
    responses: dict[str, int | None]
    scores: dict[str, Any]
    started_at: dt.datetime | None
    completed_at: dt.datetime


class ResponsesOut(msgspec.Struct):
    responses: list[ResponseOut]
    next: str | None


SHAPES: Final = (CompletionIn, CompletionOut, AssessmentsOut, DefinitionOut, DuesOut, ResponsesOut)
