"""/api/v2/documents/{id}/content: the file itself, whole or in parts, and links to it.

Never shown by a browser, as it may be a page with scripts: it is always a download.
"""

import re
import uuid
from typing import Final
from urllib.parse import urlencode

import msgspec
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from core import origin
from core.api.base import read_query
from core.api.openapi import described, ref
from core.api.v2 import HotView, V2View
from core.errors import DomainError
from core.gate import Claims
from documents.models import Document
from documents.services import reading
from documents.types import ContentLinkOut

RANGE: Final = re.compile(r"bytes=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*")


class RangeUnsatisfiable(DomainError):
    status = 416
    code = "range-not-satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__(f"Range: lies behind the end of the file, which has {size} bytes.")
        self._size = size

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Range": f"bytes */{self._size}"}


class ContentQuery(msgspec.Struct, forbid_unknown_fields=True):
    ticket: str | None = None


class Content(HotView):
    """It enters the gate by itself, as no transaction may wait for a file to be taken."""

    shows = "content of documents"

    @extend_schema(
        summary="The file of a document",
        description="Whole, or a range of its bytes. With `ticket`, no token is needed.",
        parameters=[
            OpenApiParameter("ticket", str, OpenApiParameter.QUERY, description="From …/link."),
            OpenApiParameter("Range", str, OpenApiParameter.HEADER),
            OpenApiParameter("If-Range", str, OpenApiParameter.HEADER),
        ],
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            (206, "application/octet-stream"): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="You have it already."),
        },
    )
    def get(self, request: HttpRequest, document_id: uuid.UUID) -> HttpResponseBase:
        claims = self.claims_for(request, document_id)
        row = reading.find_stored(claims=claims, document_id=document_id)
        etag = f'"{row.file_hash}"'
        if (known := get_conditional_response(request, etag)) is not None:
            return known
        wanted = range_of(request, row.file_size, etag)
        start, length = wanted or (0, row.file_size)
        response = self.answer(request, row, start, length)
        told = headers_of(row) | {"ETag": etag, "Content-Length": str(length)}
        if wanted:
            response.status_code = status.HTTP_206_PARTIAL_CONTENT
            told["Content-Range"] = f"bytes {start}-{start + length - 1}/{row.file_size}"
        for name, value in told.items():
            response.headers[name] = value
        return response

    @staticmethod
    def answer(request: HttpRequest, row: Document, start: int, length: int) -> HttpResponseBase:
        if request.method == "HEAD":
            return HttpResponse(content_type=row.content_type)
        part = reading.open_part(row, start, length)
        return StreamingHttpResponse(part, content_type=row.content_type)

    def claims_for(self, request: HttpRequest, document_id: uuid.UUID) -> Claims:
        query = read_query(request, ContentQuery)
        if query.ticket is None:
            return self.claims(request)
        claims = reading.claims_of(query.ticket, document_id)
        origin.caller.set(claims.user_id)
        return claims


class ContentLink(V2View):
    @described(
        "An address of a document's file that needs no token",
        {201: ref(ContentLinkOut)},
        description="For downloads by a browser. It holds for five minutes, and for this file.",
    )
    def post(self, request: Request, document_id: uuid.UUID) -> Response:
        link = reading.make_link(
            person=self.person,
            claims=self.claims(request),
            document_id=document_id,
            now=timezone.now(),
        )
        path = f"/api/v2/documents/{document_id}/content?{urlencode({'ticket': link.ticket})}"
        shown = ContentLinkOut(request.build_absolute_uri(path), link.expires_at)
        return Response(shown, status=status.HTTP_201_CREATED)


def headers_of(row: Document) -> dict[str, str]:
    name = content_disposition_header(as_attachment=True, filename=row.original_filename)
    return {
        "Accept-Ranges": "bytes",
        "Content-Disposition": name or "attachment",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        # The address may hold a ticket.
        "Referrer-Policy": "no-referrer",
    }


def range_of(request: HttpRequest, size: int, etag: str) -> tuple[int, int] | None:
    """Give begin and length of the range that is asked for; None for the whole (RFC 9110, 14).

    Several ranges at once, and what is no range, may be answered with the whole.
    """
    if request.headers.get("If-Range", etag) != etag:
        return None
    found = RANGE.fullmatch(request.headers.get("Range", ""))
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        length = min(int(last), size)
        if not length:
            raise RangeUnsatisfiable(size)
        return size - length, length
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise RangeUnsatisfiable(size)
    end = min(int(last), size - 1) if last else size - 1
    return int(first), end - int(first) + 1
