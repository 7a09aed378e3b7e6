import pytest

from insights.generators import find_all
from tests.insights.facts import TODAY, checkin, checkins, day, facts, only, types

GOOD = {"mood_today": "hopeful"}


def on(*days_ago, **form):
    return find_all(facts(*(checkin(ago, **form) for ago in days_ago)))


def test_sees_three_good_days_in_a_row():
    found = only(on(0, 1, 2, **GOOD), "positive_streak")

    assert found.priority == 8
    assert found.values == {"count": 3}
    assert found.occasion == f"positive_streak:{day(2)}"


def test_lets_a_streak_stand_while_today_is_open():
    assert "positive_streak" in types(on(1, 2, 3, **GOOD))


@pytest.mark.parametrize("days", [(0, 1), (2, 3, 4), (0, 1, 3)])
def test_is_silent_about_short_old_and_broken_streaks(days):
    assert "positive_streak" not in types(on(*days, **GOOD))


@pytest.mark.parametrize(
    "form",
    [
        {"mood_today": "okay"},
        {"mood_today": "hopeful, anxious"},
        {"mood_today": "serene"},
        {"mood_today": "hopeful", "anxiety_level": 8},
    ],
)
def test_is_silent_about_days_that_are_not_good_by_what_is_known(form):
    assert "positive_streak" not in types(on(0, 1, 2, **form))


def test_keeps_the_occasion_of_a_streak_that_goes_on():
    days = checkins(GOOD, GOOD, GOOD, GOOD)

    longer = only(find_all(facts(*days)), "positive_streak")
    shorter = only(find_all(facts(*days[1:])), "positive_streak")

    assert longer.occasion == shorter.occasion


def test_celebrates_five_days_in_a_row():
    found = on(0, 1, 2, 3, 4)

    assert only(found, "consistency_celebration").occasion == f"consistency_celebration:{day(4)}"
    assert "consistency" not in types(found)


def test_sees_five_checkins_with_gaps():
    found = on(0, 1, 2, 3, 5)

    assert only(found, "consistency").values == {"count": 5}
    assert "consistency_celebration" not in types(found)


def test_is_silent_about_four_checkins():
    assert not {"consistency", "consistency_celebration"} & set(types(on(0, 1, 2, 3)))


@pytest.mark.parametrize(("length", "count"), [(50, 50), (51, 50)])
def test_counts_a_run_only_as_far_as_facts_surely_reach(length, count):
    found = only(on(*range(length), **GOOD), "consistency_celebration")

    assert found.values["count"] == count
    assert ("length" in found.values) == (length > count)


def test_finds_an_endless_run_once_a_month():
    found = only(on(*range(60), **GOOD), "positive_streak")

    assert found.occasion == f"positive_streak:{TODAY:%Y-%m}"


def test_greets_who_comes_back_after_a_week():
    assert "welcome_back" in types(on(0, 7))


@pytest.mark.parametrize("days", [(0, 6), (2, 20), (0,), ()])
def test_does_not_greet_others(days):
    assert "welcome_back" not in types(on(*days))
