"""What people do about alerts: say that they look at them, and what came of it."""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Final

from django.db import transaction

from audit import queries
from audit.models import AuditAlert
from audit.services.recording import record
from audit.types import AlertStatus, Category, GroupBy
from core.errors import DomainError, InvalidInput

LONGEST_NOTE: Final = 2000


class AboutOneself(DomainError):
    status = 403
    code = "alert-about-oneself"


@transaction.atomic
def acknowledge(
    *, alerts: Iterable[uuid.UUID], by: uuid.UUID, note: str, now: dt.datetime
) -> list[AuditAlert]:
    """Say that somebody looks into open alerts; give those that nobody had taken before.

    They still grow while it goes on.
    """
    said = _note(note)
    taken = _locked(alerts, [AlertStatus.OPEN], by)
    for alert in taken:
        alert.status = AlertStatus.ACKNOWLEDGED
        alert.acknowledged_by, alert.acknowledged_at, alert.acknowledged_note = by, now, said
        alert.save(
            update_fields=["status", "acknowledged_by", "acknowledged_at", "acknowledged_note"]
        )
        _record("alert-acknowledged", alert)
    return taken


@transaction.atomic
def resolve(
    *, alerts: Iterable[uuid.UUID], by: uuid.UUID, note: str, now: dt.datetime
) -> list[AuditAlert]:
    """End alerts; give those that were not ended before. A mail that still waits is sent.

    What happens until the end of the cool-down makes no new alert.
    """
    said = _note(note)
    taken = _locked(alerts, [AlertStatus.OPEN, AlertStatus.ACKNOWLEDGED], by)
    for alert in taken:
        alert.status = AlertStatus.RESOLVED
        alert.resolved_by, alert.resolved_at, alert.resolved_note = by, now, said
        alert.save(update_fields=["status", "resolved_by", "resolved_at", "resolved_note"])
        _record("alert-resolved", alert)
    return taken


def may_decide(alert: AuditAlert, by: uuid.UUID) -> bool:
    """Tell whether somebody may say what an alert was: nobody may of what they did themselves.

    Where there is one active superuser alone, they may, as nobody else could.
    """
    is_own = alert.group_by == GroupBy.ACTOR and alert.group_key == str(by)
    return not is_own or queries.is_only_superuser(by)


def _locked(
    alerts: Iterable[uuid.UUID], states: list[AlertStatus], by: uuid.UUID
) -> list[AuditAlert]:
    """Lock alerts in the order of their keys, so that two people never wait for each other."""
    rows = AuditAlert.objects.select_for_update(no_key=True).order_by("id")
    found = list(rows.filter(id__in=list(alerts), status__in=states))
    own = next((alert for alert in found if not may_decide(alert, by)), None)
    if own is not None:
        raise AboutOneself(
            f"The alert “{own.rule_name}” is about what you did yourself. Somebody else has to say"
            " what it was."
        )
    return found


def _note(note: str) -> str:
    said = note.strip()
    if not 0 < len(said) <= LONGEST_NOTE:
        raise InvalidInput.at("/note", f"note: is required, of at most {LONGEST_NOTE} characters.")
    return said


def _record(event: str, alert: AuditAlert) -> None:
    """The note stays with the alert: what staff write may be about a person's health."""
    record(
        event=event,
        category=Category.ADMINISTRATION,
        object_type="audit_alerts",
        object_id=alert.id,
        tenant_id=alert.tenant_id,
        details={"rule": alert.rule_name, "entries": alert.entry_count},
    )
