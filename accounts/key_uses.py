"""Keys of servers beside their requests: asked about again each second, and their use noted.

So no request of a known server waits for the database, even for one that hangs. A process that
is killed forgets the uses of the last second.
"""

import datetime as dt
import uuid
from typing import Final

from django.utils import timezone

from accounts import queries
from core import flushing

NOTED_EVERY: Final = dt.timedelta(minutes=1)
NOTE: Final = (
    "UPDATE api_keys SET last_used_at = %(now)s"
    " WHERE id = %(id)s AND (last_used_at IS NULL OR last_used_at <= %(now)s - %(every)s)"
)

# What waits to be written down, and what this process wrote last.
_waiting: Final[dict[uuid.UUID, dt.datetime]] = {}
_noted: Final[dict[uuid.UUID, dt.datetime]] = {}


def note(key_id: uuid.UUID, now: dt.datetime) -> None:
    _waiting[key_id] = now


def flush(own: flushing.Connection) -> None:
    """Write down uses, of each key at most once a minute, however many processes it asks."""
    for key_id, used_at in list(_waiting.items()):
        noted = _noted.get(key_id)
        if noted is None or not dt.timedelta(0) <= used_at - noted < NOTED_EVERY:
            own.execute(NOTE, {"id": key_id, "now": used_at, "every": NOTED_EVERY})
            _noted[key_id] = used_at
        _waiting.pop(key_id, None)
    queries.confirm_api_keys(own, timezone.now())


flushing.register("API keys", flush)
