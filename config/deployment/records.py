"""Checks of a person's life in version 1: the daily form there and back, figures, insights."""

import time
from typing import Any, Final

from config.deployment.client import Answer, Failed, is_same
from config.deployment.run import Visit

# The 18 fields of the old form, with the values that the old service lost or changed.
FORM: Final[dict[str, Any]] = {
    "mood_today": "hopeful, tired",
    "confidence_today": 7,
    "medication_taken": "partial",
    "user_note": "A check of the deployment.\nSecond line.",
    "primary_concern_today": "medication_side_effects",
    "anxiety_level": 8,
    "side_effects": ["Headache", "Mood swings"],
    "missed_doses": 0,
    "injection_confidence": 10,
    "appointment_within_3_days": False,
    "appointment_anxiety": 1,
    "coping_strategies_used": ["Meditation/\nmindfulness"],
    "partner_involved_today": False,
    "wish_knew_more_about": [],
    "phq4_score": 0,
    "phq4_anxiety": 0,
    "phq4_depression": None,
}
FEWEST_QUESTIONS: Final = 3


def submits_the_form(visit: Visit) -> None:
    form = FORM | {"date_submitted": visit.today}
    answer = visit.as_first("POST", "/api/checkins", form).must_be(201)
    visit.checked_in_at = time.monotonic()
    visit.checkin_id = str(answer.at("checkin", "id"))
    _compare(answer, form, "checkin")


def reads_the_form_back(visit: Visit) -> None:
    form = FORM | {"date_submitted": visit.today, "id": visit.checkin_id}
    listed = visit.as_first("GET", "/api/checkins?limit=7").must_be(200).must_say("count", value=1)
    for path in (
        ("checkins", 0),
        ("records", 0),
        ("checkins", 0, "fields"),
        ("records", 0, "fields"),
    ):
        _compare(listed, form, *path)
    one = visit.as_first("GET", f"/api/checkins/{visit.checkin_id}").must_be(200)
    _compare(one, form, "checkin")
    _compare(one, form, "checkin", "fields")


def fills_the_next_form(visit: Visit) -> None:
    answer = visit.as_first("GET", "/api/checkins/last-values").must_be(200)
    answer.must_say("hasValues", value=True).must_say(
        "lastValues", "last_checkin_date", value=visit.today
    )
    for name in ("lastValues", "last_values"):
        _compare(answer, FORM, name)


def refuses_a_second_one(visit: Visit) -> None:
    form = FORM | {"date_submitted": visit.today}
    answer = visit.as_first("POST", "/api/checkins", form).must_be(409)
    if "already submitted" not in str(answer.at("error")):
        raise Failed(
            f'{answer.call}: expected "already submitted" in the error, which clients match.'
        )
    expected = {name: FORM[name] for name in ("mood_today", "confidence_today")}
    _compare(
        answer,
        expected | {"id": visit.checkin_id, "date_submitted": visit.today},
        "existing_checkin",
    )


def changes_a_part(visit: Visit) -> None:
    path = f"/api/checkins/{visit.checkin_id}"
    change = {"confidence_today": 8, "user_note": ""}
    visit.as_first("PUT", path, change).must_be(200).must_say("success", value=True)
    answer = visit.as_first("GET", path).must_be(200)
    _compare(answer, FORM | change, "checkin")


def knows_today(visit: Visit) -> None:
    answer = visit.as_first("GET", "/api/checkins/today").must_be(200)
    answer.must_say("date", value=visit.today)
    if '"hasCheckedIn":true' not in answer.text:
        raise Failed(f'{answer.call}: expected the text "hasCheckedIn":true.')


def asks_questions(visit: Visit) -> None:
    answer = visit.as_first("GET", "/api/checkins/questions").must_be(200)
    questions = answer.at("questions")
    if not isinstance(questions, list) or len(questions) < FEWEST_QUESTIONS:
        raise Failed(f"{answer.call}: expected {FEWEST_QUESTIONS} questions or more.")


def counts_it(visit: Visit) -> None:
    answer = visit.as_first("GET", "/api/users/metrics").must_be(200)
    answer.must_say("metrics", "totalCheckIns", value=1).must_say(
        "metrics", "checkInStreak", value=1
    )
    answer.must_say("metrics", "currentPHQ4Score", value=0)


def tells_the_daily_insight(visit: Visit) -> None:
    answer = visit.as_first("GET", "/api/insights/daily").must_be(200)
    confidence = answer.at("insight", "confidence")
    if type(confidence) not in {int, float} or not 0 <= confidence <= 1:
        raise Failed(f"{answer.call}: expected insight.confidence to be from 0 to 1.")
    answer.must_say("analysis_data", "checkins_analyzed", value=1)
    visit.insight_id = str(answer.at("insight", "id"))


def takes_feedback(visit: Visit) -> None:
    feedback = {"insight_id": visit.insight_id, "helpful": True, "insight_context": {}}
    answer = visit.as_first("POST", "/api/insights/feedback", feedback).must_be(200)
    answer.must_say("success", value=True).at("feedback_id")
    # An answer that keeps nothing would take this one too.
    feedback["helpful"] = "yes"
    visit.as_first("POST", "/api/insights/feedback", feedback).must_be(400)


def answers_the_rest(visit: Visit) -> None:
    """Calls of old clients and scripts that no other check makes."""
    visit.as_first("GET", "/api/users/profile").must_be(200).at("email")
    visit.as_first("GET", "/api/checkins-test").must_be(200)
    listed = visit.as_first("GET", "/api/insights?limit=30").must_be(200)
    listed.at("insights")
    listed.at("count")
    visit.as_first("GET", "/api/insights/micro").must_be(200).at("insight", "message")
    visit.as_first("POST", "/api/insights/micro", {}).must_be(200).at("micro_insight", "title")
    seen = {"insight_type": "encouragement", "action": "viewed", "insight_id": "encouragement_1"}
    visit.as_first("POST", "/api/insights/engagement", seen).must_be(200)
    used = {"event_type": "deployment_verified", "event_data": {"count": 0}}
    visit.as_first("POST", "/api/analytics/events", used).must_be(200).at("event_id")


def deletes_it(visit: Visit) -> None:
    path = f"/api/checkins/{visit.checkin_id}"
    visit.as_first("DELETE", path).must_be(200).must_say("success", value=True)
    visit.as_first("GET", path).must_be(404)
    visit.as_first("DELETE", path).must_be(404)
    visit.as_first("GET", "/api/checkins").must_be(200).must_say("count", value=0)


def _compare(answer: Answer, form: dict[str, Any], *path: str | int) -> None:
    """Name the fields that did not come back as they were sent, type and all."""
    shown = answer.at(*path)
    if not isinstance(shown, dict):
        shown = {}
    wrong = [
        name if name in shown else f"{name} (missing)"
        for name, value in form.items()
        if name not in shown or not is_same(shown[name], value)
    ]
    if wrong:
        name = ".".join(map(str, path))
        raise Failed(
            f"{answer.call}: expected every field of the form in {name} as it was sent; these"
            f" came back otherwise: {', '.join(wrong)}."
        )
