"""The frame of API version 2: problem+json (RFC 9457), ETags, bodies that refuse unknown keys."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers
from rest_framework.response import Response

from core import requests
from core.api.base import (
    CompactJson,
    GatedView,
    HotPath,
    as_domain_error,
    json_response,
    read_body,
    unforeseen,
)
from core.errors import LONGEST_FAULT, MOST_FAULTS, DomainError, InvalidInput

PROBLEM = "application/problem+json"
LONGEST_KEY = 190


def problem(error: DomainError) -> dict[str, Any]:
    """The members of RFC 9457, then ours: `code`, `retryable`, `request_id`, `errors`."""
    body = {
        "type": f"urn:novara:problem:{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "retryable": error.retryable,
        "request_id": requests.request_id.get(),
        **error.extra,
    }
    if error.errors:
        body["errors"] = [
            {"detail": e.detail, "parameter": e.parameter}
            if e.parameter
            else {"detail": e.detail, "pointer": e.pointer or ""}
            for e in error.errors
        ]
    return body


class Body(serializers.Serializer[Any]):
    """Input of V2: a key it does not know is an error that names the key."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError(
                {key[:LONGEST_FAULT]: ["Unknown field."] for key in unknown[:MOST_FAULTS]}
            )
        return super().to_internal_value(data)


class V2View(GatedView):
    def get_exception_handler(self) -> Any:
        return self._answer_problem

    @staticmethod
    def _answer_problem(error: Exception, _context: Any) -> Response:
        known = as_domain_error(error) or unforeseen(error)
        return Response(
            problem(known), status=known.status, headers=known.headers, content_type=PROBLEM
        )


class HotView(HotPath, V2View):
    def refuse(self, error: DomainError) -> HttpResponse:
        return refusal(error)

    @staticmethod
    def body(request: HttpRequest) -> bytes:
        if not (request.content_type or "").startswith("application/json"):
            raise UnsupportedMediaType("Send the body as application/json.")
        return read_body(request)


class UnsupportedMediaType(DomainError):
    status = 415
    code = "unsupported-media-type"


def refusal(error: DomainError) -> HttpResponse:
    """Answer a failure that no view saw."""
    answer = json_response(CompactJson().render(problem(error)), error.status, PROBLEM)
    for name, value in error.headers.items():
        answer.headers[name] = value
    return answer


def if_match(request: Any) -> str | None:
    """Read If-Match as one version; None asks for none. A proxy that compresses may weaken it."""
    sent: str | None = request.headers.get("If-Match")
    return None if sent in (None, "*") else sent.strip().removeprefix("W/").strip('"')


def idempotency_key(request: HttpRequest) -> str | None:
    """Read Idempotency-Key, as a structured field string ("…") or bare, as many clients send."""
    sent = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if sent is None:
        return None
    key: str = sent.strip().strip('"')
    if not key or len(key) > LONGEST_KEY or not key.isprintable():
        detail = f"Idempotency-Key: must have 1 to {LONGEST_KEY} printable characters."
        raise InvalidInput.of_parameter("Idempotency-Key", detail)
    return key
