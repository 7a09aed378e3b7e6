"""Questions about documents, asked as the person inside the gate."""

import datetime as dt
import uuid
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Q, Sum

from core import cursors
from core.errors import NotFound
from documents.models import Document, DocumentAttempt
from documents.types import DocumentsQuery


@dataclass(frozen=True, slots=True)
class Kept:
    """What a person has, and what they may have."""

    count: int
    size: int

    @property
    def is_too_much(self) -> bool:
        return (
            self.count > settings.DOCUMENTS_PER_PERSON
            or self.size > settings.DOCUMENT_BYTES_PER_PERSON
        )


def kept(user_id: uuid.UUID) -> Kept:
    found = Document.objects.filter(user_id=user_id).aggregate(
        count=Count("id"), size=Sum("file_size", default=0)
    )
    return Kept(**found)


def get_document(user_id: uuid.UUID, document_id: uuid.UUID, *, lock: bool = False) -> Document:
    rows = Document.objects.filter(user_id=user_id, id=document_id)
    found = (rows.select_for_update() if lock else rows).first()
    if found is None:
        raise NotFound("There is no such document.")
    return found


def attempts(document: Document) -> list[DocumentAttempt]:
    return list(
        DocumentAttempt.objects.filter(user_id=document.user_id, document_id=document.id).order_by(
            "started_at", "id"
        )
    )


def page(user_id: uuid.UUID, query: DocumentsQuery) -> tuple[list[Document], str | None]:
    """Give a page of a person's documents, newest first, and the cursor of the next one."""
    rows = Document.objects.filter(user_id=user_id).order_by("-created_at", "-id")
    if query.status is not None:
        rows = rows.filter(status=query.status)
    if query.document_type is not None:
        rows = rows.filter(document_type=query.document_type)
    if before := cursors.read(query.cursor, cursors.instant, uuid.UUID):
        rows = rows.filter(_is_before(*before))
    found = list(rows[: query.limit + 1])
    shown = found[: query.limit]
    if len(found) == len(shown):
        return shown, None
    last = shown[-1]
    return shown, cursors.write(last.created_at.isoformat(), last.id)


def _is_before(created_at: dt.datetime, document_id: uuid.UUID) -> Q:
    return Q(created_at__lt=created_at) | Q(created_at=created_at, id__lt=document_id)
