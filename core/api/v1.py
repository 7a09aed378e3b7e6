"""The frame of API version 1: the old service's envelope, on Novara's ground.

Success is `{"success":true,…}`, failure `{"success":false,"error":"…"}`. The version is frozen;
every answer says so (RFC 9745 Deprecation, RFC 8594 Sunset).
"""

from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from rest_framework.response import Response

from core.api.base import GatedView, HotPath, as_domain_error, unforeseen
from core.errors import DomainError, InvalidInput

LIFE = {
    "Deprecation": "@1795219200",  # 2026-11-21
    "Sunset": "Thu, 30 Nov 2028 00:00:00 GMT",
    "Link": '</api/docs>; rel="deprecation"; type="text/html"',
}


# The old service said 403 to a bad token, and its clients tell it from a missing one (401).
OLD_STATUS = {"token-invalid": 403}


def failure(error: DomainError) -> dict[str, Any]:
    body: dict[str, Any] = {"success": False, "error": error.detail, **error.extra}
    if error.errors:
        body["errors"] = [
            {"field": (e.parameter or e.pointer or "").strip("/") or "body", "detail": e.detail}
            for e in error.errors
        ]
    return body


class V1View(GatedView):
    def get_exception_handler(self) -> Any:
        return self._answer_failure

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        finished = super().finalize_response(request, response, *args, **kwargs)
        for name, value in LIFE.items():
            finished.headers[name] = value
        return finished

    @staticmethod
    def _answer_failure(error: Exception, _context: Any) -> Response:
        known = as_domain_error(error) or unforeseen(error)
        return Response(
            failure(known), status=OLD_STATUS.get(known.code, known.status), headers=known.headers
        )


class HotV1View(HotPath, V1View):
    def refuse(self, error: DomainError) -> HttpResponse:
        return refusal(error)

    def conclude(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        for name, value in LIFE.items():
            response.headers[name] = value
        return super().conclude(request, response)


def refusal(error: DomainError) -> HttpResponse:
    """Answer a failure that no view saw."""
    return HttpResponse(
        msgspec.json.encode(failure(error), enc_hook=str),
        status=OLD_STATUS.get(error.code, error.status),
        content_type="application/json",
        headers={"Cache-Control": "no-store"} | LIFE | error.headers,
    )


def as_object(sent: object) -> dict[str, Any]:
    if not isinstance(sent, dict):
        raise InvalidInput.at("", "The body must be a JSON object.")
    return sent


def read_limit(query: QueryDict, *, default: int, most: int) -> int:
    sent = query.get("limit", str(default))
    is_short = sent.isdecimal() and len(sent) <= len(str(most))
    if not is_short or not 1 <= int(sent) <= most:
        detail = f"limit must be a whole number from 1 to {most}."
        raise InvalidInput.of_parameter("limit", detail)
    return int(sent)
