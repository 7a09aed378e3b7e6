"""GET /api/checkins/questions: what old clients ask with the day's check-in."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.types import CYCLE_STAGES
from health import questions
from tests.conftest import client_of
from tests.factories import make_user

QUESTIONS = "/api/checkins/questions"
ALWAYS = ["mood_today", "confidence_today", "journey_reflection_today", "medication_taken"]
SLIDERS = {
    "considering": "medication_readiness_today",
    "ivf_prep": "medication_readiness_today",
    "stimulation": "medication_confidence_today",
    "retrieval": "medication_confidence_today",
    "transfer": "medication_confidence_today",
    "tww": "medication_confidence_today",
    "pregnant": "pregnancy_medication_confidence",
    "between_cycles": "medication_readiness_today",
    "stable": "medication_confidence_today",
    None: "medication_confidence_today",
}


def profile(**changes: Any) -> dict[str, Any]:
    return {
        "confidence_meds": 5,
        "confidence_costs": 5,
        "confidence_overall": 5,
        "top_concern": None,
        "cycle_stage": None,
        "medication_status": None,
    } | changes


def ids(asked: list[dict[str, Any]]) -> list[str]:
    return [question["id"] for question in asked]


def asked_of(days: int = 0, **changes: Any) -> list[str]:
    return ids(questions.questions(profile(**changes), days=days))


def focus(days: int, **changes: Any) -> str:
    return questions.focus_of(profile(**changes), days=days)


def question(name: str, days: int = 0, **changes: Any) -> dict[str, Any]:
    (found,) = [
        asked for asked in questions.questions(profile(**changes), days=days) if asked["id"] == name
    ]
    return found


def test_asks_and_says_why(as_alice):
    answer = as_alice.call("GET", QUESTIONS).json()

    assert answer.keys() == {"success", "questions", "metadata", "personalization_summary"}
    assert answer["metadata"] == {
        "total_questions": len(answer["questions"]),
        "required_questions": 2,
        "dimension_focus": "medication",
    }
    assert answer["personalization_summary"] == {
        "medication_focus": False,
        "financial_focus": False,
        "journey_focus": False,
        "top_concern": None,
    }
    assert set(ids(answer["questions"])) >= set(ALWAYS)
    for asked in answer["questions"]:
        assert asked.keys() >= {"id", "type", "question", "required", "priority"}


def test_takes_the_answers_under_the_questions_ids(as_alice):
    as_alice.call("PUT", "/api/users/me", {"cycle_stage": "tww", "top_concern": "medication"})
    answers = {"text": "some words", "slider": 7, "select": "no_change"}
    asked = as_alice.call("GET", QUESTIONS).json()["questions"]
    form = {question["id"]: answers[question["type"]] for question in asked}

    submitted = as_alice.call("POST", "/api/daily-checkin-enhanced", form)

    assert submitted.status_code == 201
    assert submitted.json()["checkin"].items() >= form.items()
    assert as_alice.call("GET", "/api/users/me").json()["user"]["cycle_stage"] == "tww"


def test_follows_the_profile_of_the_caller_alone(as_alice, as_bob, as_charlie):
    before = [client.call("GET", QUESTIONS).json() for client in (as_bob, as_charlie)]

    as_alice.call("PUT", "/api/users/me", {"top_concern": "hers alone", "confidence_costs": 1})

    hers = as_alice.call("GET", QUESTIONS).json()
    assert hers["metadata"]["dimension_focus"] == "financial"
    assert hers["personalization_summary"]["financial_focus"] is True
    assert hers["personalization_summary"]["top_concern"] == "hers alone"
    assert [client.call("GET", QUESTIONS).json() for client in (as_bob, as_charlie)] == before


def test_needs_a_token(db, nobody):
    assert nobody.call("GET", QUESTIONS).status_code == 401


def test_counts_days_since_sign_up_by_the_persons_date(db):
    user = make_user(profile={"timezone": "Pacific/Kiritimati"})
    eastern = make_user(profile={"timezone": "Pacific/Niue"})
    for person in (user, eastern):
        User.objects.filter(id=person.id).update(
            created_at=timezone.now() - dt.timedelta(days=3, hours=1)
        )

    for person in (user, eastern):
        answer = client_of(person).call("GET", QUESTIONS).json()
        assert answer["metadata"]["dimension_focus"] == "financial"


def test_takes_turns_three_days_each():
    turns = [focus(days) for days in range(9)]

    assert turns == [*["medication"] * 3, *["financial"] * 3, *["journey"] * 3]
    assert [focus(days) for days in range(9, 18)] == turns


@pytest.mark.parametrize(
    ("scores", "dimension"),
    [
        ({"confidence_meds": 4}, "medication"),
        ({"confidence_costs": 4}, "financial"),
        ({"confidence_overall": 1}, "journey"),
        ({"confidence_costs": 1, "confidence_meds": 4}, "medication"),
        ({"confidence_overall": 1, "confidence_costs": 4}, "financial"),
    ],
)
def test_puts_low_confidence_first(scores, dimension):
    assert {focus(days, **scores, top_concern="medication") for days in range(18)} == {dimension}


@pytest.mark.parametrize(
    ("concern", "dimension"),
    [
        ("Medication side effects", "medication"),
        ("The COST of it all", "financial"),
        ("financial planning", "financial"),
    ],
)
def test_lets_the_main_concern_win_on_two_days_of_six(concern, dimension):
    turns = [focus(days) for days in range(9)]

    found = [focus(days, top_concern=concern) for days in range(9)]

    for days in range(9):
        assert found[days] == (dimension if days % 6 < 2 else turns[days])


@pytest.mark.parametrize(("stage", "slider"), SLIDERS.items())
def test_chooses_the_medication_question_by_stage(stage, slider):
    asked = question(slider, cycle_stage=stage)

    assert (asked["type"], asked["min"], asked["max"], asked["required"]) == (
        *("slider", 1, 10),
        False,
    )
    assert asked["cycle_stage_context"] == stage
    assert sum(name in SLIDERS.values() for name in asked_of(cycle_stage=stage)) == 1


@pytest.mark.parametrize(
    ("changes", "status", "follow_up"),
    [
        ({"cycle_stage": "tww"}, "taking", "medication_momentum"),
        ({"cycle_stage": "tww", "confidence_meds": 4}, "taking", "medication_concern_today"),
        (
            {"cycle_stage": "tww", "top_concern": "my medication"},
            *("taking", "medication_concern_today"),
        ),
        ({"cycle_stage": "pregnant"}, "pregnancy_support", "medication_momentum"),
        ({"cycle_stage": "ivf_prep"}, "starting_soon", "medication_preparation_concern"),
        (
            {"cycle_stage": "between_cycles", "confidence_meds": 1},
            *("between_cycles", "medication_preparation_concern"),
        ),
        ({"medication_status": "taking"}, "taking", "medication_momentum"),
        ({}, "not_taking", "medication_preparation_concern"),
    ],
)
def test_follows_up_on_medication(changes, status, follow_up):
    slider = question(SLIDERS[changes.get("cycle_stage")], **changes)
    followed = {
        name
        for name in asked_of(**changes)
        if name.endswith(("momentum", "medication_concern_today", "preparation_concern"))
    }

    assert slider["derived_medication_status"] == status
    assert followed == {follow_up}


@pytest.mark.parametrize(
    ("changes", "days", "is_asked"),
    [
        ({"cycle_stage": "considering"}, 27, False),
        ({"cycle_stage": "considering"}, 36, True),
        ({"cycle_stage": None}, 36, True),
        *[({"cycle_stage": stage}, 0, True) for stage in ("stimulation", "retrieval", "tww")],
        ({"cycle_stage": "transfer"}, 0, True),
        ({"cycle_stage": "transfer"}, 3, False),
    ],
)
def test_asks_whether_the_stage_still_holds(changes, days, is_asked):
    assert ("cycle_stage_update" in asked_of(days, **changes)) is is_asked


def test_offers_every_stage_and_no_change():
    asked = question("cycle_stage_update", cycle_stage="tww")

    values = [option["value"] for option in asked["options"]]
    assert values == ["no_change", *CYCLE_STAGES]
    assert all(option["label"] for option in asked["options"])
    assert asked["priority"] == 2.7


@pytest.mark.parametrize(
    ("days", "changes", "names"),
    [
        (3, {}, ["financial_confidence_today", "financial_momentum"]),
        (3, {"top_concern": "Cost"}, ["financial_confidence_today", "financial_concern_today"]),
        (
            0,
            {"confidence_costs": 4},
            ["financial_confidence_today", "financial_concern_today"],
        ),
        (6, {}, ["journey_confidence_today", "journey_momentum"]),
        (0, {"confidence_overall": 4}, ["journey_confidence_today", "journey_readiness_today"]),
    ],
)
def test_follows_up_on_costs_and_the_journey(days, changes, names):
    asked = asked_of(days, **changes)

    begun = tuple(name.partition("_")[0] for name in names)
    found = [name for name in asked if name.startswith(begun) and name not in ALWAYS]
    assert found == names


@pytest.mark.parametrize(
    ("costs", "meds", "is_asked"), [(3, 4, True), (4, 4, False), (3, 5, False)]
)
def test_checks_a_very_low_score_that_the_focus_leaves_out(costs, meds, is_asked):
    asked = asked_of(confidence_costs=costs, confidence_meds=meds)

    assert ("financial_emergency_check" in asked) is is_asked


@pytest.mark.parametrize(("concern", "is_asked"), [("waiting", True), ("", False), (None, False)])
def test_asks_about_the_main_concern(concern, is_asked):
    assert ("top_concern_today" in asked_of(top_concern=concern)) is is_asked


@pytest.mark.parametrize("days", [0, 3, 6, 40])
def test_sorts_by_priority_and_asks_nothing_twice(days):
    asked = questions.questions(profile(cycle_stage="tww", top_concern="cost"), days=days)

    priorities = [question["priority"] for question in asked]
    assert priorities == sorted(priorities)
    assert len(set(ids(asked))) == len(asked) >= 6
    assert ids(asked)[:3] == ALWAYS[:3]
    assert [question["id"] for question in asked if question["required"]] == ALWAYS[:2]


def test_says_what_the_mood_of_the_text_is_read_from():
    assert question("journey_reflection_today")["sentiment_target"] is True
    taken = [option["value"] for option in question("medication_taken")["options"]]
    assert taken == ["yes", "partial", "no", "not_applicable", "not tracked"]
