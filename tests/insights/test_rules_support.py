import datetime as dt

import pytest

from insights.generators import alerts, find_all
from insights.types import Checkin, Evidence
from tests.insights.facts import checkin, checkins, event, facts, noon, only, types


@pytest.mark.parametrize(
    "form",
    [
        {"anxiety_level": 8},
        {"anxiety_level": "10"},
        {"mood_today": "very tough"},
        {"mood_today": "hopeful, Very Tough"},
        {"moods": ["very tough"]},
    ],
)
def test_sees_who_needs_support(form):
    today = checkin(**form)

    (alert,) = alerts(facts(today))

    assert (alert.type, alert.category, alert.priority) == ("support_needed", "recommendation", 5)
    assert alert.occasion == f"support_needed:{today.id}"
    assert alert.evidence == (Evidence("check-in", today.id),)
    assert alert.expires_after == dt.timedelta(days=7)


@pytest.mark.parametrize(
    "form",
    [
        {"anxiety_level": 7},
        {"anxiety_level": 11},
        {"anxiety_level": True},
        {"anxiety_level": [8]},
        {"mood_today": "tough"},
        {"mood_today": 9},
    ],
)
def test_gives_no_alert_below_that(form):
    assert alerts(facts(checkin(**form))) == []


def test_gives_one_alert_for_each_checkin_of_the_last_seven_days():
    days = [checkin(ago, anxiety_level=9) for ago in range(10)]

    found = alerts(facts(*days))

    assert [alert.occasion for alert in found] == [f"support_needed:{c.id}" for c in days[:7]]


def test_names_the_event_that_an_alert_rests_on():
    ids = {kind: checkin().id for kind in ("mood", "assessment", "medication")}
    today = checkin(anxiety_level=8, phq4_score=9)
    today = Checkin(today.id, today.date, noon(0), today.form, ids)

    found = alerts(facts(today))

    assert only(found, "support_needed").evidence == (Evidence("health-event", ids["mood"]),)
    assert only(found, "assessment_alert").evidence == (
        Evidence("health-event", ids["assessment"]),
    )


@pytest.mark.parametrize("data", [{"mood": "very tough"}, {"mood": "okay", "anxiety_level": 8}])
def test_sees_moods_outside_of_checkins(data):
    mood = event("mood", 6, **data)

    (alert,) = alerts(facts(events=[mood]))

    assert alert.occasion == f"support_needed:{mood.id}"
    assert alert.evidence == (Evidence("health-event", mood.id),)


def test_gives_no_alert_for_calm_old_or_other_events():
    events = [
        event("mood", mood="okay", anxiety_level=7),
        event("mood", 7, mood="very tough"),
        event("note", mood="very tough", anxiety_level=9),
    ]

    assert alerts(facts(events=events)) == []


def test_sees_three_hard_days_in_a_row():
    hard = [{"mood_today": "overwhelmed"}, {"confidence_today": 3}, {"anxiety_level": 8}]

    found = find_all(facts(*checkins(*hard)))

    support = only(found, "challenging_support")
    assert support.priority == 9
    assert support.values["count"] == 3
    assert len(support.evidence) == 3


@pytest.mark.parametrize(
    "days",
    [
        [{"confidence_today": 3}] * 2,
        [{"confidence_today": 4}, {"confidence_today": 3}, {"confidence_today": 3}],
        [{"mood_today": "on and off"}] * 3,
    ],
)
def test_is_silent_about_fewer_hard_days(days):
    assert "challenging_support" not in types(find_all(facts(*checkins(*days))))


def test_sees_low_confidence_twice():
    found = find_all(facts(*checkins({"confidence_today": 4}, {"confidence_today": 4})))

    assert only(found, "confidence_support").priority == 8


@pytest.mark.parametrize("scores", [[4], [4, 5], [5, 4], [4, 3]])
def test_is_silent_about_confidence_that_is_low_once_or_on_its_way_up(scores):
    days = checkins(*({"confidence_today": score} for score in scores))

    assert "confidence_support" not in types(find_all(facts(*days)))


def test_sees_an_appointment_that_is_feared():
    today = checkin(appointment_within_3_days=True, appointment_anxiety=6)

    assert "appointment_support" in types(find_all(facts(today)))


@pytest.mark.parametrize(
    ("ago", "form"),
    [
        (0, {"appointment_within_3_days": True, "appointment_anxiety": 5}),
        (0, {"appointment_within_3_days": False, "appointment_anxiety": 6}),
        (3, {"appointment_within_3_days": True, "appointment_anxiety": 6}),
    ],
)
def test_is_silent_about_other_appointments(ago, form):
    assert "appointment_support" not in types(find_all(facts(checkin(ago, **form))))


def test_says_nothing_of_lately_about_old_checkins():
    days = [checkin(ago, confidence_today=2, anxiety_level=9) for ago in range(14, 20)]

    assert find_all(facts(*days)) == []
