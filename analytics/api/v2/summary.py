"""/api/v2/health/daily-summary: a local day at a glance."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import services
from analytics.types import DaySummaryOut
from core.api.base import read_query
from core.api.openapi import described, query_parameters, ref
from core.api.v2 import V2View
from health.types import SummaryQuery


class DailySummary(V2View):
    shows = "daily summary"

    @described(
        "A local day at a glance (default: today)",
        {200: ref(DaySummaryOut)},
        parameters=query_parameters(SummaryQuery),
        description=(
            "What was recorded for the day, its figures, the insights written on it, and its"
            " schedule: doses, appointments, and questionnaires that are due."
        ),
    )
    def get(self, request: Request) -> Response:
        query = read_query(request._request, SummaryQuery)
        summary = services.daily_summary(person=self.person, date=query.date, now=timezone.now())
        return Response(summary)
