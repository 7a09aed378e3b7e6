"""/metrics: what somebody who runs Novara wants to watch, in the format of Prometheus.

Every figure is computed when it is asked for, so that all processes tell the same. No figure
has labels, and none is about a person. Without the database there is nothing to tell: 503, which
a scraper shows as `up == 0`; an old or empty answer would look like good news.
"""

from typing import Final

from django.db import Error
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from health import metrics as figures

AWAY: Final = "The database does not answer, so there are no figures.\n"


def metrics(_request: HttpRequest) -> HttpResponse:
    try:
        backlog = figures.backlog()
    except Error:
        return HttpResponse(AWAY, status=503, content_type="text/plain; charset=utf-8")
    registry = CollectorRegistry()
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
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
