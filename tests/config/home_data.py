"""Figures of some weeks and something in every queue, for the console's home."""

import datetime as dt
import secrets
import uuid
from typing import Any

from django.utils import timezone

from accounts.models import Tenant, User
from audit.models import AuditAlert
from audit.types import Severity
from documents.failures import Code
from documents.models import DocumentAttempt
from documents.statuses import Status
from flags.models import (
    FeatureFlag,
    FeatureFlagChangeRequest,
    FeatureFlagExposure,
    FeatureFlagRamp,
)
from health.models import TenantDailyMetrics
from insights.models import Insight, insight_id
from ratelimits.models import ApiTrafficHour, RateLimitViolation
from ratelimits.types import BOUNDS, Mode, Scope
from tests.documents.console.filed import ago, make_completed, make_failed, make_stuck

SHADOW = Mode.SHADOW.value
ENFORCED = Mode.ENFORCED.value


def make_days(tenant: Tenant, days: int, *, until: dt.date, **changes: Any) -> None:
    """Days up to `until`, each with one event more than the one before."""
    sums = ("medications_taken", "medications_missed", "symptoms_reported", "assessment_entries")
    further = ("confidence_count", "confidence_sum", "anxiety_count", "anxiety_sum")
    TenantDailyMetrics.objects.bulk_create(
        TenantDailyMetrics(
            tenant=tenant,
            local_date=until - dt.timedelta(days=days - 1 - number),
            **{"person_count": 3 + number % 5, "checkin_count": 2, "event_count": 20 + number}
            | dict.fromkeys((*sums, *further), 0)
            | changes,
        )
        for number in range(days)
    )


def make_safety_alert(user: User, **changes: Any) -> Insight:
    occasion = f"safety:{secrets.token_hex(8)}"
    fields: dict[str, Any] = {
        "id": insight_id(user.id, occasion),
        "occasion": occasion,
        "insight_type": "safety_alert",
        "category": "risk",
        "priority": 10,
        "title": "You are not alone",
        "message": "Please call somebody.",
        "trigger_type": "event_based",
        "local_date": timezone.now().date(),
        "created_at": ago(hours=3),
        "updated_at": ago(hours=3),
        "expires_at": timezone.now() + dt.timedelta(days=14),
    } | changes
    return Insight.objects.create(tenant_id=user.tenant_id, user_id=user.id, **fields)


def make_audit_alert(tenant_id: uuid.UUID, **changes: Any) -> AuditAlert:
    fields: dict[str, Any] = {
        "rule_id": uuid.uuid4(),
        "rule_name": "Many records in a short time",
        "severity": Severity.CRITICAL,
        "group_key": str(uuid.uuid4()),
        "entry_count": 120,
        "first_entry_id": 1,
        "last_entry_id": 120,
        "first_at": ago(minutes=50),
        "last_at": ago(minutes=40),
    } | changes
    return AuditAlert.objects.create(tenant_id=tenant_id, **fields)


def make_violation(user: User, **changes: Any) -> RateLimitViolation:
    now = timezone.now()
    fields: dict[str, Any] = {
        "rule_name": "each-person",
        "key": secrets.token_bytes(16),
        "hour": now.replace(minute=0, second=0, microsecond=0),
        "scope": Scope.USER.value,
        "mode": ENFORCED,
        "tenant_id": user.tenant_id,
        "user_id": user.id,
        "violation_count": 42,
        "first_at": ago(minutes=9),
        "last_at": ago(minutes=5),
    } | changes
    return RateLimitViolation.objects.create(**fields)


def make_flag_work(name: str, *, base_version: int = 1) -> None:
    FeatureFlagRamp.objects.create(
        flag_name=name, steps=[], state="paused", starts_at=ago(days=2), pause_reason="Errors."
    )
    FeatureFlagChangeRequest.objects.create(
        flag_name=name,
        base_version=base_version,
        definition_json="{}",
        reason="More people.",
        requested_by="super@example.com",
    )


def make_finals(user: User, days: int) -> None:
    """A document that completed and one that failed, in each of the last days."""
    completed, failed = make_completed(user), make_failed(user, Code.NO_TEXT)
    tries = []
    for number in range(days):
        for document, stage, outcome, many in (
            (completed, Status.EMBEDDING, "succeeded", 1 + number % 4),
            (failed, Status.PROCESSING, "failed", number % 3 == 0),
        ):
            tries += [
                DocumentAttempt(
                    tenant_id=user.tenant_id,
                    user_id=user.id,
                    document=document,
                    run=1 + number,
                    stage=stage,
                    number=place,
                    fence=1,
                    worker="worker-a:71",
                    started_at=ago(days=number, minutes=2),
                    ended_at=ago(days=number, minutes=1),
                    outcome=outcome,
                    error_code="no_text" if outcome == "failed" else "",
                )
                for place in range(many)
            ]
    DocumentAttempt.objects.bulk_create(tries)


def make_exposures(hours: int) -> None:
    flag = FeatureFlag.objects.first()
    assert flag is not None
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    FeatureFlagExposure.objects.bulk_create(
        FeatureFlagExposure(
            flag_name=flag.flag_name,
            variant="on",
            hour=now - dt.timedelta(hours=number),
            exposures=5 + number % 24,
        )
        for number in range(hours)
    )


def make_requests(hours: int, *, gap: range = range(0), route: str = "*") -> None:
    """Requests of the last hours, but for those of the gap: some refused, a few errors."""
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    rows = []
    for number in range(hours):
        if number in gap:
            continue
        for status, count in ((2, 900 + 7 * (number % 24)), (4, 30), (5, number % 50 == 0)):
            spread = [count // 10, count // 5, count // 2, count // 8]
            histogram = [*spread, count - sum(spread), *[0] * (len(BOUNDS) - 4)]
            rows.append(
                ApiTrafficHour(
                    hour=now - dt.timedelta(hours=number),
                    route=route,
                    method="*" if route == "*" else "GET",
                    status_class=status,
                    request_count=count,
                    total_ms=count * 20.0,
                    histogram=histogram,
                )
            )
    # A running server may have counted the same hours.
    ApiTrafficHour.objects.filter(hour__in={row.hour for row in rows}, route=route).delete()
    ApiTrafficHour.objects.bulk_create(rows, ignore_conflicts=True)


def make_everything(user: User) -> None:
    """Weeks with figures, and something that waits in every queue, for a clinic of this person."""
    make_days(user.tenant, 25, until=timezone.now().date())
    make_finals(user, 20)
    for _ in range(3):
        make_failed(user)
    make_stuck(user)
    make_safety_alert(user)
    make_audit_alert(user.tenant_id)
    make_violation(user)
    make_violation(user, mode=SHADOW, violation_count=7)
    flag = FeatureFlag.objects.order_by("flag_name").first()
    assert flag is not None
    make_flag_work(flag.flag_name)
    make_exposures(24 * 12)
    make_requests(24 * 15, gap=range(100, 150))
