"""A clear change against the person's own last weeks, in what trends do not look at."""

import datetime as dt
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Final

from insights.generators import reading
from insights.generators.findings import find, rests_on, sureness, week
from insights.types import Checkin, Facts, Finding

NOW: Final = dt.timedelta(days=7)
BEFORE: Final = dt.timedelta(days=28)
FEWEST_NOW: Final = 3
FEWEST_BEFORE: Final = 5

# A change is clear from so much on, and beyond the ups and downs of the weeks before.
LEAST: Final = 1.5

MEASURES: Final = (
    ("sleep_hours", 24),
    ("energy_level", 10),
    ("injection_confidence", 10),
    ("medication_confidence_today", 10),
    ("financial_confidence_today", 10),
    ("journey_confidence_today", 10),
    ("financial_stress_today", 10),
)


def found(facts: Facts) -> Iterator[Finding]:
    recent = [c for c in facts.checkins if c.date > facts.today - NOW]
    earlier = [c for c in facts.checkins if facts.today - BEFORE < c.date <= facts.today - NOW]
    for measure, highest in MEASURES:
        yield from _change(measure, highest, recent, earlier)


def _change(
    measure: str, highest: int, recent: Sequence[Checkin], earlier: Sequence[Checkin]
) -> Iterator[Finding]:
    def read(form: reading.Form) -> float | None:
        return reading.number(form.get(measure), 0, highest)

    now, before = reading.known(recent, read), reading.known(earlier, read)
    if len(now) < FEWEST_NOW or len(before) < FEWEST_BEFORE:
        return
    usual = [value for _, value in before]
    change = fmean(value for _, value in now) - fmean(usual)
    if abs(change) >= max(LEAST, reading.spread(usual)):
        newest = now[0][0]
        yield find(
            "clear_change",
            about=f"{measure}:{week(newest.date)}",
            confidence=sureness(len(now)),
            evidence=rests_on([checkin for checkin, _ in now]),
            measure=measure,
            now=round(fmean(value for _, value in now), 1),
            before=round(fmean(usual), 1),
            count=len(now),
            earlier_count=len(before),
        )
