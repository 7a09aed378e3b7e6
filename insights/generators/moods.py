"""What a mood counts from 1 to 10. A mood that is not listed has no number."""

from collections.abc import Iterable
from statistics import fmean
from typing import Final

SCORES: Final = {
    # The scale of the old service.
    "devastated": 1,
    "heartbroken": 2,
    "defeated": 3,
    "struggling": 4,
    "discouraged": 5,
    "uncertain": 6,
    "hopeful": 7,
    "confident": 8,
    "optimistic": 9,
    "empowered": 10,
    # The moods that its forms offer.
    "overwhelmed": 3,
    "frustrated": 3,
    "anxious": 4,
    "worried": 4,
    "tired": 4,
    "neutral": 5,
    "grateful": 8,
    "excited": 8,
    # The moods that its first form offered.
    "very tough": 1,
    "tough": 3,
    "okay": 6,
    "good": 8,
    "amazing": 10,
}


def score(moods: Iterable[str]) -> float | None:
    """The mean over the moods that have a number; None if none has."""
    known = [SCORES[mood] for mood in moods if mood in SCORES]
    return fmean(known) if known else None
