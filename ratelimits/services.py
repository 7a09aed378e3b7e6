"""What others ask of limits: may this request pass; and changes of the rules."""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

import msgspec
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from audit import services as audit
from audit.types import Category
from core import origin
from core.errors import DomainError, FieldError, InvalidInput, NotFound
from ratelimits import checking, rules, store, traffic, violations
from ratelimits.models import RateLimitRule
from ratelimits.types import IN_POSTGRES, UNLIMITED, Caller, Decision, Rule, Scope, Source, Verdict

# Of callers, each at one route: some 2 KB.
MOST_CALLERS: Final = 10_000


class RuleChanged(DomainError):
    status = 409
    code = "rule-changed"


def check(*, caller: Caller, route: str, method: str) -> Decision:
    """Count a request; unless every rule lets it pass, nothing is taken for it. Never raises."""
    asked = _asked_again(rules.current(), caller, route, method)
    return store.ask(asked) if asked else UNLIMITED


@lru_cache(maxsize=MOST_CALLERS)
def _asked_again(
    rule_set: rules.RuleSet, caller: Caller, route: str, method: str
) -> tuple[store.Asked, ...]:
    """Keep what is asked for who comes again: their buckets have the same names."""
    return tuple(_asked(caller, rule_set.of(route, method), route))


def note(
    *,
    caller: Caller,
    route: str,
    method: str,
    status: int,
    ms: float,
    request_id: str,
    decision: Decision,
) -> None:
    """Note what became of a request, for whoever looks at it later."""
    traffic.note(caller, route, method, status, ms, decision)
    if any(verdict.is_exceeded for verdict in decision.verdicts):
        violations.note(caller, route, method, request_id, decision)


def note_refused_attempt(*, scope: Scope) -> None:
    """Note that a limit of log-ins refused somebody; who it was is not told apart."""
    refusing = (
        Verdict(rule, b"", 0, 0.0, is_exceeded=True, source=Source.STORE, cost=1)
        for rule in rules.current().rules
        if rule.scope is scope
    )
    nobody = Caller(None, None, None, "")
    violations.note(nobody, "", "", origin.request_id.get(), Decision(tuple(refusing)))


def own_limits(*, caller: Caller) -> list[tuple[Rule, Verdict | None]]:
    """Give the rules that are about a caller, and how full they are; None: the store is away."""
    own = [
        (rule, rule.cost)
        for rule in rules.current().counting
        if rule.scope not in {Scope.ENDPOINT, Scope.TENANT_ENDPOINT}
    ]
    asked = _asked(caller, own, route="")
    verdicts: Sequence[Verdict | None] = [None] * len(asked)
    if asked:
        with suppress(store.Away):
            verdicts = store.peek(asked).verdicts
    return [(one.rule, verdict) for one, verdict in zip(asked, verdicts, strict=True)]


def _asked(caller: Caller, found: Any, route: str) -> list[store.Asked]:
    asked = []
    for rule, cost in found:
        if rule.tenant_id is not None and rule.tenant_id != caller.tenant_id:
            continue
        subject = caller.subject(rule.scope, route)
        if subject is not None:
            asked.append(store.Asked(rule, store.key_of(rule, subject), cost))
    return asked


# Rules


def create_rule(*, values: Mapping[str, Any], by: str, reason: str = "") -> RateLimitRule:
    """Add a rule; processes apply it within two seconds."""
    rule = checking.checked(values)
    if rule.scope in IN_POSTGRES:
        detail = "scope: limits of log-ins are there already: change the one that is."
        raise InvalidInput.at("/scope", detail)
    with transaction.atomic():
        made = RateLimitRule(**_columns(rule), updated_by=by)
        RateLimitRule.objects.bulk_create([made], ignore_conflicts=True)
        found = RateLimitRule.objects.filter(id=made.id).first()
        if found is None:
            detail = f"name: there is a rule {rule.name} already. Choose another name."
            raise InvalidInput.at("/name", detail)
        _record(rule.name, None, rule, reason)
        return found


def change_rule(
    *, name: str, values: Mapping[str, Any], version: int, by: str, reason: str = ""
) -> RateLimitRule:
    """Change what is given of a rule; `version` is the one that was looked at."""
    with transaction.atomic():
        row = _locked(name)
        if row.version != version:
            raise RuleChanged("Somebody changed this rule meanwhile. Look at it again.")
        now = msgspec.to_builtins(row.rule)
        rule = checking.checked(now | dict(values))
        _refuse_moves(row.rule, rule)
        RateLimitRule.objects.filter(id=row.id).update(
            **_columns(rule), version=F("version") + 1, updated_at=Now(), updated_by=by
        )
        _record(name, row.rule, rule, reason)
        row.refresh_from_db()
        return row


def delete_rule(*, name: str, reason: str = "") -> None:
    with transaction.atomic():
        row = _locked(name)
        if row.rule.scope in IN_POSTGRES:
            detail = f"{name}: limits of log-ins cannot be deleted, only changed."
            raise InvalidInput(detail, [FieldError(detail, pointer="/scope")])
        _record(name, row.rule, None, reason)
        row.delete()


def _record(name: str, before: Rule | None, after: Rule | None, reason: str) -> None:
    """Tell the audit log which figures became which, and why."""
    old, new = (msgspec.to_builtins(rule) if rule else {} for rule in (before, after))
    changed = [field for field in {**old, **new} if old.get(field) != new.get(field)]
    audit.record(
        event="limit-rule-changed",
        category=Category.ADMINISTRATION,
        object_type="rate_limit_rules",
        object_id=name,
        details={
            "reason": reason,
            "before": {field: old[field] for field in changed if field in old},
            "after": {field: new[field] for field in changed if field in new},
        },
    )


def _locked(name: str) -> RateLimitRule:
    row = RateLimitRule.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no rule {name}.")
    return row


def _refuse_moves(before: Rule, after: Rule) -> None:
    if after.name != before.name:
        detail = "name: stays as it is. Make another rule and delete this one."
        raise InvalidInput.at("/name", detail)
    if after.scope != before.scope and IN_POSTGRES & {before.scope, after.scope}:
        raise InvalidInput.at("/scope", "scope: limits of log-ins keep theirs.")


def _columns(rule: Rule) -> dict[str, Any]:
    columns: dict[str, Any] = msgspec.to_builtins(rule)
    columns["tenant_id"] = uuid.UUID(rule.tenant_id) if rule.tenant_id else None
    return columns
