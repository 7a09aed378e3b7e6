"""What is brought over from the old service."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from health import imports, storage


def import_history(
    *,
    user_id: uuid.UUID,
    tenant_id: uuid.UUID,
    checkins: Sequence[dict[str, Any]],
    events: Sequence[dict[str, Any]],
) -> None:
    """Add check-ins with their events, and events of their own, with their ids and dates.

    `checkins` have the fields of health.imports.OldCheckin, `events` the columns of the log.
    """
    old = [imports.OldCheckin(**checkin) for checkin in checkins]
    has_events = storage.keeps_events(user_id)
    imports.add_checkins(user_id=user_id, tenant_id=tenant_id, old=old, has_events=has_events)
    imports.add_events(user_id=user_id, tenant_id=tenant_id, events=events)


def change_imported_checkin(
    *, user_id: uuid.UUID, checkin: dict[str, Any], now: dt.datetime
) -> int:
    """Bring a check-in up to date with the old service; give its new revision."""
    old = imports.OldCheckin(**checkin)
    return imports.change_checkin(old=old, has_events=storage.keeps_events(user_id), now=now)


def change_imported_event(
    *, event_id: uuid.UUID, changes: dict[str, Any], now: dt.datetime
) -> None:
    """Correct an event as the old service changed it since it was brought over."""
    imports.change_event(event_id=event_id, changes=changes, now=now)
