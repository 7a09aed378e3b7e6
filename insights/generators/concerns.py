"""What keeps coming up as a concern."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from insights.generators import reading
from insights.generators.findings import find, month, rests_on, sureness, veiled, week
from insights.types import Facts, Finding

FEWEST: Final = 3
SHORTEST_WORD: Final = 4


def found(facts: Facts) -> Iterator[Finding]:
    yield from _concern_pattern(facts)
    yield from _persistent_concern_support(facts)


def of_the_day(facts: Facts) -> Iterator[Finding]:
    for newest in reading.lately(facts)[:1]:
        concern = reading.concern(newest.form)
        if reading.is_low(reading.confidence(newest.form)) and concern:
            yield find(
                "targeted_concern_support",
                about=newest.id,
                confidence=0.87,
                evidence=rests_on([newest]),
                concern=concern,
            )


def _concern_pattern(facts: Facts) -> Iterator[Finding]:
    lately = reading.lately(facts)
    named = [(checkin, reading.concern(checkin.form)) for checkin in lately]
    counts = Counter(concern.lower() for _, concern in named if concern)
    for concern, count in counts.most_common(1):
        if count >= FEWEST:
            these = [c for c, name in named if name and name.lower() == concern]
            yield find(
                "concern_pattern",
                about=f"{veiled(concern)}:{week(these[0].date)}",
                confidence=sureness(count),
                evidence=rests_on(these),
                concern=reading.concern(these[0].form),
                count=count,
                checkins=len(lately),
            )


def _persistent_concern_support(facts: Facts) -> Iterator[Finding]:
    """The newest concern is about what the person named as their concern at the beginning."""
    first = reading.words(facts.profile.get("top_concern"))
    for newest in reading.lately(facts)[:1]:
        concern = reading.concern(newest.form)
        topic = _first_word(first) if first else None
        if concern and topic and topic in _words(concern):
            yield find(
                "persistent_concern_support",
                about=f"{veiled(topic)}:{month(newest.date)}",
                confidence=0.9,
                evidence=rests_on([newest]),
                concern=concern,
            )


def _words(text: str) -> list[str]:
    letters = "".join(c if c.isalnum() else " " for c in text.lower())
    return letters.split()


def _first_word(text: str) -> str | None:
    """The first word that says what it is about."""
    return next((word for word in _words(text) if len(word) >= SHORTEST_WORD), None)
