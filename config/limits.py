"""The door of limits: before each request of an API it asks whether the caller may, and says so.

A person is whom a verified token names, a server whom a key names that was found a moment ago;
everybody else is their network. Nothing that happens here fails a request.
"""

import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

import jwt
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch
from django.utils import timezone

from accounts import authentication, queries, throttle
from config import urls
from config.routes import APIS, route_of
from core import requests
from core.api import v1, v2
from core.api.base import caller_address
from core.errors import DomainError
from core.gate import Claims
from ratelimits import headers, services
from ratelimits.types import KNOWN_METHODS, UNLIMITED, Caller, Decision, Source

NOBODY: Final = Caller(None, None, None, "")
PROBLEMS: Final = "https://iana.org/assignments/http-problem-types#"

MEMBERSHIP_SECONDS: Final = 60.0
# Without the database nobody's clinic is known, and it is not asked by every request.
UNKNOWN_SECONDS: Final = 1.0
MOST_KNOWN: Final = 10_000
AGAIN_SECONDS: Final = 1.0


class TooManyRequests(DomainError):
    status = 429
    code = "quota-exceeded"
    retryable = True


class LimitsAway(TooManyRequests):
    code = "temporary-reduced-capacity"


class Passage(NamedTuple):
    """A request on its way: who asks for what, and what limits said."""

    caller: Caller
    route: str
    decision: Decision


class Limits:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(APIS):
            return self.get_response(request)
        started = time.perf_counter()
        response = refused_again(request) or self.get_response(request)
        passage: Passage | None = getattr(request, "passage", None)
        if passage is not None:
            for name, value in fields_of(request, passage.decision).items():
                response.headers[name] = value
            note(request, response, passage, (time.perf_counter() - started) * 1000)
        return response

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        match = request.resolver_match
        if match is None or not request.path_info.startswith(APIS) or hasattr(request, "passage"):
            return None
        if not settings.RATE_LIMITS:
            # Still counted: how often and how fast is asked is no matter of limits.
            passage = Passage(NOBODY, route_of(match.route), UNLIMITED)
            request.passage = passage  # type: ignore[attr-defined]  # Ours.
            return None
        caller = caller_of(request)
        refused = refused_now(request, caller, match)
        if refused is not None:
            if len(_refused) >= MOST_KNOWN:
                _refused.clear()
            _refused[sent_by(request)] = Refused(caller, match, time.monotonic() + AGAIN_SECONDS)
        return refused


class Refused(NamedTuple):
    """Who asked for what in vain a moment ago."""

    caller: Caller
    match: ResolverMatch
    until: float


_refused: Final[dict[tuple[str | None, ...], Refused]] = {}


def sent_by(request: HttpRequest) -> tuple[str | None, ...]:
    """Give all of a request that says who asks for what."""
    sent = request.META
    names = sent.get("HTTP_AUTHORIZATION"), sent.get("HTTP_X_API_KEY"), caller_address(request)
    return method_of(request), request.path_info, *names


def refused_again(request: HttpRequest) -> HttpResponse | None:
    """Refuse the same before its path and its token are looked at, which would cost the most."""
    before = _refused.get(sent_by(request)) if _refused else None
    if before is None or before.until <= time.monotonic():
        return None
    request.resolver_match = before.match
    return refused_now(request, before.caller, before.match)


def refused_now(request: HttpRequest, caller: Caller, match: ResolverMatch) -> HttpResponse | None:
    """Count a request; give an answer if it may not pass."""
    route = route_of(match.route)
    decision = services.check(caller=caller, route=route, method=method_of(request))
    request.passage = Passage(caller, route, decision)  # type: ignore[attr-defined]  # Ours.
    return None if decision.is_allowed else refusal(request, decision)


def note(request: HttpRequest, response: HttpResponseBase, passage: Passage, ms: float) -> None:
    services.note(
        caller=passage.caller,
        route=passage.route,
        method=method_of(request),
        status=response.status_code,
        ms=ms,
        request_id=requests.request_id.get(),
        decision=passage.decision,
    )


def method_of(request: HttpRequest) -> str:
    """Give the method; what callers make up is one, as much is kept by method."""
    return request.method if request.method in KNOWN_METHODS else "OTHER"


# Who asks


def caller_of(request: HttpRequest) -> Caller:
    network = throttle.network(caller_address(request))
    # A person first: no key beside their token takes them out of their limits.
    claims = claims_of(request.META.get("HTTP_AUTHORIZATION", ""))
    secret = None if claims else authentication.api_key_of(request)
    if secret is not None:
        holder = queries.known_api_key(secret, timezone.now())
        if holder is None:
            return Caller(None, None, None, network)
        tenant_id = str(holder.tenant_id) if holder.tenant_id else None
        return Caller(None, tenant_id, str(holder.id), network)
    user_id, tenant_id = membership(claims) if claims else (None, None)
    return Caller(user_id, tenant_id, None, network)


def claims_of(header: str) -> Claims | None:
    """Read a token that is good, as authentication does, and note nobody."""
    words = header.split()
    try:
        claims, expires_at = authentication.verify(words[1])
    except (IndexError, jwt.PyJWTError, ValueError, TypeError, OverflowError):
        return None
    return claims if expires_at > time.time() else None


# Of a person: id and clinic.
Membership: TypeAlias = tuple[str | None, str | None]
_memberships: Final[dict[tuple[str | None, str | None], tuple[Membership, float]]] = {}


def membership(claims: Claims) -> Membership:
    """Give a person's id and clinic, as they were within the last minute."""
    key, now = (claims.user_id, claims.email), time.monotonic()
    known = _memberships.get(key)
    if known is not None and now < known[1]:
        return known[0]
    found, lasts = (known[0] if known else None), MEMBERSHIP_SECONDS
    try:
        found = queries.find_membership(*key)
    except (OperationalError, InterfaceError):
        lasts = UNKNOWN_SECONDS
    # Who is nobody's keeps the id that was signed: the token was ours.
    member = found or (claims.user_id, None)
    if len(_memberships) >= MOST_KNOWN:
        _memberships.clear()
    _memberships[key] = member, now + lasts
    return member


def forget() -> None:
    """Ask again who belongs where; for tests."""
    _memberships.clear()
    _refused.clear()


# What is said


def refusal(request: HttpRequest, decision: Decision) -> HttpResponse:
    """Answer 429 in the words of the path."""
    seconds = headers.retry_after(decision)
    refusing = [verdict for verdict in decision.verdicts if verdict.is_refusal]
    is_away = all(verdict.source is Source.CLOSED for verdict in refusing)
    kind = LimitsAway if is_away else TooManyRequests
    detail = f"Too many requests. Try again in {seconds} seconds."
    if is_away:
        detail = f"Requests cannot be counted at the moment. Try again in {seconds} seconds."
    extra: dict[str, Any] = {"retry_after": seconds}
    answer = urls.dialect_of(request) or v2.refusal
    if answer is v2.refusal:
        extra["type"] = PROBLEMS + kind.code
        extra["violated-policies"] = [verdict.rule.name for verdict in refusing]
    return answer(kind(detail, extra=extra))


def fields_of(request: HttpRequest, decision: Decision) -> dict[str, str]:
    if decision is UNLIMITED:
        return {}
    answer = urls.dialect_of(request)
    if answer is v2.refusal:
        return headers.fields(decision)
    return headers.legacy_fields(decision, time.time()) if answer is v1.refusal else {}
