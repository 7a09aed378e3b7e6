"""Figures of scheduled doses, from medications' slots."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from analytics.figures.numbers import percent, rounded_or_none
from medications.types import OUTCOMES, Slot


@dataclass(frozen=True)
class DoseFigure:
    """`contribution` gives what a slot adds, None where it adds nothing."""

    name: str
    sentence: str
    value: Callable[[Sequence[Slot]], Any]
    contribution: Callable[[Slot], Any]


def _adherence(slots: Sequence[Slot]) -> dict[str, Any]:
    counts = Counter(slot.status for slot in slots)
    scheduled = sum(counts[status] for status in OUTCOMES)
    taken, late = counts["taken"], counts["late"]
    return {
        "rate": rounded_or_none(percent(taken, scheduled)),
        "taken_rate": rounded_or_none(percent(taken + late, scheduled)),
        "scheduled": scheduled,
        **{status: counts[status] for status in OUTCOMES},
        "pending": len(slots) - scheduled,
    }


DOSE_FIGURES: Final = {
    figure.name: figure
    for figure in (
        DoseFigure(
            "scheduled_adherence",
            "Doses taken in time, in percent of those scheduled; taken_rate counts late ones as"
            " well. Scheduled are doses whose time is over or that have a record; pending are the"
            " others.",
            _adherence,
            lambda slot: slot.status,
        ),
        DoseFigure(
            "medications_scheduled",
            "How many doses were scheduled, as far as their time is over or they have a record.",
            lambda slots: sum(slot.status in OUTCOMES for slot in slots),
            lambda slot: 1 if slot.status in OUTCOMES else None,
        ),
    )
}
