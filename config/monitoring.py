"""/metrics: what somebody who runs Novara wants to watch, in the format of Prometheus.

Every figure is computed when it is asked for, so that all processes tell the same; labels are
words of this program alone, and no figure is about a person. Without the database there is nothing
to tell: 503, which a scraper shows as `up == 0`; an old or empty answer would look like good news.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from django.db import Error
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from documents import figures as documents
from health import metrics as health

AWAY: Final = "The database does not answer, so there are no figures.\n"


def metrics(_request: HttpRequest) -> HttpResponse:
    try:
        backlog, pipeline = health.backlog(), documents.pipeline()
    except Error:
        return HttpResponse(AWAY, status=503, content_type="text/plain; charset=utf-8")
    registry = CollectorRegistry()
    _add_backlog(registry, backlog)
    _add_pipeline(registry, pipeline)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _add_backlog(registry: CollectorRegistry, backlog: health.Backlog) -> None:
    marks = Gauge(
        "novara_metric_marks_waiting",
        "Changes of days whose figures are not folded yet; counted up to 100000.",
        registry=registry,
    )
    marks.set(backlog.marks)
    lag = Gauge(
        "novara_metric_fold_lag_seconds",
        "How long the oldest of them has waited; 0 if none waits.",
        registry=registry,
    )
    lag.set(backlog.lag)


def _add_pipeline(registry: CollectorRegistry, pipeline: documents.Pipeline) -> None:
    def add(name: str, told: str, labels: Iterable[str], found: Mapping[tuple[str, ...], float]) -> None:
        gauge = Gauge(f"novara_document{name}", told, list(labels), registry=registry)
        for values, figure in found.items():
            gauge.labels(*values).set(figure)

    add(
        "s",
        "Documents by status; counted up to 100000 each.",
        ["status"],
        _by_word(pipeline.by_status),
    )
    add(
        "_waiting_seconds",
        "How long the oldest document has waited that is due in this status; 0 if none is.",
        ["status"],
        _by_word(pipeline.waiting),
    )
    add(
        "s_stuck",
        "Documents that nobody works on, or that do not go on, by cause.",
        ["cause"],
        _by_word(pipeline.stuck),
    )
    add("s_failed", "Documents that have failed, by code.", ["code"], _by_word(pipeline.failed))
    add(
        "_attempts_last_hour",
        "Tries of a stage that ended in the last hour.",
        ["stage", "outcome"],
        pipeline.ended,
    )
    add(
        "_failures_last_hour",
        "Tries that failed in the last hour, by code.",
        ["code"],
        _by_word(pipeline.failures),
    )
    add(
        "_stage_seconds",
        "How long a stage took in the last hour, where it succeeded; quantile 1 is the longest.",
        ["stage", "quantile"],
        {
            (stage, str(quantile)): seconds
            for stage, quantiles in pipeline.durations.items()
            for quantile, seconds in quantiles.items()
        },
    )
    add(
        "_deleted_files_waiting_seconds",
        "How long the oldest file has waited to be deleted whose document is gone; 0 if none does.",
        [],
        {},
    )


def _by_word(found: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(word,): figure for word, figure in found.items()}
