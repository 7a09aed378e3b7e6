"""Figures that are one number: sums, means, shares, and the least, the greatest and the last."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final, Literal, get_type_hints

from analytics.figures.days import (
    CHECKIN,
    MEASURES,
    Day,
    Measure,
    Period,
    dose_of,
    number,
    symptoms_of,
)
from analytics.figures.numbers import Exact, exact, mean, percent, rounded
from analytics.types import DayRow, Event
from health.event_types import EVENT_TYPES

Better = Literal[1, -1] | None
ALL_TYPES: Final = tuple(EVENT_TYPES)
DAY_TYPES: Final = get_type_hints(DayRow)


@dataclass(frozen=True)
class Quantity:
    """`contribution` is what an event adds. `counts_on` tells of a day whether it says anything
    about it; None: each day that has data does, as none of it is 0.

    `better` is the way that is good for the person, where one can say.
    """

    name: str
    sentence: str
    exact: Callable[[Period], Exact | None]
    contribution: Callable[[Event], Any]
    counts_on: Callable[[Day], object] | None
    event_types: tuple[str, ...]
    better: Better = None
    is_rounded: bool = True

    def of(self, period: Period) -> Exact | None:
        """The exact figure, computed once for each period."""
        if self.name not in period.known:
            period.known[self.name] = self.exact(period)
        return period.known[self.name]

    def value(self, period: Period) -> float | None:
        found = self.of(period)
        if found is None or isinstance(found, int):
            return found
        return rounded(found) if self.is_rounded else float(found)

    def days(self, period: Period) -> int:
        counts_on = self.counts_on
        return (
            len(period.days) if counts_on is None else sum(map(bool, map(counts_on, period.days)))
        )


def _mean(measure: Measure) -> Quantity:
    return Quantity(
        f"{measure.name}_mean",
        f"The mean of all recorded values of {measure.noun}."
        + (
            " A mood counts from 1 to 10; several in one answer count as their mean, and words"
            " that have no number are left out."
            if measure.name == "mood"
            else ""
        ),
        lambda period: mean(*period.tallies[measure.name]),
        lambda event: _plain(measure.of(event)),
        lambda day: day.tallies[measure.name][1],
        (measure.event_type,),
        measure.better,
    )


def _end(
    measure: Measure, end: str, sentence: str, pick: Callable[[list[Decimal]], Decimal]
) -> Quantity:
    column = f"{measure.name}_{end}"

    def found(period: Period) -> Exact | None:
        values = [value for day in period.days if (value := getattr(day.row, column)) is not None]
        return exact(pick(values)) if values else None

    return Quantity(
        column,
        sentence,
        found,
        lambda event: _plain(measure.of(event)),
        lambda day: day.tallies[measure.name][1],
        (measure.event_type,),
        is_rounded=False,
    )


def _ends() -> Iterator[Quantity]:
    for measure in (MEASURES["confidence"], MEASURES["anxiety"], MEASURES["severity"]):
        yield _end(measure, "min", f"The lowest recorded value of {measure.noun}.", min)
        yield _end(measure, "max", f"The highest recorded value of {measure.noun}.", max)
    for measure in (MEASURES["confidence"], MEASURES["anxiety"]):
        yield _end(
            measure,
            "last",
            f"The last recorded value of {measure.noun}, by the time it happened.",
            lambda values: values[-1],
        )


def _sum(
    name: str,
    sentence: str,
    contribution: Callable[[Event], Any],
    *event_types: str,
    better: Better = None,
) -> Quantity:
    read = attrgetter(name)
    is_whole = DAY_TYPES[name] is int

    def total(period: Period) -> Exact:
        values = [read(day.row) for day in period.days]
        return sum(values) if is_whole else sum(map(exact, values))

    return Quantity(
        name,
        sentence,
        total,
        contribution,
        None,
        event_types or ALL_TYPES,
        better,
    )


def _doses(status: str, sentence: str, better: Better = None) -> Quantity:
    return _sum(
        f"medications_{status}",
        sentence,
        lambda event: 1 if dose_of(event) == status else None,
        "medication",
        better=better,
    )


def _number_in(key: str) -> Callable[[Event], Any]:
    return lambda event: _plain(number(event.data.get(key)))


def _symptom_count(event: Event) -> int | None:
    found = symptoms_of(event)
    return len(found) if found else None


def _reported(period: Period) -> Exact | None:
    taken = sum(day.row.medications_taken for day in period.days)
    missed = sum(day.row.medications_missed for day in period.days)
    return percent(taken, taken + missed)


def _plain(value: Exact | None) -> float | None:
    """As JSON: a mean of several moods has no end, and is shown to six places."""
    if value is None or isinstance(value, int):
        return value
    return rounded(value, 6)


QUANTITIES: Final = {
    quantity.name: quantity
    for quantity in (
        _sum("event_count", "How many events hold.", lambda _: 1),
        Quantity(
            "days_with_data",
            "On how many days something was recorded.",
            lambda period: len(period.days),
            lambda _: 1,
            None,
            ALL_TYPES,
        ),
        Quantity(
            "checkin_days",
            "On how many days the daily form was sent.",
            lambda period: sum(day.row.has_checkin for day in period.days),
            lambda event: 1 if event.source == CHECKIN else None,
            None,
            ALL_TYPES,
        ),
        *map(_mean, MEASURES.values()),
        *_ends(),
        _doses("taken", "How many times a medication was reported as taken."),
        _doses("missed", "How many times a medication was reported as missed.", -1),
        _doses("skipped", "How many times a medication was reported as skipped on purpose."),
        _doses("partial", "How many times a medication was reported as taken in part."),
        _sum(
            "missed_doses",
            "How many missed doses people counted themselves, in the daily form.",
            _number_in("missed_doses"),
            "medication",
            better=-1,
        ),
        Quantity(
            "reported_adherence",
            "Doses reported as taken, in percent of those reported as taken or missed.",
            _reported,
            lambda event: {"taken": 1, "missed": 0}.get(dose_of(event) or ""),
            lambda day: day.row.medications_taken + day.row.medications_missed,
            ("medication",),
            1,
        ),
        _sum(
            "symptoms_reported",
            "How many symptoms were named, each as often as it was named.",
            _symptom_count,
            "symptom",
            better=-1,
        ),
        _sum(
            "assessment_entries",
            "How many questionnaires were answered.",
            lambda _: 1,
            "assessment",
        ),
        _sum(
            "exercise_minutes",
            "The minutes of exercise, added up.",
            _number_in("minutes"),
            "exercise",
        ),
    )
}
