"""The product's paths, and views that fail inside the gate in every way a view can."""

from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from config.urls import handler404, handler500  # noqa: F401  Django reads them.
from config.urls import urlpatterns as product
from core.api.v1 import V1View
from core.api.v2 import HotView, V2View
from health import event_log

SECRET = "canary-3f81"


def fail(way: str) -> None:
    with connection.cursor() as cursor:
        if way == "raise":
            raise RuntimeError(SECRET)
        if way == "sql":
            cursor.execute("SELECT nothing FROM health_events WHERE event_type = %s", [SECRET])
        if way == "constraint":
            cursor.execute("UPDATE user_profiles SET confidence_meds = 99")
        if way == "hang-up":
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


class Fails(V2View):
    def get(self, request: Request, way: str) -> Response:
        fail(way)
        return Response({})


class FailsInV1(V1View):
    def get(self, request: Request, way: str) -> Response:
        fail(way)
        return Response({})


class FailsToCommit(V2View):
    """Answers well, but the transaction cannot be committed."""

    def get(self, request: Request, way: str) -> Response:
        raw: Any = connection.connection
        raw.close()
        return Response({})


class FailsHot(HotView):
    def post(self, request: HttpRequest, way: str) -> HttpResponse:
        if way == "sql":
            # Violates a constraint after the function has entered the gate.
            item: Any = {"event_data": {SECRET: 1}}
            event_log.record(self.claims(request), [item], with_events=True)
        else:
            fail(way)
        return HttpResponse()


urlpatterns = [
    path("api/v2/fails/<str:way>", Fails.as_view()),
    path("api/v2/fails-to-commit/<str:way>", FailsToCommit.as_view()),
    path("api/v2/fails-hot/<str:way>", FailsHot.as_view()),
    path("api/fails/<str:way>", FailsInV1.as_view()),
    *product,
]
