"""The day's check-in questions for old clients: pure functions of a profile and its age in days.

A question's id is the key under which its answer is sent with the check-in.
"""

from collections.abc import Mapping
from typing import Any, Final

from accounts.types import MEDICATION_STATUS_OF_STAGE

Profile = Mapping[str, Any]
Question = dict[str, Any]

LOW: Final = 4
VERY_LOW: Final = 3
# Three days each, one after the other.
DIMENSIONS: Final = ("medication", "financial", "journey")
SCORES: Final = {
    "medication": "confidence_meds",
    "financial": "confidence_costs",
    "journey": "confidence_overall",
}
WORDS: Final = {"medication": ("medication",), "financial": ("cost", "financial")}

STAGES: Final = {
    "considering": "Considering IVF",
    "ivf_prep": "Preparing for IVF",
    "stimulation": "Stimulation",
    "retrieval": "Around the retrieval",
    "transfer": "Around the transfer",
    "tww": "The two-week wait",
    "pregnant": "Pregnant",
    "between_cycles": "Between cycles",
}
# Stages that pass quickly: worth asking whether they still hold.
BRIEF_STAGES: Final = ("stimulation", "retrieval", "transfer", "tww")
LONG_KNOWN_DAYS: Final = 30

MEDICATION_ANSWERS: Final = {
    "yes": "Yes, all of it",
    "partial": "Some of it",
    "no": "No",
    "not_applicable": "I take none",
    "not tracked": "I'd rather not say",
}


def questions(profile: Profile, *, days: int) -> list[Question]:
    """Put together what to ask today, the most important first."""
    focus = focus_of(profile, days=days)
    asked = [
        _text("mood_today", "How are you feeling today?", 1, is_required=True),
        _slider("confidence_today", "How confident do you feel today?", 1, is_required=True),
        _text("journey_reflection_today", "What is on your mind about your journey?", 2)
        | {"sentiment_target": True},
        *FOLLOW_UPS[focus](profile, days),
        *_emergency_checks(profile, focus),
        _select("medication_taken", "Did you take your medication today?", 5, MEDICATION_ANSWERS),
    ]
    if profile["top_concern"]:
        asked.append(_text("top_concern_today", "How is your main concern today?", 6))
    return sorted(asked, key=lambda question: question["priority"])


def metadata(asked: list[Question], profile: Profile, *, days: int) -> dict[str, Any]:
    return {
        "total_questions": len(asked),
        "required_questions": sum(question["required"] for question in asked),
        "dimension_focus": focus_of(profile, days=days),
    }


def personalization(profile: Profile) -> dict[str, Any]:
    low = {f"{name}_focus": profile[score] <= LOW for name, score in SCORES.items()}
    return {**low, "top_concern": profile["top_concern"]}


def focus_of(profile: Profile, *, days: int) -> str:
    """Choose the day's dimension: low confidence first, then the main concern, then in turn."""
    for dimension, score in SCORES.items():
        if profile[score] <= LOW:
            return dimension
    rotation = days % 9
    if rotation % 6 < 2:  # noqa: PLR2004  Two days of six.
        for dimension in WORDS:
            if _is_concerned(profile, dimension):
                return dimension
    return DIMENSIONS[rotation // 3]


def _medication(profile: Profile, days: int) -> list[Question]:
    stage = profile["cycle_stage"]
    status = (
        MEDICATION_STATUS_OF_STAGE.get(stage or "") or profile["medication_status"] or "not_taking"
    )
    name, question = _medication_slider(stage)
    asked = [
        _slider(name, question, 3)
        | {"cycle_stage_context": stage, "derived_medication_status": status}
    ]
    if days > LONG_KNOWN_DAYS or stage in BRIEF_STAGES:
        options = {"no_change": f"No change: {STAGES.get(stage or '', 'as it was')}", **STAGES}
        asked.append(_select("cycle_stage_update", "Is this still your stage?", 2.7, options))
    if status not in {"taking", "pregnancy_support"}:
        ask = "What would you like to know about the medication ahead?"
        return [*asked, _text("medication_preparation_concern", ask, 4)]
    if _is_worried(profile, "medication"):
        ask = "What worries you about your medication today?"
        return [*asked, _text("medication_concern_today", ask, 4)]
    return [*asked, _text("medication_momentum", "What works well with your medication?", 4)]


def _medication_slider(stage: str | None) -> tuple[str, str]:
    if stage in {"considering", "ivf_prep"}:
        return "medication_readiness_today", "How ready do you feel for the medication?"
    if stage == "between_cycles":
        ask = "How ready do you feel for the next cycle's medication?"
        return "medication_readiness_today", ask
    if stage == "pregnant":
        ask = "How confident are you with your medication in pregnancy?"
        return "pregnancy_medication_confidence", ask
    return "medication_confidence_today", "How confident are you with your medication?"


def _financial(profile: Profile, _days: int) -> list[Question]:
    slider = _slider("financial_confidence_today", "How confident are you about the costs?", 3)
    if _is_worried(profile, "financial"):
        ask = "What worries you about the costs today?"
        return [slider, _text("financial_concern_today", ask, 4)]
    return [slider, _text("financial_momentum", "Is there any news about the costs?", 4)]


def _journey(profile: Profile, _days: int) -> list[Question]:
    ask = "How confident are you about your journey as a whole?"
    slider = _slider("journey_confidence_today", ask, 3)
    if profile["confidence_overall"] <= LOW:
        return [slider, _text("journey_readiness_today", "What feels hard right now?", 4)]
    return [slider, _text("journey_momentum", "What feels good about your journey?", 4)]


FOLLOW_UPS: Final = {"medication": _medication, "financial": _financial, "journey": _journey}


def _emergency_checks(profile: Profile, focus: str) -> list[Question]:
    """Ask about a very low score that today's focus leaves out."""
    asked = {
        "medication": "Is there anything urgent about your medication?",
        "financial": "Is there anything urgent about the costs?",
    }
    return [
        _text(f"{dimension}_emergency_check", question, 4.5)
        for dimension, question in asked.items()
        if dimension != focus and profile[SCORES[dimension]] <= VERY_LOW
    ]


def _is_worried(profile: Profile, dimension: str) -> bool:
    return profile[SCORES[dimension]] <= LOW or _is_concerned(profile, dimension)


def _is_concerned(profile: Profile, dimension: str) -> bool:
    concern = (profile["top_concern"] or "").lower()
    return any(word in concern for word in WORDS[dimension])


def _text(name: str, question: str, priority: float, *, is_required: bool = False) -> Question:
    return _question(name, "text", question, priority, is_required=is_required)


def _slider(name: str, question: str, priority: float, *, is_required: bool = False) -> Question:
    asked = _question(name, "slider", question, priority, is_required=is_required)
    return asked | {"min": 1, "max": 10}


def _select(name: str, question: str, priority: float, labels: Mapping[str, str]) -> Question:
    options = [{"value": value, "label": label} for value, label in labels.items()]
    return _question(name, "select", question, priority) | {"options": options}


def _question(
    name: str, kind: str, question: str, priority: float, *, is_required: bool = False
) -> Question:
    return {
        "id": name,
        "type": kind,
        "question": question,
        "required": is_required,
        "priority": priority,
    }
