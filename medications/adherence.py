"""What became of each slot: doses that were reported, matched to the times they were due.

In this order, and one dose for each slot:

1. A dose that names a slot is that slot's. Of several, the first one taken; the others are extra.
2. Doses within the tolerance of an open slot, the closest pair first.
3. A dose after its tolerance, but before the next slot and at most 12 hours late, is late.
4. What is taken beyond that is extra, or as needed where the regimen says so.

What a person reports as missed or skipped goes the same way to slots for which nothing was taken.
"""

import datetime as dt
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from medications.schedules import Moment, in_force
from medications.types import (
    FARTHEST,
    LATEST,
    OUTCOMES,
    Adherence,
    AdherenceReport,
    Dose,
    Medication,
    MedicationAdherence,
    Slot,
)

SWALLOWED: Final = ("taken", "partial")
PENDING: Final = ("due", "upcoming")
TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A dose and what it counts as: its slot's status, or extra, as-needed or unmatched."""

    dose: Dose
    outcome: str
    slot: Slot | None = None


class _Match:
    """Which dose each moment has by now. Of a year there are thousands: all in plain lists."""

    def __init__(self, moments: Sequence[Moment]) -> None:
        self.moments = moments
        self.times = [moment.at for moment in moments]
        lengths = {moment.regimen.tolerance_minutes for moment in moments}
        tolerances = {length: dt.timedelta(minutes=length) for length in lengths}
        self.tolerances = [tolerances[moment.regimen.tolerance_minutes] for moment in moments]
        self.widest = max(tolerances.values(), default=dt.timedelta())
        self.doses: list[Dose | None] = [None] * len(moments)

    def is_within(self, index: int, dose: Dose) -> bool:
        return abs(dose.occurred_at - self.times[index]) <= self.tolerances[index]


def match(
    medication: Medication, moments: Sequence[Moment], doses: Sequence[Dose], now: dt.datetime
) -> tuple[list[Slot], list[Outcome]]:
    """Tell of each moment of a medication, and of each of its doses, what became of it."""
    matched = _Match(moments)
    in_order = sorted(doses, key=lambda dose: (dose.occurred_at, dose.event_id))
    for is_swallowed in (True, False):
        left = [dose for dose in in_order if (dose.status in SWALLOWED) == is_swallowed]
        for step in (_match_named, _match_near, _match_late):
            left = step(matched, left)
    slots = [_slot(medication, matched, index, now) for index in range(len(moments))]
    index_of = {dose.event_id: index for index, dose in enumerate(matched.doses) if dose}
    outcomes = []
    for dose in in_order:
        index = index_of.get(dose.event_id)
        if index is None:
            outcomes.append(Outcome(dose, _beside(medication, dose)))
        else:
            outcomes.append(Outcome(dose, slots[index].status, slots[index]))
    return slots, outcomes


def _match_named(matched: _Match, doses: Iterable[Dose]) -> list[Dose]:
    """Match what names a slot. What names none that there is, such as a former one, is left."""
    left = []
    for dose in doses:
        named = dose.scheduled_for
        slots = range(0)
        if named is not None and abs(dose.occurred_at - named) <= FARTHEST:
            slots = _slots_at(matched, named)
        if slots:
            _give(matched, slots, dose)
        else:
            left.append(dose)
    return left


def _slots_at(matched: _Match, at: dt.datetime) -> range:
    """Find the slots of an instant. After a journey, several can come together."""
    return range(bisect_left(matched.times, at), bisect_right(matched.times, at))


def _give(matched: _Match, slots: range, dose: Dose) -> bool:
    """Give a dose to the first open one of these slots, if there is one."""
    for index in slots:
        if matched.doses[index] is None:
            matched.doses[index] = dose
            return True
    return False


def _match_near(matched: _Match, doses: Sequence[Dose]) -> list[Dose]:
    pairs = []
    for place, dose in enumerate(doses):
        first = bisect_left(matched.times, dose.occurred_at - matched.widest)
        last = bisect_right(matched.times, dose.occurred_at + matched.widest)
        pairs += [
            (abs(dose.occurred_at - matched.times[index]), index, place)
            for index in range(first, last)
            if matched.doses[index] is None and matched.is_within(index, dose)
        ]
    done = set()
    for _, index, place in sorted(pairs):
        if place not in done and matched.doses[index] is None:
            matched.doses[index] = doses[place]
            done.add(place)
    return [dose for place, dose in enumerate(doses) if place not in done]


def _match_late(matched: _Match, doses: Iterable[Dose]) -> list[Dose]:
    left = []
    for dose in doses:
        before = bisect_right(matched.times, dose.occurred_at) - 1
        slots = range(0)
        if before >= 0 and dose.occurred_at - matched.times[before] <= LATEST:
            slots = _slots_at(matched, matched.times[before])
        if not _give(matched, slots, dose):
            left.append(dose)
    return left


def _slot(medication: Medication, matched: _Match, index: int, now: dt.datetime) -> Slot:
    moment, dose = matched.moments[index], matched.doses[index]
    if dose is None:
        status = _open_status(matched, index, now)
    elif dose.status == "taken" and not matched.is_within(index, dose):
        status = "late"
    else:
        status = dose.status
    return Slot(
        medication_id=medication.id,
        regimen_id=moment.regimen.id,
        medication_name=medication.medication_name,
        dosage=moment.regimen.dosage,
        scheduled_at=moment.at,
        local_date=moment.local_date,
        local_time=moment.local_time,
        time_zone=moment.time_zone,
        status=status,
        event_id=dose.event_id if dose else None,
        taken_at=dose.occurred_at if dose and dose.status in SWALLOWED else None,
    )


def _open_status(matched: _Match, index: int, now: dt.datetime) -> str:
    """Tell a slot without a dose: it is over when a dose taken now could not count for it."""
    at, tolerance = matched.times[index], matched.tolerances[index]
    if now < at - tolerance:
        return "upcoming"
    following = bisect_right(matched.times, at)
    is_before_next = following == len(matched.times) or now < matched.times[following]
    can_be_late = is_before_next and now <= at + LATEST
    return "due" if can_be_late or now <= at + tolerance else "unknown"


def _beside(medication: Medication, dose: Dose) -> str:
    if dose.status not in SWALLOWED:
        return "unmatched"
    regimen = in_force(medication.regimens, dose.occurred_at)
    is_as_needed = regimen is not None and regimen.as_needed and regimen.status == "active"
    return "as-needed" if is_as_needed else "extra"


def report(
    matches: Sequence[tuple[Medication, Sequence[Slot], Sequence[Outcome]]],
    days: Iterable[dt.date],
) -> AdherenceReport:
    """Count what became of slots, and of doses beside them: in all, by medication, by day."""
    overall: Counter[str] = Counter()
    by_day: dict[dt.date, Counter[str]] = {day: Counter() for day in days}
    medications = []
    for medication, slots, outcomes in matches:
        counts: Counter[str] = Counter()
        for day, word in _words(slots, outcomes):
            counts[word] += 1
            by_day[day][word] += 1
        overall += counts
        if counts:
            named = medication.id, medication.medication_name
            medications.append(MedicationAdherence(*named, figures(counts)))
    figures_by_day = {day: figures(counts) for day, counts in by_day.items()}
    return AdherenceReport(figures(overall), medications, figures_by_day)


def _words(slots: Iterable[Slot], outcomes: Iterable[Outcome]) -> Iterator[tuple[dt.date, str]]:
    for slot in slots:
        yield slot.local_date, slot.status
    for one in outcomes:
        if one.slot is None:
            yield one.dose.local_date, one.outcome


def figures(counts: Mapping[str, int]) -> Adherence:
    told = {word: counts.get(word, 0) for word in OUTCOMES}
    scheduled = sum(told.values())
    return Adherence(
        **told,
        scheduled=scheduled,
        pending=sum(counts.get(word, 0) for word in PENDING),
        extra=counts.get("extra", 0),
        as_needed=counts.get("as-needed", 0),
        rate=_percent(told["taken"], scheduled),
        taken_rate=_percent(told["taken"] + told["late"], scheduled),
    )


def _percent(part: int, whole: int) -> Decimal | None:
    if not whole:
        return None
    return (Decimal(100 * part) / whole).quantize(TENTH, ROUND_HALF_UP)
