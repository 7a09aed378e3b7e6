"""/api/v2/documents: upload, list, one and its progress, changes, cancel, retry, delete."""

import uuid
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.base import decode_json, json_response, read_query
from core.api.openapi import described, query_parameters, ref
from core.api.v2 import HotView, V2View
from documents import queries
from documents.api.v2.forms import Received, received, refuse_body
from documents.failures import FAILURES, Code
from documents.models import Document as Row
from documents.models import DocumentAttempt
from documents.services import changing, uploading
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

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag of the version you read."
)


class Documents(HotView):
    """It enters the gate by itself, as no transaction may wait for a file to arrive."""

    @described(
        "Documents, newest first",
        {200: ref(DocumentsOut), 304: None},
        parameters=query_parameters(DocumentsQuery),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        query = read_query(request, DocumentsQuery)
        found, cursor = uploading.list_documents(claims=self.claims(request), query=query)
        return json_response(msgspec.json.encode(DocumentsOut([shown(one) for one in found], cursor)))

    @described(
        "Upload a document",
        {201: ref(UploadedDocumentOut), 200: ref(UploadedDocumentOut)},
        body=ref(UploadIn),
        body_type="multipart/form-data",
        description=(
            "PDF, DOCX, HTML, Markdown or text, at most 50 MiB; what it is, its bytes say. 200: the"
            " same file was uploaded before, and here is its document (`duplicate`). It is then"
            " parsed by itself: ask for it until its status is completed or failed."
        ),
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        claims = self.claims_of_uploader(request)
        with received(request) as sent:
            uploaded = uploading.upload(claims=claims, file=file_of(sent))
        row = uploaded.document
        body = UploadedDocumentOut(**fields(row), duplicate=not uploaded.is_new)
        response = json_response(msgspec.json.encode(body), 201 if uploaded.is_new else 200)
        response.headers["ETag"] = etag_of(row)
        response.headers["Location"] = f"/api/v2/documents/{row.id}"
        return response
