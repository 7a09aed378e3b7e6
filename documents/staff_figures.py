"""What the console tells of documents: figures of the pipeline, the queue of what needs help.

Row security decides whose documents are counted: a clinic's for its staff, all for superusers.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.db.models import (
    Count,
    Exists,
    IntegerField,
    Max,
    Min,
    OuterRef,
    QuerySet,
    Subquery,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now

from documents.figures import rows
from documents.models import (
    NOT_SHOWN,
    Document,
    DocumentAction,
    DocumentAttempt,
    DocumentChunk,
    DocumentText,
    EncryptionKey,
    UserDocumentVectors,
)
from documents.statuses import STAGES, STUCK_CAUSES, Status

Outcome = DocumentAttempt.Outcome


class Kind(StrEnum):
    """Why a document is in the queue. The view stuck_documents has the causes of `stuck`."""

    FAILED = "failed"
    STUCK = "stuck"


# The queue


def queue(kind: Kind, *, cause: str | None = None, acknowledged: bool | None = None) -> Any:
    """Give the documents that failed, or are stuck, for a cause; the newest first."""
    rows = Document.objects.defer(*NOT_SHOWN)
    if kind is Kind.FAILED:
        rows = rows.filter(status=Status.FAILED).order_by("-failed_at", "-id")
        rows = rows if cause is None else rows.filter(error_code=cause)
    else:
        rows = rows.filter(id__in=_stuck_ids(cause)).order_by("-progress_at", "-id")
    if acknowledged is None:
        return rows
    is_known = _is_acknowledged(kind)
    return rows.filter(is_known) if acknowledged else rows.filter(~is_known)


def _stuck_ids(cause: str | None) -> RawSQL:
    if cause is None:
        return RawSQL("SELECT id FROM stuck_documents", [])
    return RawSQL("SELECT id FROM stuck_documents WHERE cause = %s", [cause])


def _is_acknowledged(kind: Kind) -> Exists:
    """Somebody knows, and it has neither failed again nor gone on since."""
    since = "failed_at" if kind is Kind.FAILED else "progress_at"
    return Exists(
        DocumentAction.objects.filter(
            document_id=OuterRef("id"),
            action=DocumentAction.Action.ACKNOWLEDGED,
            created_at__gt=OuterRef(since),
        )
    )


def with_marks(rows: QuerySet[Document], kind: Kind) -> QuerySet[Any]:
    """Add what a list of the queue shows of each document, for the rows of one page."""
    stage = "failed_stage" if kind is Kind.FAILED else "status"
    tries = (
        DocumentAttempt.objects.filter(
            document_id=OuterRef("id"), run=OuterRef("run"), stage=OuterRef(stage)
        )
        .order_by()
        .values("document_id")
        .annotate(count=Count("id"))
        .values("count")
    )
    return rows.select_related("tenant").annotate(
        attempt_count=Subquery(tries, output_field=IntegerField()),
        is_acknowledged=_is_acknowledged(kind),
    )


@dataclass(frozen=True, slots=True)
class Group:
    """Documents that are in the queue for the same cause."""

    kind: Kind
    cause: str
    count: int
    oldest_at: dt.datetime
    newest_at: dt.datetime


def groups(*, acknowledged: bool | None) -> list[Group]:
    """Group the queue by cause: what is stuck, then what failed, the largest first."""
    failed = (
        queue(Kind.FAILED, acknowledged=acknowledged)
        .order_by()
        .values("error_code")
        .annotate(count=Count("id"), oldest=Min("failed_at"), newest=Max("failed_at"))
    )
    found = [
        Group(Kind.FAILED, one["error_code"], one["count"], one["oldest"], one["newest"])
        for one in failed
    ]
    return _stuck_groups(acknowledged=acknowledged) + sorted(found, key=lambda one: -one.count)


def _stuck_groups(*, acknowledged: bool | None) -> list[Group]:
    found = []
    for cause in STUCK_CAUSES:
        one = queue(Kind.STUCK, cause=cause, acknowledged=acknowledged).aggregate(
            count=Count("id"), oldest=Min("progress_at"), newest=Max("progress_at")
        )
        if one["count"]:
            found.append(Group(Kind.STUCK, cause, one["count"], one["oldest"], one["newest"]))
    return found


def stuck_cause(document_id: uuid.UUID) -> str | None:
    found = rows("SELECT cause FROM stuck_documents WHERE id = %s", [document_id])
    return found[0][0] if found else None


def stuck_among(documents: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    found = rows("SELECT id FROM stuck_documents WHERE id = ANY(%s)", [list(documents)])
    return {document_id for (document_id,) in found}


def waiting_retries() -> int:
    """Count the documents that people retried and that are not due yet."""
    return Document.objects.filter(
        status__in=STAGES, run__gt=1, leased_by="", tries=0, due_at__gt=Now()
    ).count()


def is_acknowledged(document: Document) -> bool:
    kind = Kind.FAILED if document.status == Status.FAILED else Kind.STUCK
    return Document.objects.filter(_is_acknowledged(kind), id=document.id).exists()


# The pipeline

# Not the view document_processing_stats, whose averages would take twice the time.
TALLIES: Final = """
    SELECT status, count(*)
      FROM documents
     GROUP BY status
"""
NOW: Final = """
    SELECT status,
           count(*) FILTER (WHERE leased_by <> '' AND due_at > now()),
           count(*) FILTER (WHERE leased_by = '' AND due_at > now()),
           count(*) FILTER (WHERE due_at <= now()),
           min(due_at) FILTER (WHERE due_at <= now())
      FROM documents
     WHERE status NOT IN ('completed', 'failed', 'cancelled')
     GROUP BY status
"""
DURATIONS: Final = """
    SELECT stage,
           count(*),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - started_at)),
           percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - started_at))
      FROM document_attempts
     WHERE ended_at > now() - interval '24 hours'
       AND outcome = 'succeeded'
     GROUP BY stage
"""
HOURS: Final = """
    SELECT date_trunc('hour', ended_at),
           count(*) FILTER (WHERE outcome = 'succeeded' AND stage = 'embedding'),
           count(*) FILTER (WHERE outcome = 'failed' AND retry_at IS NULL)
      FROM document_attempts
     WHERE ended_at >= date_trunc('hour', now()) - interval '23 hours'
     GROUP BY 1
"""
FAILURES: Final = """
    SELECT error_code,
           count(*) FILTER (WHERE ended_at > now() - interval '24 hours'),
           count(*),
           count(DISTINCT document_id),
           max(ended_at)
      FROM document_attempts
     WHERE ended_at > now() - interval '7 days'
       AND error_code <> ''
     GROUP BY error_code
     ORDER BY 2 DESC, 3 DESC
"""
# Who holds a document answers at least as often as the lease asks for.
WORKERS: Final = """
    SELECT worker, max(seen_at), sum(held)::integer, sum(done)::integer, sum(failed)::integer
      FROM (SELECT leased_by AS worker, now() AS seen_at, 1 AS held, 0 AS done, 0 AS failed
              FROM documents
             WHERE status NOT IN ('completed', 'failed', 'cancelled')
               AND status <> 'uploading'
               AND leased_by <> ''
               AND due_at > now()
             UNION ALL
            SELECT worker, ended_at, 0, (outcome = 'succeeded')::integer,
                   (outcome = 'failed')::integer
              FROM document_attempts
             WHERE ended_at > now() - interval '1 hour'
               AND stage <> 'uploading'
               AND outcome <> 'lost') w
     GROUP BY worker
     ORDER BY 2 DESC, 1
"""


@dataclass(frozen=True, slots=True)
class StageNow:
    """What is in a stage at this moment. `due` waits for a worker, `later` for a time."""

    status: Status
    working: int = 0
    later: int = 0
    due: int = 0
    oldest_due_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Duration:
    """How long a stage took in the last 24 hours, in seconds."""

    stage: str
    count: int
    median: float
    slow: float


@dataclass(frozen=True, slots=True)
class Hour:
    begins_at: dt.datetime
    completed: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class FailureCount:
    """Tries that failed for one cause, and how many documents they were in seven days."""

    code: str
    last_day: int
    last_week: int
    documents: int
    newest_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Worker:
    """Who worked in the last hour. `held` are the documents that it has at this moment."""

    name: str
    seen_at: dt.datetime
    held: int
    done: int
    failed: int


def tallies() -> dict[str, int]:
    return dict(rows(TALLIES))


def stages_now() -> dict[str, StageNow]:
    return {status: StageNow(Status(status), *rest) for status, *rest in rows(NOW)}


def durations() -> dict[str, Duration]:
    return {stage: Duration(stage, *rest) for stage, *rest in rows(DURATIONS)}


def hours(now: dt.datetime) -> list[Hour]:
    """Give the last 24 hours, the one that runs now at the end."""
    found = {begins_at: Hour(begins_at, *rest) for begins_at, *rest in rows(HOURS)}
    last = now.replace(minute=0, second=0, microsecond=0)
    every = [last - dt.timedelta(hours=ago) for ago in range(23, -1, -1)]
    return [found.get(begins_at, Hour(begins_at)) for begins_at in every]


def failures() -> list[FailureCount]:
    return [FailureCount(*row) for row in rows(FAILURES)]


def workers() -> list[Worker]:
    return [Worker(*row) for row in rows(WORKERS)]


# One document


@dataclass(frozen=True, slots=True)
class Versions:
    """With what a document was read. None where that has not happened yet."""

    parser: str | None
    chunker: str | None
    models: list[str]
    keys: list[str]


def versions(document: Document) -> Versions:
    """Tell what a document was read with; the columns are those that staff may see."""
    texts = DocumentText.objects.filter(document_id=document.id)
    pieces = DocumentChunk.objects.filter(document_id=document.id, ordinal=0)
    vectors = UserDocumentVectors.objects.filter(document_id=document.id)
    text = texts.values_list("parser_name", "parser_version", "key_id").first()
    piece = pieces.values_list("chunker_name", "chunker_version", "key_id").first()
    models = list(
        vectors.order_by().values_list("model__name", "model__version", "key_id").distinct()
    )
    used = {found[-1] for found in (text, piece, *models) if found and found[-1]}
    return Versions(
        f"{text[0]} {text[1]}" if text else None,
        f"{piece[0]} {piece[1]}" if piece else None,
        sorted({f"{name} {version}" for name, version, _ in models}),
        _key_words(used),
    )


def _key_words(ids: Collection[uuid.UUID]) -> list[str]:
    found = EncryptionKey.objects.filter(id__in=ids).order_by("key_version")
    return [
        f"{version} ({status})"
        for version, status in found.values_list("key_version", "key_status")
    ]


def actions(document: Document, *, with_reasons: bool) -> list[DocumentAction]:
    rows = DocumentAction.objects.filter(document_id=document.id).order_by("created_at", "id")
    return list(rows if with_reasons else rows.defer("reason"))
