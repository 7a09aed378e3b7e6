"""What can be asked about a person's figures, and about one of their days."""

import datetime as dt
import re
import uuid
from collections.abc import Sequence
from typing import Any, Final

from analytics import queries
from analytics.figures import report
from analytics.figures.days import Period, fold, read_day
from analytics.figures.doses import DOSE_FIGURES, DoseFigure
from analytics.figures.registry import FIGURES, Figure
from analytics.types import (
    AnalyticsOut,
    ContributionOut,
    DayFiguresOut,
    DayInsightOut,
    DayRow,
    Event,
    ExplainQuery,
    ExplanationOut,
    PlannedAppointmentOut,
    PlannedAssessmentOut,
    PlannedDoseOut,
    PlanOut,
)
from assessments import queries as assessments
from core import cursors
from core.errors import InvalidInput
from core.gate import Person
from core.times import EARLIEST, local_date, read_instant
from health import services as health
from medications import queries as medications
from medications.types import Slot

DAYS_OF: Final = {"week": 7, "month": 30, "quarter": 90, "year": 365}
LONGEST: Final = 366
RANGE: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.\.([0-9]{4}-[0-9]{2}-[0-9]{2})")
EVENT_LINK: Final = "/api/v2/health/events/{}"
# Days beyond have no room for what lies around them.
LATEST: Final = dt.date(9000, 1, 1)


def analytics(*, person: Person, timeframe: str, now: dt.datetime) -> AnalyticsOut:
    """Give a person's figures over a timeframe, exact at this moment."""
    first, last = _read_timeframe(timeframe, local_date(now, person.time_zone))
    health.bring_up_to_date(person)
    before = first - (last - first) - dt.timedelta(days=1)
    period = _period(first, last, queries.days_between(person.id, before, last))
    adherence = medications.adherence(person, first, last, now=now)
    return report.report(period, adherence, timeframe=timeframe, time_zone=person.time_zone)


def _period(first: dt.date, last: dt.date, rows: Sequence[DayRow]) -> Period:
    days = [read_day(row) for row in rows]
    length = last - first + dt.timedelta(days=1)
    earlier = Period(
        first - length, first - dt.timedelta(days=1), [day for day in days if day.date < first]
    )
    return Period(first, last, [day for day in days if day.date >= first], earlier)


def _read_timeframe(text: str, today: dt.date) -> tuple[dt.date, dt.date]:
    """Give first and last day of a timeframe: up to today, or as it says."""
    if text in DAYS_OF:
        return today - dt.timedelta(days=DAYS_OF[text] - 1), today
    first, last = _read_range(text)
    faults = {
        "the first date lies after the last one. Exchange them.": last < first,
        f"must not go beyond today, which is {today} where you live.": last > today,
        f"must not begin before {EARLIEST.date()}.": first < EARLIEST.date(),
        f"must be of at most {LONGEST} days.": (last - first).days >= LONGEST,
    }
    for fault, is_found in faults.items():
        if is_found:
            raise _refused("timeframe", fault)
    return first, last


def _read_range(text: str) -> tuple[dt.date, dt.date]:
    try:
        if match := RANGE.fullmatch(text):
            return dt.date.fromisoformat(match[1]), dt.date.fromisoformat(match[2])
    except ValueError:
        pass
    words = ", ".join(DAYS_OF)
    fault = f"must be one of {words}, or two dates such as 2026-01-01..2026-02-15."
    raise _refused("timeframe", fault)


def _refused(name: str, fault: str) -> InvalidInput:
    return InvalidInput.of_parameter(name, f"{name}: {fault}")


# Explanations


def explain(*, person: Person, query: ExplainQuery, now: dt.datetime) -> ExplanationOut:
    """Give a figure's sentence, its value from the raw events now, and a page of those events."""
    first, last = _read_timeframe(query.timeframe, local_date(now, person.time_zone))
    if query.date is not None:
        if not first <= query.date <= last:
            raise _refused("date", f"must lie in the timeframe, from {first} to {last}.")
        first = last = query.date
    health.bring_up_to_date(person)
    if dose_figure := DOSE_FIGURES.get(query.figure):
        value, found = _explain_doses(person, dose_figure, first, last, query.medication_id, now)
        figure: Figure | DoseFigure = dose_figure
    elif query.medication_id is not None:
        raise _refused("medication_id", f"goes with the figures {', '.join(DOSE_FIGURES)} alone.")
    elif event_figure := FIGURES.get(query.figure):
        value, found = _explain_events(person, event_figure, first, last)
        figure = event_figure
    else:
        known = ", ".join([*FIGURES, *DOSE_FIGURES])
        raise _refused("figure", f"must be one of {known}.")
    page, following = _page(found, query)
    return ExplanationOut(
        figure.name, figure.sentence, first, last, value, len(found), page, following
    )


def _explain_events(
    person: Person, figure: Figure, first: dt.date, last: dt.date
) -> tuple[Any, list[tuple[uuid.UUID, ContributionOut]]]:
    began = first - (last - first) - dt.timedelta(days=1) if figure.looks_back else first
    events = queries.events_between(person.id, began, last, figure.event_types)
    found = figure.behind(events)
    rows = [day.row for day in fold(event for event, _ in found)]
    shown = [
        (
            event.version_id,
            ContributionOut(
                event.id,
                event.event_type,
                event.local_date,
                event.occurred_at,
                contributed,
                EVENT_LINK.format(event.id),
            ),
        )
        for event, contributed in found
    ]
    return figure.value(_period(first, last, rows)), shown


def _explain_doses(
    person: Person,
    figure: DoseFigure,
    first: dt.date,
    last: dt.date,
    medication_id: uuid.UUID | None,
    now: dt.datetime,
) -> tuple[Any, list[tuple[uuid.UUID, ContributionOut]]]:
    doses = queries.doses_between(person, first, last, medication_id, now=now)
    found = [
        (
            dose.key,
            ContributionOut(
                dose.event_id,
                "medication",
                dose.local_date,
                dose.at,
                contributed,
                EVENT_LINK.format(dose.event_id) if dose.event_id else None,
            ),
        )
        for dose in doses
        if (contributed := figure.contribution(dose.status)) is not None
    ]
    return figure.value([dose.status for dose in doses]), found


def _page(
    found: Sequence[tuple[uuid.UUID, ContributionOut]], query: ExplainQuery
) -> tuple[list[ContributionOut], str | None]:
    """Give a page, newest first, and the cursor of the next one."""
    before = cursors.read(query.cursor, cursors.instant, uuid.UUID)
    in_order = sorted(((shown.occurred_at, key, shown) for key, shown in found), key=_place)[::-1]
    left = [each for each in in_order if before is None or each[:2] < before]
    page = left[: query.limit]
    is_last = len(left) <= query.limit
    return [shown for _, _, shown in page], None if is_last else cursors.write(
        page[-1][0].isoformat(), page[-1][1]
    )


def _place(each: tuple[dt.datetime, uuid.UUID, ContributionOut]) -> tuple[dt.datetime, uuid.UUID]:
    return each[:2]


# The day at a glance


def daily_summary(*, person: Person, date: dt.date | None, now: dt.datetime) -> dict[str, Any]:
    """Sum up a person's local day (default: today): what was recorded, said and planned."""
    summary = health.daily_summary(person=person, date=date, now=now)
    day: dt.date = summary["date"]
    is_near = EARLIEST.date() <= day < LATEST
    slots = medications.find_slots(person, day, day, now=now) if is_near else []
    return summary | {
        "metrics": _day_figures(person, day, slots, today=local_date(now, person.time_zone)),
        "insights": [
            DayInsightOut(
                insight.id,
                insight.insight_type,
                insight.category,
                insight.priority,
                insight.title,
                insight.message,
                f"/api/v2/insights/{insight.id}",
            )
            for insight in queries.insights_of(person.id, day)
        ],
        "schedule": PlanOut(
            [_planned_dose(slot) for slot in slots],
            _appointments(person, day),
            _assessments_due(person, day, now),
        ),
    }


def _day_figures(
    person: Person, day: dt.date, slots: Sequence[Slot], *, today: dt.date
) -> DayFiguresOut:
    rows = queries.days_between(person.id, day, day)
    explain = None
    if EARLIEST.date() <= day <= today:
        explain = report.link(Period(day, day, []))
    statuses = [slot.status for slot in slots]
    scheduled: int = DOSE_FIGURES["medications_scheduled"].value(statuses)
    return report.day_figures(day, read_day(rows[0]) if rows else None, scheduled, explain)


def _planned_dose(slot: Slot) -> PlannedDoseOut:
    return PlannedDoseOut(
        slot.medication_id,
        slot.medication_name,
        slot.dosage,
        slot.scheduled_at,
        f"{slot.local_time:%H:%M}",
        slot.status,
        slot.event_id,
        slot.taken_at,
    )


def _appointments(person: Person, day: dt.date) -> list[PlannedAppointmentOut]:
    """Find the appointments of a day: by the time they name, else by when they were recorded."""
    found = []
    for event in queries.appointments_around(person.id, day):
        begins = _begins(event, person.time_zone)
        if begins is not None and begins[1] == day:
            title = event.data.get("title")
            shown = title if isinstance(title, str) else None
            link = EVENT_LINK.format(event.id)
            found.append(PlannedAppointmentOut(event.id, shown, begins[0], link))
    return sorted(found, key=lambda appointment: (appointment.starts_at, appointment.event_id))


def _begins(event: Event, zone: str) -> tuple[dt.datetime, dt.date] | None:
    """Tell when an appointment begins, and its local date; None where it names no time."""
    named = event.data.get("starts_at")
    if not isinstance(named, str):
        return event.occurred_at, event.local_date
    try:
        instant, offset = read_instant(named, "/starts_at")
        return instant, local_date(instant, zone) if offset is None else instant.date()
    except (InvalidInput, OverflowError):
        return None


def _assessments_due(person: Person, day: dt.date, now: dt.datetime) -> list[PlannedAssessmentOut]:
    """Tell what is due by the end of a day. Of days that are over, nobody knows it any more."""
    if day < local_date(now, person.time_zone):
        return []
    return [
        PlannedAssessmentOut(due.instrument, due.title, due.due_at, due.is_due, due.reason)
        for due in assessments.find_due(person, now=now)
        if local_date(due.due_at, person.time_zone) <= day
    ]
