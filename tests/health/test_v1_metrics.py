"""GET /api/users/metrics: the figures of a person's own check-ins, exact to the day."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User, UserProfile
from core.times import local_date
from health import legacy_metrics
from health.legacy_metrics import GENTLE_STRATEGIES, Day, History
from health.models import DailyCheckin
from tests.conftest import ApiClient, client_of
from tests.factories import make_user

METRICS = "/api/users/metrics"
EVENTS = "/api/v2/health/events"
ZONE = "America/Los_Angeles"
TODAY = dt.date(2026, 3, 20)
KEYS = {
    *("user_id", "medicationAdherenceRate", "medicationAdherenceTrend", "missedDosesLastWeek"),
    *("totalMedicationCheckIns", "averageMoodScore", "currentPHQ4Score", "phq4Trend"),
    *("anxietyAverage", "checkInStreak", "totalCheckIns", "total_checkins"),
    *("insightEngagementRate", "checklistCompletionRate", "copingStrategiesUsed"),
    *("mostEffectiveStrategy", "partnerInvolvementRate", "cycleCompletionProbability"),
    *("riskFactors", "protectiveFactors", "lastUpdated", "dataRange"),
}
ITEMS = ("phq4_feeling_nervous", "phq4_stop_worrying", "phq4_little_interest", "phq4_feeling_down")


def metrics(client: ApiClient) -> dict[str, Any]:
    response = client.call("GET", METRICS)
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    assert answer["success"] is True
    found: dict[str, Any] = answer["metrics"]
    return found


def submit(client: ApiClient, days_ago: int = 0, **form: Any) -> str:
    date = local_date(timezone.now(), ZONE) - dt.timedelta(days=days_ago)
    sent = {"mood_today": "calm", "confidence_today": 5, "date_submitted": date.isoformat()}
    response = client.call("POST", "/api/checkins", sent | form)
    assert response.status_code == 201, response.content
    checkin_id: str = response.json()["checkin"]["id"]
    return checkin_id


def assess(client: ApiClient, **changes: Any) -> str:
    event = {
        "event_type": "assessment",
        "event_subtype": "phq4",
        "event_data": {"total_score": 9, "anxiety_score": 5},
    }
    response = client.call("POST", EVENTS, event | changes)
    assert response.status_code == 201, response.content
    event_id: str = response.json()["id"]
    return event_id


def figures(days: list[Day], *, signed_up: dt.date | None = None, **changes: Any) -> dict[str, Any]:
    """Compute the figures of these check-ins, the newest first, as the database counts them."""
    dates = [day.date for day in days]
    row = [date for date in dates if date - dt.timedelta(days=1) not in dates]
    counted: dict[str, Any] = {
        "checkin_count": len(days),
        "tracked_count": sum(
            day.form.get("medication_taken") in legacy_metrics.TRACKED for day in days
        ),
        "first_date": min(dates, default=None),
        "last_date": max(dates, default=None),
        "changed_at": None,
        "row_began": max(row, default=None),
        "signed_up_at": timezone.now(),
        "phq4_answers": [],
    } | changes
    since = signed_up or min(dates, default=TODAY)
    return legacy_metrics.figures(History(**counted), days, today=TODAY, signed_up=since)


def day(days_ago: int, **form: Any) -> Day:
    return Day(TODAY - dt.timedelta(days=days_ago), {"confidence_today": 5} | form)


def took(*answers: str | None) -> list[Day]:
    """Give a check-in for today and each day before, with what was said about medication."""
    return [day(ago, medication_taken=answer) for ago, answer in enumerate(answers)]


def test_has_every_key_for_somebody_who_has_only_signed_up(as_alice, alice):
    found = metrics(as_alice)

    assert found == {
        "user_id": str(alice.id),
        "medicationAdherenceRate": 0,
        "medicationAdherenceTrend": "stable",
        "missedDosesLastWeek": 0,
        "totalMedicationCheckIns": 0,
        "averageMoodScore": 5,
        "currentPHQ4Score": None,
        "phq4Trend": None,
        "anxietyAverage": None,
        "checkInStreak": 0,
        "totalCheckIns": 0,
        "total_checkins": 0,
        "insightEngagementRate": 0,
        "checklistCompletionRate": 0,
        "copingStrategiesUsed": list(GENTLE_STRATEGIES),
        "mostEffectiveStrategy": GENTLE_STRATEGIES[0],
        "partnerInvolvementRate": 0,
        "cycleCompletionProbability": 50,
        "riskFactors": ["Nothing stands out right now"],
        "protectiveFactors": ["Every check-in builds a habit that helps"],
        "lastUpdated": None,
        "dataRange": {"from": None, "to": None},
    }


@pytest.mark.parametrize("has_events", [True, False])
def test_counts_check_ins_in_both_storage_modes(as_alice, settings, has_events):
    settings.USE_SCHEMA_V2 = has_events
    for days_ago, answer in enumerate(["yes", "no", "yes"]):
        submit(as_alice, days_ago, medication_taken=answer)
    items = dict(zip(ITEMS, (1, 2, 0, 1), strict=True))
    submit(as_alice, 4, medication_taken="not tracked", mood_today="Hopeful, tired", **items)

    found = metrics(as_alice)

    assert found.keys() == KEYS
    assert found["medicationAdherenceRate"] == 67
    assert found["missedDosesLastWeek"] == 1
    assert found["totalMedicationCheckIns"] == 3
    assert found["averageMoodScore"] == 6
    assert found["currentPHQ4Score"] == 4
    assert found["phq4Trend"] is None
    assert found["anxietyAverage"] == 3
    assert found["checkInStreak"] == 3
    assert found["totalCheckIns"] == found["total_checkins"] == 4
    assert found["insightEngagementRate"] == 100


def test_follows_changes_and_deletions(as_alice):
    submit(as_alice, 3, medication_taken="yes")
    submit(as_alice, 1, medication_taken="yes")
    wrong = submit(as_alice, 0, medication_taken="yes")
    before = metrics(as_alice)

    as_alice.call("PUT", f"/api/checkins/{wrong}", {"medication_taken": "no"})
    changed = metrics(as_alice)
    as_alice.call("DELETE", f"/api/checkins/{wrong}")
    deleted = metrics(as_alice)

    assert [m["medicationAdherenceRate"] for m in (before, changed, deleted)] == [100, 67, 0]
    assert [m["checkInStreak"] for m in (before, changed, deleted)] == [2, 2, 1]
    assert [m["totalCheckIns"] for m in (before, changed, deleted)] == [3, 3, 2]
    assert changed["lastUpdated"] > before["lastUpdated"]


def test_stays_the_same_while_nothing_changes(as_alice):
    submit(as_alice, medication_taken="yes", coping_strategies_used=["Walking"])
    first = as_alice.call("GET", METRICS)

    as_alice.call("PATCH", "/api/users/baseline", dict.fromkeys(SCORES, 5))
    again = as_alice.call("GET", METRICS, if_none_match=first["ETag"])

    assert again.status_code == 304
    assert again.content == b""


SCORES = ("confidence_meds", "confidence_costs", "confidence_overall")


def test_is_of_nobody_else(as_alice, as_bob, as_charlie, bob, charlie):
    submit(as_alice, medication_taken="yes", coping_strategies_used=["Alice's way"], phq4_score=9)
    assess(as_alice)

    for client, user in ((as_bob, bob), (as_charlie, charlie)):
        found = metrics(client)
        assert found["user_id"] == str(user.id)
        assert found["totalCheckIns"] == 0
        assert found["currentPHQ4Score"] is None
        assert found["copingStrategiesUsed"] == list(GENTLE_STRATEGIES)


def test_needs_a_token(db, nobody):
    assert nobody.call("GET", METRICS).status_code == 401


@pytest.mark.parametrize(
    ("answers", "rate"),
    [
        (["yes", "yes", "no"], 67),
        (["yes", "no", "partial"], 33),
        (["yes"] * 7 + ["no"] * 7, 100),
        (["yes", "yes"], 0),
        (["yes", "not tracked", "not_applicable", None, "no", "no"], 33),
        ([None] * 7 + ["yes"] * 3, 0),
        (["no"] * 7, 0),
        (["yes"] * 7 + ["no"], 100),
        (["yes"] * 6 + ["no"], 86),
    ],
)
def test_tells_the_adherence_of_seven_days(answers, rate):
    assert figures(took(*answers))["medicationAdherenceRate"] == rate


@pytest.mark.parametrize(
    ("this_week", "last_week", "trend"),
    [
        ("yynnnnn", "ynnnnnn", "improving"),
        ("ynnnnnn", "yynnnnn", "declining"),
        ("yyyyyyy", "yyyyyyy", "stable"),
        ("yyyyyyy", "nn-----", "stable"),
        ("yy-----", "nnnnnnn", "stable"),
        ("yyy----", "nnn----", "improving"),
        ("-------", "yyyyyyy", "stable"),
    ],
)
def test_compares_with_the_week_before(this_week, last_week, trend):
    words = {"y": "yes", "n": "no", "-": None}

    found = figures(took(*(words[letter] for letter in this_week + last_week)))

    assert found["medicationAdherenceTrend"] == trend


@pytest.mark.parametrize(("change", "trend"), [(5, "stable"), (6, "improving"), (-6, "declining")])
def test_calls_five_points_stable(change, trend):
    week = [
        Day(TODAY, {"medication_taken": "yes" if n < 50 + change else "no"}) for n in range(100)
    ]
    before = [
        Day(TODAY - dt.timedelta(7), {"medication_taken": "yes" if n < 50 else "no"})
        for n in range(100)
    ]

    assert legacy_metrics.adherence([*week, *before], 200, TODAY) == (50 + change, trend)


@pytest.mark.parametrize(
    ("form", "missed"),
    [
        ({"medication_taken": "no"}, 1),
        ({"medication_taken": "no", "missed_doses": 3}, 3),
        ({"medication_taken": "no", "missed_doses": 0}, 0),
        ({"medication_taken": "yes", "missed_doses": 2}, 2),
        ({"medication_taken": "no", "missed_doses": "many"}, 1),
        ({"medication_taken": "partial"}, 0),
        ({}, 0),
    ],
)
def test_counts_missed_doses(form, missed):
    days = [day(0, **form), day(6, **form), day(7, **form)]

    assert figures(days)["missedDosesLastWeek"] == 2 * missed


@pytest.mark.parametrize(
    ("moods", "average"),
    [
        ([], 5),
        (["calm", "", "undecided"], 5),
        (["calm", "", "anxious"], 4),
        (["empowered", "undecided"], 10),
        (["Hopeful, CONFIDENT"], 7.5),
        (["devastated", "devastated, confident"], 2.8),
        (["hopeful"] * 30 + ["devastated"], 7),
    ],
)
def test_averages_moods_that_it_knows(moods, average):
    days = [day(ago, mood_today=mood) for ago, mood in enumerate(moods)]

    assert figures(days)["averageMoodScore"] == average


@pytest.mark.parametrize(
    ("days_ago", "streak"),
    [
        ([], 0),
        ([0], 1),
        ([1], 1),
        ([2], 0),
        ([0, 1, 2], 3),
        ([1, 2, 3, 5], 3),
        ([0, 2, 3], 1),
        ([-1, 0, 1], 3),
    ],
)
def test_counts_days_in_a_row(as_alice, days_ago, streak):
    for ago in days_ago:
        if ago >= 0:
            submit(as_alice, ago)

    assert figures([day(ago) for ago in days_ago])["checkInStreak"] == streak
    if min(days_ago, default=0) >= 0:
        assert metrics(as_alice)["checkInStreak"] == streak


def test_goes_by_the_persons_own_day(db):
    ahead, behind = (
        make_user(profile={"timezone": zone}) for zone in ("Pacific/Kiritimati", "Pacific/Niue")
    )
    # It is always another date there: the two are 25 hours apart.
    dates = {user: local_date(timezone.now(), user.profile.timezone) for user in (ahead, behind)}
    for user, date in dates.items():
        write_days(user, [date - dt.timedelta(days=1), date - dt.timedelta(days=2)])

    streaks = [metrics(client_of(user))["checkInStreak"] for user in (ahead, behind)]
    UserProfile.objects.filter(user=behind).update(timezone="Pacific/Kiritimati")

    assert dates[ahead] > dates[behind]
    assert streaks == [2, 2]
    assert metrics(client_of(behind))["checkInStreak"] == 0


def write_days(user: User, dates: list[dt.date]) -> None:
    now = timezone.now()
    DailyCheckin.objects.bulk_create(
        DailyCheckin(
            tenant_id=user.tenant_id,
            user=user,
            date_submitted=date,
            mood_today="calm",
            confidence_today=5,
            medication_taken="yes",
            occurred_at=now,
            created_at=now,
            updated_at=now,
        )
        for date in dates
    )


def test_counts_ten_years(db):
    user = make_user()
    today = local_date(timezone.now(), ZONE)
    write_days(user, [today - dt.timedelta(days=ago) for ago in range(3650)])

    found = metrics(client_of(user))

    assert found["checkInStreak"] == found["totalCheckIns"] == 3650
    assert found["totalMedicationCheckIns"] == 3650
    first = today - dt.timedelta(days=3649)
    assert found["dataRange"] == {"from": first.isoformat(), "to": today.isoformat()}


def test_takes_the_newest_phq4_of_check_ins_and_events(as_alice):
    submit(as_alice, 9, phq4_score=8, phq4_anxiety=3)
    submit(as_alice, 5, **dict.fromkeys(ITEMS[:3], 3))
    none = metrics(as_alice)
    event_id = assess(as_alice)
    worse = metrics(as_alice)
    assess(as_alice, event_subtype="PHQ-4", event_data={"total_score": 2})
    better = metrics(as_alice)
    assess(as_alice, event_subtype="phq9", event_data={"total_score": 20})

    retracted = as_alice.call("POST", f"{EVENTS}/{event_id}/retractions", {"reason": "a slip"})

    assert retracted.status_code == 201
    assert (none["currentPHQ4Score"], none["phq4Trend"], none["anxietyAverage"]) == (8, None, 3)
    assert (worse["currentPHQ4Score"], worse["phq4Trend"], worse["anxietyAverage"]) == (
        *(9, "worsening"),
        4,
    )
    assert (better["currentPHQ4Score"], better["phq4Trend"]) == (2, "improving")
    # Of 8 and 2 that are left; half of the total stands where the anxiety half is unknown.
    left = metrics(as_alice)
    assert (left["currentPHQ4Score"], left["anxietyAverage"]) == (2, 2)


def test_reads_corrected_assessments_as_they_are_now(as_alice):
    event_id = assess(as_alice)
    change = {"event_data": {"total_score": 3}, "reason": "a slip"}

    assert as_alice.call("POST", f"{EVENTS}/{event_id}/corrections", change).status_code == 201

    assert metrics(as_alice)["currentPHQ4Score"] == 3
    assert metrics(as_alice)["phq4Trend"] is None


def test_leaves_events_alone_in_v1_mode(as_alice, settings):
    submit(as_alice, phq4_score=4)
    assess(as_alice)

    settings.USE_SCHEMA_V2 = False

    assert metrics(as_alice)["currentPHQ4Score"] == 4


def test_names_the_strategy_with_the_most_confident_days():
    days = [
        day(0, coping_strategies_used=["Walking", "Walking", " Tea "], confidence_today=9),
        day(1, coping_strategies_used=["Walking"], confidence_today=5),
        day(2, coping_strategies=["Journal"], confidence_today=8),
        day(3, coping_strategies_used=["Journal", "Walking", 7, ""], confidence_today=8),
        day(4, coping_strategies_used="Yoga"),
        day(5, coping_strategies_used=None),
    ]

    found = figures(days)

    assert found["copingStrategiesUsed"] == ["Walking", "Journal", "Tea"]
    assert found["mostEffectiveStrategy"] == "Journal"


@pytest.mark.parametrize("value", [None, "7", 11, 0, 7.5, True, [7], {"a": 1}, "x" * 1000])
def test_copes_with_old_rows_that_hold_anything_anywhere(value):
    keys = (
        *("mood_today", "confidence_today", "medication_taken", "missed_doses", "user_note"),
        *("coping_strategies_used", "coping_strategies", "partner_involved_today"),
        *("partner_involved", "side_effects"),
    )
    answers = [
        dict.fromkeys(("score", "anxiety", "nervous", "worrying", "interest", "down"), value)
    ]

    found = figures([day(0, **dict.fromkeys(keys, value))], phq4_answers=answers)

    assert found["averageMoodScore"] == 5
    assert found["copingStrategiesUsed"] == list(GENTLE_STRATEGIES)
    assert found["totalCheckIns"] == 1


def test_names_the_first_strategy_while_none_is_repeated():
    assert figures([day(0, coping_strategies_used=["Tea"])])["mostEffectiveStrategy"] == "Tea"


@pytest.mark.parametrize(
    ("answers", "rate"),
    [([True, False, True, None], 67), ([None], 0), (["yes"], 0), ([True] * 30 + [False], 100)],
)
def test_tells_how_often_the_partner_was_involved(answers, rate):
    days = [day(ago, partner_involved_today=answer) for ago, answer in enumerate(answers)]

    assert figures(days)["partnerInvolvementRate"] == rate


def test_knows_the_older_name_for_the_partner():
    assert figures([day(0, partner_involved=True)])["partnerInvolvementRate"] == 100


@pytest.mark.parametrize(
    ("forms", "since", "rate"),
    [
        ([{}], 0, 25),
        ([{"medication_taken": "no", "user_note": "a", "coping_strategies_used": []}], 0, 100),
        ([{"medication_taken": None, "user_note": "", "side_effects": []}], 0, 50),
        ([{}], 1, 13),
        ([{}] * 7, 100, 25),
        ([{}] * 14, 13, 25),
        ([{}], 100, 4),
        ([{}] * 2, 0, 25),
    ],
)
def test_tells_how_much_of_the_daily_form_was_done(forms, since, rate):
    days = [day(ago, **form) for ago, form in enumerate(forms)]

    found = figures(days, signed_up=TODAY - dt.timedelta(days=since))

    assert found["checklistCompletionRate"] == rate


@pytest.mark.parametrize(
    ("count", "since", "rate"), [(1, 0, 100), (1, 1, 100), (1, 2, 50), (3, 8, 38), (9, 2, 100)]
)
def test_tells_how_often_the_person_checks_in(count, since, rate):
    found = figures([], checkin_count=count, signed_up=TODAY - dt.timedelta(days=since))

    assert found["insightEngagementRate"] == rate


@pytest.mark.parametrize(
    ("rate", "phq4", "engagement", "points"),
    [
        (0, None, 0, 50),
        (69, None, 49, 50),
        (70, None, 50, 60),
        (80, None, 70, 70),
        (90, 2, 70, 90),
        (100, 0, 100, 90),
        (0, 3, 0, 60),
        (0, 5, 0, 60),
        (0, 6, 0, 55),
        (0, 8, 0, 55),
        (0, 9, 0, 50),
    ],
)
def test_follows_the_old_formula_for_completion(rate, phq4, engagement, points):
    assert legacy_metrics.probability(rate, phq4, engagement) == points


def test_only_encourages_those_who_have_just_begun():
    two = figures(took("no", "no"), phq4_answers=[phq4(12)], signed_up=TODAY - dt.timedelta(90))
    one = figures(took("no"))

    assert two["riskFactors"] == ["Nothing stands out right now"]
    assert len(two["protectiveFactors"]) == 2
    assert len(one["protectiveFactors"]) == 1
    assert two["cycleCompletionProbability"] == 50


def phq4(score: int) -> dict[str, Any]:
    return {"score": score, "anxiety": None} | dict.fromkeys(
        ("nervous", "worrying", "interest", "down")
    )


def test_names_risks_to_those_it_knows():
    long_ago = TODAY - dt.timedelta(days=90)
    days = [day(ago, medication_taken="no") for ago in range(2, 10)]

    found = figures(days, phq4_answers=[phq4(6)], signed_up=long_ago)

    assert len(found["riskFactors"]) == 4
    assert found["protectiveFactors"] == ["Every check-in builds a habit that helps"]


def test_names_what_protects():
    found = figures(took(*["yes"] * 9), phq4_answers=[phq4(2)])

    assert found["riskFactors"] == ["Nothing stands out right now"]
    assert len(found["protectiveFactors"]) == 4
    assert "9 daily check-ins in a row" in found["protectiveFactors"]


@pytest.mark.parametrize(
    ("changes", "score", "anxiety"),
    [
        ({"score": 7, "anxiety": 5}, 7, 5),
        ({"score": 7}, 7, 3.5),
        ({"nervous": 1, "worrying": 2, "interest": 0, "down": 1}, 4, 3),
        ({"score": 7, "nervous": 3, "worrying": 3}, 7, 6),
    ],
)
def test_scores_a_phq4(changes, score, anxiety):
    found = legacy_metrics.read_phq4(phq4(0) | {"score": None} | changes)

    assert found == legacy_metrics.Phq4(score, anxiety)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"nervous": 1, "worrying": 2, "interest": 0},
        {"nervous": 4, "worrying": 2, "interest": 0, "down": 0},
        {"nervous": True, "worrying": 2, "interest": 0, "down": 0},
        {"score": 13},
        {"score": "7"},
    ],
)
def test_scores_nothing_that_is_no_whole_phq4(changes):
    assert legacy_metrics.read_phq4(phq4(0) | {"score": None} | changes) is None
