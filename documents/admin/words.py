"""How the console speaks of documents: states, causes, what staff can do, sizes, times."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.template.defaultfilters import filesizeformat, pluralize
from django.utils.html import format_html
from django.utils.timesince import timesince

from core.admin import capital, pill, when
from documents.failures import FAILURES, Code
from documents.models import DocumentAction, DocumentAttempt
from documents.staff_figures import Kind
from documents.statuses import Status

Action = DocumentAction.Action
Outcome = DocumentAttempt.Outcome

# What is younger than this has no age.
JUST_NOW: Final = dt.timedelta(seconds=5)

# Of each state: its color, its name, and what happens in it.
STATES: Final[Mapping[str, tuple[str, str, str]]] = {
    Status.PENDING: ("waiting", "Announced", "The upload has begun."),
    Status.UPLOADING: ("waiting", "Being uploaded", "The file is being stored."),
    Status.PROCESSING: ("waiting", "Reading", "The text is taken out of the file."),
    Status.CHUNKING: ("waiting", "Cutting", "The text is cut into pieces."),
    Status.EMBEDDING: ("waiting", "Indexing", "The pieces are made searchable by meaning."),
    Status.COMPLETED: ("final", "Completed", "It can be searched."),
    Status.FAILED: ("entered-in-error", "Failed", "It could not be finished."),
    Status.CANCELLED: ("replaced", "Cancelled", "Somebody stopped it."),
}
OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    Outcome.RUNNING: ("waiting", "Running"),
    Outcome.PAUSED: ("waiting", "Paused"),
    Outcome.SUCCEEDED: ("final", "Succeeded"),
    Outcome.FAILED: ("entered-in-error", "Failed"),
    Outcome.LOST: ("entered-in-error", "Worker lost"),
    Outcome.CANCELLED: ("replaced", "Stopped"),
}
ACTIONS: Final[Mapping[str, str]] = {
    Action.UPLOADED: "uploaded it",
    Action.CHANGED: "changed what is noted about it",
    Action.CANCELLED: "stopped it",
    Action.RETRIED: "started it again",
    Action.DELETED: "deleted it",
    Action.ACKNOWLEDGED: "acknowledged the failure",
    Action.DISCLOSED: "looked into it",
}


class Retry(StrEnum):
    """Whether a retry helps, as badges say it, and advice begins with it."""

    MAY_HELP = "a retry may help"
    RARELY_HELPS = "a retry rarely helps"
    WILL_NOT_HELP = "a retry will not help"


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause as the queue shows it. `advice` is for staff: what to look at, what to do."""

    title: str
    advice: str


ADVICE: Final[Mapping[Code, str]] = {
    Code.PASSWORD_REQUIRED: "The person is told to upload a copy without a password."
    " Acknowledge it.",
    Code.NO_TEXT: "These are scans or pictures. The person is told to upload a version with text."
    " Acknowledge it.",
    Code.UNSUPPORTED: "The person is told which formats can be read. Acknowledge it.",
    Code.DAMAGED: "The person is told to save the file again. If many came at once, look at the"
    " storage.",
    Code.RESOURCE_LIMIT: "The file has too many pages or too much text, or needs more memory or"
    " time than one document may use. The person is told to split it. Retry only if the machine was"
    " short of memory.",
    Code.TYPE_MISMATCH: "The file is not what its name says. The person is told so."
    " Acknowledge it.",
    Code.UPLOAD_INTERRUPTED: "The file never arrived. The person is told to upload it again. If"
    " there are many, look at the network and the proxy. Acknowledge it.",
    Code.FILE_MISSING: "The file is not in the storage. Retry if it was restored from a backup;"
    " else the person must upload it again.",
    Code.STORAGE_FORBIDDEN: "The storage refuses us. Check its keys and rights, then retry all.",
    Code.STORAGE_UNAVAILABLE: "The storage did not answer for about a day. When it is back, retry"
    " all.",
    Code.KEY_UNAVAILABLE: "A key in ENCRYPTION_KEYS is missing or wrong. Put the old key back, then"
    " retry all.",
    Code.PROVIDER_AUTH: "The parsing service refused our key. Check LLAMA_CLOUD_API_KEY, then retry"
    " all.",
    Code.PROVIDER_QUOTA: "Our quota at the parsing service is used up. Raise it or wait for the"
    " next period, then retry all.",
    Code.PROVIDER_BUSY: "The parsing service was busy for about a day. Retry a few at a time.",
    Code.PROVIDER_UNAVAILABLE: "The parsing service did not answer for about a day. When it is"
    " back, retry all.",
    Code.PROVIDER_REJECTED: "The parsing service cannot read these files. The person is told to use"
    " another format.",
    Code.PROVIDER_LOST: "The parsing service no longer knows the job. Retry: it is sent again.",
    Code.EMBEDDER_UNAVAILABLE: "The embedding service did not answer for about a day. Search by"
    " words works meanwhile. When it is back, retry all.",
    Code.EMBEDDER_REJECTED: "The embedding service gave answers of the wrong form. Check which"
    " model is set, then retry all.",
    Code.WORKER_LOST: "The worker died over these files several times. Look at its memory. Retry"
    " one alone first.",
    Code.INTERNAL_ERROR: "A fault of ours. The detail names the place: report it. After the mend,"
    " retry all.",
}
STUCK: Final[Mapping[str, Cause]] = {
    "no_worker": Cause(
        "Waiting, and no worker comes",
        "These should have begun minutes ago. Look whether a worker runs (queue “documents”) and"
        " keeps up. They begin by themselves when one does; a retry is not needed.",
    ),
    "worker_lost": Cause(
        "The worker has gone",
        "The one who worked on these has not been heard of. Another worker takes them by itself;"
        " if none does, look whether any runs.",
    ),
    "no_progress": Cause(
        "Held without going on",
        "A worker holds these and answers, but nothing moves. Retry takes them away from it and"
        " begins the stage again.",
    ),
}
# The others of which people are told that a retry is of no use can have a reason of ours.
HOPELESS: Final = frozenset(
    {
        Code.PASSWORD_REQUIRED,
        Code.NO_TEXT,
        Code.UNSUPPORTED,
        Code.TYPE_MISMATCH,
        Code.UPLOAD_INTERRUPTED,
    }
)
KINDS: Final[Mapping[str, str]] = {
    "application/pdf": "PDF",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "DOCX",
    "text/html": "HTML",
    "text/markdown": "Markdown",
    "text/plain": "Text",
}


def cause_of(kind: Kind, cause: str) -> Cause:
    if kind is Kind.STUCK:
        return STUCK[cause]
    code, verdict = Code(cause), retry_of(cause)
    advice = ADVICE[code] if verdict is Retry.MAY_HELP else f"{sentence(verdict)} {ADVICE[code]}"
    return Cause(FAILURES[code].title, advice)


def retry_of(code: str) -> Retry:
    if code in HOPELESS:
        return Retry.WILL_NOT_HELP
    is_retryable = code in set(Code) and FAILURES[Code(code)].is_retryable
    return Retry.MAY_HELP if is_retryable else Retry.RARELY_HELPS


def failure_title(code: str) -> str:
    return FAILURES[Code(code)].title if code in set(Code) else code


def state(status: str) -> str:
    kind, name, _ = STATES[status]
    return pill(kind, name)


def stage_name(status: str) -> str:
    return STATES[status][1] if status in STATES else "-"


def outcome(attempt: DocumentAttempt) -> str:
    return pill(*OUTCOMES[attempt.outcome])


def short_id(document_id: uuid.UUID) -> str:
    """The end of an id: its beginning is a time, which many share."""
    return str(document_id)[-12:]


def file_kind(content_type: str) -> str:
    return KINDS.get(content_type, content_type)


def size(count: int) -> str:
    return filesizeformat(count)


def ago(instant: dt.datetime | None, now: dt.datetime) -> str:
    """Say how long ago something was; the exact time is in the title."""
    if instant is None:
        return "-"
    is_new = now - instant < JUST_NOW
    return titled(instant, "just now" if is_new else f"{span(now - instant)} ago")


def age(instant: dt.datetime | None, now: dt.datetime) -> str:
    """Say for how long something has been so; the exact time is in the title."""
    return "-" if instant is None else titled(instant, span(now - instant))


def titled(instant: dt.datetime, words: str) -> str:
    return format_html('<span title="{} UTC">{}</span>', when(instant), words)


def span(length: dt.timedelta) -> str:
    """Say a length of time in its largest unit or two."""
    seconds = max(round(length.total_seconds()), 1)
    if seconds < 60:  # noqa: PLR2004  A minute.
        return f"{seconds}\N{NO-BREAK SPACE}second{pluralize(seconds)}"
    start = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
    end = start + dt.timedelta(seconds=seconds)
    return timesince(start, end, depth=1 if seconds < 3600 else 2)  # noqa: PLR2004


def duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    if seconds < 120:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    return span(dt.timedelta(seconds=seconds))


def documents(count: int) -> str:
    return f"{count:,} {'document' if count == 1 else 'documents'}"


def sentence(words: str) -> str:
    return f"{capital(words)}."
