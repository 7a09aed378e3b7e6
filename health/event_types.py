"""The vocabulary of the event log: each type, and the JSON Schema of its data per version.

A schema checks what is understood (types, ranges, units); every further key is kept verbatim.
A null says: asked, and not answered. Published at /api/v2/health/event-types.
"""

from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any, Final

import jsonschema_rs

from core.depth import check_depth
from core.errors import LONGEST_FAULT, MOST_FAULTS, FieldError, InvalidInput

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def _integer(low: int, high: int) -> Schema:
    return {"type": ["integer", "null"], "minimum": low, "maximum": high}


def _number(low: float, high: float) -> Schema:
    return {"type": ["number", "null"], "minimum": low, "maximum": high}


def _one_of(*words: str) -> Schema:
    return {"enum": [*words, None]}


YES_NO: Final[Schema] = {"type": ["boolean", "null"]}
TEXT: Final[Schema] = {"type": ["string", "null"]}
TEXTS: Final[Schema] = {"type": ["array", "null"], "items": {"type": "string"}}
INSTANT: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
ONE_TO_TEN: Final[Schema] = _integer(1, 10)


def _schema(title: str, properties: dict[str, Schema], **rules: Any) -> Schema:
    return {
        "$schema": DIALECT,
        "title": title,
        "type": "object",
        "minProperties": 1,
        "properties": properties,
        **rules,
    }


MOOD: Final[dict[str, Schema]] = {
    "mood": {"type": "string", "minLength": 1},
    "confidence": ONE_TO_TEN,
    "anxiety_level": ONE_TO_TEN,
    "note": TEXT,
    "primary_concern": TEXT,
    "injection_confidence": ONE_TO_TEN,
    "partner_involved": YES_NO,
    "info_needs": TEXTS,
    "extra": {"type": "object"},
}
MEDICATION: Final[dict[str, Schema]] = {
    "status": _one_of("taken", "missed", "skipped", "partial"),
    "reported": TEXT,
    "missed_doses": _integer(0, 1000),
    "medication_name": TEXT,
    "dose": TEXT,
    "reason": TEXT,
}
# SQL reads these (medication_adherence_v*.sql): nothing may pass that Postgres can't.
NAMED_MEDICATION: Final[dict[str, Schema]] = {
    "medication_id": {"type": ["string", "null"], "format": "uuid"},
    "scheduled_for": {
        "type": ["string", "null"],
        "format": "date-time",
        "pattern": (
            r"^(19|2\d)\d\d-\d\d-\d\dT\d\d:\d\d:[0-5]\d(\.\d{1,9})?"
            r"(Z|[+-](0\d|1[0-4]):[0-5]\d)$"
        ),
    },
    "note": TEXT,
}
SYMPTOM: Final[dict[str, Schema]] = {
    "symptoms": TEXTS,
    "severity": _number(0, 10),
    "note": TEXT,
}


ASSESSMENT: Final[dict[str, Schema]] = {
    "total_score": _integer(0, 27),
    "anxiety_score": _integer(0, 6),
    "depression_score": _integer(0, 6),
    "feeling_nervous": _integer(0, 3),
    "stop_worrying": _integer(0, 3),
    "little_interest": _integer(0, 3),
    "feeling_down": _integer(0, 3),
}
# A clinic's own questionnaires may have higher totals.
SCORED_ASSESSMENT: Final[dict[str, Schema]] = {
    "total_score": _integer(0, 1_000_000),
    **dict.fromkeys(
        (
            *("sleep_trouble", "tiredness", "appetite", "feeling_failure", "concentration"),
            *("movement", "self_harm_thoughts", "difficulty"),
            *("worrying_too_much", "trouble_relaxing", "restlessness", "irritability"),
            "feeling_afraid",
        ),
        _integer(0, 3),
    ),
    "sub_scores": {"type": ["object", "null"]},
    "severity": TEXT,
    "instrument": TEXT,
    "instrument_version": TEXT,
    "is_complete": YES_NO,
    "missing": TEXTS,
    "safety_items": TEXTS,
    "started_at": INSTANT,
    "loinc": {"type": ["object", "null"]},
}


@dataclass(frozen=True)
class EventType:
    """`schemas` by version, oldest first; the last one checks what comes in now."""

    name: str
    description: str
    schemas: tuple[Schema, ...]
    furthest_ahead: timedelta = timedelta(days=1)

    @property
    def version(self) -> int:
        return len(self.schemas)


EVENT_TYPES: Final = {
    kind.name: kind
    for kind in (
        EventType(
            "mood",
            "How the person feels, and how confident they are.",
            (
                _schema("Mood", MOOD),
                _schema("Mood", MOOD | {"triggers": TEXTS}),
            ),
        ),
        EventType(
            "medication",
            "A dose taken, missed or skipped, or the day's summary of them.",
            (
                _schema("Medication", MEDICATION),
                _schema("Medication", MEDICATION | NAMED_MEDICATION),
            ),
        ),
        EventType(
            "symptom",
            "Symptoms and side effects.",
            (
                _schema("Symptom", SYMPTOM),
                _schema("Symptom", SYMPTOM | {"triggers": TEXTS}),
            ),
        ),
        EventType(
            "assessment",
            "Answers and scores of a questionnaire such as PHQ-4.",
            (
                _schema("Assessment", ASSESSMENT),
                _schema("Assessment", ASSESSMENT | SCORED_ASSESSMENT),
            ),
        ),
        EventType(
            "vital",
            "A measured value with its unit (UCUM), such as temperature in Cel.",
            (
                _schema(
                    "Vital sign",
                    {
                        "name": {
                            "enum": [
                                "heart_rate",
                                "temperature",
                                "weight",
                                "height",
                                "bmi",
                                "blood_pressure",
                                "oxygen_saturation",
                                "glucose",
                                "pain",
                            ]
                        },
                        "value": {"type": "number"},
                        "unit": {"type": "string", "maxLength": 30},
                        "systolic": _number(0, 400),
                        "diastolic": _number(0, 300),
                    },
                    required=["name"],
                    dependentRequired={"value": ["unit"]},
                ),
            ),
        ),
        EventType(
            "treatment",
            "A procedure of the treatment, such as a retrieval or a transfer.",
            (
                _schema(
                    "Treatment",
                    {
                        "procedure": TEXT,
                        "status": _one_of("planned", "in-progress", "completed", "stopped"),
                        "note": TEXT,
                    },
                ),
            ),
        ),
        EventType(
            "appointment",
            "An appointment that is coming up or took place.",
            (
                _schema(
                    "Appointment",
                    {
                        "title": TEXT,
                        "starts_at": INSTANT,
                        "within_3_days": YES_NO,
                        "anxiety": ONE_TO_TEN,
                        "note": TEXT,
                    },
                ),
            ),
            furthest_ahead=timedelta(days=5 * 366),
        ),
        EventType(
            "note",
            "Free text, or coping strategies used.",
            (_schema("Note", {"text": TEXT, "strategies": TEXTS}),),
        ),
        EventType(
            "sleep",
            "A night's sleep.",
            (_schema("Sleep", {"hours": _number(0, 24), "quality": ONE_TO_TEN, "note": TEXT}),),
        ),
        EventType(
            "exercise",
            "Physical activity.",
            (
                _schema(
                    "Exercise",
                    {
                        "activity": TEXT,
                        "minutes": _number(0, 1440),
                        "intensity": _one_of("light", "moderate", "vigorous"),
                        "note": TEXT,
                    },
                ),
            ),
        ),
    )
}

# Sources of events that the server alone writes, and what to do instead of correcting one.
SERVER_SOURCES: Final = {
    "assessment": "The server scored it. Complete the questionnaire again, or retract the event.",
}

_VALIDATORS: Final = {
    name: jsonschema_rs.Draft202012Validator(kind.schemas[-1], validate_formats=True)
    for name, kind in EVENT_TYPES.items()
}


def get_event_type(name: str) -> EventType:
    try:
        return EVENT_TYPES[name]
    except KeyError:
        detail = f"event_type: must be one of {', '.join(EVENT_TYPES)}."
        raise InvalidInput.at("/event_type", detail) from None


def check_data(kind: EventType, data: dict[str, Any]) -> None:
    """Raise InvalidInput naming each key of the data that its schema refuses."""
    check_depth(data, "/event_data")
    validator = _VALIDATORS[kind.name]
    if validator.is_valid(data):
        return
    errors = []
    for error in islice(validator.iter_errors(data), MOST_FAULTS):
        path = "".join(f"/{step}" for step in error.instance_path)
        detail = f"{error.message[:LONGEST_FAULT]}."
        errors.append(FieldError(detail, pointer=f"/event_data{path}"))
    first = errors[0]
    name = (first.pointer or "").strip("/")
    raise InvalidInput(f"{name}: {first.detail}", errors)
