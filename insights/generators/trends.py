"""Where mood, confidence and anxiety are going over the newest check-ins."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Final

from insights.generators import reading
from insights.generators.findings import find, month, rests_on, sureness, week
from insights.types import Checkin, Facts, Finding

NEWEST: Final = 3
GAIN: Final = 2

# How far the newest must be from all taken together.
MOOD_SHIFT: Final = 1
ANXIETY_SHIFT: Final = 1.5

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
    scores = reading.known(lately, reading.mood_score)
    shift = _shift(scores)
    if abs(shift) > MOOD_SHIFT:
        kind = "mood_improvement" if shift > 0 else "mood_decline"
        yield _trend(kind, scores, instead_of="mood_trend")


def _anxiety(lately: Sequence[Checkin]) -> Iterator[Finding]:
    levels = reading.known(lately, reading.anxiety)
    shift = _shift(levels)
    if abs(shift) > ANXIETY_SHIFT:
        kind = "anxiety_rising" if shift > 0 else "anxiety_easing"
        yield _trend(kind, levels, instead_of="anxiety_trend")


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
        newest_date = scores[0][0].date
        yield _trend(
            "steady_strength", scores, about=month(newest_date), average=round(fmean(values), 1)
        )


def _is_steady(values: Sequence[float]) -> bool:
    return (
        len(values) >= FEWEST and reading.spread(values) < UPS_AND_DOWNS and fmean(values) >= STRONG
    )


def _shift(scores: Sequence[tuple[Checkin, float]]) -> float:
    """The mean of the newest 3 less the mean of all; 0 where there is nothing to compare."""
    values = [value for _, value in scores]
    return fmean(values[:NEWEST]) - fmean(values) if len(values) > NEWEST else 0


def _trend(
    kind: str,
    scores: Sequence[tuple[Checkin, float]],
    *,
    about: str | None = None,
    instead_of: str | None = None,
    **values: float,
) -> Finding:
    checkins = [checkin for checkin, _ in scores]
    return find(
        kind,
        about=about or week(checkins[0].date),
        instead_of=instead_of,
        confidence=sureness(len(checkins)),
        evidence=rests_on(checkins),
        count=len(checkins),
        **values,
    )
