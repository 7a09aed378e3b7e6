"""Taking a file in: its row first, then its bytes, each step in a short transaction of its own.

No transaction is open while bytes go to the storage, however slow that is. Whatever breaks off
leaves a row that says how far it came; the same file sent again goes on from there.
"""

import uuid
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from django.db import connection

from accounts import services as accounts
from core import gate
from core.errors import DomainError
from core.gate import Claims, Person
from core.models import uuid7
from documents import detection, filenames, leases, queries, storage, tasks
from documents.failures import FAILURES, Code, StepFailed
from documents.leases import Claim, Lost
from documents.models import Document, DocumentAction
from documents.services import metadata as words
from documents.statuses import BEFORE_STORED, Status

LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('documents ' || %s, 0))"
RETRY_SECONDS: Final = 30


class FileEmpty(DomainError):
    code = "file-empty"


class FileRefused(DomainError):
    status = 415
    code = "unsupported-type"


class TypeMismatch(DomainError):
    status = 415
    code = "type-mismatch"


class QuotaExceeded(DomainError):
    status = 409
    code = "document-quota-exceeded"


class DocumentDeleted(DomainError):
    status = 409
    code = "document-deleted"


class StorageAway(DomainError):
    status = 503
    code = "storage-unavailable"
    retryable = True


@dataclass(frozen=True, slots=True)
class File:
    """A file that was sent, on the disk of this machine."""

    content: BinaryIO
    size: int
    sha256: str
    filename: str


@dataclass(frozen=True, slots=True)
class Uploaded:
    document: Document
    is_new: bool


def find_uploader(claims: Claims) -> Person:
    """Tell whose upload it would be, before a byte of it is read."""
    return accounts.authenticate_again(claims)
