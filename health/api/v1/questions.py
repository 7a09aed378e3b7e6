"""What old clients ask with the day's check-in: GET /api/checkins/questions."""

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.openapi import TEXT, WHOLE, YES_NO, described, object_of, or_null
from core.api.v1 import V1View
from health import services

OPTION = object_of({"value": TEXT, "label": TEXT})
QUESTION = object_of(
    {
        "id": {**TEXT, "description": "The key of the answer in the check-in."},
        "type": {"enum": ["text", "slider", "select"]},
        "question": TEXT,
        "required": YES_NO,
        "priority": {"type": "number"},
    },
    min=WHOLE,
    max=WHOLE,
    options={"type": "array", "items": OPTION},
    sentiment_target=YES_NO,
    cycle_stage_context=or_null(TEXT),
    derived_medication_status=TEXT,
)
METADATA = object_of(
    {
        "total_questions": WHOLE,
        "required_questions": WHOLE,
        "dimension_focus": {"enum": ["medication", "financial", "journey"]},
    }
)
SUMMARY = object_of(
    {
        "medication_focus": YES_NO,
        "financial_focus": YES_NO,
        "journey_focus": YES_NO,
        "top_concern": or_null(TEXT),
    }
)


class Questions(V1View):
    shows = "check-ins"

    @described(
        "What to ask today, the most important first",
        {
            200: object_of(
                {
                    "success": YES_NO,
                    "questions": {"type": "array", "items": QUESTION, "minItems": 3},
                    "metadata": METADATA,
                    "personalization_summary": SUMMARY,
                }
            )
        },
    )
    def get(self, request: Request) -> Response:
        asked = services.questions_of_day(person=self.person, now=timezone.now())
        return Response({"success": True, **asked})
