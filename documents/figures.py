"""What somebody who runs Novara wants to know of the pipeline: figures without anybody's name.

All are asked of the rows when they are wanted, so every process tells the same, and none begins at
nought after a restart. What happened is counted over the last hour, from attempts; each question
looks at so many rows at most, also when ten million documents are there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from django.db import connection

from core import gate
from documents.failures import Code
from documents.statuses import ON_THE_WAY, STAGES, STUCK_CAUSES, Status

Figures: TypeAlias = Mapping[tuple[str, ...], float]

MOST: Final = 100_000
QUANTILES: Final = {"0.5": 0.5, "0.95": 0.95, "1": 1.0}
WORKED: Final = tuple(map(str, (Status.UPLOADING, *STAGES)))

# One index for what is on its way, and one for what failed. The rest is most of all, and has none.
BY_STATUS: Final = f"""
    SELECT d.status, count(*)
      FROM documents d
     WHERE d.status NOT IN ('completed', 'failed', 'cancelled')
     GROUP BY d.status
     UNION ALL
    SELECT d.status, count(*)
      FROM (SELECT status FROM documents WHERE status IN ('completed', 'cancelled') LIMIT {MOST}) d
     GROUP BY d.status
"""
# People who are switched off have no turn: what is theirs waits for nobody.
WAITING: Final = """
    SELECT d.status, extract(epoch FROM now() - min(d.due_at))::float8
      FROM documents d
      JOIN users u ON u.id = d.user_id AND u.is_active
      JOIN tenants t ON t.id = d.tenant_id AND t.is_active
     WHERE d.status NOT IN ('completed', 'failed', 'cancelled')
       AND d.due_at <= now()
     GROUP BY d.status
"""
STUCK: Final = """
    SELECT cause, count(*)
      FROM stuck_documents
     GROUP BY cause
"""
FAILED: Final = """
    SELECT d.error_code, count(*)
      FROM documents d
     WHERE d.status = 'failed'
     GROUP BY d.error_code
"""
LAST_HOUR: Final = f"""
    SELECT a.stage, a.outcome, a.error_code, count(*),
           percentile_disc(%s::float8[]) WITHIN GROUP (ORDER BY extract(epoch FROM a.took)::float8)
      FROM (SELECT stage, outcome, error_code, ended_at - started_at AS took
              FROM document_attempts
             WHERE ended_at > now() - interval '1 hour'
             ORDER BY ended_at DESC
             LIMIT {MOST}) a
     GROUP BY a.stage, a.outcome, a.error_code
"""
DELETIONS: Final = f"""
    SELECT coalesce(extract(epoch FROM now() - min(b.created_at)), 0)::float8
      FROM (SELECT created_at FROM deleted_blobs WHERE deleted_at IS NULL LIMIT {MOST}) b
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
    with gate.as_system():
        failed = _by_word(Code, FAILED)
        statuses = _by_word(Status, BY_STATUS) | {(Status.FAILED.value,): sum(failed.values())}
        return Pipeline(
            by_status=statuses,
            waiting=_by_word(ON_THE_WAY, WAITING),
            stuck=_by_word(STUCK_CAUSES, STUCK),
            failed=failed,
            oldest_deletion=rows(DELETIONS)[0][0],
            **_last_hour(),
        )


def _last_hour() -> dict[str, dict[tuple[str, ...], float]]:
    durations: dict[tuple[str, ...], float] = {}
    failures = _nothing(Code)
    ended: dict[tuple[str, ...], float] = {(stage, "succeeded"): 0.0 for stage in WORKED}
    for stage, outcome, code, count, seconds in rows(LAST_HOUR, [list(QUANTILES.values())]):
        ended[stage, outcome] = ended.get((stage, outcome), 0) + count
        if outcome == "succeeded":
            durations |= {(stage, q): took for q, took in zip(QUANTILES, seconds, strict=True)}
        elif outcome in {"failed", "lost"}:
            failures[(code,)] = failures.get((code,), 0) + count
    return {"ended": ended, "failures": failures, "durations": durations}


def _by_word(known: Iterable[str], query: str) -> dict[tuple[str, ...], float]:
    return _nothing(known) | {(word,): figure for word, figure in rows(query)}


def _nothing(known: Iterable[str]) -> dict[tuple[str, ...], float]:
    return {(str(word),): 0.0 for word in known}


def rows(query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
