"""Insights of the old clients: /api/insights/… and /api/users/insight."""

import datetime as dt
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.openapi import TEXT, UUID, WHOLE, YES_NO, Schema, described, object_of, or_null
from core.api.v1 import V1View, as_object, read_limit
from core.gate import Person
from health import queries as health
from insights import queries, services
from insights.models import Insight
from insights.services import DailyInsight
from insights.types import Finding, Text

DEFAULT_LIMIT = 30
HIGHEST_LIMIT = 100
# The summary of engagement looks at so many check-ins, as the old one did.
SUMMARIZED = 100

ANALYSIS = object_of({"checkins_analyzed": WHOLE, "date_range": TEXT, "user_id": UUID})
INSIGHT = object_of(
    {"id": UUID, "insight_id": TEXT, "type": TEXT, "title": TEXT, "message": TEXT, "icon": TEXT}
)
DAILY = object_of({"success": YES_NO, "insight": INSIGHT, "analysis_data": ANALYSIS})
LIST = object_of(
    {"success": YES_NO, "insights": {"type": "array", "items": INSIGHT}, "count": WHOLE}
)
GENERATED = object_of({"success": YES_NO, "insight": INSIGHT, "message": TEXT})
ACTION = or_null(object_of({"label": TEXT, "type": or_null(TEXT)}))
MICRO = object_of({"title": TEXT, "message": TEXT, "action": ACTION})
MICRO_ANSWER = object_of({"success": YES_NO, "micro_insight": MICRO, "insight": {"type": "object"}})
MICRO_BODY: Schema = {
    "type": "object",
    "properties": {"onboardingData": {"type": "object"}, "checkinData": {"type": "object"}},
}
SUMMARY = object_of({"success": YES_NO, "engagement": {"type": "object"}})
ENGAGEMENT = object_of(
    {"insight_type": TEXT, "action": TEXT}, insight_id=TEXT, context={"type": "object"}
)
RECORDED = object_of({"success": YES_NO, "message": TEXT})
FEEDBACK = object_of(
    {"insight_id": TEXT, "helpful": YES_NO}, comment=TEXT, insight_context={"type": "object"}
)
FEEDBACK_ANSWER = object_of({"success": YES_NO, "message": TEXT, "feedback_id": TEXT})
FIRST = object_of(
    {"success": YES_NO, "insight": object_of({"title": TEXT, "message": TEXT}), "user_id": UUID}
)


class Insights(V1View):
    shows = "insights"

    @described(
        "Insights, newest first",
        {200: LIST},
        parameters=[
            OpenApiParameter(
                "limit",
                {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": HIGHEST_LIMIT,
                    "default": DEFAULT_LIMIT,
                },
            )
        ],
    )
    def get(self, request: Request) -> Response:
        found = queries.newest(
            self.person.id,
            read_limit(request._request.GET, default=DEFAULT_LIMIT, most=HIGHEST_LIMIT),
        )
        shown = [written(insight) for insight in found]
        return Response({"success": True, "insights": shown, "count": len(shown)})


class DailyInsights(V1View):
    """Made anew at each call from what is known, so it counts the check-in of a moment ago."""

    shows = "insights"

    @described("The insight of the day", {200: DAILY})
    def get(self, request: Request) -> Response:
        now = timezone.now()
        daily = services.daily_insight(person=self.person, now=now)
        shown = of_the_day(daily, str(self.person.id))
        return Response(
            {
                "success": True,
                "insight": shown,
                "insights": [shown],
                "analysis_data": shown["analysisData"] | {"generated_at": now},
            }
        )


class GeneratedInsights(V1View):
    shows = "insights"
    shown_by = frozenset({"POST"})

    @described("Write insights now", {200: GENERATED})
    def post(self, request: Request) -> Response:
        now = timezone.now()
        services.generate(person=self.person, now=now)
        daily = services.daily_insight(person=self.person, now=now)
        shown = of_the_day(daily, str(self.person.id))
        message = "Insight generated successfully"
        return Response({"success": True, "insight": shown, "message": message})


class MicroInsights(V1View):
    shows = "insights"
    shown_by = frozenset({"GET", "HEAD", "POST"})

    @described("A small insight", {200: MICRO_ANSWER})
    def get(self, request: Request) -> Response:
        return self._answer({})

    @described(
        "A small insight about what the client has at hand", {200: MICRO_ANSWER}, body=MICRO_BODY
    )
    def post(self, request: Request) -> Response:
        return self._answer(as_object(request.data))

    def _answer(self, sent: dict[str, Any]) -> Response:
        finding, text = services.micro_insight(
            person=self.person,
            onboarding=sent.get("onboardingData"),
            checkin=sent.get("checkinData"),
            now=timezone.now(),
        )
        return Response(
            {
                "success": True,
                "micro_insight": small(finding, text),
                "insight": {
                    "type": finding.type,
                    "message": text.title,
                    "subMessage": text.message,
                    "icon": text.icon,
                },
                "user_id": self.person.id,
                "message": "Micro insight generated successfully",
            }
        )


class Engagement(V1View):
    """The summary is about the person alone: the old one showed everybody's e-mail addresses."""

    shows = "check-ins"

    @described("A summary of one's own check-ins", {200: SUMMARY})
    def get(self, request: Request) -> Response:
        found = health.latest_checkins(self.person.id, SUMMARIZED)
        top = {
            "userId": self.person.id,
            "checkinsCount": len(found),
            "lastCheckin": found[0].date if found else None,
        }
        newest = queries.newest(self.person.id, DEFAULT_LIMIT)
        return Response(
            {
                "success": True,
                "engagement": {
                    "summary": {
                        "activeUsers": 1 if found else 0,
                        "totalCheckins": len(found),
                        "avgCheckinsPerUser": len(found),
                        "period": f"last_{SUMMARIZED}_checkins",
                    },
                    "topUsers": [top] if found else [],
                    "insights": [written(insight) for insight in newest],
                },
            }
        )

    @described("Record what was done with an insight", {200: RECORDED}, body=ENGAGEMENT)
    def post(self, request: Request) -> Response:
        sent = as_object(request.data)
        interaction = services.record_engagement(
            person=self.person,
            insight_type=sent.get("insight_type"),
            action=sent.get("action"),
            named=sent.get("insight_id"),
            context=sent.get("context"),
            now=timezone.now(),
        )
        return Response(
            {
                "success": True,
                "message": "Engagement tracked successfully",
                "engagement": {
                    "id": interaction.id,
                    "insight_type": interaction.insight_type,
                    "action": interaction.action,
                    "insight_id": sent.get("insight_id"),
                    "timestamp": interaction.created_at,
                },
            }
        )


class Feedback(V1View):
    @described("Say whether an insight helped", {200: FEEDBACK_ANSWER}, body=FEEDBACK)
    def post(self, request: Request) -> Response:
        sent = as_object(request.data)
        interaction = services.record_feedback(
            person=self.person,
            named=sent.get("insight_id"),
            is_helpful=sent.get("helpful"),
            comment=sent.get("comment"),
            context=sent.get("insight_context"),
            now=timezone.now(),
        )
        message = "Feedback submitted successfully"
        return Response({"success": True, "message": message, "feedback_id": interaction.id})


class FirstInsight(V1View):
    """What the old service said right after the onboarding."""

    shows = "insights"

    @described("An insight about the onboarding's answers", {200: FIRST})
    def get(self, request: Request) -> Response:
        text = services.first_insight(person=self.person, now=timezone.now())
        insight = {"title": text.title, "message": text.message}
        return Response({"success": True, "insight": insight, "user_id": self.person.id})


def after_checkin(person: Person, now: dt.datetime) -> dict[str, Any]:
    """Give the insight that the long form is answered with."""
    daily = services.insight_of_day(person=person, now=now)
    return of_the_day(daily, str(person.id))


def of_the_day(daily: DailyInsight, user_id: str) -> dict[str, Any]:
    """Show the insight of the day in the keys of all generations of clients."""
    finding, text = daily.finding, daily.text
    analysis = {
        "checkins_analyzed": finding.values["checkins_analyzed"],
        "date_range": finding.values["date_range"],
        "user_id": user_id,
    }
    return {
        "id": daily.id,
        "insight_id": services.old_name(daily.date),
        "type": finding.type,
        "insight_type": finding.type,
        "title": text.title,
        "insight_title": text.title,
        "message": text.message,
        "insight_message": text.message,
        "icon": text.icon,
        "confidence": finding.confidence,
        "priority": finding.priority,
        "action_label": text.action_label,
        "action_type": text.action_type,
        "date": daily.date,
        "analysisData": analysis,
    }


def written(insight: Insight) -> dict[str, Any]:
    return {
        "id": insight.id,
        "insight_id": insight.id,
        "type": insight.insight_type,
        "insight_type": insight.insight_type,
        "category": insight.category,
        "title": insight.title,
        "insight_title": insight.title,
        "message": insight.message,
        "insight_message": insight.message,
        "icon": insight.icon,
        "confidence": insight.confidence,
        "priority": insight.priority,
        "action_label": insight.action_label,
        "action_type": insight.action_type,
        "date": insight.local_date,
        "created_at": insight.created_at,
        "expires_at": insight.expires_at,
        "status": "active",
    }


def small(finding: Finding, text: Text) -> dict[str, Any]:
    action = {"label": text.action_label, "type": text.action_type} if text.action_label else None
    return {
        "type": finding.type,
        "title": text.title,
        "message": text.message,
        "icon": text.icon,
        "action": action,
    }
