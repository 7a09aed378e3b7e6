"""The insight of the day for people without check-ins: from their profile alone."""

from collections.abc import Iterator
from statistics import fmean
from typing import Final

from insights.generators import reading
from insights.generators.findings import find
from insights.types import Facts, Finding

# The scores of the profile, and the words of a top concern that speak of the same.
AREAS: Final = {
    "confidence_meds": ("medication", ("medic", "inject", "side effect", "drug", "hormone")),
    "confidence_costs": ("costs", ("cost", "financ", "money", "insur", "afford", "pay")),
    "confidence_overall": ("journey", ("journey", "process", "treatment", "success", "overall")),
}

CONFIDENT: Final = 6.5


def of_the_day(facts: Facts) -> Iterator[Finding]:
    scores = {name: reading.ten(facts.profile.get(name)) for name in AREAS}
    known = [score for score in scores.values() if score is not None]
    if known:
        yield from _focused(facts, scores)
        yield from _by_mean(fmean(known))
    yield find("no_data", about="profile", confidence=0.5)


def _focused(facts: Facts, scores: dict[str, float | None]) -> Iterator[Finding]:
    """The top concern is about an area with a low score; else the one area that is low."""
    concern = (reading.words(facts.profile.get("top_concern")) or "").lower().replace("_", " ")
    low = [AREAS[name] for name, score in scores.items() if reading.is_low(score)]
    named = [area for area, hints in low if any(hint in concern for hint in hints)]
    if named:
        yield find("focused_support", about="profile", confidence=0.9, area=named[0])
    elif len(low) == 1:
        yield find("focused_support", about="profile", confidence=0.85, area=low[0][0])


def _by_mean(mean: float) -> Iterator[Finding]:
    if mean >= CONFIDENT:
        kind = "confident_welcome"
    elif mean <= reading.LOW:
        kind = "gentle_support"
    else:
        kind = "balanced_welcome"
    yield find(kind, about="profile", confidence=0.8)
