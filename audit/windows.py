"""When so many happenings lie within a window of time: computed, not asked of the database."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from audit.types import Counts


@dataclass(frozen=True, slots=True)
class Happening:
    """What an entry counts for."""

    id: int
    at: dt.datetime
    subject_id: uuid.UUID | None
    objects: int
    is_new: bool = False


class Measure:
    """What lies within a window that moves on."""

    def __init__(self, counts: str) -> None:
        self._counts = counts
        self._sum = 0
        self._people: Counter[uuid.UUID] = Counter()

    def add(self, one: Happening, times: int = 1) -> None:
        if self._counts == Counts.PEOPLE:
            if one.subject_id is not None:
                self._people[one.subject_id] += times
                if not self._people[one.subject_id]:
                    del self._people[one.subject_id]
        else:
            self._sum += times * (one.objects if self._counts == Counts.OBJECTS else 1)

    def take(self, one: Happening) -> None:
        self.add(one, -1)

    @property
    def value(self) -> int:
        return len(self._people) if self._counts == Counts.PEOPLE else self._sum


def marked(
    happenings: Sequence[Happening], *, counts: str, threshold: int, window: dt.timedelta
) -> list[Happening]:
    """Give those that lie in a window (t - window, t] that holds the threshold or more.

    They come in the order of time, and so do the ones given.
    """
    found: list[Happening] = []
    measure, left, done = Measure(counts), 0, 0
    for right, one in enumerate(happenings):
        measure.add(one)
        while happenings[left].at <= one.at - window:
            measure.take(happenings[left])
            left += 1
        if measure.value >= threshold:
            found.extend(happenings[max(left, done) : right + 1])
            done = right + 1
    return found


def episodes(happenings: Sequence[Happening], *, pause: dt.timedelta) -> int:
    """Count the runs that are parted by more than a pause."""
    count, last = 0, None
    for one in happenings:
        if last is None or one.at > last + pause:
            count += 1
        last = one.at
    return count
