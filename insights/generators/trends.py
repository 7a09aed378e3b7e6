"""Where mood, confidence and anxiety are going over the newest check-ins."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Final

from insights.generators import reading
from insights.generators.findings import find, rests_on, sureness, week
from insights.types import Checkin, Facts, Finding

NEWEST: Final = 3
GAIN: Final = 2

# What steady strength is: so many check-ins, such small ups and downs, and such a mean.
FEWEST: Final = 5
UPS_AND_DOWNS: Final = 1.5
STRONG: Final = 6


def found(facts: Facts) -> Iterator[Finding]:
    lately = reading.lately(facts)
    yield from _mood(lately)
    yield from _confidence(lately)
    yield from _anxiety(lately)


def _mood(lately: Sequence[Checkin]) -> Iterator[Finding]:
    shift = _shift(lately, reading.mood_score)
    if shift > 1:
        yield _trend("mood_improvement", reading.known(lately, reading.mood_score))
    elif shift < -1:
        yield _trend("mood_decline", reading.known(lately, reading.mood_score))


def _anxiety(lately: Sequence[Checkin]) -> Iterator[Finding]:
    shift = _shift(lately, reading.anxiety)
    if shift > 1:
        yield _trend("anxiety_rising", reading.known(lately, reading.anxiety))
    elif shift < -1:
        yield _trend("anxiety_easing", reading.known(lately, reading.anxiety))


def _confidence(lately: Sequence[Checkin]) -> Iterator[Finding]:
    scores = reading.known(lately, reading.confidence)
    newest = scores[:NEWEST]
    if len(newest) == NEWEST:
        values = [value for _, value in newest]
        gained = values[0] - values[-1]
        if all(later > earlier for later, earlier in pairwise(values)):
            yield _trend("confidence_rising", newest, before=values[-1], now=values[0])
        elif gained >= GAIN:
            yield _trend("confidence_growth", newest, before=values[-1], now=values[0])
    values = [value for _, value in scores]
    if _is_steady(values):
        yield _trend("steady_strength", scores, average=round(fmean(values), 1))


def _is_steady(values: Sequence[float]) -> bool:
    return len(values) >= FEWEST and pstdev(values) < UPS_AND_DOWNS and fmean(values) >= STRONG


def _shift(lately: Sequence[Checkin], read: Callable[[reading.Form], float | None]) -> float:
    """The mean of the newest 3 less the mean of all; 0 where there is nothing to compare."""
    values = [value for _, value in reading.known(lately, read)]
    if len(values) <= NEWEST:
        return 0
    return fmean(values[:NEWEST]) - fmean(values)


def _trend(kind: str, scores: Sequence[tuple[Checkin, float]], **values: float) -> Finding:
    checkins = [checkin for checkin, _ in scores]
    return find(
        kind,
        about=week(checkins[0].date),
        confidence=sureness(len(checkins)),
        evidence=rests_on(checkins),
        count=len(checkins),
        **values,
    )
