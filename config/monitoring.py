"""/metrics: what somebody who runs Novara wants to watch, in the format of Prometheus.

Every figure is computed when it is asked for, so that all processes tell the same; labels are
words of this program alone, and no figure is about a person. Without the database there is nothing
to tell: 503, which a scraper shows as `up == 0`; an old or empty answer would look like good news.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from django.db import Error
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from documents import figures as documents
from health import metrics as health

# Name, what it tells, its labels, and its figures by the values of these.
Figures: TypeAlias = tuple[str, str, tuple[str, ...], Mapping[tuple[str, ...], float]]

AWAY: Final = "The database does not answer, so there are no figures.\n"


def metrics(_request: HttpRequest) -> HttpResponse:
    try:
        backlog, pipeline = health.backlog(), documents.pipeline()
    except Error:
        return HttpResponse(AWAY, status=503, content_type="text/plain; charset=utf-8")
    registry = CollectorRegistry()
    for name, told, labels, found in (*_of_health(backlog), *_of_documents(pipeline)):
        gauge = Gauge(f"novara_{name}", told, labels, registry=registry)
        for values, figure in found.items():
            (gauge.labels(*values) if values else gauge).set(figure)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _of_health(backlog: health.Backlog) -> list[Figures]:
    return [
        (
            "metric_marks_waiting",
            "Changes of days whose figures are not folded yet; counted up to 100000.",
            (),
            {(): backlog.marks},
        ),
        (
            "metric_fold_lag_seconds",
            "How long the oldest of them has waited; 0 if none waits.",
            (),
            {(): backlog.lag},
        ),
    ]


def _of_documents(pipeline: documents.Pipeline) -> list[Figures]:
    return [
        (
            "documents",
            "Documents by status; what has come to an end is counted up to 100000.",
            ("status",),
            pipeline.by_status,
        ),
        (
            "document_waiting_seconds",
            "How long the oldest document has waited that is due in a status; 0 if none is.",
            ("status",),
            pipeline.waiting,
        ),
        (
            "documents_stuck",
            "Documents that nobody works on, or that do not go on, by cause.",
            ("cause",),
            pipeline.stuck,
        ),
        ("documents_failed", "Documents that have failed, by code.", ("code",), pipeline.failed),
        (
            "document_attempts_last_hour",
            "Tries of a stage that ended in the last hour.",
            ("stage", "outcome"),
            pipeline.ended,
        ),
        (
            "document_failures_last_hour",
            "Tries that failed in the last hour, by code.",
            ("code",),
            pipeline.failures,
        ),
        (
            "document_stage_seconds",
            "How long a stage took in the last hour where it succeeded; quantile 1 is the longest.",
            ("stage", "quantile"),
            pipeline.durations,
        ),
        (
            "document_deletions_waiting_seconds",
            "How long the oldest file has waited to be deleted; 0 if none waits.",
            (),
            {(): pipeline.oldest_deletion},
        ),
    ]
