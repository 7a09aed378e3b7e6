"""Why a document can fail: codes, whether trying again helps, and what people should do.

Detail beside a code is for staff and never quotes a document.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Code(StrEnum):
    PASSWORD_REQUIRED = "password_required"  # noqa: S105  Not a password.
    NO_TEXT = "no_text"
    UNSUPPORTED = "unsupported"
    DAMAGED = "damaged"
    RESOURCE_LIMIT = "resource_limit"
    TYPE_MISMATCH = "type_mismatch"
    UPLOAD_INTERRUPTED = "upload_interrupted"
    FILE_MISSING = "file_missing"
    STORAGE_FORBIDDEN = "storage_forbidden"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    KEY_UNAVAILABLE = "key_unavailable"
    PROVIDER_AUTH = "provider_auth"
    PROVIDER_QUOTA = "provider_quota"
    PROVIDER_BUSY = "provider_busy"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    PROVIDER_REJECTED = "provider_rejected"
    PROVIDER_LOST = "provider_lost"
    EMBEDDER_UNAVAILABLE = "embedder_unavailable"
    EMBEDDER_REJECTED = "embedder_rejected"
    WORKER_LOST = "worker_lost"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Failure:
    """`is_retryable`: by itself, and at the owner's wish. Staff may always retry."""

    is_retryable: bool
    title: str
    advice: str


FAILURES: Final[dict[Code, Failure]] = {
    Code.PASSWORD_REQUIRED: Failure(
        is_retryable=False,
        title="Needs a password",
        advice="The file opens only with a password. Save a copy without it and upload that.",
    ),
    Code.NO_TEXT: Failure(
        is_retryable=False,
        title="No text found",
        advice=(
            "The file has pictures or scans, but no text that can be read. Upload a version with"
            " text, for example one that was run through text recognition."
        ),
    ),
    Code.UNSUPPORTED: Failure(
        is_retryable=False,
        title="Format not supported",
        advice=(
            "This kind of file can't be read. Save it as PDF, DOCX, HTML, Markdown or text and"
            " upload that."
        ),
    ),
    Code.DAMAGED: Failure(
        is_retryable=False,
        title="File is damaged",
        advice=(
            "The file is damaged and can't be read. Open it in the program that made it, save it"
            " again and upload the new file."
        ),
    ),
    Code.RESOURCE_LIMIT: Failure(
        is_retryable=False,
        title="Too much for one document",
        advice=(
            "Reading the file needs more memory or time than one document may use. Split it into"
            " smaller files and upload those."
        ),
    ),
    Code.TYPE_MISMATCH: Failure(
        is_retryable=False,
        title="Content does not match the name",
        advice=(
            "The content of the file is of another kind than its name says. Save it again in the"
            " right format and upload that."
        ),
    ),
    Code.UPLOAD_INTERRUPTED: Failure(
        is_retryable=False,
        title="Upload was interrupted",
        advice="The upload broke off before the file was stored. Upload the same file again.",
    ),
    Code.FILE_MISSING: Failure(
        is_retryable=False,
        title="Stored file is missing",
        advice="The stored file is missing. Upload the same file again.",
    ),
    Code.STORAGE_FORBIDDEN: Failure(
        is_retryable=True,
        title="Storage refused access",
        advice="We can't reach the stored file at the moment. Nothing is lost; we look into it.",
    ),
    Code.STORAGE_UNAVAILABLE: Failure(
        is_retryable=True,
        title="Storage is away",
        advice="We can't reach the stored file at the moment. It is tried again by itself.",
    ),
    Code.KEY_UNAVAILABLE: Failure(
        is_retryable=True,
        title="Encryption key is missing",
        advice="We can't encrypt the text at the moment. Nothing is lost; we look into it.",
    ),
    Code.PROVIDER_AUTH: Failure(
        is_retryable=True,
        title="Parsing service refused our key",
        advice="The service that reads this file refused us. Nothing is lost; we look into it.",
    ),
    Code.PROVIDER_QUOTA: Failure(
        is_retryable=True,
        title="Parsing service quota used up",
        advice="The service that reads this file has no room for us today. Try again tomorrow.",
    ),
    Code.PROVIDER_BUSY: Failure(
        is_retryable=True,
        title="Parsing service is busy",
        advice="The service that reads this file is busy. It is tried again by itself.",
    ),
    Code.PROVIDER_UNAVAILABLE: Failure(
        is_retryable=True,
        title="Parsing service is away",
        advice="The service that reads this file does not answer. It is tried again by itself.",
    ),
    Code.PROVIDER_REJECTED: Failure(
        is_retryable=False,
        title="Parsing service could not read it",
        advice=(
            "The service that reads this file could not read it. Save it again in another format"
            " and upload that."
        ),
    ),
    Code.PROVIDER_LOST: Failure(
        is_retryable=True,
        title="Parsing service lost the job",
        advice="The service that reads this file has lost it. Try again.",
    ),
    Code.EMBEDDER_UNAVAILABLE: Failure(
        is_retryable=True,
        title="Embedding service is away",
        advice=(
            "The document can be searched by words. Search by meaning follows by itself when the"
            " service answers again."
        ),
    ),
    Code.EMBEDDER_REJECTED: Failure(
        is_retryable=True,
        title="Embedding service gave wrong answers",
        advice="The document can be searched by words, but not by meaning. We look into it.",
    ),
    Code.WORKER_LOST: Failure(
        is_retryable=True,
        title="Work was lost several times",
        advice="Reading this file broke off several times. Try again, or split the file.",
    ),
    Code.INTERNAL_ERROR: Failure(
        is_retryable=True,
        title="Unexpected error",
        advice="Something went wrong on our side. Nothing is lost. Try again later.",
    ),
}


class StepFailed(Exception):
    """A step could not do its work. `detail` is for staff: kinds and numbers, no document text.

    `retry_after`, in seconds, is what another service asked us to wait.
    """

    def __init__(self, code: Code, detail: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
