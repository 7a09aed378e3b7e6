"""A document at the parsing service, and a worker's turns at it."""

import datetime as dt
from functools import partial
from typing import Any

from django.utils import timezone

from core import gate
from documents import leases, llama_jobs, storage
from documents.failures import StepFailed
from documents.leases import Claim, Waiting
from documents.models import Document
from documents.statuses import Status
from documents.types import Limits, Parsed
from tests.documents.papers import make_document

PDF = "application/pdf"
CONTENT = b"%PDF-1.7 Her results."


def at_the_service(user: Any) -> Document:
    """Make a PDF that is to be parsed."""
    return make_document(user, content=CONTENT, content_type=PDF, original_filename="results.pdf")


def claim_of(document: Document) -> Claim:
    """Claim it, whatever else is due."""
    Document.objects.filter(id=document.id).update(due_at=timezone.now() - dt.timedelta(days=9))
    claim = leases.claim_next()
    assert claim is not None
    assert claim.document_id == document.id
    return claim


def parse(document: Document, claim: Claim, now: dt.datetime | None = None) -> Parsed:
    file = partial(storage.local_copy, document.storage_path)
    return llama_jobs.parse(claim, PDF, file, limits=Limits(), now=now or timezone.now())


def turn(document: Document, now: dt.datetime | None = None) -> Any:
    """Do what the pipeline does: give the pages, the pause in seconds, or the code of a failure."""
    claim = claim_of(document)
    try:
        parsed = parse(document, claim, now)
    except Waiting as wish:
        leases.pause(claim, wish.seconds)
        return wish.seconds
    except StepFailed as failure:
        leases.fail(claim, failure)
        return failure.code
    end(document, Status.CHUNKING)
    return parsed


def end(document: Document, status: Status, **values: Any) -> None:
    with gate.as_system():
        row = Document.objects.get(id=document.id)
        leases.write(row.id, row.fence, status=status, **values)
