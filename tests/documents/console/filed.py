"""Documents as the pipeline would have left them, for the pages of the staff."""

import datetime as dt
import secrets
from typing import Any

from django.test import Client
from django.utils import timezone

from accounts.models import User
from core.models import uuid7
from documents.failures import Code
from documents.models import Document, DocumentAction, DocumentAttempt
from documents.statuses import Status

ROOT = "/admin/documents/document/"
QUEUE = f"{ROOT}queue/"
FILENAME = "Befund-Dr-Weber.pdf"


def ago(**length: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(**length)


def make_document(user: User, **changes: Any) -> Document:
    """A document that waits for a worker to read it."""
    fields: dict[str, Any] = {
        "original_filename": FILENAME,
        "file_size": 120_000,
        "content_type": "application/pdf",
        "file_hash": secrets.token_hex(32),
        "storage_path": f"documents/{uuid7()}",
        "status": Status.PROCESSING,
        "progress_percentage": 10,
    } | changes
    return Document.objects.create(tenant_id=user.tenant_id, user_id=user.id, **fields)


def make_failed(user: User, code: Code = Code.STORAGE_UNAVAILABLE, **changes: Any) -> Document:
    fields: dict[str, Any] = {
        "status": Status.FAILED,
        "error_code": code,
        "error_message": "The storage answered 503.",
        "failed_stage": Status.PROCESSING,
        "failed_at": ago(hours=2),
        "created_at": ago(hours=3),
    } | changes
    return make_document(user, **fields)


def make_stuck(user: User, **changes: Any) -> Document:
    """Due since an hour, and no worker came."""
    return make_document(user, **{"due_at": ago(hours=1), "progress_at": ago(hours=1)} | changes)


def make_completed(user: User, **changes: Any) -> Document:
    fields: dict[str, Any] = {
        "status": Status.COMPLETED,
        "progress_percentage": 100,
        "total_chunks": 3,
        "processed_chunks": 3,
        "processing_started_at": ago(minutes=31),
        "processing_completed_at": ago(minutes=30),
    } | changes
    return make_document(user, **fields)


def make_attempt(document: Document, **changes: Any) -> DocumentAttempt:
    fields: dict[str, Any] = {
        "run": document.run,
        "stage": Status.PROCESSING,
        "number": 1,
        "fence": 1,
        "worker": "worker-a:71",
        "started_at": ago(minutes=41),
        "ended_at": ago(minutes=40),
        "outcome": DocumentAttempt.Outcome.SUCCEEDED,
    } | changes
    return DocumentAttempt.objects.create(
        tenant_id=document.tenant_id, user_id=document.user_id, document=document, **fields
    )


def acted(document: Document) -> list[tuple[str, Any, str]]:
    """What was done with a document: deed, by whom, why."""
    rows = DocumentAction.objects.filter(document_id=document.id).order_by("created_at", "id")
    return list(rows.values_list("action", "actor_id", "reason"))


def console_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(client: Client, address: str, **query: Any) -> str:
    answer: Any = client.get(address, query)
    assert answer.status_code == 200, (answer.status_code, answer.get("Location"))
    return str(answer.content.decode())


def story_of(document: Document) -> str:
    return f"{ROOT}{document.id}/change/"


def group_of(code: Code) -> str:
    return f"{QUEUE}failed/{code}/"
