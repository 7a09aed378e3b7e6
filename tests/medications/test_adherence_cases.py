"""What adherence says, case by case, as worked out by hand."""

import datetime as dt
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from core import gate
from health import services as health
from health.types import CorrectionIn
from tests.medications.pills import at, figures, live_in, prescribe, report_dose

LATER = "2026-12-31T00:00Z"
EIGHT, TWENTY = dt.time(8), dt.time(20)


def d(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@dataclass
class Case:
    """Without more: 4 to 6 May 2026 in California (UTC-7), due at 08:00 and at 20:00."""

    says: dict[str, Any]
    doses: list[tuple[Any, ...]] = field(default_factory=list)
    versions: list[dict[str, Any]] = field(default_factory=list)
    zones: tuple[str, ...] = ("America/Los_Angeles",)
    until: tuple[str, ...] = ()
    window: tuple[str, str] = ("2026-05-04", "2026-05-06")
    now: str = LATER


ONCE: dict[str, Any] = {"times_of_day": [EIGHT]}
ON_TIME = [
    ("2026-05-04T08:00-07:00",),
    ("2026-05-04T20:00-07:00",),
    ("2026-05-05T08:00-07:00",),
    ("2026-05-05T20:00-07:00",),
    ("2026-05-06T08:00-07:00",),
    ("2026-05-06T20:00-07:00",),
]
NAMED_20 = {"scheduled_for": "2026-05-05T03:00:00Z"}

CASES = {
    # Nobody is perfect by saying nothing, nor by saying only what went well.
    "logged nothing": Case({"scheduled": 6, "unknown": 6, "rate": "0.0", "taken_rate": "0.0"}),
    "only successes": Case(
        {"scheduled": 6, "taken": 4, "unknown": 2, "rate": "66.7", "taken_rate": "66.7"},
        doses=ON_TIME[:4],
    ),
    "every dose": Case(
        {"scheduled": 6, "taken": 6, "rate": "100.0", "taken_rate": "100.0"}, doses=ON_TIME
    ),
    # 60 minutes are within the tolerance, 61 are not.
    "late within the tolerance": Case(
        {"scheduled": 3, "taken": 3, "rate": "100.0", "taken_rate": "100.0"},
        versions=[ONCE],
        doses=[
            ("2026-05-04T08:59-07:00",),
            ("2026-05-05T09:00-07:00",),
            ("2026-05-06T07:00-07:00",),
        ],
    ),
    "late beyond the tolerance": Case(
        {"scheduled": 3, "taken": 1, "late": 2, "rate": "33.3", "taken_rate": "100.0"},
        versions=[ONCE],
        doses=[
            ("2026-05-04T09:00-07:00",),
            ("2026-05-05T09:01-07:00",),
            ("2026-05-06T20:00-07:00",),
        ],
    ),
    "more than 12 hours late": Case(
        {"scheduled": 3, "unknown": 3, "extra": 1, "rate": "0.0", "taken_rate": "0.0"},
        versions=[ONCE],
        doses=[("2026-05-05T20:01-07:00",)],
    ),
    "late, when the next one was due": Case(
        {"scheduled": 6, "taken": 1, "unknown": 5, "rate": "16.7", "taken_rate": "16.7"},
        doses=[("2026-05-05T20:00-07:00",)],
    ),
    "a narrow tolerance": Case(
        {"scheduled": 3, "taken": 1, "late": 1, "unknown": 1, "rate": "33.3", "taken_rate": "66.7"},
        versions=[ONCE | {"tolerance_minutes": 15}],
        doses=[("2026-05-04T08:15-07:00",), ("2026-05-05T08:16-07:00",)],
    ),
    # Early beyond the tolerance: nothing was open before it.
    "too early": Case(
        {"scheduled": 3, "unknown": 3, "extra": 1, "rate": "0.0", "taken_rate": "0.0"},
        versions=[ONCE],
        doses=[("2026-05-05T06:59-07:00",)],
    ),
    "too early, but named": Case(
        {"scheduled": 3, "late": 1, "unknown": 2, "rate": "0.0", "taken_rate": "33.3"},
        versions=[ONCE],
        doses=[
            ("2026-05-05T06:00-07:00", "taken", {"scheduled_for": "2026-05-05T15:00:00Z"}),
        ],
    ),
    "extra dose": Case(
        {"scheduled": 6, "taken": 6, "extra": 1, "rate": "100.0", "taken_rate": "100.0"},
        doses=[*ON_TIME, ("2026-05-05T13:00-07:00",)],
    ),
    "the same slot twice": Case(
        {
            "scheduled": 6,
            "taken": 1,
            "unknown": 5,
            "extra": 1,
            "rate": "16.7",
            "taken_rate": "16.7",
        },
        doses=[
            ("2026-05-04T19:55-07:00", "taken", NAMED_20),
            ("2026-05-04T20:20-07:00", "taken", NAMED_20),
        ],
    ),
    # The second one says that it is for 20:00, so it is not for 08:00 of the next day.
    "the same slot twice, the next one near": Case(
        {
            "scheduled": 6,
            "taken": 1,
            "unknown": 5,
            "extra": 1,
            "rate": "16.7",
            "taken_rate": "16.7",
        },
        doses=[
            ("2026-05-04T20:00-07:00", "taken", NAMED_20),
            ("2026-05-05T08:00-07:00", "taken", NAMED_20),
        ],
    ),
    "named by a time that is none of the schedule": Case(
        {"scheduled": 6, "taken": 1, "unknown": 5, "rate": "16.7", "taken_rate": "16.7"},
        doses=[
            ("2026-05-05T08:10-07:00", "taken", {"scheduled_for": "2026-05-05T15:30:00Z"}),
        ],
    ),
    "the closest dose is the slot's": Case(
        {
            "scheduled": 3,
            "taken": 1,
            "unknown": 2,
            "extra": 1,
            "rate": "33.3",
            "taken_rate": "33.3",
        },
        versions=[ONCE],
        doses=[("2026-05-04T07:30-07:00",), ("2026-05-04T08:10-07:00",)],
    ),
    # 07:30 is less than 12 hours after the evening of 3 May, for which nothing was recorded.
    "so late that it is early": Case(
        {"scheduled": 6, "taken": 1, "unknown": 5, "rate": "16.7", "taken_rate": "16.7"},
        doses=[("2026-05-04T07:30-07:00",), ("2026-05-04T08:10-07:00",)],
    ),
    "two doses between two slots": Case(
        {"scheduled": 6, "taken": 2, "unknown": 4, "rate": "33.3", "taken_rate": "33.3"},
        versions=[{"times_of_day": [dt.time(8), dt.time(9)]}],
        doses=[("2026-05-04T08:35-07:00",), ("2026-05-04T09:20-07:00",)],
    ),
    "reported as missed, skipped and partial": Case(
        {
            "scheduled": 6,
            "taken": 1,
            "partial": 1,
            "missed": 1,
            "skipped": 1,
            "unknown": 2,
            "rate": "16.7",
            "taken_rate": "16.7",
        },
        doses=[
            ("2026-05-04T11:00-07:00", "missed"),
            ("2026-05-04T20:10-07:00", "skipped"),
            ("2026-05-05T08:00-07:00", "partial"),
            ("2026-05-05T20:00-07:00", "taken"),
        ],
    ),
    "reported as missed, then taken after all": Case(
        {"scheduled": 3, "late": 1, "unknown": 2, "rate": "0.0", "taken_rate": "33.3"},
        versions=[ONCE],
        doses=[("2026-05-05T10:00-07:00", "missed"), ("2026-05-05T11:00-07:00", "taken")],
    ),
    # On hold from the night to 5 May till noon of 6 May: 4 May, and the evening of 6 May.
    "paused": Case(
        {"scheduled": 3, "taken": 2, "unknown": 1, "rate": "66.7", "taken_rate": "66.7"},
        versions=[
            {},
            {"status": "on-hold", "effective_from": at("2026-05-05T00:00-07:00")},
            {"status": "active", "effective_from": at("2026-05-06T12:00-07:00")},
        ],
        doses=[ON_TIME[0], ON_TIME[5]],
    ),
    "taken while paused": Case(
        {"scheduled": 2, "taken": 2, "extra": 1, "rate": "100.0", "taken_rate": "100.0"},
        versions=[{}, {"status": "on-hold", "effective_from": at("2026-05-05T00:00-07:00")}],
        doses=[ON_TIME[0], ON_TIME[1], ("2026-05-06T20:00-07:00",)],
    ),
    "stopped": Case(
        {"scheduled": 3, "unknown": 3, "rate": "0.0", "taken_rate": "0.0"},
        versions=[{}, {"status": "stopped", "effective_from": at("2026-05-05T12:00-07:00")}],
    ),
    "not begun": Case(
        {"scheduled": 1, "unknown": 1, "rate": "0.0", "taken_rate": "0.0"},
        versions=[{"effective_from": at("2026-05-06T12:00-07:00")}],
    ),
    # 8 March: at 02:00 it is 03:00. 02:30 by the offset before is 03:30 by the one after.
    "the night without 02:30": Case(
        {"scheduled": 3, "taken": 3, "rate": "100.0", "taken_rate": "100.0"},
        versions=[{"times_of_day": [dt.time(2, 30)], "tolerance_minutes": 5}],
        window=("2026-03-07", "2026-03-09"),
        doses=[
            ("2026-03-07T02:30-08:00",),
            ("2026-03-08T03:30-07:00",),
            ("2026-03-09T02:30-07:00",),
        ],
    ),
    # 1 November: at 02:00 it is 01:00 again. 01:30 is due the first time it comes.
    "the night with 01:30 twice": Case(
        {"scheduled": 3, "taken": 2, "late": 1, "rate": "66.7", "taken_rate": "100.0"},
        versions=[{"times_of_day": [dt.time(1, 30)], "tolerance_minutes": 5}],
        window=("2026-10-31", "2026-11-02"),
        doses=[
            ("2026-10-31T01:30-07:00",),
            ("2026-11-01T01:30-08:00",),
            ("2026-11-02T01:30-08:00",),
        ],
    ),
    # Over the night of 1 November the evening doses are 25 hours apart, and still on time.
    "evenings around the long night": Case(
        {"scheduled": 2, "taken": 2, "rate": "100.0", "taken_rate": "100.0"},
        versions=[{"times_of_day": [TWENTY], "tolerance_minutes": 1}],
        window=("2026-10-31", "2026-11-01"),
        doses=[("2026-11-01T03:00Z",), ("2026-11-02T04:00Z",)],
    ),
    # At noon in California it is 21:00 in Berlin: 20:00 of 5 May is due at once.
    "to the east": Case(
        {"scheduled": 6, "taken": 6, "rate": "100.0", "taken_rate": "100.0"},
        versions=[{"tolerance_minutes": 15}],
        zones=("America/Los_Angeles", "Europe/Berlin"),
        until=("2026-05-05T19:00Z",),
        doses=[
            ("2026-05-04T15:00Z",),
            ("2026-05-05T03:00Z",),
            ("2026-05-05T15:00Z",),
            ("2026-05-05T19:10Z",),
            ("2026-05-06T06:00Z",),
            ("2026-05-06T18:00Z",),
        ],
    ),
    # At noon in Berlin it is 03:00 in California: 08:00 of 5 May does not come again there.
    "to the west": Case(
        {"scheduled": 6, "taken": 6, "rate": "100.0", "taken_rate": "100.0"},
        versions=[{"tolerance_minutes": 15}],
        zones=("Europe/Berlin", "America/Los_Angeles"),
        until=("2026-05-05T10:00Z",),
        doses=[
            ("2026-05-04T06:00Z",),
            ("2026-05-04T18:00Z",),
            ("2026-05-05T06:00Z",),
            ("2026-05-06T03:00Z",),
            ("2026-05-06T15:00Z",),
            ("2026-05-07T03:00Z",),
        ],
    ),
    "there and back within a day": Case(
        {"scheduled": 6, "unknown": 6, "rate": "0.0", "taken_rate": "0.0"},
        zones=("America/Los_Angeles", "Asia/Tokyo", "America/Los_Angeles"),
        until=("2026-05-05T16:00Z", "2026-05-05T22:00Z"),
    ),
    # At 09:00 it is 01:00 of the next day in Tokyo: 20:00 would have come at once.
    "a zone chosen by mistake": Case(
        {"scheduled": 6, "taken": 6, "rate": "100.0", "taken_rate": "100.0"},
        zones=("America/Los_Angeles", "Asia/Tokyo", "America/Los_Angeles"),
        until=("2026-05-05T16:00:00Z", "2026-05-05T16:00:20Z"),
        doses=ON_TIME,
    ),
    "a course that ended": Case(
        {"scheduled": 4, "taken": 4, "extra": 1, "rate": "100.0", "taken_rate": "100.0"},
        versions=[{"end_date": d("2026-05-05")}],
        doses=[*ON_TIME[:4], ON_TIME[4]],
    ),
    "a course that begins": Case(
        {"scheduled": 2, "unknown": 2, "rate": "0.0", "taken_rate": "0.0"},
        versions=[{"start_date": d("2026-05-06")}],
    ),
    # 08:00 by the old version, 21:00 by the new one; 20:00 is due no more, 09:00 not yet.
    "changed in the middle of a day": Case(
        {"scheduled": 6, "taken": 6, "rate": "100.0", "taken_rate": "100.0"},
        versions=[
            {"tolerance_minutes": 30},
            {
                "times_of_day": [dt.time(9), dt.time(21)],
                "effective_from": at("2026-05-05T12:00-07:00"),
            },
        ],
        doses=[
            *ON_TIME[:3],
            ("2026-05-05T21:00-07:00",),
            ("2026-05-06T09:00-07:00",),
            ("2026-05-06T21:00-07:00",),
        ],
    ),
    # A pause of a version that is planned for later.
    "a newer version that begins earlier": Case(
        {"scheduled": 2, "unknown": 2, "rate": "0.0", "taken_rate": "0.0"},
        versions=[
            {},
            {"times_of_day": [EIGHT], "effective_from": at("2026-05-06T00:00-07:00")},
            {"status": "on-hold", "effective_from": at("2026-05-05T00:00-07:00")},
        ],
    ),
    # 30 January, 2, 5 and 8 February.
    "every 3 days over the end of a month": Case(
        {
            "scheduled": 4,
            "taken": 2,
            "unknown": 2,
            "extra": 1,
            "rate": "50.0",
            "taken_rate": "50.0",
        },
        versions=[ONCE | {"every_n_days": 3, "start_date": d("2026-01-30")}],
        window=("2026-01-29", "2026-02-10"),
        doses=[
            ("2026-01-30T08:00-08:00",),
            ("2026-02-02T08:00-08:00",),
            ("2026-02-03T08:00-08:00",),
        ],
    ),
    "as needed": Case(
        {"as_needed": 2, "rate": None, "taken_rate": None},
        versions=[{"as_needed": True, "times_of_day": []}],
        doses=[("2026-05-04T08:00-07:00",), ("2026-05-05T12:00-07:00", "partial")],
    ),
    "nothing scheduled": Case(
        {"rate": None, "taken_rate": None}, versions=[{"start_date": d("2026-05-07")}]
    ),
    "entered in error": Case(
        {"rate": None, "taken_rate": None},
        versions=[{}, {"status": "entered-in-error", "effective_from": at("2026-05-20T00:00Z")}],
        doses=ON_TIME,
    ),
    # 5 May, 12:00: the morning's dose can still be taken late; what comes after is to come.
    "in the middle of the window": Case(
        {"scheduled": 2, "taken": 2, "pending": 4, "rate": "100.0", "taken_rate": "100.0"},
        doses=ON_TIME[:2],
        now="2026-05-05T12:00-07:00",
    ),
    # 5 May, 20:00: the morning's dose can be taken late no more.
    "when the next one is due": Case(
        {
            "scheduled": 3,
            "taken": 2,
            "unknown": 1,
            "pending": 3,
            "rate": "66.7",
            "taken_rate": "66.7",
        },
        doses=ON_TIME[:2],
        now="2026-05-05T20:00-07:00",
    ),
    "taken ahead of time": Case(
        {"scheduled": 1, "taken": 1, "pending": 5, "rate": "100.0", "taken_rate": "100.0"},
        doses=[("2026-05-04T07:15-07:00",)],
        now="2026-05-04T07:20-07:00",
    ),
    # What was due late on the day before the window, and taken in it, is of the day before.
    "over midnight into the window": Case(
        {"scheduled": 3, "unknown": 3, "rate": "0.0", "taken_rate": "0.0"},
        versions=[{"times_of_day": [dt.time(23, 30)]}],
        doses=[("2026-05-04T00:10-07:00",)],
    ),
    "over midnight out of the window": Case(
        {"scheduled": 3, "taken": 1, "unknown": 2, "rate": "33.3", "taken_rate": "33.3"},
        versions=[{"times_of_day": [dt.time(23, 30)]}],
        doses=[("2026-05-07T00:10-07:00",)],
    ),
    # 1 of 16 is 6.25: halves go up.
    "half of a tenth": Case(
        {"scheduled": 16, "taken": 1, "unknown": 15, "rate": "6.3", "taken_rate": "6.3"},
        versions=[ONCE],
        window=("2026-05-04", "2026-05-19"),
        doses=[ON_TIME[0]],
    ),
}
NOTHING = dict.fromkeys(
    (
        *("scheduled", "taken", "late", "partial", "missed", "skipped", "unknown", "pending"),
        *("extra", "as_needed"),
    ),
    0,
)


def said(adherence):
    """The figures; percentages as texts, with the one place that they have."""
    return {
        name: str(figure) if isinstance(figure, Decimal) else figure
        for name, figure in asdict(adherence).items()
    }


@pytest.mark.parametrize("name", CASES)
def test_says_what_was_worked_out_by_hand(alice, name):
    case = CASES[name]
    live_in(alice, *case.zones, until=case.until)
    medication = prescribe(alice, *case.versions)
    for when, *more in case.doses:
        report_dose(alice, medication, when, *more[:1], **(more[1] if more[1:] else {}))

    report = figures(alice, *case.window, at(case.now))

    expected = NOTHING | case.says
    assert said(report.overall) == expected
    days = [said(figure) for figure in report.days.values()]
    medications = [said(one.adherence) for one in report.medications]
    for word in NOTHING:
        assert sum(day[word] for day in days) == expected[word]
        assert sum(one[word] for one in medications) == expected[word]


def change(user, change_event, **more):
    with gate.as_person(user.id) as person:
        change_event(person=person, expected_version=None, now=at("2026-05-20T00:00Z"), **more)


def test_counts_a_retracted_dose_no_more(alice):
    medication = prescribe(alice)
    dose = report_dose(alice, medication, *ON_TIME[0])
    before = figures(alice, "2026-05-04", "2026-05-06", at(LATER)).overall

    change(alice, health.retract_event, event_id=dose.id, reason="not mine")

    after = figures(alice, "2026-05-04", "2026-05-06", at(LATER)).overall
    assert (before.taken, before.unknown) == (1, 5)
    assert (after.taken, after.unknown, after.extra) == (0, 6, 0)


def test_counts_a_corrected_dose_as_it_is_now(alice):
    medication = prescribe(alice)
    dose = report_dose(alice, medication, *ON_TIME[0])

    correction = CorrectionIn(
        event_data=dose.event_data, reason="it was later", occurred_at="2026-05-05T10:00:00-07:00"
    )
    change(alice, health.correct_event, event_id=dose.id, correction=correction)

    overall = figures(alice, "2026-05-04", "2026-05-06", at(LATER))
    assert (overall.overall.taken, overall.overall.late) == (0, 1)
    assert overall.days[d("2026-05-05")].late == 1


def test_keeps_people_and_medications_apart(alice, bob):
    estradiol, gonal = prescribe(alice), prescribe(alice, ONCE, name="Gonal-F")
    report_dose(bob, estradiol, *ON_TIME[0])
    report_dose(alice, gonal, *ON_TIME[0])

    report = figures(alice, "2026-05-04", "2026-05-06", at(LATER))

    assert {one.medication_name: said(one.adherence)["rate"] for one in report.medications} == {
        "Estradiol": "0.0",
        "Gonal-F": "33.3",
    }
    assert said(report.overall)["rate"] == "11.1"
