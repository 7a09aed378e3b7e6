"""/api/v2/insights: read insights, see what they rest on, say what became of them."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

import msgspec
from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.base import read_query
from core.api.openapi import described, query_parameters, ref
from core.api.v2 import V2View
from insights import services
from insights.models import Insight as InsightRow
from insights.models import InsightInteraction

Category = Literal["trend", "achievement", "risk", "recommendation", "general"]
Action = Literal["viewed", "dismissed", "acted_on", "shared"]


class InsightsQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Without `include=all`: what has not expired and was not dismissed."""

    category: Category | None = None
    insight_type: str | None = None
    viewed: bool | None = None
    include: Literal["all"] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: str | None = None


class InteractionIn(msgspec.Struct, forbid_unknown_fields=True):
    action: Action
    context: dict[str, Any] = {}


class FeedbackIn(msgspec.Struct, forbid_unknown_fields=True):
    helpful: bool
    comment: str | None = None
    context: dict[str, Any] = {}


class ActionOut(msgspec.Struct):
    label: str
    type: str | None


class InsightOut(msgspec.Struct):
    """`data` are the figures behind the text. 10 is the most urgent priority."""

    id: uuid.UUID
    insight_type: str
    category: str
    priority: int
    title: str
    message: str
    icon: str
    confidence: float | None
    action: ActionOut | None
    data: dict[str, Any]
    local_date: dt.date
    trigger_type: str
    is_viewed: bool
    is_dismissed: bool
    created_at: dt.datetime
    updated_at: dt.datetime
    expires_at: dt.datetime | None


class EvidenceOut(msgspec.Struct):
    """What an insight rests on; `href` answers it."""

    kind: Literal["health-event", "check-in", "daily-summary"]
    href: str
    id: uuid.UUID | None = None
    date: dt.date | None = None


class InteractionOut(msgspec.Struct):
    id: uuid.UUID
    insight_id: uuid.UUID | None
    action: str
    helpful: bool | None
    comment: str | None
    context: dict[str, Any]
    created_at: dt.datetime


class InsightWithEvidence(InsightOut):
    evidence: list[EvidenceOut]
    interactions: list[InteractionOut]


class InsightsOut(msgspec.Struct):
    insights: list[InsightOut]
    next: str | None


class Insights(V2View):
    shows = "insights"

    @described(
        "Insights, the most urgent first",
        {200: ref(InsightsOut)},
        parameters=query_parameters(InsightsQuery),
    )
    def get(self, request: Request) -> Response:
        query = read_query(request._request, InsightsQuery)
        found, cursor = services.list_insights(
            person=self.person,
            now=timezone.now(),
            category=query.category,
            insight_type=query.insight_type,
            is_viewed=query.viewed,
            with_all=query.include == "all",
            cursor=query.cursor,
            limit=query.limit,
        )
        return Response(InsightsOut([InsightOut(**fields(each)) for each in found], cursor))


class GeneratedInsights(V2View):
    shows = "insights"
    shown_by = frozenset({"POST"})

    @described(
        "Write insights now",
        {200: ref(InsightsOut)},
        description="What the timetable would write later. Answers the first page of insights.",
    )
    def post(self, request: Request) -> Response:
        now = timezone.now()
        services.generate(person=self.person, now=now)
        found, cursor = services.list_insights(person=self.person, now=now)
        return Response(InsightsOut([InsightOut(**fields(each)) for each in found], cursor))


class Insight(V2View):
    shows = "insights"

    @described("An insight with what it rests on", {200: ref(InsightWithEvidence)})
    def get(self, request: Request, insight_id: uuid.UUID) -> Response:
        insight, interactions = services.get_insight(person=self.person, named=insight_id)
        return Response(
            InsightWithEvidence(
                **fields(insight),
                evidence=[evidence(each) for each in insight.evidence],
                interactions=[interaction(each) for each in interactions],
            )
        )


class Interactions(V2View):
    @described(
        "Record what was done with an insight",
        {201: ref(InteractionOut)},
        body=ref(InteractionIn),
    )
    def post(self, request: Request, insight_id: uuid.UUID) -> Response:
        sent = msgspec.convert(request.data, InteractionIn)
        recorded = services.interact(
            person=self.person,
            named=insight_id,
            action=sent.action,
            context=sent.context,
            now=timezone.now(),
        )
        return Response(interaction(recorded), status=status.HTTP_201_CREATED)


class Feedback(V2View):
    @described("Say whether an insight helped", {201: ref(InteractionOut)}, body=ref(FeedbackIn))
    def post(self, request: Request, insight_id: uuid.UUID) -> Response:
        sent = msgspec.convert(request.data, FeedbackIn)
        recorded = services.give_feedback(
            person=self.person,
            named=insight_id,
            is_helpful=sent.helpful,
            comment=sent.comment,
            context=sent.context,
            now=timezone.now(),
        )
        return Response(interaction(recorded), status=status.HTTP_201_CREATED)


LINKS = {
    "health-event": "/api/v2/health/events/{id}",
    "check-in": "/api/checkins/{id}",
    "daily-summary": "/api/v2/health/daily-summary?date={date}",
}


def fields(insight: InsightRow) -> dict[str, Any]:
    action = insight.action_label
    return {
        "id": insight.id,
        "insight_type": insight.insight_type,
        "category": insight.category,
        "priority": insight.priority,
        "title": insight.title,
        "message": insight.message,
        "icon": insight.icon,
        "confidence": insight.confidence,
        "action": ActionOut(action, insight.action_type) if action else None,
        "data": insight.data,
        "local_date": insight.local_date,
        "trigger_type": insight.trigger_type,
        "is_viewed": getattr(insight, "is_viewed", False),
        "is_dismissed": getattr(insight, "is_dismissed", False),
        "created_at": insight.created_at,
        "updated_at": insight.updated_at,
        "expires_at": insight.expires_at,
    }


def evidence(reference: dict[str, Any]) -> EvidenceOut:
    href = LINKS[reference["kind"]].format_map(reference)
    return msgspec.convert(reference | {"href": href}, EvidenceOut)


def interaction(recorded: InsightInteraction) -> InteractionOut:
    return InteractionOut(
        id=recorded.id,
        insight_id=recorded.insight_id,
        action=recorded.action,
        helpful=recorded.is_helpful,
        comment=recorded.comment,
        context=recorded.context,
        created_at=recorded.created_at,
    )


SHAPES = (InsightsOut, InsightWithEvidence, InteractionIn, InteractionOut, FeedbackIn)
