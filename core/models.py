"""What rows have in common."""

import secrets
import time
import uuid
from decimal import Decimal
from typing import Any, TypeVar

from django.db import models


def uuid7() -> uuid.UUID:
    return uuid7s(1)[0]


def uuid7s(count: int) -> list[uuid.UUID]:
    """Make version 7 UUIDs (RFC 9562) in rising order: Unix milliseconds, then random bits.

    The lowest 62 bits count up from a random start. Postgres has uuidv7() only from 18 on,
    Python from 3.14 on.
    """
    milliseconds = time.time_ns() // 1_000_000
    high = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0x2 << 62
    start = secrets.randbits(61)
    return [uuid.UUID(int=high | start + step) for step in range(count)]


class Row(models.Model):
    """A table with a time-ordered key that clients may see."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True


class TransactionId(models.Field[str, str]):
    """Postgres' xid8: the only safe cursor for readers of the log."""

    def db_type(self, connection: Any) -> str:
        return "xid8"


class CurrentTransactionId(models.Func):
    function = "pg_current_xact_id"
    output_field = TransactionId()


class RandomUuid(models.Func):
    function = "gen_random_uuid"
    output_field: Any = models.UUIDField()


class StatementTime(models.Func):
    function = "clock_timestamp"
    output_field: Any = models.DateTimeField()


# As in django-stubs: a nullable field's types have None in them.
_Set = TypeVar("_Set")
_Get = TypeVar("_Get")


class Exactly(models.Field[_Set, _Get]):
    """Postgres' numeric without bounds: no sum is rounded, and none is too large."""

    _pyi_private_set_type: Decimal
    _pyi_private_get_type: Decimal

    def db_type(self, connection: Any) -> str:
        return "numeric"
