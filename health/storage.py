"""Which of the two storage modes a person is in. Setting and flag are read here, nowhere else."""

import uuid
from typing import Final

from django.conf import settings

from core.errors import DomainError
from flags import services as flags

FLAG: Final = "new_health_events"


class EventsOff(DomainError):
    status = 503
    code = "health-events-off"
    retryable = True


def keeps_events(user_id: uuid.UUID) -> bool:
    """True: events and the V1 row. False: the V1 row alone, and its events later."""
    return settings.USE_SCHEMA_V2 and flags.is_on(FLAG, user_id, default=True)


def percentage() -> float:
    """Of 100 people, how many keep events."""
    percent = flags.percentage(FLAG, default=100) if settings.USE_SCHEMA_V2 else 0
    return int(percent) if percent == int(percent) else percent


def require_events(user_id: uuid.UUID) -> None:
    if not keeps_events(user_id):
        raise EventsOff("Health events are switched off for this account. Check-ins go on working.")
