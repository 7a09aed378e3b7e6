"""The frame of API version 2: problem+json (RFC 9457), ETags, bodies that refuse unknown keys."""

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from core import gate, requests
from core.api.base import CompactJson, GatedView, as_domain_error, read_body, unforeseen
from core.errors import LONGEST_FAULT, MOST_FAULTS, DomainError

PROBLEM = "application/problem+json"


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
    def claims(request: HttpRequest | Request) -> gate.Claims:
        """Read the token of a view that does not go through the gate as the others do."""
        authentication: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES[0]
        claims: gate.Claims = authentication.claims(request.META.get("HTTP_AUTHORIZATION"))
        return claims

    @staticmethod
    def _answer_problem(error: Exception, _context: Any) -> Response:
        known = as_domain_error(error) or unforeseen(error)
        return Response(
            problem(known), status=known.status, headers=known.headers, content_type=PROBLEM
        )


class HotView(V2View):
    """A V2 view for the busiest paths: the gate and the work are one statement.

    It skips what REST framework does around a method (negotiation, request object, several
    hundred µs); a method takes the token's claims and gives bytes of JSON.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        handler: Callable[..., HttpResponse] | None = (
            getattr(self, request.method.lower(), None)
            if request.method in self.allowed_methods
            else None
        )
        if handler is None or request.method == "OPTIONS":
            answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
            return answer
        try:
            response = handler(request, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  The last resort of this door.
            response = refusal(as_domain_error(error) or unforeseen(error))
        # The caller's own copy, asked about again at each use, as its ETag allows.
        response.headers["Cache-Control"] = "private, no-cache"
        return response

    @staticmethod
    def body(request: HttpRequest) -> bytes:
        if not (request.content_type or "").startswith("application/json"):
            raise UnsupportedMediaType("Send the body as application/json.")
        return read_body(request)


class UnsupportedMediaType(DomainError):
    status = 415
    code = "unsupported-media-type"


def json_response(
    body: bytes | str, status: int = 200, content_type: str = "application/json"
) -> HttpResponse:
    return HttpResponse(body, status=status, content_type=content_type)


def with_etag(request: HttpRequest, body: bytes) -> HttpResponse:
    """Answer 304 when the caller has this very body already."""
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    if etag in request.META.get("HTTP_IF_NONE_MATCH", ""):
        return HttpResponse(status=304, headers={"ETag": etag})
    response = json_response(body)
    response.headers["ETag"] = etag
    return response


def refusal(error: DomainError) -> HttpResponse:
    """Answer a failure that no view saw."""
    answer = json_response(CompactJson().render(problem(error)), error.status, PROBLEM)
    for name, value in error.headers.items():
        answer.headers[name] = value
    return answer
