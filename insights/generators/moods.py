"""What a mood counts from 1 to 10. A mood that is not listed has no number."""

from collections.abc import Iterable
from statistics import fmean

from health.types import MOOD_SCORES


def score(moods: Iterable[str]) -> float | None:
    """The mean over the moods that have a number; None if none has."""
    known = [MOOD_SCORES[mood] for mood in moods if mood in MOOD_SCORES]
    return fmean(known) if known else None
