"""The old daily form ↔ health events and V1 rows: one table of fields, used in all directions.

Pure functions. A form is what a client sent: any JSON object. `to_form(to_events(form)) == form`
and `from_row(to_row(form)) == form` hold for every form, type and all: a value that does not fit
its typed place is kept verbatim in `extra`, under its own key.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

Form = dict[str, Any]

DAILY: Final = "daily_checkin"
ENHANCED: Final = "enhanced_checkin"
MOOD: Final = "mood"

# The source of a check-in's events, by which they are told from others with its correlation id.
SOURCE: Final = "checkin"

# Keys that identify, which the server decides; a client's values for them are never trusted.
RESERVED: Final = frozenset({"id", "user_id", "email", "created_at", "updated_at", "fields"})


@dataclass(frozen=True)
class Whole:
    low: int
    high: int

    def holds(self, value: object) -> bool:
        return type(value) is int and self.low <= value <= self.high


class Text:
    def holds(self, value: object) -> bool:
        return isinstance(value, str)


class YesNo:
    def holds(self, value: object) -> bool:
        return isinstance(value, bool)


class Texts:
    def holds(self, value: object) -> bool:
        return isinstance(value, list) and all(isinstance(part, str) for part in value)


class Hundredths:
    """A share from 0 to 1 that two decimal places hold exactly."""

    def holds(self, value: object) -> bool:
        return isinstance(value, float) and 0 <= value <= 1 and round(value, 2) == value


class Object:
    def holds(self, value: object) -> bool:
        return isinstance(value, dict)


Kind = Whole | Text | YesNo | Texts | Hundredths | Object


@dataclass(frozen=True)
class Field:
    """A key of the form, the event it lands in, its key there, and what fits that place."""

    name: str
    event_type: str
    subtype: str
    key: str
    kind: Kind


TEN: Final = Whole(1, 10)
ITEM: Final = Whole(0, 3)

FIELDS: Final = (
    Field("mood_today", MOOD, DAILY, "mood", Text()),
    Field("confidence_today", MOOD, DAILY, "confidence", TEN),
    Field("user_note", MOOD, DAILY, "note", Text()),
    Field("primary_concern_today", MOOD, DAILY, "primary_concern", Text()),
    Field("anxiety_level", MOOD, DAILY, "anxiety_level", TEN),
    Field("injection_confidence", MOOD, DAILY, "injection_confidence", TEN),
    Field("partner_involved_today", MOOD, DAILY, "partner_involved", YesNo()),
    Field("wish_knew_more_about", MOOD, DAILY, "info_needs", Texts()),
    Field("medication_taken", "medication", "daily_status", "reported", Text()),
    Field("missed_doses", "medication", "daily_status", "missed_doses", Whole(0, 1000)),
    Field("side_effects", "symptom", "side_effect", "symptoms", Texts()),
    Field("appointment_within_3_days", "appointment", "upcoming", "within_3_days", YesNo()),
    Field("appointment_anxiety", "appointment", "upcoming", "anxiety", TEN),
    Field("coping_strategies_used", "note", "coping_strategies", "strategies", Texts()),
    Field("phq4_score", "assessment", "phq4", "total_score", Whole(0, 12)),
    Field("phq4_anxiety", "assessment", "phq4", "anxiety_score", Whole(0, 6)),
    Field("phq4_depression", "assessment", "phq4", "depression_score", Whole(0, 6)),
    Field("phq4_feeling_nervous", "assessment", "phq4", "feeling_nervous", ITEM),
    Field("phq4_stop_worrying", "assessment", "phq4", "stop_worrying", ITEM),
    Field("phq4_little_interest", "assessment", "phq4", "little_interest", ITEM),
    Field("phq4_feeling_down", "assessment", "phq4", "feeling_down", ITEM),
)

# Columns of the V1 row. date_submitted has its own place in rows and events.
COLUMNS: Final[Mapping[str, Kind]] = {
    **{field.name: field.kind for field in FIELDS if field.kind is not ITEM},
    "sentiment": Text(),
    "sentiment_confidence": Hundredths(),
    "sentiment_scores": Object(),
    "sentiment_processing_time": Whole(0, 2**31 - 1),
    "medication_confidence_today": TEN,
    "medication_concern_today": Text(),
    "financial_stress_today": TEN,
    "financial_concern_today": Text(),
    "journey_readiness_today": TEN,
    "top_concern_today": Text(),
}

# What lists and single check-ins always show, null where nothing was said.
ALWAYS_SHOWN: Final = (
    *(field.name for field in FIELDS),
    "physical_symptoms",
    "symptom_severity",
)


@dataclass(frozen=True)
class Part:
    """One event of a check-in."""

    event_type: str
    subtype: str
    data: dict[str, Any]


def to_events(form: Form, *, is_enhanced: bool) -> list[Part]:
    """Split a form (without date_submitted) into 1 to 6 events; the mood event comes first."""
    rest = dict(form)
    data: dict[tuple[str, str], dict[str, Any]] = {(MOOD, DAILY): {}}
    for field in FIELDS:
        if field.name in rest and _fits(field, rest[field.name]):
            landing = data.setdefault((field.event_type, field.subtype), {})
            landing[field.key] = rest.pop(field.name)
    if rest:
        data[MOOD, DAILY]["extra"] = rest
    mood = ENHANCED if is_enhanced else DAILY
    return [
        Part(event_type, mood if event_type == MOOD else subtype, content)
        for (event_type, subtype), content in data.items()
    ]


def to_form(parts: Iterable[Part]) -> Form:
    """Put the events of one check-in together again."""
    by_type = {part.event_type: part.data for part in parts}
    form: Form = {}
    for field in FIELDS:
        data = by_type.get(field.event_type, {})
        if field.key in data:
            form[field.name] = data[field.key]
    extra: Form = by_type.get(MOOD, {}).get("extra", {})
    return form | extra


def to_row(form: Form) -> dict[str, Any]:
    """Spread a form (without date_submitted) over the columns of the V1 row."""
    columns: dict[str, Any] = dict.fromkeys(COLUMNS)
    extra: Form = {}
    for key, value in form.items():
        if key in COLUMNS and COLUMNS[key].holds(value):
            columns[key] = value
        else:
            extra[key] = value
    return columns | {"extra": extra}


def from_row(row: Mapping[str, Any]) -> Form:
    columns = {key: _plain(row[key]) for key in COLUMNS if row[key] is not None}
    extra: Form = row["extra"]
    return columns | extra


def _fits(field: Field, value: object) -> bool:
    is_nullable = field.name not in {"mood_today", "confidence_today"}
    return field.kind.holds(value) or (value is None and is_nullable)


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value
