"""Limits that are switched on, with rules of a test's own."""

import itertools
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from config import doorstep
from config import limits as door
from ratelimits import rules, store
from ratelimits.rules import RuleSet
from ratelimits.types import Rule, Scope

VERSIONS = itertools.count(1_000_000)
# What becomes of late answers is for tests of outages: a machine that runs tests is slow.
PATIENCE = 30


class Limits:
    """Rules in this process alone. Names are new each time, and so are the buckets."""

    def use(self, *made: Rule) -> None:
        rules.replace(RuleSet(made, next(VERSIONS)))


def rule(capacity: int, scope: Scope = Scope.USER, **values: Any) -> Rule:
    """Give a rule whose bucket does not fill again during a test, unless it says so."""
    figures: dict[str, Any] = {"refill": 1, "window_seconds": 3600} | values
    name = figures.pop("name", f"rule-{uuid.uuid4().hex[:12]}")
    return Rule(name=name, scope=scope, capacity=capacity, **figures)


@pytest.fixture
def limits(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Limits]:
    settings.RATE_LIMITS = True
    monkeypatch.setattr(store, "PATIENCE_SECONDS", PATIENCE)
    monkeypatch.setattr(store, "STEP_SECONDS", PATIENCE)
    before = rules.replace(RuleSet((), next(VERSIONS)))
    door.forget()
    doorstep.forget()
    store.forget()
    yield Limits()
    rules.replace(before)
    door.forget()
    doorstep.forget()
    store.forget()
