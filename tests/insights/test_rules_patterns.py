import pytest

from insights.generators import find_all
from tests.insights.facts import TODAY, checkin, checkins, day, facts, noon, only, types


def test_sees_many_feelings():
    found = find_all(
        facts(*checkins(*({"mood_today": m} for m in ("hopeful, tired", "calm", "worried"))))
    )

    assert only(found, "emotional_awareness").values == {"count": 4, "checkins": 3}


@pytest.mark.parametrize("moods", [("hopeful, tired", "calm, worried"), ("tired", "calm", "sad")])
def test_is_silent_about_fewer_feelings(moods):
    found = find_all(facts(*checkins(*({"mood_today": mood} for mood in moods))))

    assert "emotional_awareness" not in types(found)


def test_sees_a_side_effect_three_times():
    both = {"side_effects": ["Headache", "Nausea", "Other"]}
    days = checkins(both, both, both, {"side_effects": ["headache"]})

    found = only(find_all(facts(*days)), "symptom_pattern")

    assert found.values == {"symptom": "headache", "count": 4, "checkins": 4}
    assert "headache" not in found.occasion


@pytest.mark.parametrize(
    "side_effects",
    [
        [["Headache"], ["Headache"]],
        [["Other"]] * 3,
        [["Headache"], ["Nausea"], ["Fatigue"]],
        [None] * 3,
    ],
)
def test_is_silent_about_fewer_side_effects(side_effects):
    days = checkins(*({"side_effects": named} for named in side_effects))

    assert "symptom_pattern" not in types(find_all(facts(*days)))


def test_sees_what_helps():
    used = [["Support group", "Journaling"], ["Journaling"], ["Journaling", "Support group"]]
    days = checkins(*({"coping_strategies_used": strategies} for strategies in used))

    found = only(find_all(facts(*days)), "coping_practice")

    assert found.values == {"strategy": "Journaling", "count": 3, "checkins": 3}


@pytest.mark.parametrize("strategies", [[["Journaling"]] * 2, [["None today"]] * 3])
def test_is_silent_about_less_coping(strategies):
    days = checkins(*({"coping_strategies_used": used} for used in strategies))

    assert "coping_practice" not in types(find_all(facts(*days)))


@pytest.mark.parametrize("created_at", [noon(59), f"{day(59)}T10:00:00Z", day(59)])
def test_celebrates_a_first_checkin(created_at):
    found = find_all(facts(checkin(1), profile={"created_at": created_at}))

    assert "first_checkin" in types(found)


@pytest.mark.parametrize(
    ("days", "created_at"),
    [
        ((0, 1), noon(5)),
        ((2,), noon(5)),
        ((0,), noon(60)),
        ((0,), None),
        ((0,), "long ago"),
    ],
)
def test_is_silent_where_it_may_not_be_the_first(days, created_at):
    found = find_all(facts(*map(checkin, days), profile={"created_at": created_at}))

    assert "first_checkin" not in types(found)


@pytest.mark.parametrize(
    ("length", "reached"), [(7, 7), (9, 7), (14, 14), (21, 21), (30, 30), (50, 50)]
)
def test_celebrates_a_milestone(length, reached):
    found = only(find_all(facts(*map(checkin, range(length)))), "streak_milestone")

    assert found.values == {"count": reached}
    assert found.occasion == f"streak_milestone:{day(length - 1)}:{reached}"


@pytest.mark.parametrize("length", [6, 10, 60])
def test_is_silent_where_no_milestone_is_near(length):
    assert "streak_milestone" not in types(find_all(facts(*map(checkin, range(length)))))


def slept(*hours_by_days_ago):
    days = (checkin(ago, sleep_hours=hours) for ago, hours in hours_by_days_ago)
    return find_all(facts(*days))


def test_sees_a_clear_change_against_the_weeks_before():
    found = slept((0, 5), (1, 5), (2, 5), *((ago, 7) for ago in range(7, 12)))

    assert only(found, "clear_change").values == {
        "measure": "sleep_hours",
        "now": 5.0,
        "before": 7.0,
        "count": 3,
        "earlier_count": 5,
    }
    year, week, _ = TODAY.isocalendar()
    assert only(found, "clear_change").occasion == f"clear_change:sleep_hours:{year}-W{week}"


@pytest.mark.parametrize(("hours", "earliest"), [(5.5, 7), (5, 23), (8.5, 7)])
def test_sees_what_is_just_a_clear_change(hours, earliest):
    nights = ((ago, 7) for ago in range(earliest, earliest + 5))

    assert "clear_change" in types(slept((0, hours), (1, hours), (2, hours), *nights))


@pytest.mark.parametrize(
    "nights",
    [
        [(0, 5), (1, 5), *((ago, 7) for ago in range(7, 12))],
        [(0, 5), (1, 5), (2, 5), *((ago, 7) for ago in range(7, 11))],
        [(0, 5.6), (1, 5.6), (2, 5.6), *((ago, 7) for ago in range(7, 12))],
        [(0, 5), (1, 5), (2, 5), *((ago, 7) for ago in range(24, 29))],
        [(0, 5), (1, 5), (2, 5), (7, 3), (8, 11), (9, 3), (10, 11), (11, 7)],
        [(0, "bad"), (1, 5), (2, 5), *((ago, 7) for ago in range(7, 12))],
    ],
)
def test_is_silent_about_small_changes_and_little_data(nights):
    assert "clear_change" not in types(slept(*nights))
