"""Scores are what the publishers say, and nothing is scored that is no answer."""

from itertools import product

import pytest

from assessments import definitions
from assessments.instruments import GAD7, PHQ4, PHQ9
from assessments.scoring import score
from core.errors import InvalidInput
from tests.assessments.answers import SLEEP, summing_to

ITEMS = ("feeling_nervous", "stop_worrying", "little_interest", "feeling_down")
# Written out, independently of the program's tables.
PHQ4_SEVERITY = {
    0: "none", 1: "none", 2: "none", 3: "mild", 4: "mild", 5: "mild", 6: "moderate",
    7: "moderate", 8: "moderate", 9: "severe", 10: "severe", 11: "severe", 12: "severe",
}  # fmt: skip


@pytest.mark.parametrize("answers", list(product(range(4), repeat=4)), ids=str)
def test_scores_every_set_of_answers_to_phq4(answers):
    nervous, worrying, interest, down = answers

    found = score(PHQ4, dict(zip(ITEMS, answers, strict=True)))

    assert found.total == nervous + worrying + interest + down
    assert found.sub_scores == {
        "anxiety_score": nervous + worrying,
        "depression_score": interest + down,
    }
    assert found.severity == PHQ4_SEVERITY[nervous + worrying + interest + down]
    assert (found.is_complete, found.missing, found.flagged) == (True, (), ())


@pytest.mark.parametrize(
    ("instrument", "total", "severity"),
    [
        *((PHQ9, total, "minimal") for total in (0, 4)),
        *((PHQ9, total, "mild") for total in (5, 9)),
        *((PHQ9, total, "moderate") for total in (10, 14)),
        *((PHQ9, total, "moderately_severe") for total in (15, 19)),
        *((PHQ9, total, "severe") for total in (20, 27)),
        *((GAD7, total, "minimal") for total in (0, 4)),
        *((GAD7, total, "mild") for total in (5, 9)),
        *((GAD7, total, "moderate") for total in (10, 14)),
        *((GAD7, total, "severe") for total in (15, 21)),
    ],
)
def test_draws_the_bands_where_they_are(instrument, total, severity):
    found = score(instrument, summing_to(instrument.name, total))

    assert (found.total, found.severity) == (total, severity)


@pytest.mark.parametrize("instrument", [PHQ4, PHQ9, GAD7], ids=lambda each: each.name)
@pytest.mark.parametrize("how", ["null", "left out"])
def test_makes_up_no_total_where_any_answer_is_missing(instrument, how):
    for item in instrument.scored:
        answers: dict[str, int | None] = dict.fromkeys((i.link_id for i in instrument.scored), 3)
        if how == "null":
            answers[item.link_id] = None
        else:
            del answers[item.link_id]

        found = score(instrument, answers)

        assert (found.total, found.band, found.severity) == (None, None, None)
        assert (found.is_complete, found.missing) == (False, (item.link_id,))


def test_keeps_the_part_of_phq4_that_is_whole():
    found = score(PHQ4, {"feeling_nervous": 2, "stop_worrying": 3, "feeling_down": 1})

    assert found.sub_scores == {"anxiety_score": 5, "depression_score": None}
    assert found.total is None


def test_needs_no_answer_about_difficulty_and_does_not_count_it():
    answers = summing_to("phq9", 12)

    without, with_it = score(PHQ9, answers), score(PHQ9, answers | {"difficulty": 3})

    assert without.is_complete
    assert without.total == with_it.total == 12
    assert with_it.answers["difficulty"] == 3


@pytest.mark.parametrize(
    "value", [True, False, "1", "", "Several days", 0.5, 1.5, 4, -1, 10**30, 1e300, [], [1], {}]
)
def test_refuses_what_is_no_coded_weight(value):
    with pytest.raises(InvalidInput) as refused:
        score(PHQ4, dict.fromkeys(ITEMS, 1) | {"little_interest": value})

    (fault,) = refused.value.errors
    assert fault.pointer == "/answers/little_interest"
    assert "little_interest: must be 0, 1, 2 or 3, as a number, or null" in fault.detail


def test_takes_a_whole_number_with_a_decimal_point_for_what_it_is():
    found = score(PHQ4, dict.fromkeys(ITEMS, 2.0))

    assert found.total == 8
    assert all(type(value) is int for value in found.answers.values())


@pytest.mark.parametrize("name", ["mood", "q5", "q0", "44260-8", "phq9_feeling_down", "a/b~c", ""])
def test_names_keys_that_are_no_question(name):
    with pytest.raises(InvalidInput) as refused:
        score(PHQ4, dict.fromkeys(ITEMS, 1) | {name: 1})

    (fault,) = refused.value.errors
    assert fault.pointer == "/answers/" + name.replace("~", "~0").replace("/", "~1")
    assert "feeling_nervous, stop_worrying, little_interest, feeling_down" in fault.detail


@pytest.mark.parametrize("other", ["q4", "phq4_feeling_down", "phq4_q4", "44255-8"])
@pytest.mark.parametrize("values", [(1, 1), (1, 2), (None, 1), (1, None)])
def test_refuses_two_answers_to_one_question(other, values):
    with pytest.raises(InvalidInput) as refused:
        score(PHQ4, {"feeling_down": values[0], other: values[1]})

    assert refused.value.errors[0].pointer == f"/answers/{other}"


@pytest.mark.parametrize("answers", [{}, dict.fromkeys(ITEMS), {"difficulty": 2}])
def test_refuses_a_questionnaire_without_any_answer(answers):
    with pytest.raises(InvalidInput, match="at least one question must be answered"):
        score(PHQ9 if "difficulty" in answers else PHQ4, answers)


@pytest.mark.parametrize(
    "names",
    [
        ITEMS,
        ("q1", "q2", "q3", "q4"),
        tuple(f"phq4_{item}" for item in ITEMS),
        ("69725-0", "68509-9", "44250-9", "44255-8"),
        ("q1", "phq4_stop_worrying", "44250-9", "feeling_down"),
    ],
    ids=lambda names: names[0] + names[1],
)
def test_reads_every_name_of_an_item(names):
    found = score(PHQ4, dict(zip(names, (0, 1, 2, 3), strict=True)))

    assert found.answers == dict(zip(ITEMS, (0, 1, 2, 3), strict=True))
    assert found.sub_scores == {"anxiety_score": 1, "depression_score": 5}


@pytest.mark.parametrize("name", ["self_harm_thoughts", "q9", "44260-8", "phq9_q9"])
@pytest.mark.parametrize(("value", "is_flagged"), [(None, False), (0, False), (1, True), (3, True)])
def test_flags_item_nine_whatever_else_was_answered(name, value, is_flagged):
    partial = score(PHQ9, {"q1": 0, name: value})
    whole = score(PHQ9, {f"q{n}": 0 for n in range(1, 9)} | {name: value})

    for found in (partial, whole):
        assert found.flagged == (("self_harm_thoughts",) if is_flagged else ())


def test_names_all_faults_at_once():
    with pytest.raises(InvalidInput) as refused:
        score(PHQ4, {"q1": True, "q2": 4, "nonsense": 1, "q3": 1})

    pointers = [fault.pointer for fault in refused.value.errors]
    assert pointers == ["/answers/q1", "/answers/q2", "/answers/nonsense"]


def test_takes_an_answer_to_a_safety_item_that_is_not_scored():
    questions = [
        question | {"is_scored": False} if question["id"] in SLEEP["safety"] else question
        for question in SLEEP["questions"]
    ]
    content = SLEEP | {"questions": questions, "bands": []}
    instrument = definitions.read(name="own", version=1, title="Own", content=content)

    scored = score(instrument, {"felt_unsafe": 2})

    assert scored.flagged == ("felt_unsafe",)
    assert scored.total is None
