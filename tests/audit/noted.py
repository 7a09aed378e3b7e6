"""Reads that were noted in this process, written in the test's own transaction."""

from typing import Any

import psycopg
from django.db import connection, transaction
from psycopg.rows import dict_row

from audit import reading
from audit.models import AuditLog


class Here:
    """Django's connection as the flusher's own would be."""

    @staticmethod
    def execute(*arguments: Any) -> Any:
        return psycopg.Cursor(connection.connection, row_factory=dict_row).execute(*arguments)

    @staticmethod
    def transaction() -> Any:
        return transaction.atomic()


def flush() -> None:
    here: Any = Here()
    reading.flush(here)


def newest() -> int:
    """Give the newest entry's id; what was noted before is written before."""
    flush()
    return AuditLog.objects.order_by("-id").values_list("id", flat=True).first() or 0


def looks_since(position: int, **which: Any) -> list[AuditLog]:
    """Give the looks that were written after an entry, and those that were only noted."""
    flush()
    found = AuditLog.objects.filter(id__gt=position, category="access", **which)
    return list(found.order_by("id"))
