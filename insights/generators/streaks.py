"""Days in a row, and coming back."""

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from insights.generators import reading
from insights.generators.findings import find, month, rests_on, sureness
from insights.types import Checkin, Facts, Finding

FEWEST_GOOD: Final = 3
FEWEST_REGULAR: Final = 5
FAR: Final = 50
GAP = dt.timedelta(days=7)


def found(facts: Facts) -> Iterator[Finding]:
    yield from _positive_streak(facts)
    yield from _consistency(facts)
    yield from _welcome_back(facts)


def _positive_streak(facts: Facts) -> Iterator[Finding]:
    days = reading.run(facts, reading.is_positive)
    if len(days) >= FEWEST_GOOD:
        yield find(
            "positive_streak",
            about=_began(days),
            confidence=sureness(len(days)),
            evidence=rests_on(days),
            **_length(days),
        )


def _consistency(facts: Facts) -> Iterator[Finding]:
    days = reading.run(facts, reading.any_form)
    lately = reading.lately(facts)
    if len(days) >= FEWEST_REGULAR:
        yield find(
            "consistency_celebration",
            about=_began(days),
            confidence=sureness(len(days)),
            evidence=rests_on(days),
            **_length(days),
        )
    elif len(lately) >= FEWEST_REGULAR:
        yield find(
            "consistency",
            about=month(lately[0].date),
            confidence=sureness(len(lately)),
            evidence=rests_on(lately),
            count=len(lately),
        )


def _began(days: Sequence[Checkin]) -> str:
    """The first date of a run. A run that may be longer than facts reach counts by month."""
    return month(days[0].date) if len(days) > FAR else str(days[-1].date)


def _length(days: Sequence[Checkin]) -> dict[str, Any]:
    return {"count": FAR, "length": "long"} if len(days) > FAR else {"count": len(days)}


def _welcome_back(facts: Facts) -> Iterator[Finding]:
    for newest, before in pairwise(facts.checkins[:2]):
        is_fresh = newest.date >= facts.today - dt.timedelta(days=1)
        if is_fresh and newest.date - before.date >= GAP:
            yield find(
                "welcome_back", about=newest.date, confidence=0.9, evidence=rests_on([newest])
            )
