"""The two OpenAPI documents: built once, served at /api/openapi-v1.json and -v2.json.

Committed in docs/reference/; `make openapi` writes them, a house test compares.
"""

from functools import cache
from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from django.shortcuts import render
from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings

from analytics.types import SHAPES as ANALYTICS
from assessments.types import SHAPES as ASSESSMENTS
from audit.api.v2 import access_log
from core.api import openapi
from documents.api.v2 import documents as document_views
from documents.api.v2 import progress, search
from flags.api.v2 import flags
from health.api.v2.schema import components
from insights.api.v2 import insights
from medications.api.v2 import medications
from ratelimits.api.v2 import limits

V1 = {
    "TITLE": "Novara API, version 1",
    "VERSION": "1.0",
    "DESCRIPTION": (
        "The old service's API, frozen: for clients that are in the field. New clients use"
        " version 2. Every answer carries Deprecation and Sunset. Keys that are not listed are"
        " accepted and kept."
    ),
    "APPEND_COMPONENTS": {"schemas": {"Failure": openapi.V1_FAILURE}},
}
V2 = {
    "TITLE": "Novara API, version 2",
    "VERSION": "2.0",
    "DESCRIPTION": (
        "Health events, read and written as the person of the bearer token. Sign up or log in at"
        " `/api/v2/auth/…`, then send `Authorization: Bearer <access_token>`. Failures are"
        " problem+json (RFC 9457) with a stable `code`."
    ),
    "APPEND_COMPONENTS": {
        "schemas": {
            "Failure": openapi.V2_FAILURE,
            **components(),
            **openapi.components_of(ANALYTICS),
            **openapi.components_of(ASSESSMENTS),
            **openapi.components_of(access_log.SHAPES),
            **openapi.components_of(progress.SHAPES),
            **openapi.components_of(search.SHAPES),
            **openapi.components_of(document_views.SHAPES),
            **openapi.components_of(flags.SHAPES),
            **openapi.components_of(insights.SHAPES),
            **openapi.components_of(medications.SHAPES),
            **openapi.components_of(limits.SHAPES),
        }
    },
}


@cache
def documents() -> dict[str, dict[str, Any]]:
    return {
        "v1": _document([path("api/", include("config.api_v1"))], V1),
        "v2": _document([path("api/v2/", include("config.api_v2"))], V2),
    }


def _document(patterns: list[Any], settings: dict[str, Any]) -> dict[str, Any]:
    with patched_settings(settings):
        generator: Any = SchemaGenerator
        document: dict[str, Any] = generator(patterns=patterns).get_schema(public=True)
    return document


def document(_request: HttpRequest, name: str) -> JsonResponse:
    if name not in documents():
        raise Http404
    return JsonResponse(documents()[name])


def docs(request: HttpRequest) -> Any:
    return render(request, "docs.html")
