"""What both API versions share: strict JSON in, compact JSON out, the gate around each method."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, TypeVar

import msgspec
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from rest_framework import exceptions, negotiation, parsers, renderers, status
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from core import gate
from core.errors import (
    MOST_FAULTS,
    DomainError,
    FieldError,
    InvalidInput,
    TooLarge,
    invalid,
)

log = logging.getLogger("novara.errors")
CHUNK_BYTES = 64 * 1024
# 100 MB: who sends more is cut off.
DRAINED_CHUNKS = 1600
# As JSON writes the NUL character.
NUL = b"\\u0000"


def read_body(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig as error:
        drain(request)
        raise TooLarge.at("", "body: is larger than 10 MB. Send less at a time.") from error


def drain(request: HttpRequest) -> None:
    """Take what is still sent: the caller would see a broken connection instead of the answer."""
    for _ in range(DRAINED_CHUNKS):
        if not request.read(CHUNK_BYTES):
            break


def decode_json(body: bytes | msgspec.Raw, *, into: Any = Any) -> Any:
    """Parse JSON strictly: no NaN, no half surrogates, no number beyond a double's range.

    Also refuses the NUL character, which is legal in JSON but which Postgres cannot store.
    """
    value = parse_json(body, into=into)
    if NUL in bytes(body):
        refuse_nul(msgspec.json.decode(body), "")
    return value


def parse_json(body: bytes | msgspec.Raw, *, into: Any = Any) -> Any:
    try:
        return msgspec.json.decode(body, type=into)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise MalformedBody.at("", "The body is not well-formed JSON.") from error


class NoQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Of a path that takes no parameters."""


Query = TypeVar("Query")


def read_query(request: HttpRequest, into: type[Query]) -> Query:
    """Read the query string into a struct; a fault names its parameter."""
    sent = request.GET
    for name in sent:
        if len(sent.getlist(name)) > 1 or "\x00" in sent[name]:
            detail = f"{name}: must be given once, without NUL characters."
            raise InvalidInput.of_parameter(name, detail)
    try:
        return msgspec.convert(sent.dict(), into, strict=False)
    except msgspec.ValidationError as error:
        fault = invalid(error).errors[0]
        name = (fault.pointer or "").strip("/") or "query"
        detail = f"{name}: {fault.detail}"
        raise InvalidInput.of_parameter(name, detail) from error


class MalformedBody(InvalidInput):
    code = "malformed-json"


def refuse_nul(value: object, pointer: str) -> None:
    if isinstance(value, str) and "\x00" in value:
        raise InvalidInput.at(pointer, f"{pointer or 'body'}: The NUL character can't be stored.")
    if isinstance(value, dict):
        for key, part in value.items():
            refuse_nul(key, pointer)
            refuse_nul(part, f"{pointer}/{key}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            refuse_nul(part, f"{pointer}/{index}")


class StrictJson(parsers.BaseParser):
    media_type = "application/json"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        # Django holds its `body` to the size limit; the stream has none.
        body = read_body((parser_context or {})["request"]._request)
        return decode_json(body) if body else {}


class CompactJson(renderers.BaseRenderer):
    """No space after `:` and `,`: old clients search the answer's text."""

    media_type = "application/json"
    format = "json"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else msgspec.json.encode(data, enc_hook=str)


class OneRenderer(negotiation.BaseContentNegotiation):
    """The API speaks one format, whatever Accept says."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


def caller_address(request: Any) -> str:
    """Tell the caller's network address, as the outermost proxy that is ours saw it."""
    return BaseThrottle().get_ident(request) or ""


class GatedView(APIView):
    """A view whose method runs in one transaction, as the person of the request's token.

    `is_open` views answer people who are not known yet: they have no transaction of their own,
    and whatever needs the database calls a service that opens `gate.as_system()`.
    """

    is_open = False
    # What of a person's record an answer shows, in a word or two, and which methods answer with it:
    # the audit log notes who read what (audit/middleware.py). "": nothing.
    shows = ""
    shown_by = frozenset({"GET", "HEAD"})
    renderer_classes = [CompactJson]
    parser_classes = [StrictJson]
    content_negotiation_class = OneRenderer

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if self.is_open:
            return super().dispatch(request, *args, **kwargs)
        with gate.unit_of_work():
            response = super().dispatch(request, *args, **kwargs)
            # Rendered here, so that nothing lazy is read after the gate has been left.
            response.render()  # type: ignore[attr-defined]  # All ours are REST framework's.
            if response.status_code >= status.HTTP_400_BAD_REQUEST:
                transaction.set_rollback(True)
        return self.conclude(request, response)

    def conclude(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Finish an answer whose bytes are known: clients ask again for what they have."""
        if request.method != "GET" or response.status_code != status.HTTP_200_OK:
            return response
        response.headers["Cache-Control"] = "private, no-cache"
        return with_etag(request, response)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        finished = super().finalize_response(request, response, *args, **kwargs)
        # RFC 6749, 5.1, for tokens; and nobody's record belongs into a cache.
        finished.headers.setdefault("Cache-Control", "no-store")
        return finished

    @property
    def person(self) -> gate.Person:
        """Who is inside the gate. Views that are open have nobody."""
        person: gate.Person = self.request.user  # type: ignore[assignment]  # Not Django's user.
        return person

    @property
    def address(self) -> str:
        return caller_address(self.request)

    @staticmethod
    def claims(request: HttpRequest | Request) -> gate.Claims:
        """Read the token of a view that does not go through the gate as the others do."""
        authentication: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES[0]
        claims: gate.Claims = authentication.claims(request.META.get("HTTP_AUTHORIZATION"))
        # For who comes after the view (audit/middleware.py).
        sent: Any = getattr(request, "_request", request)
        sent.claims = claims
        return claims

    def get_authenticators(self) -> Any:
        return [] if self.is_open else super().get_authenticators()

    def get_permissions(self) -> Any:
        return [] if self.is_open else super().get_permissions()


class HotPath(GatedView):
    """A view for the busiest paths: the gate and the work are one statement.

    It skips what REST framework does around a method (negotiation, request object, several
    hundred µs); a method takes Django's request and gives an answer with its bytes.
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
            response: HttpResponseBase = handler(request, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  The last resort of this door.
            return self.refuse(as_domain_error(error) or unforeseen(error))
        # The caller's own copy, asked about again at each use, as its ETag allows.
        response.headers["Cache-Control"] = "private, no-cache"
        return self.conclude(request, response)

    def refuse(self, error: DomainError) -> HttpResponse:
        raise NotImplementedError


def json_response(
    body: bytes | str, status: int = 200, content_type: str = "application/json"
) -> HttpResponse:
    return HttpResponse(body, status=status, content_type=content_type)


def etag_of(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:24]}"'


def with_etag(request: HttpRequest, response: Any) -> HttpResponseBase:
    """Give the answer's ETag; 304 when the caller has this very body already (RFC 9110, 13)."""
    if "ETag" not in response.headers:
        response.headers["ETag"] = etag_of(response.content)
    etag = response.headers["ETag"]
    answer: HttpResponseBase = get_conditional_response(request, etag, None, response)  # type: ignore[assignment]  # None comes back for None alone.
    return answer


def as_domain_error(error: Exception) -> DomainError | None:
    """Give the library's errors our shape; None for what nobody foresaw."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, msgspec.ValidationError):
        return invalid(error)
    if isinstance(error, exceptions.ValidationError):
        errors = list(islice(field_errors(error.detail, ""), MOST_FAULTS))
        first = errors[0]
        name = (first.pointer or "").strip("/") or "body"
        return InvalidInput(f"{name}: {first.detail}", errors)
    if isinstance(error, exceptions.APIException):
        found = DomainError(str(error.detail))
        found.status = error.status_code
        found.code = str(error.default_code).replace("_", "-")
        return found
    if isinstance(error, SuspiciousOperation):
        # More than 1,000 query parameters, for one. Its text may quote what was sent.
        return InvalidInput("The request is not well-formed.")
    return None


def field_errors(detail: Any, pointer: str) -> Any:
    if isinstance(detail, dict):
        for key, part in detail.items():
            yield from field_errors(part, f"{pointer}/{key}" if key != "non_field_errors" else "")
    elif isinstance(detail, list):
        for index, part in enumerate(detail):
            is_text = isinstance(part, str)
            yield from field_errors(part, pointer if is_text else f"{pointer}/{index}")
    else:
        yield FieldError(str(detail), pointer=pointer)


def unforeseen(error: Exception) -> DomainError:
    """Log the kind and place of an error, never its text: that may quote what was sent."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown"
    log.error("unforeseen", extra={"kind": type(error).__name__, "place": place})
    found = DomainError("Something went wrong on our side. Nothing was saved.")
    found.status, found.code, found.retryable = 500, "internal-error", True
    return found
