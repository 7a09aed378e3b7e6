"""Where a measure is going: the Theil-Sen slope of its days, with Mann and Kendall's test.

The slope is the median over all pairs of days, so that single days do not move it. The test (with
its correction for ties) says how far it is from chance, and gives the interval in which the slope
lies (Sen 1968, Gilbert 1987). A day resembles the one before, by which chance alone goes further:
its spread is widened by what is left of that beside the slope (Yue and Wang 2004). Nothing is said
below a minimum of days.
"""

import datetime as dt
import math
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist, fmean, median
from typing import Final

from analytics.figures.days import Measure, Period
from analytics.figures.numbers import resemblance, rounded
from analytics.types import Direction, Meaning

FEWEST_DAYS: Final = 7
# Beyond, weeks stand for days.
MOST_DAYS: Final = 100
# Two-sided, 95 %.
CERTAIN: Final = NormalDist().inv_cdf(0.975)
# A change of less than a point over all days is none.
POINT: Final = 1
DAYS_OF_WEEK: Final = 7


@dataclass(frozen=True)
class Trend:
    """`direction` is None where the data are too few, which `reason` says."""

    direction: Direction | None
    slope_per_week: float | None
    days_used: int
    meaning: Meaning | None
    reason: str | None


def trend(period: Period, measure: Measure) -> Trend:
    series = period.series[measure.name]
    points = points_of(series, period.length)
    if reason := _too_few(period, list(series), len(points)):
        return Trend(None, None, len(series), None, reason)
    slope = slope_of(points)
    direction = _direction(slope, period.length)
    meaning: Meaning | None = None
    if measure.better and direction in {"rising", "falling"}:
        meaning = "better" if (direction == "rising") == (measure.better > 0) else "worse"
    # What a float lost comes back: days and their counts make small denominators.
    weekly = Fraction(slope.middle * DAYS_OF_WEEK).limit_denominator(10**6)
    return Trend(direction, rounded(weekly, 2), len(series), meaning, None)


def points_of(series: Mapping[dt.date, float], length: int) -> list[tuple[int, float]]:
    """The days with their means; over a long time the weeks, from Mondays, with theirs.

    A day resembles the one before: over many days, that alone would look certain.
    """
    if length <= MOST_DAYS:
        return [(date.toordinal(), value) for date, value in series.items()]
    weeks: dict[int, list[float]] = defaultdict(list)
    for date, value in series.items():
        weeks[date.toordinal() - date.weekday()].append(value)
    return [(monday, fmean(values)) for monday, values in weeks.items()]


def _too_few(period: Period, dates: Sequence[dt.date], points: int) -> str | None:
    """Tell what is missing: days, how far they reach, and the points that stand for them."""
    if len(dates) < FEWEST_DAYS:
        return f"A trend needs at least {FEWEST_DAYS} days with a value; there are {len(dates)}."
    spread = (dates[-1] - dates[0]).days + 1
    if 2 * spread < period.length:
        return (
            "A trend needs values over at least half of the timeframe; they lie within"
            f" {spread} of its {period.length} days."
        )
    if points < FEWEST_DAYS:
        return (
            f"A trend over more than {MOST_DAYS} days needs at least {FEWEST_DAYS} weeks with a"
            f" value; there are {points}."
        )
    return None


@dataclass(frozen=True)
class Slope:
    """The change per day: the median, where it lies with 95 %, and whether it is beyond chance."""

    middle: float
    lowest: float
    highest: float
    is_certain: bool


def slope_of(points: Sequence[tuple[int, float]]) -> Slope:
    found = sorted(
        (later - earlier) / (day - before)
        for index, (day, later) in enumerate(points)
        for before, earlier in points[:index]
    )
    falling, not_rising = bisect_left(found, 0), bisect_right(found, 0)
    score = (len(found) - not_rising) - falling
    middle = median(found)
    alike = max(0, resemblance([value - middle * day for day, value in points]))
    # How far Mann and Kendall's score goes by chance alone.
    reach = math.sqrt(_variance([value for _, value in points]) * (1 + alike) / (1 - alike))
    low = math.floor((len(found) - CERTAIN * reach) / 2) - 1
    high = math.ceil((len(found) + CERTAIN * reach) / 2)
    return Slope(
        middle=middle,
        lowest=found[low] if low >= 0 else -math.inf,
        highest=found[high] if high < len(found) else math.inf,
        is_certain=abs(score) - 1 > CERTAIN * reach,
    )


def _variance(values: Sequence[float]) -> float:
    """The variance of Mann and Kendall's score, equal values counted off."""

    def part(count: int) -> int:
        return count * (count - 1) * (2 * count + 5)

    ties = sum(map(part, Counter(values).values()))
    return (part(len(values)) - ties) / 18


def _direction(slope: Slope, length: int) -> Direction:
    if slope.is_certain and slope.middle:
        return "rising" if slope.middle > 0 else "falling"
    most = max(abs(slope.lowest), abs(slope.highest)) * (length - 1)
    return "steady" if most < POINT else "unclear"
