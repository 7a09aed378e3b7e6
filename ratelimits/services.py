"""What others ask of limits: may this request pass; and changes of the rules."""

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from core.errors import DomainError, FieldError, InvalidInput, NotFound
from ratelimits import checking, rules, store, traffic, violations
from ratelimits.models import RateLimitRule
from ratelimits.types import IN_POSTGRES, UNLIMITED, Caller, Decision, Rule, Scope


class RuleChanged(DomainError):
    status = 409
    code = "rule-changed"


def check(*, caller: Caller, route: str, method: str) -> Decision:
    """Count a request; unless every rule lets it pass, nothing is taken for it. Never raises."""
    asked = _asked(caller, rules.current().of(route, method), route)
    return store.ask(asked) if asked else UNLIMITED


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


def peek(*, caller: Caller) -> Decision:
    """Tell what a caller has left of each rule that is about them; raises store.Away."""
    own = [
        (rule, rule.cost)
        for rule in rules.current().counting
        if rule.scope not in {Scope.ENDPOINT, Scope.TENANT_ENDPOINT}
    ]
    asked = _asked(caller, own, route="")
    return store.peek(asked) if asked else UNLIMITED


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


def create_rule(*, values: Mapping[str, Any], by: str) -> RateLimitRule:
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
        return found


def change_rule(*, name: str, values: Mapping[str, Any], version: int, by: str) -> RateLimitRule:
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
        row.refresh_from_db()
        return row


def delete_rule(*, name: str) -> None:
    with transaction.atomic():
        row = _locked(name)
        if row.rule.scope in IN_POSTGRES:
            detail = f"{name}: limits of log-ins cannot be deleted, only changed."
            raise InvalidInput(detail, [FieldError(detail, pointer="/scope")])
        row.delete()


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
