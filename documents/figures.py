"""What somebody who runs Novara wants to know of the pipeline: figures without anybody's name.

All are asked of the rows when they are wanted, so every process tells the same, and none begins at
nought after a restart. What happened is counted over the last hour, from attempts; each question
looks at so many rows at most, also when ten million documents are there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from django.db import connection

from core import gate
from documents.failures import Code
from documents.statuses import ON_THE_WAY, STAGES, Status

Figures: TypeAlias = Mapping[tuple[str, ...], float]

MOST: Final = 100_000
QUANTILES: Final = (0.5, 0.95, 1.0)
STUCK_CAUSES: Final = ("no_worker", "worker_lost", "no_progress")

# Few rows or one index each, but for those that have completed, which are most of all.
BY_STATUS: Final = f"""
    SELECT s.status,
           (SELECT count(*)
              FROM (SELECT
                      FROM documents d
                     WHERE d.status = s.status
                     LIMIT {MOST}) counted)
      FROM unnest(%s::text[]) AS s (status)
"""
# People who are switched off have no turn: what is theirs waits for nobody.
OF_ACTIVE_PEOPLE: Final = """
      JOIN users u ON u.id = d.user_id AND u.is_active
      JOIN tenants t ON t.id = d.tenant_id AND t.is_active
"""
WAITING: Final = f"""
    SELECT d.status, extract(epoch FROM now() - min(d.due_at))::float8
      FROM documents d
      {OF_ACTIVE_PEOPLE}
     WHERE d.status NOT IN ('completed', 'failed', 'cancelled')
       AND d.due_at <= now()
     GROUP BY d.status
"""
STUCK: Final = f"""
    SELECT d.cause, count(*)
      FROM stuck_documents d
      {OF_ACTIVE_PEOPLE}
     GROUP BY d.cause
"""
FAILED: Final = """
    SELECT d.error_code, count(*)
      FROM documents d
     WHERE d.status = 'failed'
     GROUP BY d.error_code
"""
LAST_HOUR: Final = f"""
    SELECT a.stage, a.outcome, a.error_code, a.ended_at - a.started_at AS took
      FROM document_attempts a
     WHERE a.ended_at > now() - interval '1 hour'
     ORDER BY a.ended_at DESC
     LIMIT {MOST}
"""
ENDED: Final = f"""
    SELECT a.stage, a.outcome, count(*)
      FROM ({LAST_HOUR}) a
     GROUP BY a.stage, a.outcome
"""
FAILURES: Final = f"""
    SELECT a.error_code, count(*)
      FROM ({LAST_HOUR}) a
     WHERE a.outcome IN ('failed', 'lost')
     GROUP BY a.error_code
"""
DURATIONS: Final = f"""
    SELECT s.stage, q.quantile::text, s.took[q.place]
      FROM (SELECT a.stage,
                   percentile_disc(%(quantiles)s::float8[])
                       WITHIN GROUP (ORDER BY extract(epoch FROM a.took)::float8) AS took
              FROM ({LAST_HOUR}) a
             WHERE a.outcome = 'succeeded'
             GROUP BY a.stage) s,
           unnest(%(quantiles)s::float8[]) WITH ORDINALITY AS q (quantile, place)
"""
DELETIONS: Final = f"""
    SELECT coalesce(extract(epoch FROM now() - min(b.created_at)), 0)::float8
      FROM (SELECT created_at FROM deleted_blobs LIMIT {MOST}) b
"""


@dataclass(frozen=True)
class Pipeline:
    """Figures by words; those that are known are there, also when they are 0.

    `waiting`, `durations` and `oldest_deletion` are seconds. Counts end at a hundred thousand.
    """

    by_status: Figures
    waiting: Figures
    stuck: Figures
    failed: Figures
    # Of the last hour: by stage and outcome, by code, by stage and quantile.
    ended: Figures
    failures: Figures
    durations: Figures
    oldest_deletion: float


def pipeline() -> Pipeline:
    stages = ("uploading", *STAGES)
    with gate.as_system():
        return Pipeline(
            by_status=_figures(Status, BY_STATUS, [[status.value for status in Status]]),
            waiting=_figures(ON_THE_WAY, WAITING),
            stuck=_figures(STUCK_CAUSES, STUCK),
            failed=_figures(Code, FAILED),
            ended={(str(stage), "succeeded"): 0 for stage in stages} | _figures((), ENDED),
            failures=_figures(Code, FAILURES),
            durations=_figures((), DURATIONS, {"quantiles": list(QUANTILES)}),
            oldest_deletion=_rows(DELETIONS)[0][0],
        )


def _figures(
    known: Iterable[str], query: str, parameters: Any = None
) -> dict[tuple[str, ...], float]:
    found = {row[:-1]: row[-1] for row in _rows(query, parameters)}
    return {(str(word),): 0.0 for word in known} | found


def _rows(query: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
