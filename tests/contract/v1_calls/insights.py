"""Insights, and what people do with them."""

import uuid
from typing import Any, Final

from tests.contract.v1_cast import (
    BASELINE,
    LEGACY,
    NEW,
    REFACTORED,
    Call,
    Endpoint,
    Group,
    baseline,
    known,
    of_the_day,
    under,
    with_insights,
)

ANALYSIS: Final = "checkins_analyzed date_range user_id"
OLDER_NAMES: Final = "insight_type insight_title insight_message"
DAY: Final = f"type title message icon confidence id insight_id {OLDER_NAMES}"
DAILY: Final = [
    "success",
    *under("insight", DAY),
    *under("insight.analysisData", ANALYSIS),
    *under("analysis_data", ANALYSIS, "generated_at"),
    *under("insights[]", DAY),
]
WRITTEN: Final = f"id type title message {OLDER_NAMES}"
GATE: Final = [
    "requires_onboarding_completion",
    *under("user_status", "onboarding_path baseline_completed has_primary_need has_cycle_stage"),
]
MICRO: Final = [
    *("success", "user_id", "message"),
    *under("insight", "type message subMessage icon"),
    *under("micro_insight", "title message action"),
]
FEEDBACK: Final = {
    "insight_id": "daily_1795230138616",
    "helpful": True,
    "comment": "It was.",
    "insight_context": {"sentiment": "neutral", "copy_variant_used": "encouragement"},
    "timestamp": "2026-11-21T03:02:30.202Z",
}
VIEWED: Final = {
    "insight_type": "encouragement",
    "action": "viewed",
    "insight_id": "encouragement_1795230138708",
    "context": {"page": "home"},
}
NOBODYS: Final = str(uuid.UUID(int=7))
THANKED: Final = ["success", "message", "feedback_id"]
NOTED: Final = ["success", "message", "engagement"]
ENGAGEMENT: Final = [
    "success",
    *under("engagement.summary", "activeUsers totalCheckins avgCheckinsPerUser period"),
    *under("engagement.topUsers[]", "userId checkinsCount lastCheckin"),
    "engagement.insights",
]


def without(sent: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in sent.items() if name != key}


INSIGHTS: Final = Group(
    "Insights",
    [
        Endpoint(
            *("GET", "/api/insights/daily", "Read the insight of the day"),
            [
                Call(200, "there are check-ins", None, DAILY, given=known),
                Call(200, "there is none yet", None, DAILY, given=baseline),
                Call(403, "the onboarding is not complete", None, GATE),
            ],
            is_of_the_moment=True,
        ),
        Endpoint(
            *("GET", "/api/insights", "Read the insights, the newest first"),
            [
                Call(
                    *(200, "there are some", None),
                    ["success", "count", *under("insights[]", WRITTEN)],
                    given=with_insights,
                ),
                Call(200, "there is none", None, ["success", "count", "insights"]),
                Call(200, "`limit=5`", None, ["success", "insights"], query="?limit=5"),
                Call(400, "`limit=abc`", old=NEW, query="?limit=abc"),
                Call(400, "`limit=-1`", old=NEW, query="?limit=-1"),
            ],
        ),
        Endpoint(
            *("POST", "/api/insights/generate", "Write insights now"),
            [
                Call(
                    *(200, "the onboarding is complete", {}),
                    ["success", "message", *under("insight", DAY)],
                    given=known,
                ),
                Call(403, "it is not", {}, GATE),
            ],
        ),
        Endpoint(
            *("GET", "/api/insights/micro", "Read a small insight"),
            [
                Call(200, "there are check-ins", None, MICRO, given=known),
                Call(200, "nothing is known", None, MICRO),
            ],
            old=REFACTORED,
        ),
        Endpoint(
            *("POST", "/api/insights/micro", "Read a small insight about what is sent"),
            [
                Call(
                    200,
                    "both are sent",
                    {
                        "onboardingData": {**BASELINE, "nickname": "Ann"},
                        "checkinData": {"mood_today": "anxious,hopeful", "confidence_today": 5},
                    },
                    MICRO,
                ),
                Call(200, "nothing is sent", {}, MICRO),
            ],
            takes_body=True,
            old=LEGACY,
        ),
        Endpoint(
            *("GET", "/api/insights/engagement", "A summary of one's own check-ins"),
            [
                Call(200, "there are some", None, ENGAGEMENT, given=with_insights),
                Call(200, "there is none", None, ["success", "engagement.topUsers"]),
            ],
        ),
        Endpoint(
            *("POST", "/api/insights/engagement", "Record what was done with an insight"),
            [
                Call(200, "the client named the insight itself", VIEWED, NOTED),
                Call(200, "no insight is named", without(VIEWED, "insight_id"), NOTED),
                Call(200, "the day's insight is named", of_the_day(VIEWED), NOTED, given=known),
                Call(400, "there is no action", without(VIEWED, "action")),
                Call(400, "there is no type", without(VIEWED, "insight_type")),
                Call(404, "the id is nobody's", {**VIEWED, "insight_id": NOBODYS}, old=NEW),
            ],
            takes_body=True,
        ),
        Endpoint(
            *("POST", "/api/insights/feedback", "Say whether an insight helped"),
            [
                Call(200, "the client named the insight itself", FEEDBACK, THANKED),
                Call(200, "the day's insight is named", of_the_day(FEEDBACK), THANKED, given=known),
                Call(200, "there is no comment", without(FEEDBACK, "comment"), THANKED),
                Call(400, "no insight is named", without(FEEDBACK, "insight_id")),
                Call(400, "`helpful` is missing", without(FEEDBACK, "helpful")),
                Call(400, "`helpful` is a text", {**FEEDBACK, "helpful": "yes"}),
                Call(404, "the id is nobody's", {**FEEDBACK, "insight_id": NOBODYS}, old=NEW),
            ],
            takes_body=True,
        ),
    ],
)
