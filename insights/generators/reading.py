"""Reads forms and profiles as they are: old clients sent any JSON value under any key.

What is not understood is None or empty, never a default.
"""

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, Final

from insights.generators.moods import score
from insights.types import Checkin, Facts

Form = Mapping[str, Any]

NUMERAL: Final = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,3})?")
NOTHING: Final = frozenset(
    {"", "none", "null", "undefined", "nan", "no", "nothing", "n/a", "na", "-", "no_concern"}
)
LONGEST: Final = 500
MOST: Final = 50

# What "lately" means: at most so many check-ins, none older than so many days.
MOST_CHECKINS: Final = 7
OLDEST_DAYS: Final = 14

# On the scale from 1 to 10: up to here, or from here on.
VERY_LOW: Final = 3
LOW: Final = 4
HIGH: Final = 7
VERY_ANXIOUS: Final = 8

PHQ4_ITEMS: Final = ("feeling_nervous", "stop_worrying", "little_interest", "feeling_down")


def number(value: object, low: float, high: float) -> float | None:
    if isinstance(value, str) and NUMERAL.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if low <= value <= high else None


def ten(value: object) -> float | None:
    return number(value, 1, 10)


def line(value: object) -> str:
    """A text in one line, without characters that do not print; empty for anything else."""
    if not isinstance(value, str):
        return ""
    shortened = value[:LONGEST]
    if not shortened.isprintable():
        shortened = "".join(c if c.isprintable() else " " for c in shortened)
    return " ".join(shortened.split())


def words(value: object) -> str | None:
    """A text in one line; None where it says nothing, or that there is nothing."""
    said = line(value)
    return None if said.lower() in NOTHING else said


def several(value: object) -> list[str]:
    """The texts of a list, or of a text with commas, each once."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return []
    cleaned = (words(part) for part in parts[:MOST])
    return list(dict.fromkeys(part for part in cleaned if part))


def mapping(value: object) -> Form:
    return value if isinstance(value, Mapping) else {}


def confidence(form: Form) -> float | None:
    return ten(form.get("confidence_today"))


def anxiety(form: Form) -> float | None:
    return ten(form.get("anxiety_level"))


def moods(form: Form) -> list[str]:
    named = several(form.get("mood_today")) or several(form.get("moods"))
    return list(dict.fromkeys(mood.lower() for mood in named))


def mood_score(form: Form) -> float | None:
    return score(moods(form))


def concern(form: Form) -> str | None:
    return words(form.get("primary_concern_today")) or words(form.get("top_concern_today"))


def medication(form: Form) -> str | None:
    """yes, no or partial; None where medication was not tracked."""
    answer = line(form.get("medication_taken")).lower()
    return answer if answer in {"yes", "no", "partial"} else None


def missed_doses(form: Form) -> int:
    return int(number(form.get("missed_doses"), 0, 100) or 0)


def phq4(form: Form) -> float | None:
    """The score from 0 to 12, as it was sent or from its four answers.

    Where the two disagree the higher one counts: an alert too many is the smaller harm.
    """
    sent = number(form.get("phq4_score"), 0, 12)
    answers = [number(form.get(f"phq4_{item}"), 0, 3) for item in PHQ4_ITEMS]
    given = [answer for answer in answers if answer is not None]
    summed = sum(given) if len(given) == len(PHQ4_ITEMS) else None
    return max((known for known in (sent, summed) if known is not None), default=None)


def sentiment(form: Form) -> tuple[str | None, float]:
    """What an old client's analysis of the notes said, and how sure it was."""
    analysis = mapping(form.get("sentiment_analysis"))
    name = words(analysis.get("sentiment")) or words(form.get("sentiment"))
    sure = number(analysis.get("confidence"), 0, 1)
    if sure is None:
        sure = number(form.get("sentiment_confidence"), 0, 1)
    return (name.lower() if name else None), (sure or 0)


def is_low(score: float | None) -> bool:
    return score is not None and score <= LOW


def is_high(score: float | None) -> bool:
    return score is not None and score >= HIGH


def is_very_anxious(form: Form) -> bool:
    anxious = anxiety(form)
    return anxious is not None and anxious >= VERY_ANXIOUS


def is_challenging(form: Form) -> bool:
    """A day that was hard by the person's own words or numbers."""
    sure = confidence(form)
    is_unsure = sure is not None and sure <= VERY_LOW
    return is_low(mood_score(form)) or is_unsure or is_very_anxious(form)


def is_positive(form: Form) -> bool:
    return is_high(mood_score(form)) and not is_challenging(form)


def lately(facts: Facts) -> Sequence[Checkin]:
    """The newest check-ins that say something about now, newest first."""
    oldest = facts.today - dt.timedelta(days=OLDEST_DAYS)
    return [c for c in facts.checkins[:MOST_CHECKINS] if c.date > oldest]


def run(facts: Facts, holds: Callable[[Form], bool]) -> Sequence[Checkin]:
    """The check-ins of consecutive days up to about today for which it holds, newest first."""
    days: list[Checkin] = []
    # A day off either way: today may not be over, and people travel.
    expected = {facts.today + dt.timedelta(days=away) for away in (-1, 0, 1)}
    for checkin in facts.checkins:
        if checkin.date not in expected or not holds(checkin.form):
            break
        days.append(checkin)
        expected = {checkin.date - dt.timedelta(days=1)}
    return days


def any_form(_: Form) -> bool:
    """For runs of days with any check-in at all."""
    return True


def known(
    checkins: Sequence[Checkin], read: Callable[[Form], float | None]
) -> list[tuple[Checkin, float]]:
    """The check-ins that have this number, with it."""
    values = ((checkin, read(checkin.form)) for checkin in checkins)
    return [(checkin, value) for checkin, value in values if value is not None]


def spread(values: Sequence[float]) -> float:
    """The standard deviation of all these values: exact fractions would cost most of the time."""
    mean = fmean(values)
    return math.sqrt(fmean((value - mean) ** 2 for value in values))
