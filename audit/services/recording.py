"""Entries about what no row tells, beside those that triggers write."""

import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from django.conf import settings
from django.db import connection

from audit import reading
from audit.reading import Read
from audit.types import Category, Looked, Outcome
from core.origin import Origin

WRITE: Final = "SELECT write_audit_entry(%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb)"
WRITE_LOOKS: Final = "SELECT write_audit_entries(%s, %s, %s, %s::jsonb, %s::jsonb)"


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


def record_looks(
    *,
    event: str,
    object_type: str,
    records: Sequence[Looked],
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write an entry for each person whose record somebody else is about to see.

    In the transaction that shows them, before it does: what cannot be written is not shown.
    """
    sent = None if details is None else msgspec.json.encode(details, enc_hook=str).decode()
    rows = msgspec.json.encode(records).decode()
    with connection.cursor() as cursor:
        cursor.execute(WRITE_LOOKS, [event, Category.ACCESS.value, object_type, sent, rows])


def note_read(*, person_id: str, shown: str, source: str) -> None:
    """Note that somebody was shown their own record; written about a second later.

    For doors that are no views of the API: of those the middleware knows.
    """
    reading.note(Read(person_id, None, shown, ""), Origin("person", person_id, source))


def mark(secret: str) -> str:
    """Give a keyed hash by which something is told apart that must not stand in the log."""
    digest = hmac.digest(settings.SECRET_KEY.encode(), f"audit:{secret}".encode(), hashlib.sha256)
    return f"unknown:{digest.hex()[:16]}"
