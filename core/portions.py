"""Deletes many rows without one long transaction."""

from typing import Any

from django.db.models import QuerySet

from core import gate


def delete_in_portions(rows: QuerySet[Any], most: int) -> int:
    """Delete rows as the system, `most` in each transaction; give how many went."""
    deleted, portion = 0, most
    while portion == most:
        with gate.as_system():
            portion, _ = rows.filter(pk__in=rows.values("pk")[:most]).delete()
        deleted += portion
    return deleted
