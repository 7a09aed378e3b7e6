"""What can be written into the audit log beside what its triggers write."""

import uuid
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from django.db import connection

from audit.types import Category, Outcome

WRITE: Final = "SELECT write_audit_entry(%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb)"


def record(
    *,
    event: str,
    category: Category,
    subject_id: uuid.UUID | None = None,
    object_type: str = "",
    object_id: object = "",
    object_count: int = 1,
    outcome: Outcome = Outcome.SUCCESS,
    details: Mapping[str, Any] | None = None,
    tenant_id: uuid.UUID | None = None,
) -> None:
    """Write an entry in the running transaction, as whoever acts (core/origin.py).

    Inside a gate its tenant is the gate's; outside, without `tenant_id`, the whole house's.
    `details` hold no health data, no e-mail address and no secret.
    """
    sent = None if details is None else msgspec.json.encode(details, enc_hook=str).decode()
    with connection.cursor() as cursor:
        cursor.execute(
            WRITE,
            [
                event,
                category.value,
                tenant_id,
                subject_id,
                object_type,
                str(object_id),
                object_count,
                outcome.value,
                sent,
            ],
        )
