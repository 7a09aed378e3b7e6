import pytest

from insights.generators import find_all
from tests.insights.facts import checkin, checkins, facts, only, types


def moods(*names):
    """The newest first."""
    return find_all(facts(*checkins(*({"mood_today": name} for name in names))))


def confidences(*scores):
    return find_all(facts(*checkins(*({"confidence_today": score} for score in scores))))


def anxieties(*levels):
    return find_all(facts(*checkins(*({"anxiety_level": level} for level in levels))))


def test_sees_a_mood_that_lifts():
    found = only(moods("excited", "grateful", "excited", "overwhelmed"), "mood_improvement")

    assert found.category == "trend"
    assert found.confidence == 0.8
    assert found.values == {"count": 4}
    assert found.occasion == "mood_trend:2026-W47"


def test_sees_a_mood_that_falls():
    assert "mood_decline" in types(moods("tired", "tired", "worried", "empowered"))


@pytest.mark.parametrize(
    "names",
    [
        ("excited", "excited", "excited"),
        ("hopeful", "hopeful", "hopeful", "anxious"),
        ("hopeful", "hopeful", "hopeful", "indescribable"),
        ("calm", "calm", "calm", "overwhelmed"),
    ],
)
def test_is_silent_about_moods_that_are_alike_few_or_unknown(names):
    assert not {"mood_improvement", "mood_decline"} & set(types(moods(*names)))


def test_counts_only_the_known_ones_of_several_moods():
    found = moods("excited, floating", "excited", "excited", "floating, overwhelmed")

    assert "mood_improvement" in types(found)


def test_sees_confidence_that_rises_each_time():
    found = only(confidences(7, 6, 5), "confidence_rising")

    assert found.priority == 9
    assert found.values == {"count": 3, "before": 5.0, "now": 7.0}


@pytest.mark.parametrize("scores", [(7, 6), (7, 7, 5), (6, 7, 5), ("high", 6, 5)])
def test_is_silent_about_confidence_that_does_not(scores):
    assert "confidence_rising" not in types(confidences(*scores))


def test_sees_confidence_that_was_gained_over_three_checkins():
    assert "confidence_growth" in types(confidences(7, 7, 5))


@pytest.mark.parametrize("scores", [(7, 5), (7, 7, 6), (8, 7, 6), (7, 7, None)])
def test_is_silent_about_less_than_that(scores):
    assert "confidence_growth" not in types(confidences(*scores))


def test_sees_steady_strength():
    assert only(confidences(6, 6, 6, 6, 6), "steady_strength").values["average"] == 6


@pytest.mark.parametrize(
    "scores", [(6, 6, 6, 6), (6, 6, 6, 6, 5), (9, 5, 9, 5, 9, 5), (10, 8, 6, 7, 10, 5)]
)
def test_is_silent_about_few_low_or_shaky_scores(scores):
    assert "steady_strength" not in types(confidences(*scores))


def test_sees_anxiety_that_eases():
    assert "anxiety_easing" in types(anxieties(2, 2, 2, 9))


def test_sees_anxiety_that_rises():
    assert "anxiety_rising" in types(anxieties(9, 9, 9, 2))


@pytest.mark.parametrize("levels", [(2, 2, 2), (2, 2, 2, 8), (8, 8, 8, 2), (2, 2, 2, 70)])
def test_is_silent_about_anxiety_that_stays(levels):
    assert not {"anxiety_easing", "anxiety_rising"} & set(types(anxieties(*levels)))


def test_finds_a_trend_once_a_week():
    days = checkins(*({"anxiety_level": level} for level in (2, 2, 2, 2, 10)))

    newer = only(find_all(facts(*days)), "anxiety_easing")
    older = only(find_all(facts(*days[1:])), "anxiety_easing")

    assert newer.occasion == older.occasion


def test_puts_a_trend_that_turned_in_the_place_of_the_one_before():
    better = only(moods("excited", "excited", "excited", "tough"), "mood_improvement")
    worse = only(moods("tough", "tough", "tough", "excited"), "mood_decline")

    assert better.occasion == worse.occasion


def test_leaves_out_what_is_older_than_two_weeks():
    days = [checkin(ago, anxiety_level=2) for ago in range(3)]

    assert "anxiety_easing" in types(find_all(facts(*days, checkin(13, anxiety_level=9))))
    assert find_all(facts(*days, checkin(14, anxiety_level=9))) == []
