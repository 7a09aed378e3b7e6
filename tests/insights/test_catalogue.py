import re

import pytest

from insights.catalogue import TEXTS, label, text_of
from insights.generators import daily, find_all, micro
from insights.generators.findings import KINDS, find
from insights.generators.micro_candidates import CANDIDATES
from tests.insights.facts import check_words, checkin, checkins, day, event, facts

MICRO = {candidate.type for candidate in CANDIDATES}
PLACE = re.compile(r"\{(\w+)\}")


def test_has_a_text_for_each_kind_and_no_other():
    assert {name.split("/")[0] for name in TEXTS} == KINDS.keys() | MICRO


def scores(meds, costs):
    return {"confidence_meds": meds, "confidence_costs": costs}


# Together these give everything that can be found.
EVERYTHING = (
    facts(),
    facts(profile=scores(7, 7)),
    facts(profile=scores(5, 5)),
    facts(profile=scores(4, 4)),
    facts(profile=scores(4, 9)),
    facts(profile=scores(4, 4) | {"cycle_stage": "stimulation"}),
    facts(profile=scores(7, 7) | {"top_concern": "egg_quality", "nickname": "Anna"}),
    facts(profile={"cycle_stage": "transfer", "confidence_overall": 6}),
    facts(profile={"cycle_stage": "considering"}),
    facts(profile={"primary_need": "financial_planning"}),
    facts(profile={"primary_need": "procedure_info"}),
    facts(checkin(mood_today="overwhelmed", confidence_today=4, phq4_score=9, anxiety_level=8)),
    facts(checkin(mood_today="anxious, hopeful", phq4_score=6)),
    facts(checkin(mood_today="grateful", confidence_today=7)),
    facts(checkin(mood_today="hopeful, tired")),
    facts(checkin(confidence_today=4, primary_concern_today="egg_quality")),
    facts(checkin(5)),
    facts(checkin(), checkin(8)),
    facts(*map(checkin, (0, 2, 4))),
    facts(*map(checkin, (0, 1, 2, 4, 5))),
    facts(checkin(), profile={"created_at": day(1)}),
    *(
        facts(checkin(sentiment=sentiment, sentiment_confidence=1))
        for sentiment in ("positive", "negative", "neutral")
    ),
    facts(
        *checkins(*[{"primary_concern_today": "egg_quality", "side_effects": ["odd_one"]}] * 3),
        profile={"top_concern": "egg quality"},
    ),
    facts(checkin(appointment_within_3_days=True, appointment_anxiety=9)),
    facts(*checkins(*({"mood_today": m} for m in ("excited", "excited", "excited", "tough")))),
    facts(*checkins(*({"mood_today": m} for m in ("hopeful, tired", "neutral", "odd_one")))),
    facts(*checkins(*({"mood_today": m} for m in ("tough", "worried", "tough", "excited")))),
    facts(*checkins(*({"anxiety_level": n} for n in (2, 2, 2, 9)))),
    facts(*checkins(*({"anxiety_level": n} for n in (9, 9, 9, 2)))),
    facts(*checkins(*({"confidence_today": n} for n in (9, 7, 5)))),
    facts(*checkins(*({"confidence_today": n} for n in (9, 9, 5)))),
    facts(*checkins(*[{"confidence_today": 3, "medication_taken": "no"}] * 3)),
    facts(*checkins(*[{"confidence_today": 7, "medication_taken": "yes"}] * 7)),
    facts(*checkins(*[{"mood_today": "hopeful", "coping_strategies": ["long_walks"]}] * 60)),
    facts(events=[event("assessment", 0, "phq9", self_harm_thoughts=1)]),
    facts(*(checkin(ago, sleep_hours=4 if ago < 3 else 8) for ago in (0, 1, 2, *range(7, 12)))),
)


def test_says_everything_that_can_be_found():
    found = [f for each in EVERYTHING for f in (*find_all(each), daily(each), micro(each))]

    for finding in found:
        check_words(finding)
        assert "“" not in text_of(finding).message  # As nothing here is a free text.
    assert {finding.type for finding in found} == KINDS.keys() | MICRO


def test_ranks_every_kind_from_one_to_ten():
    assert all(1 <= kind.priority <= 10 and kind.days > 0 for kind in KINDS.values())
    assert {kind.category for kind in KINDS.values()} == {
        "trend", "achievement", "risk", "recommendation",
    }  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_speaks_calmly_in_whole_sentences(name):
    words = TEXTS[name]

    said = f"{words.title} {words.message}"

    assert words.message.endswith((".", "?"))
    assert "!" not in said
    assert not re.search(r"[a-z]_[a-z]|[a-z][A-Z]", PLACE.sub("", said))
    assert len(words.title) <= 60
    assert len(words.message) <= 300
    assert 1 <= len(words.icon) <= 2
    assert not words.icon.isascii()
    assert (words.action_label is None) == (words.action_type is None)


def test_tells_severe_from_moderate():
    severe, moderate = (
        text_of(find("assessment_alert", about=1, confidence=0.9, severity=severity))
        for severity in ("severe", "moderate")
    )

    assert severe.message != moderate.message
    for text in (severe, moderate):
        assert "clinic" in text.message
        assert "emergency number" in text.message


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("medication_side_effects", "medication side effects"),
        ("medicationSideEffects", "medication side effects"),
        ("tww", "the two-week wait"),
        ("some_new_thing", "some new thing"),
        ("Headache", "headache"),
        ("Meditation/\nmindfulness", "meditation or mindfulness"),
        ("Talked to partner", "talking to your partner"),
        ("anxious", "anxious"),
        ("anxious, hopeful", "anxious and hopeful"),
        ("tired, worried, grateful", "tired, worried and grateful"),
        ("Will it work?", "“Will it work?”"),
        ("Will it work, and when?", "“Will it work, and when?”"),
        ("Say “yes”\nor {no}", "“Say 'yes' or {no}”"),
        ("a" * 70, "“" + "a" * 59 + "…”"),
        (["anxious", "on edge"], "anxious and “on edge”"),
        (["a", "b", "c", "d", "e"], "“a”, “b”, “c”, “d” and more"),
        ([], ""),
        ("", ""),
        (7, "7"),
        (7.0, "7"),
        (6.25, "6.2"),
        (True, "yes"),
        (None, ""),
        ({"a": 1}, ""),
    ],
)
def test_labels_what_forms_call_things(value, shown):
    assert label(value) == shown
