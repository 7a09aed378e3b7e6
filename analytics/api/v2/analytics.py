"""/api/v2/analytics: a person's figures over a timeframe, and what stands behind each of them."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import services
from analytics.types import AnalyticsOut, AnalyticsQuery, ExplainQuery, ExplanationOut
from core.api.base import read_query
from core.api.openapi import described, query_parameters, ref
from core.api.v2 import V2View


class Analytics(V2View):
    shows = "analytics"

    @described(
        "Figures over a timeframe",
        {200: ref(AnalyticsOut), 304: None},
        parameters=query_parameters(AnalyticsQuery),
        description=(
            "`timeframe` is week (7 days), month (30), quarter (90) or year (365), up to today"
            " where the person lives, or two dates with `..` between them, both included, at most"
            " 366 days. Every day of it is listed. What rests on too few data is null, with a"
            " reason. `explain` links tell how a figure is computed, and from which events."
        ),
    )
    def get(self, request: Request) -> Response:
        query = read_query(request._request, AnalyticsQuery)
        return Response(
            services.analytics(person=self.person, timeframe=query.timeframe, now=timezone.now())
        )


class Explanation(V2View):
    shows = "analytics"

    @described(
        "What stands behind a figure",
        {200: ref(ExplanationOut)},
        parameters=query_parameters(ExplainQuery),
        description=(
            "The value is computed from the events that are listed, newest first; `next` is the"
            " cursor of the following page. With `date`, the figure of that day."
        ),
    )
    def get(self, request: Request) -> Response:
        query = read_query(request._request, ExplainQuery)
        return Response(services.explain(person=self.person, query=query, now=timezone.now()))
