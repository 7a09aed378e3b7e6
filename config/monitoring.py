"""/metrics: what somebody who runs Novara wants to watch, in the format of Prometheus.

Every figure is computed when it is asked for, or a second before, so that all processes tell the
same; labels are words of this program alone, and no figure is about a person. Without the database
there is nothing to tell: 503, which a scraper shows as `up == 0`; an old or empty answer would look
like good news.
"""

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from django.db import Error
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from config import figures
from config.lately import Lately
from documents import figures as documents
from health import metrics as health
from ratelimits.types import BOUNDS

# Name, what it tells, its labels, and its figures by the values of these.
Figures: TypeAlias = tuple[str, str, tuple[str, ...], Mapping[tuple[str, ...], float]]

AWAY: Final = "The database does not answer, so there are no figures.\n"


def metrics(_request: HttpRequest) -> HttpResponse:
    text = _text()
    if text is None:
        return HttpResponse(AWAY, status=503, content_type="text/plain; charset=utf-8")
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _write() -> bytes | None:
    try:
        found = [*_gauges(), *_requests(), _refusals()]
    except Error:
        return None
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Told(found))
    return generate_latest(registry)


_text: Final = Lately(_write)


class Told(Collector):
    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        return iter(self._found)


def _gauges() -> Iterator[Metric]:
    told = (
        *_of_health(health.backlog()),
        *_of_documents(documents.pipeline()),
        *_of_audit(figures.audit()),
        *_of_database(figures.database()),
        ("queue_tasks", "Tasks that wait in a queue.", ("queue",), figures.queues()),
    )
    for name, text, labels, values in told:
        family = GaugeMetricFamily(f"novara_{name}", text, labels=labels)
        for value, figure in values.items():
            family.add_metric(value, figure)
        yield family


def _requests() -> Iterator[Metric]:
    traffic = figures.traffic()
    requests = CounterMetricFamily(
        "novara_api_requests",
        "Requests of the APIs since midnight (UTC).",
        labels=("route", "method", "status"),
    )
    for labels, count in traffic.requests.items():
        requests.add_metric(labels, count)
    yield requests
    durations = HistogramMetricFamily(
        "novara_api_request_seconds",
        "How long requests of the APIs took since midnight (UTC).",
        labels=("route", "method"),
    )
    ends = [*(str(bound / 1000) for bound in BOUNDS), "+Inf"]
    for place, counts in traffic.buckets.items():
        totals = [sum(counts[: number + 1]) for number in range(len(counts))]
        durations.add_metric(place, list(zip(ends, totals, strict=True)), traffic.seconds[place])
    yield durations


def _refusals() -> Metric:
    refusals = CounterMetricFamily(
        "novara_limited_requests",
        "Requests since midnight (UTC) that a rule refused, or would have refused (mode shadow).",
        labels=("rule", "mode"),
    )
    for labels, count in figures.limited().items():
        refusals.add_metric(labels, count)
    return refusals


def _of_audit(found: figures.Audit) -> list[Figures]:
    return [
        (
            "audit_unsealed_entries",
            "Entries of the audit log that are in no chain yet; counted up to 100000.",
            (),
            {(): found.sealer.unsealed},
        ),
        (
            "audit_seal_lag_seconds",
            "How long the oldest of them has waited; 0 if none waits.",
            (),
            {(): found.sealer.lag_seconds},
        ),
        (
            "audit_checkpoints_not_mirrored",
            "Signed checkpoints of which there is no copy outside the database.",
            (),
            {(): found.sealer.not_mirrored},
        ),
        (
            "audit_mirror_lag_seconds",
            "How long the oldest of them has waited; 0 if none waits.",
            (),
            {(): found.sealer.mirror_lag_seconds},
        ),
        (
            "audit_alerts",
            "Alerts of the audit log that are not resolved.",
            ("severity", "status"),
            found.alerts,
        ),
    ]


def _of_database(found: figures.Database) -> list[Figures]:
    return [
        (
            "database_connections",
            "Connections to the database server, of everybody.",
            (),
            {(): found.connections},
        ),
        (
            "database_connections_most",
            "How many it takes.",
            (),
            {(): found.most_connections},
        ),
        (
            "database_oldest_transaction_seconds",
            "How long the oldest transaction has been open: it holds back who reads a log.",
            (),
            {(): found.oldest_transaction},
        ),
        ("database_bytes", "The size of the database.", (), {(): found.size}),
        (
            "log_positions_missing",
            "How far the server's counter is behind the log after a restore; 0 is right.",
            (),
            {(): found.positions_missing},
        ),
    ]


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
        (
            "insight_lag_seconds",
            "How long the oldest event has waited for whoever writes insights; 0 if none waits.",
            (),
            {(): figures.unread_events()},
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
