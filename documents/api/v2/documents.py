"""/api/v2/documents: upload, list, one and its progress, changes, cancel, retry, delete."""

import uuid
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services as accounts
from core.api.base import MalformedBody, decode_json, json_response, read_query
from core.api.openapi import IF_MATCH, described, query_parameters, ref
from core.api.v2 import HotView, V2View, if_match
from core.errors import InvalidInput
from documents import queries
from documents.api.v2.forms import Received, let_finish, received
from documents.failures import FAILURES, Code
from documents.models import Document as Row
from documents.models import DocumentAttempt
from documents.services import changing, uploading
from documents.services.entering import entered
from documents.statuses import STAGES, Status
from documents.types import (
    AttemptOut,
    ContentLinkOut,
    DocumentChanges,
    DocumentChunksOut,
    DocumentErrorOut,
    DocumentOut,
    DocumentsOut,
    DocumentsQuery,
    DocumentWithAttemptsOut,
    UploadedDocumentOut,
    UploadIn,
)


class Documents(HotView):
    """It enters the gate by itself, as no transaction may wait for a file to arrive."""

    shows = "documents"

    @described(
        "Documents, newest first",
        {200: ref(DocumentsOut), 304: None},
        parameters=query_parameters(DocumentsQuery),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        with entered(self.claims(request)) as person:
            found, cursor = queries.page(person.id, read_query(request, DocumentsQuery))
        listed = DocumentsOut([DocumentOut(**fields(row)) for row in found], cursor)
        return json_response(msgspec.json.encode(listed))

    @described(
        "Upload a document",
        {201: ref(UploadedDocumentOut), 200: ref(UploadedDocumentOut)},
        body=ref(UploadIn),
        body_type="multipart/form-data",
        description=(
            "PDF, DOCX, HTML, Markdown or text, at most 50 MiB; what it is, its bytes say. 200: the"
            " same file was uploaded before, and here is its document (`duplicate`). It is read"
            " by itself from there on: ask for it until its status is completed or failed."
        ),
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        with let_finish(request):
            claims = self.claims(request)
            accounts.authenticate_again(claims)
            with received(request) as sent:
                uploaded = uploading.upload(claims=claims, file=file_of(sent))
        row = uploaded.document
        body = UploadedDocumentOut(**fields(row), duplicate=not uploaded.is_new)
        response = json_response(msgspec.json.encode(body), 201 if uploaded.is_new else 200)
        response.headers["ETag"] = f'"{changing.version_of(row)}"'
        response.headers["Location"] = f"/api/v2/documents/{row.id}"
        return response


class Document(V2View):
    shows = "documents"

    @described(
        "One document: how far it is, and what was tried",
        {200: ref(DocumentWithAttemptsOut), 304: None},
        description="The truth about its progress. Ask with If-None-Match: 304 costs little.",
    )
    def get(self, request: Request, document_id: uuid.UUID) -> Response:
        row = queries.get_document(self.person.id, document_id)
        tries = [attempt_out(one) for one in queries.attempts(row)]
        return versioned(row, DocumentWithAttemptsOut(**fields(row), attempts=tries))

    @described(
        "Change what is said of a document",
        {200: ref(DocumentOut)},
        body=ref(DocumentChanges),
        parameters=[IF_MATCH],
    )
    def patch(self, request: Request, document_id: uuid.UUID) -> Response:
        row = changing.change(
            person=self.person,
            document_id=document_id,
            changes=msgspec.convert(request.data, DocumentChanges),
            expected=if_match(request),
        )
        return versioned(row)

    @described(
        "Delete a document",
        {204: None},
        description="The file and all that was made of it are gone. It may be uploaded again.",
    )
    def delete(self, request: Request, document_id: uuid.UUID) -> Response:
        changing.delete(person=self.person, document_id=document_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Cancellation(V2View):
    @described("Cancel a document that is on its way", {200: ref(DocumentOut)})
    def post(self, request: Request, document_id: uuid.UUID) -> Response:
        return versioned(changing.cancel(person=self.person, document_id=document_id))


class Retry(V2View):
    @described(
        "Try again what failed or was cancelled",
        {200: ref(DocumentOut)},
        description="It goes on with the stage that failed; what was done before stays.",
    )
    def post(self, request: Request, document_id: uuid.UUID) -> Response:
        return versioned(changing.retry(person=self.person, document_id=document_id))


def file_of(sent: Received) -> uploading.File:
    said = sent.fields
    return uploading.File(
        content=sent.file,
        size=sent.size,
        sha256=sent.sha256,
        filename=said.get("filename") or sent.filename,
        document_type=said.get("document_type", ""),
        metadata=metadata_of(said.get("metadata", "")),
    )


def metadata_of(text: str) -> Any:
    if not text:
        return {}
    try:
        return decode_json(text.encode())
    except MalformedBody as error:
        raise InvalidInput.at("/metadata", "metadata: is not well-formed JSON.") from error
    except InvalidInput as error:
        detail = error.detail.removeprefix("body: ")
        raise InvalidInput.at("/metadata", f"metadata: {detail}") from error


def versioned(row: Row, shown: DocumentOut | None = None) -> Response:
    headers = {"ETag": f'"{changing.version_of(row)}"'}
    return Response(shown or DocumentOut(**fields(row)), headers=headers)


def fields(row: Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "filename": row.original_filename,
        "document_type": row.document_type,
        "metadata": row.metadata,
        "content_type": row.content_type,
        "size_bytes": row.file_size,
        "sha256": row.file_hash,
        "status": row.status,
        "stage": stage_of(row),
        "progress": row.progress_percentage,
        "error": error_of(row),
        "next_retry_at": next_retry_at(row),
        "stage_started_at": row.stage_started_at,
        "processing_started_at": row.processing_started_at,
        "processing_completed_at": row.processing_completed_at,
        "page_count": row.page_count,
        "text_length": row.extracted_text_length,
        "warnings": row.warnings,
        "chunks": DocumentChunksOut(row.total_chunks, row.processed_chunks, row.failed_chunks),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def stage_of(row: Row) -> str | None:
    return {
        Status.COMPLETED.value: None,
        Status.FAILED.value: row.failed_stage,
        Status.CANCELLED.value: row.failed_stage,
    }.get(row.status, row.status)


def error_of(row: Row) -> DocumentErrorOut | None:
    if not row.error_code:
        return None
    title = FAILURES[Code(row.error_code)].title
    retryable = changing.is_retryable(row)
    return DocumentErrorOut(row.error_code, title, changing.advice_on(row), retryable)


def next_retry_at(row: Row) -> Any:
    """Tell when it is tried again by itself, if it waits for that."""
    is_waiting = row.status in STAGES and row.tries > 0 and not row.leased_by
    return row.due_at if is_waiting else None


def attempt_out(one: DocumentAttempt) -> AttemptOut:
    return AttemptOut(
        run=one.run,
        stage=one.stage,
        number=one.number,
        outcome=one.outcome,  # type: ignore[arg-type]  # One of these words.
        started_at=one.started_at,
        ended_at=one.ended_at,
        error_code=one.error_code or None,
        retry_at=one.retry_at,
    )


SHAPES = (
    UploadIn,
    UploadedDocumentOut,
    DocumentOut,
    DocumentWithAttemptsOut,
    DocumentsOut,
    DocumentChanges,
    ContentLinkOut,
)
