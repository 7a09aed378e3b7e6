"""Counts of hours, counted again from the entries."""

from typing import Any, Final, NamedTuple

import msgspec
from django.db import connection
from psycopg import sql

from audit import aggregation, lines
from audit.types import Category
from audit.verification import explanations
from audit.verification.whole import one_moment


class Difference(NamedTuple):
    tenant_id: Any
    hour: Any
    category: str
    event: str
    outcome: str
    actor_kind: str
    stored: int
    counted: int
    stored_objects: int
    counted_objects: int


HOURS: Final = "SELECT count(DISTINCT hour), count(*) FROM audit_aggregates"


def compare_aggregates() -> tuple[int, int, list[Difference]]:
    """Count all hours again from which retention has deleted nothing.

    Give how many hours and how many figures there are, and the figures that differ.
    """
    with one_moment():
        until = explanations.load().until
        pruned = [{"category": name, "until": at.isoformat()} for name, at in until.items()]
        statement = sql.SQL(aggregation.DIFFERENCES).format(
            counted=sql.SQL(aggregation.COUNTED).format(lines.end_of_chains().before())
        )
        with connection.cursor() as cursor:
            cursor.execute(HOURS)
            hours, figures = cursor.fetchone()
            cursor.execute(
                statement.as_string(cursor.connection),
                {
                    "categories": [category.value for category in Category],
                    "pruned": msgspec.json.encode(pruned).decode(),
                },
            )
            return hours, figures, [Difference(*row) for row in cursor.fetchall()]
