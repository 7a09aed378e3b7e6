"""Whether a rule makes sense; every fault names its field and what to do. Pure."""

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from core.errors import FieldError, InvalidInput, invalid
from ratelimits.types import (
    IN_POSTGRES,
    LONGEST_WINDOW_SECONDS,
    METHODS,
    MOST_CAPACITY,
    NAME_PATTERN,
    Mode,
    Rule,
    Scope,
)

# A route, or with * at its end the beginning of some.
PATH: Final = re.compile(r"/(api|ofrep|streams)/[A-Za-z0-9_{}./-]*\*?|/\*")
MOST_PATHS: Final = 50
LONGEST_TEXT: Final = 500
# Capacity and seconds between which a limit of log-ins guards, and locks nobody out for long.
BOUNDS_OF_LOG_IN: Final = {
    Scope.LOGIN_EMAIL: (3, 50),
    Scope.LOGIN_NETWORK: (10, 1000),
    Scope.PASSWORD: (3, 50),
    Scope.SIGN_UP_NETWORK: (5, 1000),
}
WINDOW_OF_LOG_IN: Final = (60, 24 * 60 * 60)

Faults = Iterator[tuple[str, str]]


def checked(values: Mapping[str, Any]) -> Rule:
    """Read a rule; raises InvalidInput with a fault for each field that is wrong."""
    given = dict(values)
    if given.get("scope") in IN_POSTGRES:
        # Its bucket does not fill little by little: a window begins anew.
        given |= {"refill": given.get("capacity"), "paths": ()}
    try:
        rule = msgspec.convert(given, Rule)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    log_in = rule.scope in IN_POSTGRES
    faults = [
        *_names(rule),
        *_figures(rule),
        *(_log_in(rule) if log_in else (*_requests(rule), *_costs(rule), *_tenant(rule))),
    ]
    if faults:
        errors = [FieldError(detail, pointer=f"/{field}") for field, detail in faults]
        raise InvalidInput(" ".join(f"{field}: {detail}" for field, detail in faults), errors)
    return rule


def _names(rule: Rule) -> Faults:
    if not re.match(NAME_PATTERN, rule.name):
        yield (
            "name",
            "Must be 1 to 50 small letters, digits and hyphens, such as uploads-of-people.",
        )
    if len(rule.description) > LONGEST_TEXT:
        yield "description", f"Must have at most {LONGEST_TEXT} characters."


def _figures(rule: Rule) -> Faults:
    for field, most in (
        ("capacity", MOST_CAPACITY),
        ("refill", MOST_CAPACITY),
        ("window_seconds", LONGEST_WINDOW_SECONDS),
    ):
        if not 1 <= getattr(rule, field) <= most:
            yield field, f"Must be from 1 to {most}."
            return
    if rule.capacity * rule.window_seconds > LONGEST_WINDOW_SECONDS * rule.refill:
        yield "refill", "An empty bucket must be full again within 31 days: raise it."


def _requests(rule: Rule) -> Faults:
    if not 1 <= len(rule.paths) <= MOST_PATHS:
        yield "paths", f"Give 1 to {MOST_PATHS} paths; /api/* is every request of the API."
    for path in rule.paths:
        if not PATH.fullmatch(path):
            yield (
                "paths",
                f"{path[:100]} is no route such as /api/v2/documents or /api/v2/health/*.",
            )
    if unknown := set(rule.methods) - set(METHODS):
        yield "methods", f"{', '.join(sorted(unknown))[:100]}: give some of {', '.join(METHODS)}."


def _costs(rule: Rule) -> Faults:
    if rule.capacity < 1:
        return
    if not 1 <= rule.cost <= rule.capacity:
        yield "cost", "Must be from 1 to the capacity: otherwise nothing would ever pass."
    if len(rule.weights) > MOST_PATHS:
        yield "weights", f"Give at most {MOST_PATHS}."
    for weight in rule.weights:
        if not PATH.fullmatch(weight.path):
            yield "weights", f"{weight.path[:100]} is no route such as /api/v2/documents."
        if set(weight.methods) - set(METHODS):
            yield "weights", f"{weight.path[:100]}: methods are some of {', '.join(METHODS)}."
        if not 1 <= weight.cost <= rule.capacity:
            yield "weights", f"{weight.path[:100]}: the cost must be from 1 to the capacity."


def _tenant(rule: Rule) -> Faults:
    if rule.tenant_id is None:
        return
    try:
        uuid.UUID(rule.tenant_id)
    except ValueError:
        yield "tenant_id", "Must be the id of a clinic, or nothing for all of them."
    if rule.scope is Scope.NETWORK:
        yield "tenant_id", "Callers who are not signed in are of no clinic: leave it empty."


def _log_in(rule: Rule) -> Faults:
    fewest, most = BOUNDS_OF_LOG_IN[rule.scope]
    shortest, longest = WINDOW_OF_LOG_IN
    if not fewest <= rule.capacity <= most:
        yield "capacity", f"Limits of log-ins guard accounts: from {fewest} to {most}."
    if not shortest <= rule.window_seconds <= longest:
        yield "window_seconds", f"Limits of log-ins hold from {shortest} to {longest} seconds."
    if rule.mode is not Mode.ENFORCED:
        yield "mode", "Limits of log-ins are always enforced."
    if rule.tenant_id or rule.methods or rule.weights or rule.cost != 1:
        yield "scope", "Limits of log-ins have no clinic, methods, costs or weights."
