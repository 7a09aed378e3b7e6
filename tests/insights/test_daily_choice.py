import datetime as dt

import pytest

from insights.generators import daily, find_all
from tests.insights.facts import TODAY, checkin, checkins, day, facts

STABLE = {"mood_today": "okay", "confidence_today": 5}


@pytest.mark.parametrize(
    ("profile", "kind", "confidence"),
    [
        ({}, "no_data", 0.5),
        ({"confidence_meds": "?", "confidence_costs": None}, "no_data", 0.5),
        ({"confidence_meds": 4, "confidence_costs": 4, "top_concern": "costs"},
         "focused_support", 0.9),
        ({"confidence_meds": 4, "confidence_costs": 9, "top_concern": "costs"},
         "focused_support", 0.85),
        ({"confidence_meds": 7, "confidence_costs": 6}, "confident_welcome", 0.8),
        ({"confidence_meds": 4, "confidence_costs": 4}, "gentle_support", 0.8),
        ({"confidence_meds": 5, "confidence_costs": 5, "confidence_overall": 5},
         "balanced_welcome", 0.8),
    ],
)  # fmt: skip
def test_speaks_of_the_profile_without_checkins(profile, kind, confidence):
    found = daily(facts(profile=profile))

    assert (found.type, found.confidence) == (kind, confidence)
    assert found.evidence == ()
    assert found.values["checkins_analyzed"] == 0


@pytest.mark.parametrize(
    ("form", "kind", "confidence"),
    [
        ({"sentiment_analysis": {"sentiment": "positive", "confidence": 0.7}},
         "positive_sentiment", 0.95),
        ({"sentiment": "negative", "sentiment_confidence": 0.7}, "negative_sentiment", 0.92),
        ({"sentiment": "neutral", "sentiment_confidence": 0.5}, "neutral_sentiment", 0.85),
        ({"sentiment": "positive", "sentiment_confidence": 0.69}, "recent_checkin_support", 0.8),
        ({"sentiment": "negative", "sentiment_confidence": 0.69}, "recent_checkin_support", 0.8),
        ({"sentiment": "neutral", "sentiment_confidence": 0.49}, "recent_checkin_support", 0.8),
        ({"confidence_today": 4, "primary_concern_today": "costs"},
         "targeted_concern_support", 0.87),
        ({"confidence_today": 5, "primary_concern_today": "costs"},
         "recent_checkin_support", 0.8),
        ({"mood_today": "calm, tired"}, "emotional_complexity", 0.88),
        ({"mood_today": "calm"}, "recent_checkin_support", 0.8),
        ({"confidence_today": 7}, "confident_check_in", 0.85),
        ({"confidence_today": 6}, "recent_checkin_support", 0.8),
    ],
)  # fmt: skip
def test_speaks_of_the_newest_checkin(form, kind, confidence):
    found = daily(facts(checkin(1, **form)))

    assert (found.type, found.confidence) == (kind, confidence)
    assert len(found.evidence) == 1


@pytest.mark.parametrize(
    ("days", "kind", "confidence"),
    [
        ([0, 2], "recent_checkin_support", 0.8),
        ([0, 2, 4], "general_support", 0.8),
        ([2, 4], "encouragement", 0.7),
        ([2], "encouragement", 0.6),
        ([20], "encouragement", 0.6),
        ([20, 21, 22, 23, 24, 25, 26], "encouragement", 0.6),
    ],
)
def test_always_has_a_kind_word(days, kind, confidence):
    found = daily(facts(*(checkin(ago, **STABLE) for ago in days)))

    assert (found.type, found.confidence) == (kind, confidence)


def test_is_one_for_the_day_whatever_it_says():
    for found in (daily(facts()), daily(facts(*map(checkin, range(7))))):
        assert found.occasion == f"daily:{TODAY}"
        assert found.expires_after == dt.timedelta(days=2)


def test_looks_at_the_last_seven_checkins_with_the_newest():
    found = daily(facts(*checkins(*[STABLE] * 9)))

    assert found.values["checkins_analyzed"] == 7
    assert found.values["date_range"] == f"{day(6)} to {TODAY}"


def test_is_the_best_of_all_patterns():
    week = facts(*checkins(*[{"mood_today": "hopeful", "medication_taken": "yes"}] * 5))

    assert daily(week).type == find_all(week)[0].type == "positive_streak"


def test_is_about_the_newest_checkin():
    missed = facts(*checkins({"medication_taken": "yes"}, *[{"medication_taken": "no"}] * 2))

    assert find_all(missed)[0].type == "missed_doses"
    assert daily(missed).type == "general_support"


@pytest.mark.parametrize(
    "hard", [{"anxiety_level": 8}, {"phq4_score": 6}, {"mood_today": "sad, tough"}]
)
def test_congratulates_nobody_on_a_hard_day(hard):
    tracked = [{"confidence_today": 8, "medication_taken": "yes"}] * 5
    days = checkins({**tracked[0], **hard}, *tracked)

    assert daily(facts(*days[1:])).category == "achievement"
    assert daily(facts(*days)).type == "general_support"


def test_is_never_an_alert():
    today = facts(checkin(anxiety_level=10, phq4_score=12))

    assert daily(today).type == "recent_checkin_support"
