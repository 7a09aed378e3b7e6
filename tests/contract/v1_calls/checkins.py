"""Check-ins: the daily form, the long form, and what they are filled with."""

import uuid
from typing import Any, Final

from tests.contract.v1_cast import (
    FORM,
    LEGACY,
    NEW,
    PHQ4,
    REFACTORED,
    Body,
    Call,
    Endpoint,
    Group,
    baseline,
    checked_in,
    checked_in_twice,
    deleted,
    malformed,
    of_another,
    today,
    under,
    unknown,
)

FULL: Final = {
    **FORM,
    "medication_taken": "no",
    "user_note": "a note",
    "primary_concern_today": "anxiety_management",
    "anxiety_level": 5,
    "side_effects": ["Headache", "Fatigue"],
    "missed_doses": 0,
    "injection_confidence": 7,
    "appointment_within_3_days": False,
    "appointment_anxiety": None,
    "coping_strategies_used": ["Meditation/\nmindfulness"],
    "partner_involved_today": False,
    "wish_knew_more_about": [],
    "phq4_score": 4,
    "phq4_anxiety": 3,
    "phq4_depression": 1,
}
LONG: Final = {
    **FULL,
    **PHQ4,
    "cycle_stage_update": "no_change",
    "dimension_focus": "medication",
    "symptom_tracking": "none",
    "cycle_day": 5,
    "medication_confidence_today": 6,
    "financial_stress_today": 3,
}
# Older names, and what must be ignored or kept.
ODD: Final = {
    **FORM,
    "date_submitted": "2026-01-01",
    "user_id": str(uuid.UUID(int=7)),
    "email": "else@example.com",
    "physical_symptoms": ["Nausea"],
    "symptom_severity": {"Nausea": 3},
    "sleep_hours": 7.5,
    "partner_involved": True,
    "journey_readiness_today": "ready",
    "medication_momentum": "",
}
GLAD: Final = {
    **FORM,
    "sentiment_analysis": {
        "sentiment": "positive",
        "confidence": 0.91,
        "scores": {"positive": 0.9, "neutral": 0.1, "negative": 0, "compound": 0.8},
        "processing_time": 12,
    },
}
EIGHTEEN: Final = " ".join(FULL)
ALWAYS: Final = f"id user_id date_submitted created_at {EIGHTEEN} {' '.join(PHQ4)} physical_symptoms symptom_severity"
SUBMITTED: Final = [
    *("success", "message"),
    *under("checkin", "id user_id date_submitted created_at mood_today confidence_today"),
]
ALL_SUBMITTED: Final = [*SUBMITTED, *under("checkin", EIGHTEEN)]
RECORDS: Final = [
    "success",
    "count",
    *under("records[]", ALWAYS),
    *under("records[].fields", ALWAYS),
]
LISTED: Final = [*RECORDS, *under("checkins[]", ALWAYS), *under("checkins[].fields", ALWAYS)]
EMPTY_LIST: Final = ["success", "count", "records", "checkins"]
ONE: Final = ["success", *under("checkin", ALWAYS), *under("checkin.fields", ALWAYS)]
SAID: Final = "type title message"
TOLD: Final = [*under("enhanced_insight", SAID), *under("insight", SAID)]
EXISTING: Final = under("existing_checkin", "id mood_today confidence_today date_submitted")


def dated(form: dict[str, Any]) -> Body:
    return lambda _: {**form, "date_submitted": today()}


def submissions() -> list[Call]:
    return [
        Call(201, "the mood and the confidence are sent", FORM, SUBMITTED),
        Call(
            201,
            "the confidence is a text of digits",
            {**FORM, "confidence_today": "7"},
            SUBMITTED,
        ),
        Call(
            201,
            "several moods come with commas",
            {**FORM, "mood_today": "tired,hopeful"},
            SUBMITTED,
        ),
        Call(
            201,
            "`moods[]` stands for the mood",
            {"moods": ["tired"], "confidence_today": 4},
            SUBMITTED,
            NEW,
        ),
        Call(201, "older and unknown keys are sent", ODD, SUBMITTED, is_listed=False),
        Call(400, "there is no mood", {"confidence_today": 7}),
        Call(400, "the mood is empty", {**FORM, "mood_today": ""}),
        Call(400, "there is no confidence", {"mood_today": "hopeful"}),
        Call(400, "the confidence is 0", {**FORM, "confidence_today": 0}),
        Call(400, "the confidence is 11", {**FORM, "confidence_today": 11}),
        Call(400, "the confidence is no number", {**FORM, "confidence_today": "abc"}, old=NEW),
        Call(400, "the confidence is 7.6", {**FORM, "confidence_today": 7.6}, old=NEW),
        Call(400, "the date is not one", {**FORM, "date_submitted": "2026-02-30"}, old=NEW),
        Call(400, "the date lies ahead", {**FORM, "date_submitted": "2999-01-01"}, old=NEW),
        Call(
            *(409, "the day has a check-in", dated(FORM), EXISTING, REFACTORED),
            given=checked_in,
            says="already submitted",
        ),
    ]


LAST_VALUES: Final = (
    "mood_today confidence_today medication_taken primary_concern_today user_note"
    " journey_reflection_today medication_confidence_today medication_readiness_today"
    " financial_confidence_today journey_confidence_today symptom_tracking cycle_day"
    " last_checkin_date days_since_last_checkin"
)
OLD_LAST_VALUES: Final = (
    "confidence_today medication_confidence_today financial_stress_today journey_readiness_today"
    " last_checkin_date"
)
QUESTIONS: Final = [
    "success",
    *under("questions[]", "id type question required priority"),
    *under("metadata", "total_questions required_questions dimension_focus"),
    *under("personalization_summary", "medication_focus financial_focus journey_focus top_concern"),
]
LIMITS: Final = [
    Call(200, "`limit=7`", None, LISTED, query="?limit=7", given=checked_in),
    Call(400, "`limit=abc`", old=NEW, query="?limit=abc"),
    Call(400, "`limit=-1`", old=NEW, query="?limit=-1"),
    Call(400, "`limit=0`", old=NEW, query="?limit=0"),
]
NOT_THEIRS: Final = [
    Call(404, "nobody has it", given=unknown),
    Call(404, "it is another person's (403 in the old ones)", old=NEW, given=of_another),
    Call(404, "the id is not a UUID", old=NEW, given=malformed),
    Call(404, "it was deleted", given=deleted),
]


def with_body(calls: list[Call], body: Body) -> list[Call]:
    return [Call(**{**vars(call), "body": body}) for call in calls]


CHECKINS: Final = Group(
    "Check-ins",
    [
        Endpoint(
            *("POST", "/api/checkins", "Submit the day's check-in"),
            [
                *submissions(),
                Call(201, "all 18 fields are sent", dated(FULL), ALL_SUBMITTED),
                Call(
                    *(201, "the text was analyzed", GLAD),
                    [
                        *SUBMITTED,
                        *under("sentiment_analysis", "sentiment confidence celebration_triggered"),
                    ],
                ),
            ],
            takes_body=True,
            maps=("checkin.sentiment_analysis",),
        ),
        Endpoint(
            *("POST", "/api/daily-checkin-enhanced", "Submit the long form"),
            [
                *submissions(),
                Call(
                    *(201, "the whole form is sent", dated(LONG)),
                    [*ALL_SUBMITTED, *TOLD],
                ),
                Call(
                    *(201, "it moves the person to a stage", {**FORM, "cycle_stage_update": "tww"}),
                    SUBMITTED,
                    is_listed=False,
                ),
            ],
            takes_body=True,
        ),
        Endpoint(
            *("GET", "/api/checkins", "Read one's check-ins, the newest first"),
            [
                Call(200, "there are some", None, LISTED, given=checked_in),
                Call(200, "there is none", None, EMPTY_LIST),
                *LIMITS,
            ],
        ),
        Endpoint(
            *("GET", "/api/checkins/last-values", "Read what the form is filled with"),
            [
                Call(
                    *(200, "there is a check-in", None),
                    [
                        *("success", "hasValues"),
                        *under("lastValues", LAST_VALUES),
                        *under("last_values", OLD_LAST_VALUES),
                    ],
                    given=checked_in,
                ),
                Call(200, "there is none", None, ["success", "hasValues", "message"], REFACTORED),
            ],
        ),
        Endpoint(
            *("GET", "/api/checkins/questions", "Read what to ask today"),
            [
                Call(200, "always", None, QUESTIONS),
                Call(200, "the onboarding is complete", None, QUESTIONS, given=baseline),
            ],
        ),
        Endpoint(
            *("GET", "/api/checkins/today", "Tell whether the person checked in today"),
            [
                Call(200, "they did", None, ["success", "hasCheckedIn"], NEW, given=checked_in),
                Call(200, "they did not", None, ["success", "hasCheckedIn"], NEW),
            ],
        ),
        Endpoint(
            *("GET", "/api/checkins/user/{user_id}", "Read one's check-ins by one's id"),
            [
                Call(200, "the id is one's own", None, RECORDS, given=checked_in),
                Call(400, "`limit=abc`", old=NEW, query="?limit=abc", given=checked_in),
                Call(
                    404, "it is another person's (403 in the old ones)", old=NEW, given=of_another
                ),
                Call(404, "the id is nobody's", given=unknown),
                Call(404, "the id is not a UUID", old=NEW, given=malformed),
            ],
        ),
        Endpoint(
            *("GET", "/api/checkins/{id}", "Read a check-in"),
            [Call(200, "it is one's own", None, ONE, given=checked_in), *NOT_THEIRS],
        ),
        Endpoint(
            *("PUT", "/api/checkins/{id}", "Change a check-in; what is not sent stays"),
            [
                Call(
                    200, "a part is sent", {"user_note": "new"}, [*ONE, "message"], given=checked_in
                ),
                Call(200, "nothing is sent", {}, [*ONE, "message"], given=checked_in),
                Call(400, "the confidence is 11", {"confidence_today": 11}, given=checked_in),
                Call(
                    400, "the date is not one", {"date_submitted": "x"}, old=NEW, given=checked_in
                ),
                Call(
                    *(409, "the other day has a check-in", {"date_submitted": "2026-01-01"}),
                    EXISTING,
                    NEW,
                    given=checked_in_twice,
                    says="already submitted",
                ),
                *with_body(NOT_THEIRS, {"user_note": "new"}),
            ],
            takes_body=True,
        ),
        Endpoint(
            *("DELETE", "/api/checkins/{id}", "Delete a check-in"),
            [
                Call(200, "it is one's own", None, ["success", "message"], given=checked_in),
                *NOT_THEIRS,
            ],
        ),
        Endpoint(
            *("GET", "/api/checkins-test", "Tell the paths for check-ins"),
            [Call(200, "always", None, ["success", "message", "endpoints"])],
            needs_token=False,
            maps=("endpoints",),
            old=LEGACY,
        ),
    ],
)
