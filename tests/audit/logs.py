"""Entries for tests of alerts and pages, written as the product writes them."""

import datetime as dt
import uuid
from typing import Any

from django.db import connection

from audit.models import AuditAlertRule
from audit.types import HOUSE

COLUMNS = (
    *("tenant_id", "recorded_at", "category", "event", "outcome", "actor_kind", "actor_id"),
    *("subject_id", "object_type", "object_id", "object_count", "request_id", "source", "network"),
)


def entry(**changes: Any) -> int:
    """Put one entry into the log, with the time that a test says."""
    row: dict[str, Any] = {
        "tenant_id": HOUSE,
        "recorded_at": dt.datetime.now(dt.UTC),
        "category": "security",
        "event": "log-in",
        "outcome": "failure",
        "actor_kind": "anonymous",
        "actor_id": None,
        "subject_id": None,
        "object_type": "users",
        "object_id": "",
        "object_count": 1,
        "request_id": "",
        "source": "api",
        "network": "192.0.2.0/24",
    } | changes
    places = ", ".join(["%s"] * len(COLUMNS))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO audit_logs ({', '.join(COLUMNS)}) VALUES ({places}) RETURNING id",
            [row[name] for name in COLUMNS],
        )
        (written,) = cursor.fetchone() or (0,)
        return int(written)


def rule(**changes: Any) -> AuditAlertRule:
    """Make a rule about an event of its own, so that tests do not meet each other's entries."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    fields: dict[str, Any] = {
        "name": name,
        "events": [name],
        "threshold": 3,
        "window_minutes": 10,
        "group_by": "network",
        "severity": "warning",
        "cool_down_minutes": 60,
    }
    return AuditAlertRule.objects.create(**(fields | changes))
