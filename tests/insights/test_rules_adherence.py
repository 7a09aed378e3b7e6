import pytest

from insights.generators import find_all
from tests.insights.facts import checkin, checkins, event, facts, only, types


def found_in(*answers, events=()):
    days = checkins(*({"medication_taken": answer} for answer in answers))
    return find_all(facts(*days, events=events))


def test_sees_that_nothing_was_missed():
    found = only(
        found_in("yes", "not tracked", "Yes", "not_applicable", "yes"), "perfect_adherence"
    )

    assert found.category == "achievement"
    assert found.values == {"count": 3}
    assert found.occasion == "perfect_adherence:2026-W47"
    assert len(found.evidence) == 3


@pytest.mark.parametrize(
    "answers",
    [
        ("yes", "yes"),
        ("yes", "yes", "not tracked"),
        ("yes", "yes", "yes", "no"),
        ("yes", "yes", "yes", "partial"),
        (True, True, True),
    ],
)
def test_is_silent_about_fewer_days_and_anything_missed(answers):
    assert "perfect_adherence" not in types(found_in(*answers))


def test_believes_doses_that_were_missed_although_the_day_says_yes():
    days = checkins(*({"medication_taken": "yes", "missed_doses": n} for n in (0, 0, 1)))

    assert "perfect_adherence" not in types(find_all(facts(*days)))


@pytest.mark.parametrize("status", ["missed", "skipped", "partial"])
def test_believes_events_of_missed_doses(status):
    found = found_in("yes", "yes", "yes", events=[event("medication", 6, status=status)])

    assert "perfect_adherence" not in types(found)


@pytest.mark.parametrize(
    "other",
    [
        event("medication", 7, status="missed"),
        event("medication", status="taken"),
        event("note", status="missed"),
    ],
)
def test_does_not_mind_other_events(other):
    found = found_in("yes", "yes", "yes", events=[other])

    assert "perfect_adherence" in types(found)


def test_sees_missed_doses_on_two_days():
    found = only(found_in("no", "partial"), "missed_doses")

    assert found.values == {"count": 2}


def test_counts_days_of_checkins_and_events_together():
    skipped = event("medication", 1, status="skipped")

    found = only(found_in("no", "yes", events=[skipped]), "missed_doses")

    assert [link.kind for link in found.evidence] == ["check-in", "health-event"]


def test_is_silent_about_one_day_of_missed_doses():
    events = [event("medication", status="missed"), event("medication", status="missed")]

    assert "missed_doses" not in types(found_in("no", "yes", "yes", events=events))


def test_is_silent_about_missed_doses_of_the_week_before():
    days = [checkin(ago, medication_taken="no") for ago in (0, 7, 8)]

    assert "missed_doses" not in types(find_all(facts(*days)))
