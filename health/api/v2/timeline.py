"""Reading: /api/v2/health/timeline, event-types, and /api/v2/status."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.base import json_response, read_query
from core.api.openapi import TEXT, WHOLE, YES_NO, described, object_of, query_parameters, ref
from core.api.v2 import HotView, V2View
from health import services, storage
from health.api.v2.events import Events
from health.event_types import EVENT_TYPES
from health.types import (
    EventTypesOut,
    TimelineOut,
    TimelineQuery,
)


class Timeline(HotView):
    shows = "health events"

    @described(
        "The timeline, newest first",
        {200: ref(TimelineOut), 304: None},
        parameters=query_parameters(TimelineQuery),
        description=(
            "What holds now; `include=history` shows every version, `as_of` what was known then."
            " `event_types` is a list with commas. `next` is the cursor of the following page."
        ),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        claims = self.claims(request)
        query = read_query(request, TimelineQuery)
        events, cursor = services.read_timeline(claims=claims, query=query)
        following = f'"{cursor}"' if cursor else "null"
        return json_response(f'{{"events":{events},"next":{following}}}')


class HealthEvents(Timeline, Events):
    """/api/health-events, the name that the old service had planned: POST one, GET the timeline."""


class EventTypes(V2View):
    is_open = True

    @described("The types of events and the JSON Schemas of their data", {200: ref(EventTypesOut)})
    def get(self, request: Request) -> Response:
        return Response(
            {
                "event_types": [
                    {
                        "event_type": kind.name,
                        "description": kind.description,
                        "current_version": kind.version,
                        "schemas": {
                            str(version): schema
                            for version, schema in enumerate(kind.schemas, start=1)
                        },
                    }
                    for kind in EVENT_TYPES.values()
                ]
            }
        )


STATUS = object_of(
    {
        "schema_v2_enabled": YES_NO,
        "health_events_percent": WHOLE,
        "database_type": TEXT,
        "features": {"type": "object", "additionalProperties": YES_NO},
        "endpoints_available": {"type": "array", "items": TEXT},
    }
)


class Status(V2View):
    """What is switched on. Open, as in the old service; the keys of both its generations."""

    is_open = True

    @described("What is switched on", {200: object_of({"success": YES_NO, "status": STATUS})})
    def get(self, request: Request) -> Response:
        is_on = settings.USE_SCHEMA_V2
        return Response(
            {
                "success": True,
                "status": {
                    "schema_v2_enabled": is_on,
                    "health_events_percent": storage.percentage(),
                    "database_type": "postgresql",
                    "features": {
                        "health_events": is_on,
                        "event_sourcing": is_on,
                        "enhanced_analytics": is_on,
                        "backward_compatibility": True,
                    },
                    "endpoints_available": list(ENDPOINTS) if is_on else [ENDPOINTS[0]],
                },
            }
        )


ENDPOINTS = (
    "GET /api/v2/status",
    "GET /api/v2/health/event-types",
    "POST /api/v2/health/events",
    "POST /api/v2/health/events/batch",
    "GET /api/v2/health/events/{id}",
    "POST /api/v2/health/events/{id}/corrections",
    "POST /api/v2/health/events/{id}/retractions",
    "GET /api/v2/health/timeline",
    "GET /api/v2/health/daily-summary",
    "GET /api/v2/analytics",
    "GET /api/v2/analytics/explain",
    "POST /api/v2/medications",
    "GET /api/v2/medications",
    "GET /api/v2/medications/adherence",
    "GET /api/v2/medications/schedule",
    "GET /api/v2/medications/{id}",
    "PATCH /api/v2/medications/{id}",
    "GET /api/v2/medications/{id}/doses",
    "POST /api/v2/medications/{id}/doses",
    "GET /api/v2/medications/{id}/history",
    "POST /api/v2/medications/{id}/pause",
    "POST /api/v2/medications/{id}/resume",
    "POST /api/v2/medications/{id}/stop",
    "GET /api/v2/assessments",
    "GET /api/v2/assessments/due",
    "GET /api/v2/assessments/{type}",
    "POST /api/v2/assessments/{type}/complete",
    "GET /api/v2/assessments/{type}/responses",
    "GET /api/v2/insights",
    "POST /api/v2/insights/generate",
    "GET /api/v2/insights/{id}",
    "POST /api/v2/insights/{id}/feedback",
    "POST /api/v2/insights/{id}/interactions",
)
