"""One origin: the API, the console and the docs page."""

import sys
from collections.abc import Callable
from typing import Final

from django.contrib import admin
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views import defaults

from assessments.api.v2 import assessments
from config import home, legacy_pages, monitoring, openapi, probes
from core.api import v1, v2
from core.api.base import unforeseen
from core.errors import DomainError, InvalidInput, NotFound
from flags.api import ofrep
from health.api.v2 import timeline
from medications.api.v2 import medications

urlpatterns = [
    path("", legacy_pages.Root.as_view()),
    path("livez", probes.livez),
    path("readyz", probes.readyz),
    path("metrics", monitoring.metrics),
    path("admin/", admin.site.admin_view(home.index), name="home"),
    path("admin/", admin.site.urls),
    path("api/docs", openapi.docs),
    path("api/openapi-<slug:name>.json", openapi.document),
    path("api/v2/", include("config.api_v2")),
    path("ofrep/v1/", include("config.ofrep")),
    # Names of version 2 that the old service announced.
    path("api/assessments/<str:assessment>/complete", assessments.Completions.as_view()),
    path("api/health-events", timeline.HealthEvents.as_view()),
    path("api/medications/<uuid:medication_id>/take", medications.Take.as_view()),
    path("api/", include("config.api_v1")),
]


# Who speaks under which paths; elsewhere a person reads a page.
DIALECTS: Final = (("/ofrep/", ofrep.refusal), ("/api/v2/", v2.refusal), ("/api/", v1.refusal))


def dialect_of(path: str) -> Callable[[DomainError], HttpResponse] | None:
    return next((refuse for start, refuse in DIALECTS if path.startswith(start)), None)


def start_of(path: str) -> str:
    """Give the beginning of a path by which it has its dialect."""
    return next((start for start, _ in DIALECTS if path.startswith(start)), "/")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    refuse = dialect_of(request.path)
    if refuse is None:
        return defaults.page_not_found(request, exception)
    if refuse is v1.refusal:
        return refuse(NotFound("Endpoint not found", extra={"path": request.path}))
    return refuse(NotFound("There is no such endpoint. See /api/docs."))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    known = InvalidInput("The request is not well-formed.")
    if isinstance(exception, DisallowedHost):
        known = InvalidInput("The server does not answer to this host name: see ALLOWED_HOSTS.")
    refuse = dialect_of(request.path)
    return refuse(known) if refuse else defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    error = sys.exc_info()[1]
    known = unforeseen(error if isinstance(error, Exception) else RuntimeError())
    refuse = dialect_of(request.path)
    return refuse(known) if refuse else defaults.server_error(request)


handler400 = bad_request
handler404 = not_found
handler500 = server_error
