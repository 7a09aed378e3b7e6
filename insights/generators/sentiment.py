"""How the newest note sounds, as an old client's own analysis says."""

from collections.abc import Iterator
from typing import Final

from insights.generators import reading
from insights.generators.findings import find, rests_on
from insights.types import Facts, Finding

# By what the analysis says: how sure it must be, what is found then, and how sure that is.
RULES: Final = {
    "positive": (0.7, "positive_sentiment", 0.95),
    "negative": (0.7, "negative_sentiment", 0.92),
    "neutral": (0.5, "neutral_sentiment", 0.85),
}


def of_the_day(facts: Facts) -> Iterator[Finding]:
    for newest in reading.lately(facts)[:1]:
        name, sure = reading.sentiment(newest.form)
        least, kind, confidence = RULES.get(name or "", (2.0, "", 0.0))
        if sure >= least:
            yield find(kind, about=newest.id, confidence=confidence, evidence=rests_on([newest]))
