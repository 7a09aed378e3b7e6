"""How long entries are kept, and what is not deleted meanwhile."""

import datetime as dt
import uuid
from typing import Final

from django.db import transaction

from audit.models import AuditLegalHold, AuditRetention
from audit.services.recording import record
from audit.types import LEAST_DAYS_KEPT, Category
from core.errors import DomainError, InvalidInput

LONGEST_DAYS: Final = 36_500
SHORTEST_REASON: Final = 10
LONGEST_REASON: Final = 1000


class AlreadyReleased(DomainError):
    status = 409
    code = "already-released"


@transaction.atomic
def change_retention(*, category: str, days: int, reason: str) -> None:
    """Keep entries of a category longer or shorter; the next pruning goes by it."""
    said = _reason(reason)
    if not LEAST_DAYS_KEPT <= days <= LONGEST_DAYS:
        detail = f"days: must be from {LEAST_DAYS_KEPT} to {LONGEST_DAYS}."
        raise InvalidInput.at("/days", detail)
    row = AuditRetention.objects.select_for_update().get(category=category)
    before = row.days
    if before == days:
        return
    row.days = days
    row.save(update_fields=["days", "updated_at"])
    record(
        event="retention-changed",
        category=Category.ADMINISTRATION,
        object_type="audit_retention",
        object_id=category,
        details={"changed": {"days": {"from": before, "to": days}}, "reason": said},
    )


@transaction.atomic
def place_hold(
    *, tenant_id: uuid.UUID, subject_id: uuid.UUID | None, reason: str, by: uuid.UUID
) -> AuditLegalHold:
    """Delete nothing of a clinic, or of one person, until the hold is released."""
    hold = AuditLegalHold.objects.create(
        tenant_id=tenant_id, subject_id=subject_id, reason=_reason(reason), placed_by=by
    )
    _record_hold("legal-hold-placed", hold, hold.reason)
    return hold


@transaction.atomic
def release_hold(
    *, hold_id: uuid.UUID, reason: str, by: uuid.UUID, now: dt.datetime
) -> AuditLegalHold:
    said = _reason(reason)
    hold = AuditLegalHold.objects.select_for_update().get(id=hold_id)
    if hold.released_at is not None:
        raise AlreadyReleased("A colleague has released this hold meanwhile.")
    hold.released_at, hold.released_by = now, by
    hold.save(update_fields=["released_at", "released_by"])
    _record_hold("legal-hold-released", hold, said)
    return hold


def _record_hold(event: str, hold: AuditLegalHold, reason: str) -> None:
    record(
        event=event,
        category=Category.ADMINISTRATION,
        subject_id=hold.subject_id,
        object_type="audit_legal_holds",
        object_id=hold.id,
        tenant_id=hold.tenant_id,
        details={"reason": reason},
    )


def _reason(reason: str) -> str:
    said = reason.strip()
    if not SHORTEST_REASON <= len(said) <= LONGEST_REASON:
        detail = (
            f"reason: is required, of {SHORTEST_REASON} to {LONGEST_REASON} characters, so that"
            " others understand it later."
        )
        raise InvalidInput.at("/reason", detail)
    return said
