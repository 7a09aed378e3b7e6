"""Giving a document's file back: to its owner, and by links that hold for minutes."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final

from core import tickets
from core.errors import DomainError
from core.gate import Claims, Person
from core.tickets import TicketInvalid
from documents import queries, storage
from documents.failures import FAILURES, Code, StepFailed
from documents.models import Document
from documents.services.entering import entered
from documents.services.uploading import StorageAway
from documents.statuses import STAGES, Status

LINK_SECONDS: Final = 300


class NotStored(DomainError):
    status = 409
    code = "document-not-stored"


class FileMissing(DomainError):
    status = 404
    code = "file-missing"


@dataclass(frozen=True, slots=True)
class Link:
    ticket: str
    expires_at: dt.datetime


def make_link(*, person: Person, claims: Claims, document_id: uuid.UUID, now: dt.datetime) -> Link:
    """Make a word that opens this file alone, as long as the person's session holds."""
    row = _stored(person, document_id)
    # Old tokens name their person by an address, which has no place in a link.
    named = Claims(str(person.id), session_id=claims.session_id, issued_at=claims.issued_at)
    ticket = tickets.issue(
        purpose=_purpose(row.id), claims=named, key_id=None, seconds=LINK_SECONDS
    )
    return Link(ticket, now + dt.timedelta(seconds=LINK_SECONDS))


def claims_of(ticket: str, document_id: uuid.UUID) -> Claims:
    claims = tickets.read(ticket, purpose=_purpose(document_id)).claims
    if claims is None:
        raise TicketInvalid("ticket: is not one that this server gave for this.")
    return claims


def _purpose(document_id: uuid.UUID) -> str:
    return f"document-content.{document_id}"


def find_stored(*, claims: Claims, document_id: uuid.UUID) -> Document:
    with entered(claims) as person:
        return _stored(person, document_id)


def _stored(person: Person, document_id: uuid.UUID) -> Document:
    row = queries.get_document(person.id, document_id)
    was_stored = row.failed_stage in STAGES or row.status in {*STAGES, Status.COMPLETED}
    if not was_stored:
        raise NotStored("The file of this document is not stored yet. Upload it again.")
    return row


def open_part(row: Document, start: int, length: int) -> storage.Part:
    """Open a part of a file; whoever takes it closes it. Not inside the gate."""
    try:
        return storage.read(row.storage_path, start, length)
    except StepFailed as failure:
        if failure.code == Code.FILE_MISSING:
            raise FileMissing(FAILURES[failure.code].advice) from failure
        raise StorageAway(failure, detail="The file can't be reached at the moment.") from failure
