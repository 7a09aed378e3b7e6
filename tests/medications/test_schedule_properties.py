"""Over any history of zones and of versions, each dose is due once: never twice, never never."""

import datetime as dt
import uuid
import zoneinfo
from collections import Counter
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.types import ZonePeriod
from medications.adherence import match, report
from medications.schedules import Clock, in_force, moments
from medications.types import Dose, Medication, Regimen

# The ends of the world, half and quarter hours, half-hour summer time, a day that was left out.
ZONES = (
    *("Pacific/Kiritimati", "Pacific/Pago_Pago", "Pacific/Apia", "Australia/Lord_Howe"),
    *("Asia/Kathmandu", "America/St_Johns", "America/Los_Angeles", "Europe/Berlin", "UTC"),
)
STEP = dt.timedelta(minutes=15)
# Apia had no 30 December 2011; both summer times change within the range.
FIRST, LAST = dt.date(2011, 12, 20), dt.date(2012, 4, 10)
BEGINNING = dt.datetime.combine(FIRST, dt.time(), dt.UTC)
STEPS = (LAST - FIRST).days * 96
LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)

thorough = settings(max_examples=100, deadline=None)
instants = st.integers(-300, STEPS + 300).map(lambda step: BEGINNING + step * STEP)
dates = st.integers(0, (LAST - FIRST).days).map(lambda day: FIRST + dt.timedelta(days=day))
times = st.integers(0, 95).map(lambda step: dt.time(step // 4, step % 4 * 15))
day_plans = st.lists(times, min_size=1, max_size=5, unique=True).map(sorted)


@st.composite
def zones(draw):
    ends = sorted(draw(st.lists(instants, max_size=6, unique=True)))
    names = draw(st.lists(st.sampled_from(ZONES), min_size=len(ends) + 1, max_size=len(ends) + 1))
    return [ZonePeriod(*pair) for pair in zip(names, [*ends, None], strict=True)]


def regimen(**changes):
    values: dict[str, Any] = {
        "id": uuid.uuid4(),
        "version": 1,
        "effective_from": LONG_AGO,
        "status": "active",
        "start_date": FIRST,
        "end_date": LAST,
        "times_of_day": (dt.time(8),),
    }
    return Regimen(**values | changes)


def medication(*regimens):
    return Medication(uuid.uuid4(), "Estradiol", None, None, LONG_AGO, LONG_AGO, regimens)


def keys(found):
    return Counter((moment.local_date, moment.local_time) for moment in found)


def wide(of, history):
    margin = dt.timedelta(days=10)
    return moments(of, FIRST - margin, LAST + margin, Clock(history))


@thorough
@given(zones(), day_plans, st.integers(1, 7))
def test_is_due_once_on_every_day_of_the_plan(history, plan, every):
    found = wide(medication(regimen(times_of_day=plan, every_n_days=every)), history)

    days = range(0, (LAST - FIRST).days + 1, every)
    assert keys(found) == {
        (FIRST + dt.timedelta(days=day), time): 1 for day in days for time in plan
    }
    assert found == sorted(found, key=lambda moment: moment.at)


@thorough
@given(zones(), day_plans, st.lists(instants, min_size=1, max_size=4))
def test_is_due_once_whatever_versions_take_over(history, plan, begins):
    versions = [regimen(times_of_day=plan)] + [
        regimen(times_of_day=plan, version=number, effective_from=begin)
        for number, begin in enumerate(begins, start=2)
    ]

    found = wide(medication(*versions), history)

    whole = wide(medication(versions[0]), history)
    assert [moment[:4] for moment in found] == [moment[:4] for moment in whole]
    assert all(moment.regimen is in_force(versions, moment.at) for moment in found)


@thorough
@given(zones(), day_plans, instants)
def test_is_due_by_the_old_version_before_a_change_and_by_the_new_one_after(history, plan, begin):
    old = regimen(times_of_day=plan)
    new = regimen(times_of_day=plan, version=2, effective_from=begin, status="on-hold")

    found = wide(medication(old, new), history)

    whole = wide(medication(old), history)
    assert found == [moment for moment in whole if moment.at < begin]


@thorough
@given(zones(), day_plans, dates, dates)
def test_says_the_same_of_a_day_in_any_window(history, plan, one, other):
    first, last = min(one, other), max(one, other)
    of, clock = medication(regimen(times_of_day=plan)), Clock(history)

    days = [first + dt.timedelta(days=day) for day in range((last - first).days + 1)]
    found = [moment for day in days for moment in moments(of, day, day, clock)]

    window = moments(of, first, last, clock)
    assert sorted(found, key=lambda moment: (moment.at, *moment[1:3])) == window


def shown(history, at):
    """What a person's clock shows at a moment."""
    return at.astimezone(zone_at(history, at)).replace(tzinfo=None, fold=0)


def zone_at(history, at):
    name = next(one.time_zone for one in history if one.until is None or at < one.until)
    return zoneinfo.ZoneInfo(name)


def is_skipped(local, zone):
    """Tell whether the zone's clock never shows this time."""
    there_and_back = local.replace(tzinfo=zone).astimezone(dt.UTC).astimezone(zone)
    return there_and_back.replace(tzinfo=None, fold=0) != local


@thorough
@given(zones(), dates, times)
def test_is_due_when_the_persons_clock_first_shows_the_time_or_a_later_one(history, date, time):
    at, _ = Clock(history).instant(date, time)

    wanted = dt.datetime.combine(date, time)
    around = (wanted.replace(tzinfo=dt.UTC) + step * STEP for step in range(-200, 201))
    first = next(moment for moment in around if shown(history, moment) >= wanted)
    # RFC 5545 reads a time that the clock skips by the offset before: up to a day later, in Apia.
    assert at == first or (at > first and is_skipped(wanted, zone_at(history, first)))


@thorough
@given(zones(), day_plans, st.lists(st.tuples(instants, st.booleans()), max_size=30))
def test_gives_each_slot_one_dose_and_each_dose_one_place(history, plan, taken):
    of = medication(regimen(times_of_day=plan, tolerance_minutes=90))
    found = wide(of, history)
    doses = [
        Dose(uuid.uuid4(), of.id, "taken" if is_taken else "missed", at, at.date())
        for at, is_taken in taken
    ]

    slots, outcomes = match(of, found, doses, BEGINNING + dt.timedelta(days=400))

    used = [slot.event_id for slot in slots if slot.event_id]
    assert len(slots) == len(found)
    assert len(used) == len(set(used))
    assert Counter(one.dose.event_id for one in outcomes) == Counter(
        dose.event_id for dose in doses
    )
    assert {one.dose.event_id for one in outcomes if one.slot} == set(used)
    for one in outcomes:
        if one.slot and one.outcome == "late":
            behind = one.dose.occurred_at - one.slot.scheduled_at
            assert dt.timedelta(minutes=90) < behind <= dt.timedelta(hours=12)


@thorough
@given(day_plans, st.sampled_from(ZONES), st.sampled_from(ZONES), instants, st.integers(1, 899))
def test_is_not_moved_by_a_zone_that_was_left_at_once(plan, zone, slip, begin, seconds):
    of = medication(regimen(times_of_day=plan))
    end = begin + dt.timedelta(seconds=seconds)
    history = [ZonePeriod(zone, begin), ZonePeriod(slip, end), ZonePeriod(zone, None)]

    found = wide(of, history)

    assert found == wide(of, [ZonePeriod(zone, None)])


STATUSES = ("taken", "partial", "missed", "skipped")


@thorough
@given(zones(), day_plans, st.lists(st.tuples(instants, st.sampled_from(STATUSES))), instants)
def test_counts_each_slot_once_and_beside_them_the_doses_without_one(history, plan, told, now):
    of = medication(regimen(times_of_day=plan))
    found = wide(of, history)
    doses = [Dose(uuid.uuid4(), of.id, status, at, at.date()) for at, status in told]

    slots, outcomes = match(of, found, doses, now)

    days = [FIRST + dt.timedelta(days=day) for day in range(-10, (LAST - FIRST).days + 11)]
    overall = report([(of, slots, outcomes)], days).overall
    became = ("taken", "late", "partial", "missed", "skipped", "unknown")
    assert sum(getattr(overall, word) for word in became) == overall.scheduled
    assert overall.scheduled + overall.pending == len(found)
    used = sum(one.slot is not None for one in outcomes)
    unmatched = sum(one.outcome == "unmatched" for one in outcomes)
    assert used + overall.extra + overall.as_needed + unmatched == len(doses)
    rate, whole = overall.rate, overall.scheduled
    assert (rate is None) == (whole == 0)
    assert rate is None or abs(Decimal(100 * overall.taken) / whole - rate) <= Decimal("0.05")
