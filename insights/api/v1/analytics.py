"""What old clients report of their own use: POST /api/analytics/events."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.openapi import TEXT, UUID, YES_NO, described, object_of
from core.api.v1 import V1View
from core.errors import InvalidInput
from insights import services

EVENT = {
    **object_of(
        {"event_type": {"type": "string", "minLength": 1, "maxLength": services.LONGEST_WORD}},
        event_data={"type": "object"},
    ),
    "description": "Further keys are kept beside those of `event_data`; up to 64 KB together.",
}
# What is stored elsewhere, or what no client is trusted to say.
NOT_FURTHER = ("event_type", "event_data", "user_id", "email")
STORED = object_of({"success": YES_NO, "message": TEXT, "event_id": UUID, "event_type": TEXT})


class AnalyticsEvents(V1View):
    @described("Report how the client is used", {200: STORED}, body=EVENT)
    def post(self, request: Request) -> Response:
        body = request.data
        if not isinstance(body, dict):
            raise InvalidInput.at("", "The body must be a JSON object.")
        event = services.record_analytics_event(
            person=self.person,
            event_type=body.get("event_type"),
            event_data=body.get("event_data"),
            further={key: body[key] for key in body if key not in NOT_FURTHER},
            now=timezone.now(),
        )
        return Response(
            {
                "success": True,
                "message": "Event tracked successfully",
                "event_id": event.id,
                "event_type": event.event_type,
            }
        )
