"""How often things happened in each hour: counted as entries are sealed, each exactly once."""

from typing import Final, LiteralString

from django.db import connection
from psycopg import sql

from audit.lines import Position

KEYS: Final[LiteralString] = "tenant_id, hour, category, event, outcome, actor_kind"
# The one definition: of what is counted when sealed, and of what is counted again.
COUNTED: Final[LiteralString] = """
    SELECT tenant_id, date_trunc('hour', recorded_at, 'UTC') AS hour, category, event, outcome,
           actor_kind, count(*) AS entries, sum(object_count)::bigint AS objects_touched
      FROM audit_logs
     WHERE {}
     GROUP BY 1, 2, 3, 4, 5, 6
"""
ADD: Final[LiteralString] = """
    INSERT INTO audit_aggregates AS old
        (tenant_id, hour, category, event, outcome, actor_kind, entries, objects_touched)
    {}
     ORDER BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (hour, tenant_id, category, event, outcome, actor_kind)
        DO UPDATE
       SET entries = old.entries + excluded.entries,
           objects_touched = old.objects_touched + excluded.objects_touched
"""
# Hours of a category from which retention has deleted entries cannot be counted again.
DIFFERENCES: Final[LiteralString] = """
    WITH whole AS (
        SELECT c.category, coalesce(p.until, '-infinity') AS since
          FROM unnest(%(categories)s::text[]) AS c (category)
          LEFT JOIN jsonb_to_recordset(%(pruned)s::jsonb) AS p (category text, until timestamptz)
                    ON p.category = c.category
    ), counted AS ({counted})
    SELECT tenant_id, hour, category, event, outcome, actor_kind,
           coalesce(stored.entries, 0), coalesce(counted.entries, 0),
           coalesce(stored.objects_touched, 0), coalesce(counted.objects_touched, 0)
      FROM audit_aggregates stored
      FULL JOIN counted USING (tenant_id, hour, category, event, outcome, actor_kind)
      JOIN whole USING (category)
     WHERE hour >= whole.since
       AND (stored.entries, stored.objects_touched)
           IS DISTINCT FROM (counted.entries, counted.objects_touched)
     ORDER BY hour, tenant_id, category, event, outcome, actor_kind
"""


def count(start: Position, end: Position) -> None:
    """Add the entries of a batch, in the transaction that seals them."""
    window = sql.SQL("{} AND {}").format(start.onwards(), end.before())
    statement = sql.SQL(ADD).format(sql.SQL(COUNTED).format(window))
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(cursor.connection))
