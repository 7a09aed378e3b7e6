import datetime as dt

import pytest

from insights.generators import alerts
from insights.types import Evidence
from tests.insights.facts import checkin, event, facts


def items(*answers):
    names = ("feeling_nervous", "stop_worrying", "little_interest", "feeling_down")
    return {f"phq4_{name}": answer for name, answer in zip(names, answers, strict=True)}


@pytest.mark.parametrize(
    ("form", "severity"),
    [
        ({"phq4_score": 6}, "moderate"),
        ({"phq4_score": 8}, "moderate"),
        ({"phq4_score": 9}, "severe"),
        ({"phq4_score": "12"}, "severe"),
        (items(1, 2, 2, 1), "moderate"),
        (items(3, 3, 3, 0), "severe"),
        ({"phq4_score": 0, **items(3, 3, 3, 3)}, "severe"),
    ],
)
def test_sees_moderate_and_severe_scores(form, severity):
    today = checkin(**form)

    (alert,) = alerts(facts(today))

    assert (alert.type, alert.category, alert.priority) == ("assessment_alert", "risk", 8)
    assert alert.values == {"severity": severity}
    assert alert.occasion == f"assessment_alert:{today.id}"
    assert alert.evidence == (Evidence("check-in", today.id),)
    assert alert.expires_after == dt.timedelta(days=7)


@pytest.mark.parametrize(
    "form",
    [
        {"phq4_score": 5},
        {"phq4_score": 13},
        {"phq4_score": None},
        {"phq4_score": [9]},
        items(1, 2, 2, 0),
        items(3, 3, 3, None),
        items(3, 3, 3, 4),
    ],
)
def test_is_silent_about_lower_unknown_and_unfinished_scores(form):
    assert alerts(facts(checkin(**form))) == []


@pytest.mark.parametrize(
    ("subtype", "data", "severity"),
    [
        (None, {"total_score": 6}, "moderate"),
        ("phq4", {"total_score": 9}, "severe"),
        ("PHQ-4", {"feeling_nervous": 3, "stop_worrying": 3, "little_interest": 0,
                   "feeling_down": 0}, "moderate"),
        ("phq9", {"total_score": 10}, "moderate"),
        ("phq9", {"total_score": 15}, "severe"),
        ("gad7", {"total_score": 10}, "moderate"),
        ("gad7", {"total_score": 15}, "severe"),
        ("other", {"severity": "Moderately severe"}, "severe"),
        ("phq4", {"severity": "moderate"}, "moderate"),
    ],
)  # fmt: skip
def test_sees_assessments_outside_of_checkins(subtype, data, severity):
    assessment = event("assessment", 6, subtype, **data)

    (alert,) = alerts(facts(events=[assessment]))

    assert alert.values == {"severity": severity}
    assert alert.occasion == f"assessment_alert:{assessment.id}"
    assert alert.evidence == (Evidence("health-event", assessment.id),)


@pytest.mark.parametrize(
    ("kind", "ago", "subtype", "data"),
    [
        ("assessment", 0, "phq4", {"total_score": 5}),
        ("assessment", 0, "phq4", {"total_score": 13}),
        ("assessment", 0, "phq9", {"total_score": 28}),
        ("assessment", 0, "gad7", {"total_score": 22}),
        ("assessment", 0, "phq4", {"total_score": 0, "severity": "severe"}),
        ("assessment", 0, "phq9", {"total_score": 9}),
        ("assessment", 0, "gad7", {"total_score": 9}),
        ("assessment", 0, "phq4", {"total_score": 2, "severity": "severe"}),
        ("assessment", 0, "other", {"total_score": 12}),
        ("assessment", 0, "phq4", {"severity": "mild"}),
        ("assessment", 0, "phq4", {"total_score": "many", "severity": 3}),
        ("assessment", 7, "phq4", {"total_score": 12}),
        ("mood", 0, "phq4", {"total_score": 12}),
    ],
)
def test_is_silent_about_other_assessments(kind, ago, subtype, data):
    assert alerts(facts(events=[event(kind, ago, subtype, **data)])) == []


def test_is_silent_about_old_checkins():
    assert alerts(facts(checkin(7, phq4_score=12))) == []
