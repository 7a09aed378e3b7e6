"""Answers to questionnaires, and questionnaires of a clinic, for tests."""

from typing import Any

from accounts.models import Tenant
from assessments import services
from assessments.instruments import BUILT_IN
from assessments.models import AssessmentDefinition

SLEEP: dict[str, Any] = {
    "intro": "Over the last 7 days, how often was this so?",
    "options": [{"value": 0, "text": "Never"}, {"value": 2, "text": "Some days"},
                {"value": 5, "text": "Every day"}],
    "questions": [
        {"id": "hard_to_fall_asleep", "text": "I found it hard to fall asleep"},
        {"id": "woke_up_early", "text": "I woke up too early"},
        {"id": "felt_unsafe", "text": "I did not feel safe with myself", "loinc": "44260-8"},
        {"id": "hours", "text": "How many hours?", "is_scored": False,
         "options": [{"value": 0, "text": "Few"}, {"value": 1, "text": "Many"}]},
    ],
    "sub_scores": [{"name": "night", "title": "Night",
                    "questions": ["hard_to_fall_asleep", "woke_up_early"]}],
    "bands": [{"low": 0, "high": 5, "severity": "none", "text": "Nothing to note"},
              {"low": 6, "high": 15, "severity": "severe", "text": "Worth a talk"}],
    "safety": ["felt_unsafe"],
}  # fmt: skip


def summing_to(name: str, total: int) -> dict[str, int]:
    """Answer a whole questionnaire so that its total is this one."""
    answers = {}
    for item in BUILT_IN[name].scored:
        answers[item.link_id] = min(3, total)
        total -= answers[item.link_id]
    assert total == 0
    return answers


def make_definition(tenant: Tenant, **changes: Any) -> AssessmentDefinition:
    fields: dict[str, Any] = {
        "name": "sleep_quality",
        "title": "Sleep",
        "content": SLEEP,
        "is_active": True,
    }
    return services.add_definition(tenant_id=tenant.id, **fields | changes)


def complete(client: Any, name: str, answers: dict[str, Any], **more: Any) -> Any:
    headers = {key: more.pop(key) for key in ("Idempotency_Key",) if key in more}
    path = f"/api/v2/assessments/{name}/complete"
    return client.call("POST", path, {"answers": answers} | more, **headers)
