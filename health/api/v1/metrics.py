"""What old clients show about a person as a whole: GET /api/users/metrics."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.openapi import (
    DATE,
    INSTANT,
    TEXT,
    UUID,
    WHOLE,
    YES_NO,
    Schema,
    described,
    object_of,
    or_null,
)
from core.api.v1 import V1View
from health import services

PERCENT: Schema = {"type": "integer", "minimum": 0, "maximum": 100}
NUMBER: Schema = {"type": "number"}
TEXTS: Schema = {"type": "array", "items": TEXT, "minItems": 1}
METRICS = object_of(
    {
        "user_id": UUID,
        "medicationAdherenceRate": PERCENT,
        "medicationAdherenceTrend": {"enum": ["improving", "stable", "declining"]},
        "missedDosesLastWeek": WHOLE,
        "totalMedicationCheckIns": WHOLE,
        "averageMoodScore": NUMBER,
        "currentPHQ4Score": or_null({"type": "integer", "minimum": 0, "maximum": 12}),
        "phq4Trend": {"enum": ["improving", "stable", "worsening", None]},
        "anxietyAverage": or_null({"type": "number", "minimum": 0, "maximum": 6}),
        "checkInStreak": WHOLE,
        "totalCheckIns": WHOLE,
        "total_checkins": WHOLE,
        "insightEngagementRate": PERCENT,
        "checklistCompletionRate": PERCENT,
        "copingStrategiesUsed": TEXTS,
        "mostEffectiveStrategy": TEXT,
        "partnerInvolvementRate": PERCENT,
        "cycleCompletionProbability": PERCENT,
        "riskFactors": TEXTS,
        "protectiveFactors": TEXTS,
        "lastUpdated": or_null(INSTANT),
        "dataRange": object_of({"from": or_null(DATE), "to": or_null(DATE)}),
    }
)


class Metrics(V1View):
    shows = "analytics"

    @described(
        "Figures of one's own check-ins",
        {200: object_of({"success": YES_NO, "metrics": METRICS})},
        description=(
            "Adherence is of the last 7 local days: yes of yes, no and partial; 0 with fewer than"
            " 3 such answers in all. The mood is of the last 30 check-ins, 5 if none of their"
            " words is known. `anxietyAverage` is of the anxiety half (0 to 6) of the newest"
            " PHQ-4s; without one, it is null, as the score and its trend are. The checklist's"
            " rate is how much of the daily form was done in those 7 days. `lastUpdated` is when"
            " one of these check-ins was last changed."
        ),
    )
    def get(self, request: Request) -> Response:
        metrics = services.metrics(person=self.person, now=timezone.now())
        return Response({"success": True, "metrics": metrics})
