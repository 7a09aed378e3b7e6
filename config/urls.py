"""One origin: the API, the console and the docs page."""

import sys

from django.contrib import admin
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views import defaults

from assessments.api.v2 import assessments
from config import legacy_pages, monitoring, openapi, probes
from core.api import v1, v2
from core.api.base import unforeseen
from core.errors import InvalidInput, NotFound
from health.api.v2 import timeline
from medications.api.v2 import medications

urlpatterns = [
    path("", legacy_pages.Root.as_view()),
    path("livez", probes.livez),
    path("readyz", probes.readyz),
    path("metrics", monitoring.metrics),
    path("admin/", admin.site.urls),
    path("api/docs", openapi.docs),
    path("api/openapi-<slug:name>.json", openapi.document),
    path("api/v2/", include("config.api_v2")),
    # Names of version 2 that the old service announced.
    path("api/assessments/<str:assessment>/complete", assessments.Completions.as_view()),
    path("api/health-events", timeline.HealthEvents.as_view()),
    path("api/medications/<uuid:medication_id>/take", medications.Take.as_view()),
    path("api/", include("config.api_v1")),
]


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/api/v2/"):
        return v2.refusal(NotFound("There is no such endpoint. See /api/docs."))
    if request.path.startswith("/api/"):
        return v1.refusal(NotFound("Endpoint not found", extra={"path": request.path}))
    return defaults.page_not_found(request, exception)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    known = InvalidInput("The request is not well-formed.")
    if isinstance(exception, DisallowedHost):
        known = InvalidInput("The server does not answer to this host name: see ALLOWED_HOSTS.")
    if request.path.startswith("/api/v2/"):
        return v2.refusal(known)
    if request.path.startswith("/api/"):
        return v1.refusal(known)
    return defaults.bad_request(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    error = sys.exc_info()[1]
    known = unforeseen(error if isinstance(error, Exception) else RuntimeError())
    if request.path.startswith("/api/v2/"):
        return v2.refusal(known)
    if request.path.startswith("/api/"):
        return v1.refusal(known)
    return defaults.server_error(request)


handler400 = bad_request
handler404 = not_found
handler500 = server_error
