"""What the owner of a document does with it: rename, cancel, retry, delete. Inside the gate."""

import uuid
from typing import Any

from django.db import transaction

from core.errors import DomainError, VersionMismatch
from core.gate import Person
from documents import details, leases, queries, tasks
from documents.failures import FAILURES, Code
from documents.leases import Clock
from documents.models import Document, DocumentAction
from documents.services.uploading import note
from documents.statuses import ENDED, ON_THE_WAY, STAGES, Status
from documents.types import DocumentChanges

Action = DocumentAction.Action


class DocumentEnded(DomainError):
    status = 409
    code = "document-ended"


class NotToBeRetried(DomainError):
    status = 409
    code = "document-not-retryable"


def version_of(row: Document) -> str:
    """The version for ETag and If-Match: it changes with all that is shown of a document."""
    return f"{row.fence}-{int(row.updated_at.timestamp() * 1_000_000)}"


def change(
    *, person: Person, document_id: uuid.UUID, changes: DocumentChanges, expected: str | None
) -> Document:
    row = queries.get_document(person.id, document_id, lock=True)
    if expected is not None and expected != version_of(row):
        raise VersionMismatch("The document was changed since you read it. Read it again.")
    values: dict[str, Any] = {}
    if isinstance(changes.filename, str):
        values["original_filename"] = details.checked_filename(changes.filename)
    if isinstance(changes.document_type, str):
        values["document_type"] = details.checked_type(changes.document_type)
    if isinstance(changes.metadata, dict):
        values["metadata"] = details.checked_metadata(changes.metadata)
    if not values:
        return row
    Document.objects.filter(user_id=person.id, id=row.id).update(**values, updated_at=Clock())
    note(row, person, Action.CHANGED)
    return queries.get_document(person.id, document_id)


def cancel(*, person: Person, document_id: uuid.UUID) -> Document:
    """Stop a document on its way. What is cancelled already stays as it is."""
    row = queries.get_document(person.id, document_id, lock=True)
    if row.status == Status.CANCELLED:
        return row
    if row.status in ENDED:
        raise DocumentEnded(f"The document is {row.status}: there is nothing left to cancel.")
    leases.stop(row)
    note(row, person, Action.CANCELLED)
    return queries.get_document(person.id, document_id)


def retry(*, person: Person, document_id: uuid.UUID) -> Document:
    """Begin again with the stage that failed or was cancelled. What is on its way stays so."""
    row = queries.get_document(person.id, document_id, lock=True)
    if row.status in ON_THE_WAY:
        return row
    if not is_retryable(row):
        raise NotToBeRetried(_why_not(row))
    leases.begin_again(row, Status(row.failed_stage))
    note(row, person, Action.RETRIED)
    transaction.on_commit(tasks.wake)
    return queries.get_document(person.id, document_id)


def is_retryable(row: Document) -> bool:
    """Tell whether the owner may begin again; what was never stored must be sent again."""
    if row.failed_stage not in STAGES:
        return False
    if row.status == Status.CANCELLED:
        return True
    return row.status == Status.FAILED and FAILURES[Code(row.error_code)].is_retryable


def _why_not(row: Document) -> str:
    if row.status not in {Status.FAILED, Status.CANCELLED}:
        return f"The document is {row.status}: only one that failed or was cancelled is retried."
    return advice_on(row)


def advice_on(row: Document) -> str:
    """Say what the owner can do about the last failure."""
    code = Code(row.error_code) if row.error_code else Code.UPLOAD_INTERRUPTED
    if row.status == Status.FAILED and row.failed_stage not in STAGES:
        code = Code.UPLOAD_INTERRUPTED
    return FAILURES[code].advice


def delete(*, person: Person, document_id: uuid.UUID) -> None:
    """Delete a document with all that was made of it; its file follows by the outbox."""
    row = queries.get_document(person.id, document_id, lock=True)
    note(row, person, Action.DELETED)
    Document.objects.filter(user_id=person.id, id=row.id).delete()
    transaction.on_commit(tasks.wake_cleaner)
