"""How the pipeline gets on: what is in it, how fast it goes, what fails, who works."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone

from documents import staff_figures
from documents.admin import words
from documents.admin.listing import DocumentList
from documents.staff_figures import Duration, Hour, Kind, StageNow
from documents.statuses import ON_THE_WAY, Status

# The chart is drawn in this many units, which the page stretches.
HEIGHT: Final = 120
WIDTH: Final = 24
MOST_WORKERS: Final = 10


@dataclass(frozen=True, slots=True)
class Tile:
    status: str
    name: str
    meaning: str
    count: int


@dataclass(frozen=True, slots=True)
class Bar:
    """An hour of the chart, from below: completed, then failed."""

    hour: Hour
    left: int
    completed_top: float
    completed_height: float
    failed_top: float
    failed_height: float
    is_labelled: bool


@dataclass(frozen=True, slots=True)
class StageRow:
    name: str
    meaning: str
    now: StageNow
    oldest: str
    median: str
    slow: str
    count: int


class OverviewPages(DocumentList):
    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.overview)
        # It stands where lists stand, so that the console's links to documents lead to it.
        return [path("", page, name="documents_document_changelist"), *super().get_urls()]

    def overview(self, request: HttpRequest) -> HttpResponse:
        now = timezone.now()
        tallies = staff_figures.tallies()
        hours = staff_figures.hours(now)
        groups = staff_figures.groups(acknowledged=False)
        workers = staff_figures.workers()
        page = {
            "title": "Documents",
            "tab": "overview",
            "total": sum(tallies.values()),
            "failed": sum(one.count for one in groups if one.kind is Kind.FAILED),
            "stuck": sum(one.count for one in groups if one.kind is Kind.STUCK),
            "tiles": [tile(status, tallies.get(status, 0)) for status in Status],
            "stages": stage_rows(now),
            "bars": bars(hours),
            "busiest": most_of(hours),
            "completed_lately": sum(hour.completed for hour in hours),
            "failed_lately": sum(hour.failed for hour in hours),
            "failures": [
                (words.failure_title(one.code), one, words.ago(one.newest_at, now))
                for one in staff_figures.failures()
            ],
            "workers": [(one, words.ago(one.seen_at, now)) for one in workers[:MOST_WORKERS]],
            "more_workers": len(workers[MOST_WORKERS:]),
            "now": now,
        }
        return self.render(request, "overview", page)


def tile(status: Status, count: int) -> Tile:
    _, name, meaning = words.STATES[status]
    return Tile(status.value, name, meaning, count)


def stage_rows(now: dt.datetime) -> list[StageRow]:
    found, lengths = staff_figures.stages_now(), staff_figures.durations()
    return [
        stage_row(found.get(status, StageNow(status)), lengths.get(status), now)
        for status in ON_THE_WAY
    ]


def stage_row(stage: StageNow, length: Duration | None, now: dt.datetime) -> StageRow:
    _, name, meaning = words.STATES[stage.status]
    return StageRow(
        name,
        meaning,
        stage,
        words.age(stage.oldest_due_at, now),
        words.duration(length.median) if length else "-",
        words.duration(length.slow) if length else "-",
        length.count if length else 0,
    )


def most_of(hours: Sequence[Hour]) -> int:
    return max(hour.completed + hour.failed for hour in hours)


def bars(hours: Sequence[Hour]) -> list[Bar]:
    unit = HEIGHT / max(most_of(hours), 1)
    return [bar(place, hour, unit) for place, hour in enumerate(hours)]


def bar(place: int, hour: Hour, unit: float) -> Bar:
    completed, failed = round(hour.completed * unit, 2), round(hour.failed * unit, 2)
    return Bar(
        hour=hour,
        left=place * WIDTH,
        completed_top=round(HEIGHT - completed, 2),
        completed_height=completed,
        failed_top=round(HEIGHT - completed - failed, 2),
        failed_height=failed,
        is_labelled=place % 6 == 5,  # noqa: PLR2004  Four labels, the last one at this hour.
    )
