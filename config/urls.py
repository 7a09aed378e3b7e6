"""One origin: the API, the console and the docs page."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views import defaults

from config import probes
from core.api import v1, v2
from health.api.v2 import timeline

urlpatterns = [
    path("livez", probes.livez),
    path("readyz", probes.readyz),
    path("admin/", admin.site.urls),
    path("api/v2/", include("config.api_v2")),
    # Names of version 2 that the old service announced.
    path("api/health-events", timeline.HealthEvents.as_view()),
    path("api/", include("config.api_v1")),
]


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith("/api/v2/"):
        return v2.endpoint_not_found(request)
    if request.path.startswith("/api/"):
        return v1.endpoint_not_found(request)
    return defaults.page_not_found(request, exception)


handler404 = "config.urls.not_found"
