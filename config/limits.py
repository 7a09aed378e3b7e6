"""The door of limits: before each request of an API it asks whether the caller may, and says so.

A person is whom a verified token names, a server whom a key names that was found a moment ago;
everybody else is their network. Nothing that happens here fails a request.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

import jwt
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts import authentication, queries, throttle
from config import urls
from config.routes import APIS, UNKNOWN, route_of
from core import requests
from core.api import v1, v2
from core.api.base import caller_address
from core.errors import TOKEN_REFUSED, DomainError
from core.gate import Claims
from ratelimits import headers, services, store
from ratelimits.types import KNOWN_METHODS, UNLIMITED, Caller, Decision, Source

NOBODY: Final = Caller(None, None, None, "")
PROBLEMS: Final = "https://iana.org/assignments/http-problem-types#"

MEMBERSHIP_SECONDS: Final = 60.0
# Without the database nobody's clinic is known, and it is not asked by every request.
UNKNOWN_SECONDS: Final = 1.0


class TooManyRequests(DomainError):
    status = 429
    code = "quota-exceeded"
    retryable = True


class LimitsAway(TooManyRequests):
    code = "temporary-reduced-capacity"


class Passage(NamedTuple):
    """A request on its way: who asks for what, and what limits said."""

    caller: Caller
    # Of a token that is good; whether its session is, authentication finds out.
    claims: Claims | None
    # As Django writes it; None is no path of ours.
    pattern: str | None
    route: str
    decision: Decision


# Where a request has its passage: in what the server and all who look at it share.
PASSAGE: Final = "novara.passage"


class Limits:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(APIS):
            return self.get_response(request)
        started = time.perf_counter()
        response = self.get_response(request)
        if PASSAGE not in request.META:
            # No path of ours: it was found out already, and costs what an answer costs.
            response = enter(request, None) or response
        passage: Passage = request.META[PASSAGE]
        for name, value in fields_of(request.path, passage.decision).items():
            response.headers[name] = value
        if passage.claims and response.headers.get("WWW-Authenticate") == TOKEN_REFUSED:
            forget_person(passage.claims)
        note(method_of(request.method), response.status_code, passage, started)
        return response

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        match = request.resolver_match
        if match is None or not request.path_info.startswith(APIS) or PASSAGE in request.META:
            return None
        return enter(request, match.route)


def enter(request: HttpRequest, pattern: str | None) -> HttpResponse | None:
    """Count a request; give an answer if it may not pass."""
    route = route_of(pattern) if pattern else urls.start_of(request.path) + UNKNOWN
    if not settings.RATE_LIMITS:
        # Still counted: how often and how fast is asked is no matter of limits.
        request.META[PASSAGE] = Passage(NOBODY, None, pattern, route, UNLIMITED)
        return None
    caller, claims = caller_of(request)
    decision = services.check(caller=caller, route=route, method=method_of(request.method))
    request.META[PASSAGE] = Passage(caller, claims, pattern, route, decision)
    return None if decision.is_allowed else refusal(request.path, decision)


def note(method: str, status: int, passage: Passage, started: float) -> None:
    services.note(
        caller=passage.caller,
        route=passage.route,
        method=method,
        status=status,
        ms=(time.perf_counter() - started) * 1000,
        request_id=requests.request_id.get(),
        decision=passage.decision,
    )


def method_of(sent: str | None) -> str:
    """Give the method; what callers make up is one, as much is kept by method."""
    return sent if sent in KNOWN_METHODS else "OTHER"


# Who asks


def caller_of(request: Any) -> tuple[Caller, Claims | None]:
    """Tell whose a request is; of a person, also what their token says."""
    network = throttle.network(caller_address(request))
    # A person first: no key beside their token takes them out of their limits.
    claims = claims_of(request.META.get("HTTP_AUTHORIZATION", ""))
    if claims is not None:
        user_id, tenant_id = membership(claims)
        return Caller(user_id, tenant_id, None, network), claims
    secret = authentication.api_key_of(request)
    holder = queries.known_api_key(secret, timezone.now()) if secret else None
    if holder is None:
        return Caller(None, None, None, network), None
    tenant_id = str(holder.tenant_id) if holder.tenant_id else None
    return Caller(None, tenant_id, str(holder.id), network), None


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
# By the claims as plain values: their hash runs no Python in the middle of a step.
_memberships: Final[OrderedDict[tuple[Any, ...], tuple[Membership, float]]] = OrderedDict()


def membership(claims: Claims) -> Membership:
    """Give a person's id and clinic, as they were within the last minute."""
    now = time.monotonic()
    key = claims.as_parameters()
    known = _memberships.get(key)
    if known is not None and now < known[1]:
        return known[0]
    found, lasts = (known[0] if known else None), MEMBERSHIP_SECONDS
    try:
        found = queries.find_membership(claims.user_id, claims.email)
    except (OperationalError, InterfaceError):
        lasts = UNKNOWN_SECONDS
    # Who is nobody's keeps the id that was signed: the token was ours.
    member = found or (claims.user_id, None)
    store.keep(_memberships, key, (member, now + lasts))
    return member


def forget_person(claims: Claims) -> None:
    """Take a token whose session was ended for nobody's: a thief must not use up what is theirs.

    For a minute, as everything here; then one request finds it out again.
    """
    lasts_until = time.monotonic() + MEMBERSHIP_SECONDS
    store.keep(_memberships, claims.as_parameters(), ((None, None), lasts_until))


def forget() -> None:
    """Ask again who belongs where; for tests."""
    _memberships.clear()


# What is said


def refusal(path: str, decision: Decision) -> HttpResponse:
    """Answer 429 in the words of the path."""
    answer = urls.dialect_of(path) or v2.refusal
    return answer(refused(decision, is_problem=answer is v2.refusal))


def refused(decision: Decision, *, is_problem: bool) -> DomainError:
    seconds = headers.retry_after(decision)
    refusing = [verdict for verdict in decision.verdicts if verdict.is_refusal]
    is_away = all(verdict.source is Source.CLOSED for verdict in refusing)
    kind = LimitsAway if is_away else TooManyRequests
    detail = f"Too many requests. Try again in {seconds} seconds."
    if is_away:
        detail = f"Requests cannot be counted at the moment. Try again in {seconds} seconds."
    extra: dict[str, Any] = {"retry_after": seconds}
    if is_problem:
        extra["type"] = PROBLEMS + kind.code
        extra["violated-policies"] = [verdict.rule.name for verdict in refusing]
    return kind(detail, extra=extra)


def fields_of(path: str, decision: Decision) -> dict[str, str]:
    if decision is UNLIMITED:
        return {}
    answer = urls.dialect_of(path)
    if answer is v2.refusal:
        return headers.fields(decision)
    return headers.legacy_fields(decision, time.time()) if answer is v1.refusal else {}
