"""/ofrep/v1: the OpenFeature Remote Evaluation Protocol, which every OpenFeature SDK speaks.

What clients do with an answer is why it looks as it does: `variant` and `value` are always there,
`reason` is one of the SDKs' own words (ours is in metadata.reasonDetail), floats keep their
decimal point, every failure has `errorCode` and `errorDetails`, and nothing is ever HTML.
"""

import datetime as dt
import hashlib
import math
import re
import threading
import time
from typing import Any, Final, NamedTuple

import msgspec
import psycopg
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils import timezone
from django.utils.http import parse_etags
from rest_framework.response import Response

from accounts.types import ApiScope, KeyHolder
from core import streams
from core.api.base import (
    HotPath,
    as_domain_error,
    json_response,
    parse_json,
    read_body,
    unforeseen,
)
from core.api.v2 import UnsupportedMediaType
from core.errors import DomainError, InvalidInput, NotFound, TooLarge
from core.gate import Claims
from flags import rules, services
from flags.api import stream
from flags.api.callers import (
    LONGEST_NAME,
    KnownPerson,
    caller_of,
    context_of,
    environment_of,
    rule_set_for,
)
from flags.api.fragments import Fragments, Pieces
from flags.evaluation import RuleSet
from flags.types import Context, Outcome, Reason

LARGEST_CONTEXT: Final = 64 * 1024
# What we know ourselves, or use as something else than an attribute.
NOT_ATTRIBUTES: Final = ("targetingKey", "email", "tenant")
RESERVED: Final = frozenset(
    {"contextId", "flagSetId", "version", "reasonDetail", "type", "stale"},
)
REASONS: Final = {
    Reason.DISABLED: "DISABLED",
    Reason.EVERYBODY: "STATIC",
    Reason.NOBODY: "STATIC",
    Reason.PERCENTAGE_IN: "SPLIT",
    Reason.PERCENTAGE_OUT: "SPLIT",
}
TARGETED: Final = "TARGETING_MATCH"
CODES: Final = {
    "body-too-large": "INVALID_CONTEXT",
    "flag-not-found": "FLAG_NOT_FOUND",
    "invalid-input": "INVALID_CONTEXT",
    "malformed-json": "PARSE_ERROR",
    "targeting-key-missing": "TARGETING_KEY_MISSING",
    "unsupported-media-type": "PARSE_ERROR",
}


class FlagNotFound(NotFound):
    code = "flag-not-found"


class TargetingKeyMissing(DomainError):
    code = "targeting-key-missing"


KEY_WANTED: Final = "targetingKey: is missing, and this flag is given to a part of all subjects."
NOT_EVALUATED: Final = "The flag could not be evaluated."


class OfrepView(HotPath):
    """The frame of OFREP: open, as it takes keys of servers beside tokens of people."""

    is_open = True
    http_method_names = ["post"]
    # OpenFeature has an OpenAPI document of its own for it.
    schema = None

    def get_exception_handler(self) -> Any:
        return self._answer_failure

    def _answer_failure(self, error: Exception, _context: Any) -> Response:
        known = as_domain_error(error) or unforeseen(error)
        body = failure(known, self.kwargs.get("key"))
        return Response(body, status=known.status, content_type="application/json")

    def refuse(self, error: DomainError) -> HttpResponse:
        return refusal(error, self.kwargs.get("key"))


class Evaluation(OfrepView):
    """One flag, as providers for servers ask for it."""

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        question = read_question(request, timezone.now())
        rule_set = rule_set_for(question.caller)
        outcome = services.evaluate(
            key, question.context, environment=environment_of(question.caller)
        )
        if outcome.reason == Reason.FLAG_NOT_FOUND:
            raise FlagNotFound("There is no flag of this key.")
        if outcome.reason == Reason.NO_SUBJECT:
            raise TargetingKeyMissing(KEY_WANTED)
        if outcome.reason == Reason.ERROR_DEFAULT:
            raise DomainError(NOT_EVALUATED)
        pieces = items.of(rule_set)[outcome]
        return json_response(_inset(question.context).join(pieces))


class Evaluations(OfrepView):
    """All flags at once, as providers for browsers and apps ask for them."""

    def post(self, request: HttpRequest) -> HttpResponse:
        now = timezone.now()
        question = read_question(request, now)
        catch_up(request.GET.get("flagConfigEtag", ""))
        rule_set = rule_set_for(question.caller)
        written, inset = items.of(rule_set), _inset(question.context)
        outcomes = services.evaluate_all(rule_set, question.context)
        found = b",".join([inset.join(written[outcome]) for outcome in outcomes])
        told = b'"flags":[%b],"metadata":%b' % (found, _metadata_of_set(rule_set))
        tag = _tag(told, question)
        if known := _known_tag(request, tag, now):
            return with_tag(HttpResponseNotModified(), known)
        streams, expiry = _streams(question, rule_set, now)
        return with_tag(json_response(b"{%b%b}" % (told, streams)), tag + expiry)


# The question


class Asked(msgspec.Struct):
    context: dict[str, Any] | None = None


class Question(NamedTuple):
    caller: KnownPerson | KeyHolder
    context: Context


def read_question(request: HttpRequest, now: dt.datetime) -> Question:
    caller = caller_of(request, ApiScope.EVALUATE_FLAGS, now)
    sent = read_context(request)
    key, email, tenant = (text_of(sent, name) for name in NOT_ATTRIBUTES)
    context = context_of(caller, key, email, tenant, sent)
    if context is None:
        raise invalid_context(
            "targetingKey: is not the id of the token's person. Leave it out, or send your own"
            " id, which /api/v2/me tells."
        )
    return Question(caller, context)


def read_context(request: HttpRequest) -> dict[str, Any]:
    body = read_body(request)
    if not body:
        return {}
    if request.content_type != "application/json":
        raise UnsupportedMediaType("Send the body as application/json.")
    if len(body) > LARGEST_CONTEXT:
        raise TooLarge.at("", "context: is larger than 64 KiB. Send what flags ask for alone.")
    return parse_json(body, into=Asked).context or {}


def text_of(sent: dict[str, Any], name: str) -> str | None:
    """Take a name out of the context; the rest of it are attributes."""
    value = sent.pop(name, None)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise invalid_context(f"{name}: must be a text.")
    if len(value) > LONGEST_NAME or "\x00" in value:
        raise invalid_context(f"{name}: must have at most {LONGEST_NAME} characters, and no NUL.")
    return value


def invalid_context(detail: str) -> InvalidInput:
    name = detail.partition(":")[0]
    return InvalidInput.at(f"/context/{name}", detail)


# A client that was told of a change by its stream must not get the answer of before.
_catching_up = threading.Lock()
_in_vain_until = 0.0
VAIN_SECONDS: Final = 1.0


def catch_up(sent: str) -> None:
    """Read the rule set now if the client knows of a newer one than this process."""
    global _in_vain_until  # noqa: PLW0603  One rule set for each process.
    if not re.fullmatch(r"[0-9]{1,18}", sent, re.ASCII):
        return
    wanted = int(sent)
    try:
        if rules.current().version >= wanted or rules.is_stale():
            return
        with _catching_up:
            # Whoever makes versions up costs one connection a second, not one a request.
            if rules.current().version < wanted and time.monotonic() >= _in_vain_until:
                _in_vain_until = time.monotonic() + VAIN_SECONDS
                if rules.load().rule_set.version >= wanted:
                    _in_vain_until = 0.0
    except psycopg.Error:
        return


# The answer


def _write_item(outcome: Outcome, rule_set: RuleSet) -> Pieces:
    """Write what is the same for all who get an outcome; the metadata that differs goes between."""
    if outcome.reason in {Reason.NO_SUBJECT, Reason.ERROR_DEFAULT}:
        is_missing = outcome.reason == Reason.NO_SUBJECT
        error = TargetingKeyMissing(KEY_WANTED) if is_missing else DomainError(NOT_EVALUATED)
        return (msgspec.json.encode(failure(error, outcome.key)),)
    flag = rule_set.flags.get(outcome.key)
    own = flag.definition.metadata if flag else {}
    metadata = {
        "flagSetId": flag_set_id(rule_set),
        "version": outcome.version,
        "reasonDetail": outcome.reason,
        "type": outcome.value_type,
        **{name: value for name, value in own.items() if name not in RESERVED},
    }
    item = {
        "key": outcome.key,
        "value": outcome.value,
        "variant": outcome.variant,
        "reason": REASONS.get(outcome.reason, TARGETED),
    }
    before, after = msgspec.json.encode(item)[:-1], msgspec.json.encode(metadata)[1:]
    return before + b',"metadata":{', after + b"}"


items: Final = Fragments(_write_item)


def flag_set_id(rule_set: RuleSet) -> str:
    return f"novara/{rule_set.environment}"


def _inset(context: Context) -> bytes:
    """Write the part of an item's metadata that differs by subject and moment."""
    inset = b'"stale":true,' if rules.is_stale() else b""
    if context.targeting_key:
        inset += b'"contextId":%b,' % msgspec.json.encode(context.targeting_key)
    return inset


def _metadata_of_set(rule_set: RuleSet) -> bytes:
    stale = {"stale": True} if rules.is_stale() else {}
    return msgspec.json.encode({"flagSetId": flag_set_id(rule_set), **stale})


def _streams(question: Question, rule_set: RuleSet, now: dt.datetime) -> tuple[bytes, str]:
    """Write the address of the caller's event stream, and until when it is good."""
    caller = question.caller
    if isinstance(caller, KnownPerson):
        token = caller.claims
        claims = Claims(caller.id, session_id=token.session_id, issued_at=token.issued_at)
        url = stream.address_for(claims=claims, key_id=None, since=rule_set.version)
    else:
        url = stream.address_for(claims=None, key_id=str(caller.id), since=rule_set.version)
    if url is None:
        return b"", ""
    told = b',"eventStreams":%b' % msgspec.json.encode([{"type": "sse", "url": url}])
    return told, f".{int(now.timestamp()) + streams.TICKET_SECONDS}"


# ETags: `"hash"`, or `"hash.expiry"` where a stream was announced.
#
# On 304 a client goes on with the stream that it knows. If its ticket is refused it asks again
# each second, so 304 is only for whoever has a ticket that is good for long: of the same session,
# the same secret, the same server.


def _tag(told: bytes, question: Question) -> str:
    caller = question.caller
    if isinstance(caller, KnownPerson):
        whose: Any = caller.claims.session_id or caller.claims.issued_at
    else:
        whose = caller.id
    content = b"%b|%b" % (f"{settings.SECRET_KEY}|{settings.STREAM_URL}|{whose}".encode(), told)
    return hashlib.sha256(content).hexdigest()[:24]


def _known_tag(request: HttpRequest, tag: str, now: dt.datetime) -> str | None:
    """Give the client's tag if what it has is this answer, with a ticket good for long."""
    sent = request.headers.get("If-None-Match")
    if sent is None:
        return None
    for one in parse_etags(sent):
        if one == "*":
            return tag
        known = one.removeprefix("W/").strip('"')
        of_answer, _, expiry = known.partition(".")
        if of_answer == tag and _is_good_for_long(expiry, now):
            return known
    return None


def _is_good_for_long(expiry: str, now: dt.datetime) -> bool:
    if not settings.STREAM_URL:
        return True
    rest = int(expiry) - now.timestamp() if re.fullmatch(r"[0-9]{1,12}", expiry) else 0
    return rest > streams.TICKET_SECONDS / 2


def with_tag(response: HttpResponse, tag: str) -> HttpResponse:
    response.headers["ETag"] = f'"{tag}"'
    return response


# Failures


def failure(error: DomainError, key: str | None) -> dict[str, Any]:
    named = {} if key is None else {"key": key}
    code = CODES.get(error.code, "GENERAL")
    return {**named, "errorCode": code, "errorDetails": error.detail}


def refusal(error: DomainError, key: str | None = None) -> HttpResponse:
    """Answer a failure in the words of OFREP, also one that no view saw."""
    answer = json_response(msgspec.json.encode(failure(error, key)), error.status)
    for name, value in error.headers.items():
        answer.headers[name] = value
    if after := answer.headers.get("Retry-After"):
        # A date, a fraction and 0 are read by no client as they are meant.
        answer.headers["Retry-After"] = str(max(1, math.ceil(float(after))))
    return answer
