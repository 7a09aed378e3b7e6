"""The shapes of analytics: what is asked, what is read, what is answered."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from health.types import EventOut

Timeframe = Annotated[str, msgspec.Meta(examples=["quarter", "2026-01-01..2026-02-15"])]
Direction = Literal["rising", "falling", "steady", "unclear"]
Meaning = Literal["better", "worse"]


class AnalyticsQuery(msgspec.Struct, forbid_unknown_fields=True):
    """`timeframe`: week, month, quarter, year (up to today), or two local dates with `..`."""

    timeframe: Timeframe = "month"


class ExplainQuery(msgspec.Struct, forbid_unknown_fields=True):
    """`date` is one day of the timeframe, for a figure of that day.

    `medication_id` is one medication, for a figure of its scheduled doses.
    """

    figure: str = "event_count"
    timeframe: Timeframe = "month"
    date: dt.date | None = None
    medication_id: uuid.UUID | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: str | None = None


# What is read


class DayRow(msgspec.Struct, array_like=True):
    """The columns of a day that figures are made from, in the order in which they are read."""

    local_date: dt.date
    event_count: int = 0
    has_checkin: bool = False
    latest_mood: str | None = None
    moods: list[str] | None = None
    confidence_count: int = 0
    confidence_sum: Decimal | None = None
    confidence_min: Decimal | None = None
    confidence_max: Decimal | None = None
    confidence_last: Decimal | None = None
    anxiety_count: int = 0
    anxiety_sum: Decimal | None = None
    anxiety_min: Decimal | None = None
    anxiety_max: Decimal | None = None
    anxiety_last: Decimal | None = None
    medications_taken: int = 0
    medications_missed: int = 0
    medications_skipped: int = 0
    medications_partial: int = 0
    missed_doses: Decimal = Decimal()
    symptoms_reported: int = 0
    symptoms: list[list[Any]] | None = None
    triggers: list[list[Any]] | None = None
    severity_count: int = 0
    severity_sum: Decimal | None = None
    severity_min: Decimal | None = None
    severity_max: Decimal | None = None
    assessment_entries: int = 0
    assessments: list[tuple[str | None, Any]] | None = None
    sleep_hours_count: int = 0
    sleep_hours_sum: Decimal | None = None
    sleep_quality_count: int = 0
    sleep_quality_sum: Decimal | None = None
    exercise_minutes: Decimal = Decimal()
    last_updated: dt.datetime | None = None


class Event(msgspec.Struct, array_like=True):
    """An event that holds, without its notes. Its numbers are Decimal."""

    id: uuid.UUID
    version_id: uuid.UUID
    event_type: str
    event_subtype: str | None
    local_date: dt.date
    occurred_at: dt.datetime
    recorded_at: dt.datetime
    source: str
    data: dict[str, Any]


# What is answered


class ScoreOut(msgspec.Struct):
    """An answered questionnaire; the score is null where no total was recorded."""

    instrument: str
    score: float | None


class DayFiguresOut(msgspec.Struct):
    """A local day. What nobody recorded is null; a count is 0 if anything else was recorded.

    `explain` and a key's name tell its events.
    """

    local_date: dt.date
    explain: str | None
    event_count: int = 0
    has_checkin: bool = False
    mood_latest: str | None = None
    mood_mean: float | None = None
    confidence_min: float | None = None
    confidence_max: float | None = None
    confidence_last: float | None = None
    confidence_mean: float | None = None
    anxiety_min: float | None = None
    anxiety_max: float | None = None
    anxiety_last: float | None = None
    anxiety_mean: float | None = None
    medications_taken: int | None = None
    medications_missed: int | None = None
    medications_skipped: int | None = None
    medications_partial: int | None = None
    medications_scheduled: int = 0
    missed_doses: float | None = None
    symptoms_reported: int | None = None
    severity_mean: float | None = None
    severity_max: float | None = None
    assessment_scores: list[ScoreOut] | None = None
    sleep_hours_mean: float | None = None
    sleep_quality_mean: float | None = None
    exercise_minutes: float | None = None


class WeekFiguresOut(msgspec.Struct):
    """An ISO week, as far as it lies in the timeframe: its first and last of those days."""

    iso_year: int
    iso_week: int
    first_date: dt.date
    last_date: dt.date
    explain: str
    event_count: int
    days_with_data: int
    checkin_days: int
    mood_mean: float | None
    confidence_mean: float | None
    anxiety_mean: float | None
    severity_mean: float | None
    sleep_hours_mean: float | None
    sleep_quality_mean: float | None
    medications_taken: int
    medications_missed: int
    reported_adherence: float | None
    symptoms_reported: int
    exercise_minutes: float


class FigureOut(msgspec.Struct):
    """A figure of the whole timeframe; `explain` tells how it is computed, and from what."""

    value: float | str | None
    explain: str


class DoseCountsOut(msgspec.Struct):
    """Doses of the schedules by what became of them; rates in percent of `scheduled`."""

    rate: float | None
    taken_rate: float | None
    scheduled: int
    taken: int
    late: int
    partial: int
    missed: int
    skipped: int
    unknown: int
    pending: int
    extra: int
    as_needed: int


class MedicationFiguresOut(DoseCountsOut):
    medication_id: uuid.UUID
    medication_name: str
    explain: str


class ReportedDosesOut(msgspec.Struct):
    """What was reported, with or without a schedule: taken of taken and missed, in percent."""

    taken: int
    missed: int
    rate: float | None
    explain: str


class AdherenceFiguresOut(msgspec.Struct):
    overall: DoseCountsOut
    medications: list[MedicationFiguresOut]
    reported: ReportedDosesOut
    explain: str


class WordOut(msgspec.Struct):
    """A word as people wrote it most often, how many events say it, and on how many days."""

    word: str
    count: int
    days: int


class MoodOut(WordOut):
    """`score` is what the mood counts from 1 to 10; null for words that have no number."""

    score: int | None


class WordsOut(msgspec.Struct):
    """The most frequent words; `others` is how many further words there are."""

    words: list[WordOut]
    others: int
    explain: str


class MoodsOut(msgspec.Struct):
    """`known` and `unknown`: how many were said that have a number, and that have none."""

    known: int
    unknown: int
    words: list[MoodOut]
    others: int
    explain: str


class DatedScore(msgspec.Struct):
    local_date: dt.date
    score: float


class InstrumentOut(msgspec.Struct):
    """A questionnaire; first, last and change are null where no total was recorded."""

    instrument: str
    count: int
    first: DatedScore | None
    last: DatedScore | None
    change: float | None


class InstrumentsOut(msgspec.Struct):
    instruments: list[InstrumentOut]
    explain: str


class TrendOut(msgspec.Struct):
    """`direction` is null with a `reason` where the data are too few.

    `meaning` tells whether that direction is better or worse for the person, where one can say.
    """

    direction: Direction | None
    slope_per_week: float | None
    days_used: int
    meaning: Meaning | None
    reason: str | None
    explain: str


class ComparisonOut(msgspec.Struct):
    """This timeframe and the one of equal length before it. Without a comparison: a `reason`."""

    now: float | None
    before: float | None
    difference: float | None
    percent: float | None
    meaning: Meaning | None
    reason: str | None
    explain: str


class ComparisonsOut(msgspec.Struct):
    first_date: dt.date
    last_date: dt.date
    figures: dict[str, ComparisonOut]


class CorrelationOut(msgspec.Struct):
    """Spearman's rank correlation of two measures' days."""

    between: list[str]
    r: float
    days: int
    sentence: str
    explain: str


class CorrelationsOut(msgspec.Struct):
    """What goes together clearly beyond chance; `examined` pairs had enough days for a look."""

    examined: int
    found: list[CorrelationOut]
    reason: str | None


class AnalyticsOut(msgspec.Struct):
    """A person's figures; `computed_from` is when the newest event in them was recorded."""

    timeframe: str
    first_date: dt.date
    last_date: dt.date
    time_zone: str
    computed_from: dt.datetime | None
    daily: list[DayFiguresOut]
    weekly: list[WeekFiguresOut]
    summary: dict[str, FigureOut]
    adherence: AdherenceFiguresOut
    moods: MoodsOut
    symptoms: WordsOut
    triggers: WordsOut
    assessments: InstrumentsOut
    trends: dict[str, TrendOut]
    comparison: ComparisonsOut
    correlations: CorrelationsOut


class ContributionOut(msgspec.Struct):
    """An event behind a figure, or a dose; one without a record has no id and no link."""

    id: uuid.UUID | None
    event_type: str
    local_date: dt.date
    occurred_at: dt.datetime
    contributed: Any
    link: str | None


class ExplanationOut(msgspec.Struct):
    """`value` is computed now from the events behind the figure: newest first, page by page."""

    figure: str
    sentence: str
    first_date: dt.date
    last_date: dt.date
    value: Any
    event_count: int
    events: list[ContributionOut]
    next: str | None


# The day at a glance


class DayInsightOut(msgspec.Struct):
    id: uuid.UUID
    insight_type: str
    category: str
    priority: int
    title: str
    message: str
    link: str


class PlannedDoseOut(msgspec.Struct):
    """A dose of the day: taken, late, partial, missed, skipped, unknown, due or upcoming."""

    medication_id: uuid.UUID
    medication_name: str
    dosage: str | None
    scheduled_at: dt.datetime
    local_time: str
    status: str
    event_id: uuid.UUID | None
    taken_at: dt.datetime | None


class PlannedAppointmentOut(msgspec.Struct):
    event_id: uuid.UUID
    title: str | None
    starts_at: dt.datetime
    link: str


class PlannedAssessmentOut(msgspec.Struct):
    instrument: str
    title: str
    due_at: dt.datetime
    is_due: bool
    reason: str


class PlanOut(msgspec.Struct):
    medications: list[PlannedDoseOut]
    appointments: list[PlannedAppointmentOut]
    assessments: list[PlannedAssessmentOut]


class DaySummaryOut(msgspec.Struct):
    """A local day at a glance: its check-in, its events and figures, and what is planned."""

    date: dt.date
    check_in_completed: bool
    check_in_id: uuid.UUID | None
    mood: str | None
    confidence: int | None
    medication_taken: str | None
    event_counts: dict[str, int]
    events: list[EventOut]
    metrics: DayFiguresOut
    insights: list[DayInsightOut]
    schedule: PlanOut


SHAPES = (AnalyticsOut, ExplanationOut, DaySummaryOut)
