"""The doors through which other services call us."""

import uuid

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.base import read_body
from core.api.openapi import described
from core.api.v2 import V2View
from documents.services import webhooks

SIGNATURE = OpenApiParameter(
    "LC-Signature",
    str,
    OpenApiParameter.HEADER,
    description="`sha256=` and the HMAC-SHA256 of the body, hexadecimal.",
)


class LlamaParse(V2View):
    """Open: the signature is the proof."""

    is_open = True

    @described(
        "A call of the parsing service LlamaParse: a job is over",
        {204: None},
        body={},
        parameters=[SIGNATURE],
    )
    def post(self, request: Request, job_id: uuid.UUID) -> Response:
        webhooks.take_llama_parse_call(
            job_id=job_id,
            body=read_body(request._request),
            signature=request.headers.get("LC-Signature", ""),
            now=timezone.now(),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)
