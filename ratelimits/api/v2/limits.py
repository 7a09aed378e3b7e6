"""/api/v2/me/limits: how much the person of the token may do, and has left."""

import math
from collections.abc import Mapping
from typing import Final

import msgspec
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.base import NoQuery, read_query
from core.api.openapi import described, ref
from core.api.v2 import V2View
from ratelimits import queries, services
from ratelimits.types import Caller, Mode, Rule, Scope, Verdict


class LimitOut(msgspec.Struct):
    """A rule: `capacity` at once, and `refill` more in every `window_seconds`, little by little.

    `scope` says with whom the person shares it: `user` nobody, `tenant` all people of the clinic.
    `reset_seconds`: until all of it is there again. It and `remaining` are null while nobody can
    tell. `refused_last_day`: the person's own requests; null for what is shared.
    """

    name: str
    description: str
    scope: Scope
    paths: list[str]
    methods: list[str]
    capacity: int
    refill: int
    window_seconds: int
    remaining: int | None
    reset_seconds: int | None
    refused_last_day: int | None


class LimitsOut(msgspec.Struct):
    limits: list[LimitOut]


SHAPES: Final = (LimitsOut,)


class MyLimits(V2View):
    @described(
        "How much the person of the token may do, and has left",
        {200: ref(LimitsOut)},
        description=(
            "Who is refused may still ask here; only rules that name this path count it. The fields"
            " RateLimit and RateLimit-Policy of each answer tell the same of the rules that looked"
            " at it."
        ),
    )
    def get(self, request: Request) -> Response:
        read_query(request._request, NoQuery)
        person = self.person
        caller = Caller(str(person.id), str(person.tenant_id), None, "")
        refused = queries.own_refusals(person.id, timezone.now())
        limits = [
            _told(rule, verdict, refused)
            for rule, verdict in services.own_limits(caller=caller)
            if rule.mode is Mode.ENFORCED
        ]
        return Response(msgspec.to_builtins(LimitsOut(limits)))


def _told(rule: Rule, verdict: Verdict | None, refused: Mapping[str, int]) -> LimitOut:
    remaining = None if verdict is None else max(0, verdict.remaining)
    used = None if remaining is None else rule.capacity - remaining
    return LimitOut(
        name=rule.name,
        description=rule.description,
        scope=rule.scope,
        paths=list(rule.paths),
        methods=list(rule.methods),
        capacity=rule.capacity,
        refill=rule.refill,
        window_seconds=rule.window_seconds,
        remaining=remaining,
        reset_seconds=None if used is None else math.ceil(used * rule.window_seconds / rule.refill),
        refused_last_day=refused.get(rule.name, 0) if rule.scope is Scope.USER else None,
    )
