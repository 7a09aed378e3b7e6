"""What somebody who runs Novara wants to know of the pipeline: figures without anybody's name.

All are asked of the rows when they are wanted, so every process tells the same, and none begins at
nought after a restart. What happened is counted over the last hour, from attempts; each question
looks at so many rows at most, also when ten million documents are there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from core import gate
from documents.failures import Code
from documents.statuses import ON_THE_WAY, STAGES, Status

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
    SELECT a.stage,
           percentile_disc(%s::float8[]) WITHIN GROUP (ORDER BY extract(epoch FROM a.took)::float8)
      FROM ({LAST_HOUR}) a
     WHERE a.outcome = 'succeeded'
     GROUP BY a.stage
"""
BLOBS: Final = f"""
    SELECT coalesce(extract(epoch FROM now() - min(b.created_at)), 0)::float8
      FROM (SELECT created_at FROM deleted_blobs LIMIT {MOST}) b
"""


@dataclass(frozen=True)
class Pipeline:
    """Counts end at a hundred thousand. What is known by name is there, also when it is 0."""

    by_status: Mapping[str, int]
    # In seconds: for how long what is due has waited, by status.
    waiting: Mapping[str, float]
    stuck: Mapping[str, int]
    failed: Mapping[str, int]
    # In the last hour: attempts by stage and outcome; failed ones by code; seconds by stage.
    ended: Mapping[tuple[str, str], int]
    failures: Mapping[str, int]
    durations: Mapping[str, Mapping[float, float]]
    # In seconds: for how long a file has waited whose document is gone.
    oldest_blob: float


def pipeline() -> Pipeline:
    codes, stages = dict.fromkeys(map(str, Code), 0), ("uploading", *map(str, STAGES))
    with gate.as_system():
        return Pipeline(
            by_status=dict(_rows(BY_STATUS, [[status.value for status in Status]])),
            waiting=dict.fromkeys(map(str, ON_THE_WAY), 0.0) | dict(_rows(WAITING)),
            stuck=dict.fromkeys(STUCK_CAUSES, 0) | dict(_rows(STUCK)),
            failed=codes | dict(_rows(FAILED)),
            ended=dict.fromkeys(((stage, "succeeded") for stage in stages), 0)
            | {(stage, outcome): count for stage, outcome, count in _rows(ENDED)},
            failures=codes | dict(_rows(FAILURES)),
            durations={
                stage: dict(zip(QUANTILES, seconds, strict=True))
                for stage, seconds in _rows(DURATIONS, [list(QUANTILES)])
            },
            oldest_blob=_rows(BLOBS)[0][0],
        )


def _rows(query: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
