"""/api/v2/flags: what the flags say of the person of the token, and why."""

import datetime as dt
from typing import Annotated, Any, Final

import msgspec
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from msgspec import Meta

from accounts.types import ApiScope
from core.api.base import NoQuery, json_response, read_query
from core.api.openapi import described, query_parameters, ref
from core.api.v2 import HotView
from core.errors import InvalidInput
from flags import queries, rules, services
from flags.api.callers import (
    LONGEST_NAME,
    caller_of,
    context_of,
    find_person,
    rule_set_for,
)
from flags.api.fragments import Fragments, Pieces
from flags.evaluation import RuleSet
from flags.types import Context, Outcome, Reason, Step, ValueType


class FlagOut(msgspec.Struct):
    """What a flag gives. `reason` says why, in one word."""

    key: str
    value: Any
    variant: str | None
    type: ValueType | None
    reason: Reason
    version: int


class FlagsOut(msgspec.Struct):
    """`stale`: the database does not answer, so these are the flags of a while ago."""

    flags: list[FlagOut]
    stale: bool


class FlagExplanation(FlagOut):
    """`bucket`: the subject's place among 100,000; `path`: the checks up to the decisive one."""

    changed_at: dt.datetime | None
    bucket: int | None
    path: list[Step]
    stale: bool


SHAPES: Final = (FlagsOut, FlagExplanation)


class ExplainQuery(msgspec.Struct, forbid_unknown_fields=True):
    """`targeting_key`: for servers; a person may send their own id alone."""

    targeting_key: Annotated[str, Meta(max_length=LONGEST_NAME)] | None = None


class Flags(HotView):
    @described(
        "All flags as they are for the person of the token",
        {200: ref(FlagsOut)},
        description=(
            "Counted as a use of each. Clients of OpenFeature ask at /ofrep/v1/evaluate/flags."
        ),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        read_query(request, NoQuery)
        person = find_person(self.claims(request), timezone.now())
        rule_set = rule_set_for(person)
        written = items.of(rule_set)
        outcomes = services.evaluate_all(
            rule_set, Context(person.id, person.email, person.tenant_id)
        )
        found = b",".join([written[outcome][0] for outcome in outcomes])
        stale = b"true" if rules.is_stale() else b"false"
        return json_response(b'{"flags":[%b],"stale":%b}' % (found, stale))


class Flag(HotView):
    @described(
        "Why a flag is as it is",
        {200: ref(FlagExplanation)},
        parameters=query_parameters(ExplainQuery),
        description=(
            "For the person of the token; or, with an API key that has the scope flags:explain"
            " in X-API-Key, for whomever `targeting_key` names. It does not count as a use."
        ),
    )
    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        wanted = read_query(request, ExplainQuery).targeting_key
        caller = caller_of(request, ApiScope.EXPLAIN_FLAGS, timezone.now())
        context = context_of(caller, wanted)
        if context is None:
            detail = "targeting_key: is not your own id. Leave it out: the token names you."
            raise InvalidInput.of_parameter("targeting_key", detail)
        explanation = services.explain(rule_set_for(caller), key, context)
        if explanation is None:
            raise services.FlagNotFound("There is no such flag.")
        outcome = explanation.outcome
        told = FlagExplanation(
            **msgspec.structs.asdict(_told(outcome)),
            changed_at=since(key, outcome.version),
            bucket=explanation.bucket,
            path=explanation.path,
            stale=rules.is_stale(),
        )
        return json_response(msgspec.json.encode(told))


def _told(outcome: Outcome) -> FlagOut:
    return FlagOut(
        key=outcome.key,
        value=outcome.value,
        variant=outcome.variant,
        type=outcome.value_type,
        reason=outcome.reason,
        version=outcome.version,
    )


def _write_item(outcome: Outcome, _rule_set: RuleSet) -> Pieces:
    return (msgspec.json.encode(_told(outcome)),)


items: Final = Fragments(_write_item)


def since(key: str, version: int) -> dt.datetime | None:
    """Tell when a version of a flag was made; without the database nobody knows."""
    try:
        return queries.version_made_at(key, version)
    except (OperationalError, InterfaceError):
        return None
