"""A timeframe and the one of equal length before it."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from analytics.figures.days import Period
from analytics.figures.numbers import Exact, rounded
from analytics.figures.quantities import Quantity
from analytics.types import Meaning

FEWEST_DAYS: Final = 3
# At least every fourth day must say something.
SHARE: Final = 4
COMPARED: Final = (
    *("mood_mean", "confidence_mean", "anxiety_mean", "severity_mean"),
    *("sleep_hours_mean", "sleep_quality_mean", "reported_adherence", "medications_missed"),
    *("symptoms_reported", "exercise_minutes", "days_with_data", "checkin_days"),
)


@dataclass(frozen=True)
class Comparison:
    """`percent` is None where there was nothing before, `reason` tells why nothing is compared."""

    now: float | None
    before: float | None
    difference: float | None
    percent: float | None
    meaning: Meaning | None
    reason: str | None


def comparison(period: Period, quantity: Quantity) -> Comparison:
    earlier = period.before or Period(period.first, period.last, [])
    now, before = quantity.value(period), quantity.value(earlier)
    reason = _too_few(quantity.days(period), quantity.days(earlier), period.length)
    exact_now, exact_before = quantity.of(period), quantity.of(earlier)
    if reason or exact_now is None or exact_before is None:
        return Comparison(now, before, None, None, None, reason)
    difference = exact_now - exact_before
    percent = Fraction(100 * difference) / exact_before if exact_before else None
    is_total = quantity.counts_on is None
    days_now, days_before = (len(period.days), len(earlier.days)) if is_total else (1, 1)
    by_day = exact_now * days_before - exact_before * days_now
    return Comparison(
        now,
        before,
        rounded(difference),
        None if percent is None else rounded(percent),
        _meaning(quantity, difference, by_day),
        None,
    )


def _meaning(quantity: Quantity, difference: Exact, by_day: Exact) -> Meaning | None:
    """Who records on more days reports more: a total must have moved like its share of a day."""
    if not quantity.better or difference * by_day <= 0:
        return None
    return "better" if (difference > 0) == (quantity.better > 0) else "worse"


def _too_few(now: int, before: int, length: int) -> str | None:
    fewest = max(FEWEST_DAYS, -(-length // SHARE))
    if min(now, before) >= fewest:
        return None
    return (
        f"A comparison needs at least {fewest} days that say something in each of the two"
        f" timeframes; there are {now} now and {before} before."
    )
