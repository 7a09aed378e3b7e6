"""Puts the answer of analytics together from a person's days."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from itertools import groupby
from typing import Any, Final

from analytics.figures import correlations
from analytics.figures.comparisons import COMPARED
from analytics.figures.days import MEASURES, Day, Period, one_day
from analytics.figures.quantities import QUANTITIES
from analytics.figures.registry import FIGURES
from analytics.types import (
    AdherenceFiguresOut,
    AnalyticsOut,
    ComparisonOut,
    ComparisonsOut,
    CorrelationOut,
    CorrelationsOut,
    DayFiguresOut,
    DoseCountsOut,
    FigureOut,
    InstrumentsOut,
    MedicationFiguresOut,
    MoodsOut,
    ReportedDosesOut,
    TrendOut,
    WeekFiguresOut,
    WordsOut,
)
from medications.types import Adherence, AdherenceReport

PATH: Final = "/api/v2/analytics/explain"
_BESIDE: Final = {"local_date", "explain", "medications_scheduled"}
_OF_DAY: Final = tuple(
    (name, FIGURES[name].value) for name in DayFiguresOut.__struct_fields__ if name not in _BESIDE
)
_OF_WEEK: Final = tuple(
    (name, FIGURES[name].value) for name in WeekFiguresOut.__struct_fields__ if name in FIGURES
)


def report(
    period: Period, adherence: AdherenceReport, *, timeframe: str, time_zone: str
) -> AnalyticsOut:
    recorded = (day.row.last_updated for day in period.days)
    return AnalyticsOut(
        timeframe=timeframe,
        first_date=period.first,
        last_date=period.last,
        time_zone=time_zone,
        computed_from=max((at for at in recorded if at), default=None),
        daily=_days(period, adherence),
        weekly=_weeks(period),
        summary={
            name: FigureOut(quantity.value(period), link(period, name))
            for name, quantity in QUANTITIES.items()
        },
        adherence=_adherence(period, adherence),
        moods=MoodsOut(**_value(period, "mood_distribution")),
        symptoms=WordsOut(**_value(period, "symptom_frequencies")),
        triggers=WordsOut(**_value(period, "trigger_frequencies")),
        assessments=InstrumentsOut(
            FIGURES["assessment_changes"].value(period), link(period, "assessment_changes")
        ),
        trends={name: TrendOut(**_value(period, f"trend_{name}")) for name in MEASURES},
        comparison=_comparisons(period),
        correlations=_correlations(period),
    )


def link(period: Period, figure: str = "", *, date: dt.date | None = None) -> str:
    of_day = f"&date={date}" if date else ""
    return f"{PATH}?timeframe={period.first}..{period.last}{of_day}&figure={figure}"


def _value(period: Period, name: str) -> dict[str, Any]:
    value = FIGURES[name].value(period)
    fields: Mapping[str, Any] = value if isinstance(value, dict) else asdict(value)
    return {**fields, "explain": link(period, name)}


def day_figures(
    date: dt.date, day: Day | None, scheduled: int, explain: str | None
) -> DayFiguresOut:
    """A day's figures; nulls where nothing was recorded."""
    if day is None:
        return DayFiguresOut(date, explain, medications_scheduled=scheduled)
    period = one_day(day)
    values = {name: value(period) for name, value in _OF_DAY}
    return DayFiguresOut(date, explain, **values, medications_scheduled=scheduled)


def _days(period: Period, adherence: AdherenceReport) -> list[DayFiguresOut]:
    by_date = {day.date: day for day in period.days}
    dates = [period.first + dt.timedelta(days=number) for number in range(period.length)]
    return [
        day_figures(
            date, by_date.get(date), adherence.days[date].scheduled, link(period, date=date)
        )
        for date in dates
    ]


def _weeks(period: Period) -> list[WeekFiguresOut]:
    by_date = {day.date: day for day in period.days}
    dates = [period.first + dt.timedelta(days=number) for number in range(period.length)]
    weeks = []
    for (year, number), group in groupby(dates, key=lambda date: date.isocalendar()[:2]):
        of_week = list(group)
        days = [by_date[date] for date in of_week if date in by_date]
        week = Period(of_week[0], of_week[-1], days)
        values = {name: value(week) for name, value in _OF_WEEK}
        weeks.append(
            WeekFiguresOut(
                iso_year=year,
                iso_week=number,
                first_date=week.first,
                last_date=week.last,
                explain=link(week),
                **values,
            )
        )
    return weeks


def _adherence(period: Period, report: AdherenceReport) -> AdherenceFiguresOut:
    rows = [day.row for day in period.days]
    explain = link(period, "scheduled_adherence")
    return AdherenceFiguresOut(
        overall=DoseCountsOut(**_counts(report.overall)),
        medications=[
            MedicationFiguresOut(
                **_counts(each.adherence),
                medication_id=each.medication_id,
                medication_name=each.medication_name,
                explain=f"{explain}&medication_id={each.medication_id}",
            )
            for each in report.medications
        ],
        reported=ReportedDosesOut(
            taken=sum(row.medications_taken for row in rows),
            missed=sum(row.medications_missed for row in rows),
            rate=QUANTITIES["reported_adherence"].value(period),
            explain=link(period, "reported_adherence"),
        ),
        explain=explain,
    )


def _counts(adherence: Adherence) -> dict[str, Any]:
    counts = asdict(adherence)
    rates = ("rate", "taken_rate")
    return counts | {name: None if counts[name] is None else float(counts[name]) for name in rates}


def _comparisons(period: Period) -> ComparisonsOut:
    earlier = period.before or period
    return ComparisonsOut(
        earlier.first,
        earlier.last,
        {name: ComparisonOut(**_value(period, f"comparison_{name}")) for name in COMPARED},
    )


def _correlations(period: Period) -> CorrelationsOut:
    examined, found = correlations.look(period)
    reason = None
    if not found:
        reason = (
            "No two measures go together clearly beyond chance."
            if examined
            else "No two measures have enough days in common:"
            f" {correlations.FEWEST_DAYS} are needed, and values that differ."
        )
    shown = [
        CorrelationOut(
            **each.shown, explain=link(period, "correlation_{}_{}".format(*each.between))
        )
        for each in found
    ]
    return CorrelationsOut(examined, shown, reason)
