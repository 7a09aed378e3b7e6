"""Figures of doses, from what became of each: of those of the schedules, and of those beside."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from analytics.figures.numbers import percent, rounded_or_none
from medications.types import OUTCOMES

# Reported as missed or skipped, where nothing was scheduled.
UNMATCHED: Final = "unmatched"


@dataclass(frozen=True)
class Told:
    """A scheduled dose or one beside the schedule: what became of it, when, and its event.

    `key` tells it from all others.
    """

    status: str
    local_date: dt.date
    at: dt.datetime
    event_id: uuid.UUID | None
    key: uuid.UUID


@dataclass(frozen=True)
class DoseFigure:
    """`value` is of doses' statuses; `contribution` gives what one adds, None where nothing."""

    name: str
    sentence: str
    value: Callable[[Sequence[str]], Any]
    contribution: Callable[[str], Any]


def _adherence(statuses: Sequence[str]) -> dict[str, Any]:
    counts = Counter(statuses)
    scheduled = sum(counts[status] for status in OUTCOMES)
    taken, late = counts["taken"], counts["late"]
    return {
        "rate": rounded_or_none(percent(taken, scheduled)),
        "taken_rate": rounded_or_none(percent(taken + late, scheduled)),
        "scheduled": scheduled,
        **{status: counts[status] for status in OUTCOMES},
        "pending": counts["due"] + counts["upcoming"],
        "extra": counts["extra"],
        "as_needed": counts["as-needed"],
    }


DOSE_FIGURES: Final = {
    figure.name: figure
    for figure in (
        DoseFigure(
            "scheduled_adherence",
            "Doses taken in time, in percent of those scheduled; taken_rate counts late ones as"
            " well. Scheduled are doses whose time is over or that have a record; pending are the"
            " others. Extra and as-needed ones were taken without having been scheduled, and are"
            " in no rate.",
            _adherence,
            lambda status: None if status == UNMATCHED else status,
        ),
        DoseFigure(
            "medications_scheduled",
            "How many doses were scheduled, as far as their time is over or they have a record.",
            lambda statuses: sum(status in OUTCOMES for status in statuses),
            lambda status: 1 if status in OUTCOMES else None,
        ),
    )
}
