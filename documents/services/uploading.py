"""Taking a file in: its row first, then its bytes, each in a short transaction of its own.

No transaction is open while bytes go to the storage, however slow that is. Whatever breaks off
leaves a row that says how far it came; the same file sent again goes on from there.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from django.conf import settings
from django.db import connection
from django.template.defaultfilters import filesizeformat

from accounts import services as accounts
from core import gate
from core.errors import DomainError
from core.gate import Claims, Person
from core.models import uuid7
from documents import details, detection, leases, queries, storage, tasks
from documents.failures import FAILURES, Code, StepFailed
from documents.leases import Claim, Lost
from documents.models import Document, DocumentAction
from documents.services.entering import entered
from documents.statuses import Status

LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('documents of ' || %s, 0))"
NOT_STORED: Final = (Status.PENDING, Status.UPLOADING)
RETRY_SECONDS: Final = 30


class FileEmpty(DomainError):
    code = "file-empty"


class FileRefused(DomainError):
    """Its code is that of the failure which the file would end in."""

    status = 415

    def __init__(self, code: Code) -> None:
        told = FAILURES[code]
        super().__init__(
            f"file: {told.title}. {told.advice}",
            extra={"supported_types": sorted(set(detection.BY_SUFFIX.values()))},
        )
        self.code = code.replace("_", "-")


class QuotaExceeded(DomainError):
    status = 409
    code = "document-quota-exceeded"


class DocumentDeleted(DomainError):
    status = 409
    code = "document-deleted"


class StorageAway(DomainError):
    """Its code tells a storage that refuses us from one that is away."""

    status = 503
    retryable = True

    def __init__(self, failure: StepFailed, *, detail: str) -> None:
        super().__init__(detail, extra={"retry_after": RETRY_SECONDS})
        self.code = failure.code.replace("_", "-")


@dataclass(frozen=True, slots=True)
class File:
    """A file that was sent, on a disk of this machine, and what was said of it."""

    content: BinaryIO
    size: int
    sha256: str
    filename: str
    document_type: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Uploaded:
    document: Document
    is_new: bool


def upload(*, claims: Claims, file: File) -> Uploaded:
    """Store a file as a document; one that the person has already is that document."""
    said = {
        "original_filename": details.checked_filename(file.filename),
        "document_type": details.checked_type(file.document_type),
        "metadata": details.checked_metadata(file.metadata),
        "content_type": _media_type(file),
    }
    row, is_new, claim = _accept(claims, file, said)
    if claim is not None:
        row = _store(claim, row, file)
    elif row.status not in NOT_STORED and row.failed_stage not in NOT_STORED:
        _heal(row, file)
    return Uploaded(row, is_new)


def _media_type(file: File) -> str:
    if not file.size:
        raise FileEmpty("file: is empty. Send a file with something in it.")
    try:
        found = detection.detect(file.content, file.filename)
    except StepFailed as failure:
        raise FileRefused(failure.code) from failure
    if detection.mismatch(found, file.filename):
        raise FileRefused(Code.TYPE_MISMATCH)
    return found


def _accept(
    claims: Claims, file: File, said: dict[str, Any]
) -> tuple[Document, bool, Claim | None]:
    """Find or make the document, and claim the storing of its bytes if nobody does that."""
    with entered(claims) as person:
        with connection.cursor() as cursor:
            cursor.execute(LOCK, [str(person.id)])
        row, is_new = _find_or_make(person, file, said)
        if is_new:
            _check_quota(person)
            note(row, person, DocumentAction.Action.UPLOADED)
        claim = leases.claim_upload(row.id) if _is_wanting(row) else None
        row.refresh_from_db()
    return row, is_new, claim


def _find_or_make(person: Person, file: File, said: dict[str, Any]) -> tuple[Document, bool]:
    """Give the person's document of these bytes, locked, and whether it is new."""
    while True:
        document_id = uuid7()
        made = Document(
            id=document_id,
            tenant_id=person.tenant_id,
            user_id=person.id,
            file_size=file.size,
            file_hash=file.sha256,
            storage_path=storage.new_key(document_id),
            **said,
        )
        Document.objects.bulk_create([made], ignore_conflicts=True)
        rows = Document.objects.select_for_update()
        # None, if the one that was there has just been deleted.
        if row := rows.filter(user_id=person.id, file_hash=file.sha256).first():
            return row, row.id == document_id


def _check_quota(person: Person) -> None:
    """With the person locked, and the new document counted."""
    if queries.kept(person.id).is_too_much:
        count, size = settings.DOCUMENTS_PER_PERSON, settings.DOCUMENT_BYTES_PER_PERSON
        raise QuotaExceeded(
            f"You may keep at most {count:,} documents, of {filesizeformat(size)} in all."
            " Delete some first."
        )


def _is_wanting(row: Document) -> bool:
    """Tell whether the bytes of a document are not, or no more, in the storage."""
    if row.status in NOT_STORED:
        return True
    if row.status not in {Status.FAILED, Status.CANCELLED}:
        return False
    return row.failed_stage in NOT_STORED or row.error_code == Code.FILE_MISSING


def _store(claim: Claim, row: Document, file: File) -> Document:
    try:
        with leases.Heartbeat(claim):
            storage.put(row.storage_path, file.content, size=file.size)
            with leases.held(claim) as (_, held):
                leases.hand_on(claim, held, Status.PROCESSING)
                held.refresh_from_db()
    except StepFailed as failure:
        return _give_up(claim, failure)
    except Lost:
        return _as_it_is(claim)
    tasks.wake()
    return held


def _heal(row: Document, file: File) -> None:
    """Bring back a stored file that got lost: these are its very bytes."""
    with suppress(StepFailed):
        try:
            storage.size_of(row.storage_path)
        except StepFailed as failure:
            if failure.code == Code.FILE_MISSING:
                storage.put(row.storage_path, file.content, size=file.size)


def _give_up(claim: Claim, failure: StepFailed) -> Document:
    try:
        leases.fail(claim, failure)
    except Lost:
        return _as_it_is(claim)
    detail = f"The file can't be stored at the moment. Send it again in {RETRY_SECONDS} seconds."
    raise StorageAway(failure, detail=detail) from failure


def _as_it_is(claim: Claim) -> Document:
    """Show a document that was cancelled, or whose bytes another request stored first."""
    try:
        with gate.as_person(claim.user_id) as person:
            row = Document.objects.filter(user_id=person.id, id=claim.document_id).first()
    except gate.AccountOff as error:
        raise accounts.TokenRefused("Invalid or expired token") from error
    if row is None:
        raise DocumentDeleted("The document was deleted while its file was being stored.")
    return row


def note(row: Document, person: Person, action: DocumentAction.Action) -> None:
    DocumentAction.objects.create(
        tenant_id=row.tenant_id,
        user_id=row.user_id,
        document_id=row.id,
        action=action,
        actor_id=person.id,
    )
