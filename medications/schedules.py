"""When doses are due: the slots of a medication's regimens, over every change of time zone.

A slot is a time of day on a local date. Where a person travels, it is meant in the zone they are
in when it comes: by the old zone's clock if that comes before the change, else by the new zone's,
but not before the moment of the change. So each slot comes exactly once.
"""

import datetime as dt
import zoneinfo
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from accounts.types import ZonePeriod
from medications.types import Medication, Regimen, Standing

# No clock on earth is further from UTC.
FARTHEST_OFFSET = dt.timedelta(days=1)
# A zone that was left sooner was a slip of the finger, or flickered at a border: nobody has lived
# by its clock.
SHORTEST_STAY = dt.timedelta(minutes=15)
ENDLESS = dt.datetime.max.replace(tzinfo=dt.UTC)
ENDLESS_AGO = dt.datetime.min.replace(tzinfo=dt.UTC)
ACTIVE, COMPLETED = "active", "completed"


class Moment(NamedTuple):
    """One slot: `at` is when it comes."""

    at: dt.datetime
    local_date: dt.date
    local_time: dt.time
    time_zone: str
    regimen: Regimen


class Clock:
    """Tells when a local time comes, for a person with this history of zones."""

    def __init__(self, zones: Sequence[ZonePeriod]) -> None:
        lived_in = _lived_in(zones)
        self._zones = [(zone.time_zone, zoneinfo.ZoneInfo(zone.time_zone)) for zone in lived_in]
        self._ends = [zone.until or ENDLESS for zone in lived_in]
        self._starts = [ENDLESS_AGO, *self._ends[:-1]]

    def instant(self, date: dt.date, time: dt.time) -> tuple[dt.datetime, str]:
        """Give the instant and the zone by which it is told.

        As in RFC 5545, a time that a clock skips is told by the offset before the gap, and of a
        time that comes twice it is the first.
        """
        local = dt.datetime.combine(date, time)
        earliest = local.replace(tzinfo=dt.UTC) - FARTHEST_OFFSET
        index = bisect_right(self._ends, earliest)
        while True:
            name, zone = self._zones[index]
            at = local.replace(tzinfo=zone).astimezone(dt.UTC)
            if at < self._ends[index]:
                return max(at, self._starts[index]), name
            index += 1


def _lived_in(zones: Sequence[ZonePeriod]) -> list[ZonePeriod]:
    """Leave out zones that were left at once. Their time is that of the zone which follows."""
    begins = [ENDLESS_AGO, *(zone.until or ENDLESS for zone in zones)]
    return [
        zone
        for zone, begin in zip(zones, begins, strict=False)
        if zone.until is None or zone.until - begin >= SHORTEST_STAY
    ]


def in_force(regimens: Sequence[Regimen], at: dt.datetime) -> Regimen | None:
    """Give the version that holds at a moment: the newest of those that have begun."""
    return next((one for one in reversed(regimens) if one.effective_from <= at), None)


def standing(medication: Medication, *, today: dt.date, now: dt.datetime) -> Standing:
    """Tell how a medication stands at a moment. A course that is over reads as completed."""
    newest = medication.newest
    is_over = newest.end_date is not None and newest.end_date < today
    status = COMPLETED if newest.status == ACTIVE and is_over else newest.status
    in_order = [regimen for regimen, _, _ in _reigns(medication.regimens)][::-1]
    holds = in_force(medication.regimens, now) or in_order[0]
    coming = [one for one in in_order if one.effective_from > now and one is not holds]
    return Standing(medication, status, holds, coming[0] if coming else None)


def most_doses_a_day(medications: Iterable[Medication], since: dt.datetime) -> int:
    """Tell how many doses a day all of these have together, when they have the most since then."""
    changes: Counter[dt.datetime] = Counter()
    for medication in medications:
        for regimen, begin, end in _reigns(medication.regimens):
            first = max(begin, since, _midnight(regimen.start_date))
            last = end
            if regimen.end_date is not None:
                last = min(end, _midnight(regimen.end_date + dt.timedelta(days=1)))
            if regimen.status == ACTIVE and first < last:
                changes[first] += len(regimen.times_of_day)
                changes[last] -= len(regimen.times_of_day)
    return max(accumulate(changes[at] for at in sorted(changes)), default=0)


def _midnight(date: dt.date) -> dt.datetime:
    """Near enough for a count: a day's slots come within a day of it."""
    return dt.datetime.combine(date, dt.time(), dt.UTC)


def moments(medication: Medication, first: dt.date, last: dt.date, clock: Clock) -> list[Moment]:
    """Give a medication's slots on these local dates, both included, in the order of time."""
    found = [
        moment
        for regimen, begin, end in _reigns(medication.regimens)
        if regimen.status == ACTIVE and not regimen.as_needed
        for moment in _pattern(regimen, first, last, clock, begin, end)
    ]
    found.sort(key=lambda moment: (moment.at, moment.local_date, moment.local_time))
    return found


def _reigns(
    regimens: Sequence[Regimen],
) -> Iterator[tuple[Regimen, dt.datetime, dt.datetime]]:
    """Give each version with the time for which it holds: till any newer one begins."""
    end = ENDLESS
    for regimen in reversed(regimens):
        if regimen.effective_from < end:
            yield regimen, regimen.effective_from, end
            end = regimen.effective_from


def _pattern(
    regimen: Regimen,
    first: dt.date,
    last: dt.date,
    clock: Clock,
    begin: dt.datetime,
    end: dt.datetime,
) -> Iterator[Moment]:
    for date in _dates(regimen, first, last, begin, end):
        for time in regimen.times_of_day:
            at, zone = clock.instant(date, time)
            if begin <= at < end:
                yield Moment(at, date, time, zone, regimen)


def _dates(
    regimen: Regimen, first: dt.date, last: dt.date, begin: dt.datetime, end: dt.datetime
) -> Iterator[dt.date]:
    """Give the local dates on which the regimen may have slots in the time for which it holds.

    A slot comes at most two days from its date in UTC: by a day's offset, and another by travel.
    """
    margin = dt.timedelta(days=2)
    if begin.date() > first + margin:
        first = begin.date() - margin
    if end.date() < last - margin:
        last = end.date() + margin
    last = min(last, regimen.end_date or last)
    step = regimen.every_n_days
    behind = max((first - regimen.start_date).days, 0)
    date = regimen.start_date + dt.timedelta(days=-(-behind // step) * step)
    while date <= last:
        yield date
        date += dt.timedelta(days=step)
