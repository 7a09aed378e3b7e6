"""Naming feelings: several on one day, and many over the last days."""

from collections.abc import Iterator
from typing import Final

from insights.generators import reading
from insights.generators.findings import find, month, rests_on, sureness
from insights.types import Facts, Finding

FEWEST: Final = 3
MANY: Final = 4
SEVERAL: Final = 2


def found(facts: Facts) -> Iterator[Finding]:
    named = [c for c in reading.lately(facts) if reading.moods(c.form)]
    different = {mood for checkin in named for mood in reading.moods(checkin.form)}
    if len(named) >= FEWEST and len(different) >= MANY:
        yield find(
            "emotional_awareness",
            about=month(named[0].date),
            confidence=sureness(len(named)),
            evidence=rests_on(named),
            count=len(different),
            checkins=len(named),
        )


def of_the_day(facts: Facts) -> Iterator[Finding]:
    for newest in reading.lately(facts)[:1]:
        moods = reading.moods(newest.form)
        if len(moods) >= SEVERAL:
            yield find(
                "emotional_complexity",
                about=newest.id,
                confidence=0.88,
                evidence=rests_on([newest]),
                moods=moods,
            )
