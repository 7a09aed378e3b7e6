"""Which of the two storage modes a person is in. The flag is read here and nowhere else."""

import hashlib
import uuid

from django.conf import settings

from core.errors import DomainError


class EventsOff(DomainError):
    status = 503
    code = "health-events-off"
    retryable = True


def keeps_events(user_id: uuid.UUID) -> bool:
    """True: events and the V1 row. False: the V1 row alone, and its events later."""
    if not settings.USE_SCHEMA_V2:
        return False
    percent: int = settings.NEW_HEALTH_EVENTS_PERCENT
    if percent >= 100:  # noqa: PLR2004
        return True
    digest = hashlib.sha256(f"new_health_events:{user_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 100 < percent


def require_events(user_id: uuid.UUID) -> None:
    if not keeps_events(user_id):
        raise EventsOff("Health events are switched off for this account. Check-ins go on working.")
