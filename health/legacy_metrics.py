"""The figures of GET /api/users/metrics, for old clients: pure functions of what was checked in.

A week is the last 7 of the person's local days, with today. Only "yes", "no" and "partial" say
something about medication; "partial" is not "yes". What cannot be known is null, 0, or, where
old clients take no less, the one value named here.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final

from health import checkins
from health.types import MOOD_SCORES

TRACKED: Final = ("yes", "no", "partial")
# With fewer answers than this, a rate says nothing about a person.
ENOUGH: Final = 3
WEEK: Final = 7
# How many of the newest check-ins the figures look at; more than two weeks hold.
RECENT: Final = 90
LATEST: Final = 30
# A client may be a zone ahead of the profile. Later days are slips, which the old service took.
AHEAD: Final = dt.timedelta(days=2)
MOST_STRATEGIES: Final = 20

MIDDLE_MOOD: Final = 5

# For people who never named one: what keeping this diary is. Old clients need a list.
GENTLE_STRATEGIES: Final = ("Daily tracking", "Medication reminders", "Mood monitoring")

# The parts of the daily form, beside checking in at all; one key of each is enough.
PARTS: Final = (
    ("medication_taken", "missed_doses"),
    (
        *("user_note", "primary_concern_today", "journey_reflection_today", "anxiety_level"),
        *("side_effects", "physical_symptoms", "wish_knew_more_about"),
    ),
    ("coping_strategies_used", "coping_strategies"),
)


@dataclass(frozen=True)
class Day:
    """One check-in: its date, and what the person sent."""

    date: dt.date
    form: Mapping[str, Any]


@dataclass(frozen=True)
class History:
    """What the database counts over all check-ins of a person."""

    checkin_count: int
    tracked_count: int
    first_date: dt.date | None
    last_date: dt.date | None
    changed_at: dt.datetime | None
    # The first of the days in a row that end with the last date.
    row_began: dt.date | None
    signed_up_at: dt.datetime
    # The newest first; items are 0 to 3, the score is 0 to 12.
    phq4_answers: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Phq4:
    score: int
    anxiety: float


def figures(
    history: History, recent: Sequence[Day], *, today: dt.date, signed_up: dt.date
) -> dict[str, Any]:
    """Put the figures together. `recent` are the newest check-ins, the newest first."""
    rate, trend = adherence(recent, history.tracked_count, today)
    scores = [found for answer in history.phq4_answers if (found := read_phq4(answer))]
    phq4 = scores[0].score if scores else None
    age = max(1, (today - signed_up).days)
    engagement = min(100, _percent(history.checkin_count, age))
    streak = streak_of(history, today)
    strategies = strategies_of(recent)
    return {
        "medicationAdherenceRate": rate,
        "medicationAdherenceTrend": trend,
        "missedDosesLastWeek": missed_doses(_between(recent, today, 0)),
        "totalMedicationCheckIns": history.tracked_count,
        "averageMoodScore": average_mood(recent[:LATEST]),
        "currentPHQ4Score": phq4,
        "phq4Trend": phq4_trend(scores),
        "anxietyAverage": round(fmean(s.anxiety for s in scores), 1) if scores else None,
        "checkInStreak": streak,
        "totalCheckIns": history.checkin_count,
        "total_checkins": history.checkin_count,
        "insightEngagementRate": engagement,
        "checklistCompletionRate": checklist_rate(recent, today=today, signed_up=signed_up),
        "copingStrategiesUsed": list(strategies)[:MOST_STRATEGIES] or list(GENTLE_STRATEGIES),
        "mostEffectiveStrategy": most_effective(strategies),
        "partnerInvolvementRate": partner_rate(recent[:LATEST]),
        "cycleCompletionProbability": probability(rate, phq4, engagement),
        "riskFactors": risk_factors(history, rate, phq4, engagement, streak),
        "protectiveFactors": protective_factors(history, rate, phq4, streak),
        "lastUpdated": history.changed_at,
        "dataRange": {"from": history.first_date, "to": history.last_date},
    }


def adherence(recent: Sequence[Day], tracked_count: int, today: dt.date) -> tuple[int, str]:
    """Tell this week's rate in percent, and how it compares with the week before."""
    if tracked_count < ENOUGH:
        return 0, "stable"
    yes, tracked = _answers(_between(recent, today, 0))
    yes_before, tracked_before = _answers(_between(recent, today, WEEK))
    trend = "stable"
    if tracked >= ENOUGH and tracked_before >= ENOUGH:
        # Both rates over one denominator, as five points are no change and 0.05 is not exact.
        change = 100 * (yes * tracked_before - yes_before * tracked)
        same = 5 * tracked * tracked_before
        trend = "improving" if change > same else "declining" if change < -same else "stable"
    return _percent(yes, tracked), trend


def missed_doses(days: Iterable[Day]) -> int:
    """Add up the doses that the person counted; a "no" without a count is one."""
    return sum(
        day.form["missed_doses"]
        if DOSES.holds(day.form.get("missed_doses"))
        else day.form.get("medication_taken") == "no"
        for day in days
    )


DOSES: Final = checkins.Whole(0, 1000)


def average_mood(days: Iterable[Day]) -> float:
    """Average the moods that the table knows; a day of several counts once."""
    scores = [score for day in days if (score := mood_score(day.form.get("mood_today")))]
    return round(fmean(scores), 1) if scores else MIDDLE_MOOD


def mood_score(moods: object) -> float | None:
    words = moods.lower().split(",") if isinstance(moods, str) else []
    known = [MOOD_SCORES[word.strip()] for word in words if word.strip() in MOOD_SCORES]
    return fmean(known) if known else None


def read_phq4(answer: Mapping[str, Any]) -> Phq4 | None:
    """Score an answer: the total that was sent, or the sum of all four items."""
    items: list[Any] = [answer[name] for name in ("nervous", "worrying", "interest", "down")]
    are_known = [checkins.ITEM.holds(item) for item in items]
    if TOTAL.holds(answer["score"]):
        score: int = answer["score"]
    elif all(are_known):
        score = sum(items)
    else:
        return None
    if all(are_known[:2]):
        return Phq4(score, sum(items[:2]))
    return Phq4(score, answer["anxiety"] if HALF.holds(answer["anxiety"]) else score / 2)


HALF: Final = checkins.Whole(0, 6)
TOTAL: Final = checkins.Whole(0, 12)


def phq4_trend(scores: Sequence[Phq4]) -> str | None:
    """Compare the newest score with the one before: lower is better."""
    if len(scores) < 2:  # noqa: PLR2004
        return None
    change = scores[0].score - scores[1].score
    return "improving" if change < 0 else "worsening" if change > 0 else "stable"


def streak_of(history: History, today: dt.date) -> int:
    """Count the days in a row. They hold until the end of the day after the last check-in."""
    if not history.last_date or not history.row_began:
        return 0
    if history.last_date < today - dt.timedelta(days=1):
        return 0
    return (history.last_date - history.row_began).days + 1


def checklist_rate(recent: Sequence[Day], *, today: dt.date, signed_up: dt.date) -> int:
    """Tell how much of the daily form was done this week, in percent.

    A day has four points: checking in, and each of the three PARTS. A new account is measured
    by the days it had, with today and those it told about later.
    """
    week = _between(recent, today, 0)
    began = min([signed_up, *(day.date for day in week)])
    days = min(WEEK, max(1, (today - began).days + 1))
    done = [
        1 + sum(any(_says(day.form.get(key)) for key in part) for part in PARTS) for day in week
    ]
    points = (1 + len(PARTS)) * days
    return min(100, _percent(sum(done), points))


def strategies_of(recent: Iterable[Day]) -> dict[str, list[int]]:
    """Find each coping strategy with the confidence of its days; the most used comes first."""
    found: dict[str, list[int]] = {}
    for day in recent:
        named: Any = day.form.get("coping_strategies_used") or day.form.get("coping_strategies")
        confidence: Any = day.form.get("confidence_today")
        # Old rows that were brought over may have any value anywhere.
        is_whole = isinstance(named, list) and checkins.TEN.holds(confidence)
        words = [word.strip() for word in named if isinstance(word, str)] if is_whole else []
        for name in filter(None, dict.fromkeys(words)):
            found.setdefault(name, []).append(confidence)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def most_effective(strategies: Mapping[str, Sequence[int]]) -> str:
    """Name the one on whose days confidence was highest; a single use is chance."""
    repeated = [name for name, values in strategies.items() if len(values) > 1]
    if repeated:
        return max(repeated, key=lambda name: fmean(strategies[name]))
    return next(iter(strategies), GENTLE_STRATEGIES[0])


def partner_rate(days: Iterable[Day]) -> int:
    """Tell on how many of the days that say it the partner was involved, in percent."""
    said = [
        answer
        for day in days
        for answer in (day.form.get("partner_involved_today", day.form.get("partner_involved")),)
        if isinstance(answer, bool)
    ]
    return _percent(sum(said), len(said))


def probability(rate: int, phq4: int | None, engagement: int) -> int:
    """Follow the old service's formula, on which its clients' texts rest."""
    points = 50 + _step(rate, ((90, 15), (80, 10), (70, 5)))
    if phq4 is not None:
        points += _step(-phq4, ((-2, 15), (-5, 10), (-8, 5)))
    return min(95, points + _step(engagement, ((70, 10), (50, 5))))


def risk_factors(
    history: History, rate: int, phq4: int | None, engagement: int, streak: int
) -> list[str]:
    """Say what deserves attention, once there is enough to tell."""
    is_known = history.checkin_count >= ENOUGH
    found = {
        "Medication was taken on fewer days than planned this week": (
            rate < 80 and history.tracked_count >= ENOUGH  # noqa: PLR2004
        ),
        "Your answers point to raised stress": phq4 is not None and phq4 >= 6,  # noqa: PLR2004
        "Few check-ins so far, so patterns are hard to see": engagement < 50,  # noqa: PLR2004
        "Your row of daily check-ins has paused": streak == 0 and history.checkin_count >= WEEK,
    }
    named = [text for text, holds in found.items() if holds and is_known]
    return named or ["Nothing stands out right now"]


def protective_factors(history: History, rate: int, phq4: int | None, streak: int) -> list[str]:
    """Say what helps; people who have only begun are encouraged."""
    count = history.checkin_count
    if count < ENOUGH:
        found = {
            "You have started your journey of checking in": count >= 1,
            "You are building a habit early": count >= 2,  # noqa: PLR2004
        }
    else:
        found = {
            "Medication taken very reliably this week": rate >= 90,  # noqa: PLR2004
            "Your answers point to little stress": phq4 is not None and phq4 < 3,  # noqa: PLR2004
            "You check in steadily": streak >= ENOUGH and count >= WEEK,
            f"{streak} daily check-ins in a row": streak >= WEEK,
        }
    named = [text for text, holds in found.items() if holds]
    return named or ["Every check-in builds a habit that helps"]


def _between(recent: Iterable[Day], today: dt.date, days_ago: int) -> list[Day]:
    """Find a week's days. A client may be a zone ahead, so this week has no end."""
    last = today - dt.timedelta(days=days_ago) if days_ago else dt.date.max
    first = today - dt.timedelta(days=days_ago + WEEK - 1)
    return [day for day in recent if first <= day.date <= last]


def _answers(days: Iterable[Day]) -> tuple[int, int]:
    answers = [day.form.get("medication_taken") for day in days]
    return answers.count("yes"), sum(answer in TRACKED for answer in answers)


def _says(value: object) -> bool:
    """Tell whether a part was answered; an empty list says "none", an empty text nothing."""
    return value is not None and value != ""


def _percent(part: int, whole: int) -> int:
    """Round half up, as the old service did."""
    return (200 * part + whole) // (2 * whole) if whole else 0


def _step(value: int, steps: Iterable[tuple[int, int]]) -> int:
    return next((points for least, points in steps if value >= least), 0)
