"""Rules said in words."""

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.utils.timesince import timesince

from ratelimits.preview import Range
from ratelimits.types import IN_POSTGRES, Mode, Rule, Scope, Weight, WhenAway

Names = Mapping[str, str]

# The kind of the pill, and its word.
STATES: Final = {
    Mode.ENFORCED: ("final", "Enforced"),
    Mode.SHADOW: ("corrected", "Shadow"),
    Mode.OFF: ("replaced", "Off"),
}
WHO: Final = {
    Scope.USER: "each person",
    Scope.TENANT: "each clinic",
    Scope.NETWORK: "each network that is not signed in",
    Scope.ENDPOINT: "each endpoint, all callers together",
    Scope.API_KEY: "each API key",
    Scope.TENANT_ENDPOINT: "each clinic at each endpoint",
    Scope.LOGIN_EMAIL: "each e-mail address",
    Scope.LOGIN_NETWORK: "each network",
    Scope.PASSWORD: "each person",
    Scope.SIGN_UP_NETWORK: "each network",
}
# One, and many, of whom a rule counts.
SUBJECTS: Final = {
    Scope.USER: ("person", "people"),
    Scope.TENANT: ("clinic", "clinics"),
    Scope.NETWORK: ("network", "networks"),
    Scope.ENDPOINT: ("endpoint", "endpoints"),
    Scope.API_KEY: ("API key", "API keys"),
    Scope.TENANT_ENDPOINT: ("clinic at an endpoint", "clinics at endpoints"),
    Scope.LOGIN_EMAIL: ("e-mail address", "e-mail addresses"),
    Scope.LOGIN_NETWORK: ("network", "networks"),
    Scope.PASSWORD: ("person", "people"),
    Scope.SIGN_UP_NETWORK: ("network", "networks"),
}
WHAT: Final = {
    Scope.LOGIN_EMAIL: "failed log-ins",
    Scope.LOGIN_NETWORK: "failed log-ins",
    Scope.PASSWORD: "failed passwords",
    Scope.SIGN_UP_NETWORK: "sign-ups",
}
AWAY: Final = {
    WhenAway.OPEN: "lets everybody pass",
    WhenAway.CLOSED: "lets nobody pass",
    WhenAway.LOCAL: "each process counts by itself",
}
UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
EVERYTHING: Final = ("/api/*", "/*")


class Change(NamedTuple):
    name: str
    before: str
    after: str


def state_of(mode: str) -> tuple[str, str]:
    return STATES[Mode(mode)]


def count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def between(found: Range) -> str:
    if found.least == found.most:
        return f"{found.most:,}"
    return f"{found.least:,} to {found.most:,}"


def share(part: int, whole: int) -> str:
    if not part or not whole:
        return "0 %"
    percent = 100 * part / whole
    return "less than 0.01 %" if percent < 0.01 else f"{percent:.3g} %"  # noqa: PLR2004


def window(seconds: int) -> tuple[int, int]:
    """Say seconds as a number of the largest unit that fits: 7200 is 2 of 3600."""
    unit = next(unit for unit, _ in UNITS if seconds % unit == 0)
    return seconds // unit, unit


def every(seconds: int) -> str:
    number, unit = window(seconds)
    name = dict(UNITS)[unit]
    if number == 1:
        return "an hour" if name == "hour" else f"a {name}"
    return f"every {number} {name}s"


def figures(rule: Rule) -> str:
    """Say how much a rule allows."""
    if rule.scope in IN_POSTGRES:
        number, unit = window(rule.window_seconds)
        lasts = count(number, dict(UNITS)[unit], f"{dict(UNITS)[unit]}s")
        return f"{rule.capacity:,} {WHAT[rule.scope]} within {lasts}"
    return f"{rule.capacity:,} requests at once, then {rule.refill:,} {every(rule.window_seconds)}"


def what(rule: Rule, clinics: Names) -> str:
    """Say what a rule looks at."""
    if rule.scope in IN_POSTGRES:
        return "Counted in the database."
    methods = f"{', '.join(rule.methods)} " if rule.methods else ""
    said = f"{methods}{', '.join(rule.paths)}"
    if rule.tenant_id:
        said += f"; only {clinics.get(rule.tenant_id, 'a clinic that is gone')}"
    if rule.weights or rule.cost != 1:
        special = ", ".join(_weight(one) for one in rule.weights)
        said += f"; a request costs {rule.cost}" + (f", {special}" if special else "")
    return said


def _weight(one: Weight) -> str:
    methods = f"{', '.join(one.methods)} " if one.methods else ""
    return f"{methods}{one.path} {one.cost}"


def summary(rule: Rule) -> str:
    said = f"{WHO[rule.scope]}: {figures(rule)}."
    return said[:1].upper() + said[1:]


LABELS: Final = {
    "description": "Description",
    "scope": "Counts for",
    "mode": "State",
    "capacity": "At once",
    "refill": "Refill",
    "window_seconds": "Within",
    "paths": "Requests to",
    "methods": "Methods",
    "cost": "Cost",
    "weights": "Other costs",
    "tenant_id": "Clinic",
    "when_away": "Without the store",
}


def changes(before: Rule | None, after: Rule, clinics: Names) -> list[Change]:
    """List what is different."""
    if before is None:
        return []
    return [
        Change(label, _said(before, field, clinics), _said(after, field, clinics))
        for field, label in LABELS.items()
        if getattr(before, field) != getattr(after, field)
    ]


def _said(rule: Rule, field: str, clinics: Names) -> str:
    value: Any = getattr(rule, field)
    said = {
        "scope": lambda: WHO[value],
        "mode": lambda: STATES[value][1],
        "window_seconds": lambda: every(value),
        "paths": lambda: "\n".join(value),
        "methods": lambda: ", ".join(value) or "all",
        "weights": lambda: "\n".join(map(_weight, value)) or "none",
        "tenant_id": lambda: clinics.get(value, str(value)) if value else "all of them",
        "when_away": lambda: AWAY[value],
    }
    return said[field]() if field in said else str(value) or "none"


def between_times(earlier: dt.datetime, later: dt.datetime) -> str:
    seconds = max(0, math.ceil((later - earlier).total_seconds()))
    if seconds < 120:  # noqa: PLR2004  Then minutes will do.
        return count(seconds, "second", "seconds")
    return timesince(earlier, later, depth=1)
