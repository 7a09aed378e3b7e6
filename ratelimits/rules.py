"""The rules of this process: read once, then compared with the database's version each second.

A process that flushes (web, worker) is always within a second or two of the database, and keeps
the last rules it knew while that is away. One that does not (a command) keeps those it began with.
"""

import logging
import threading
import time
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import psycopg
from psycopg.rows import dict_row

from core import connections, flushing
from ratelimits.types import IN_STORE, Mode, Rule, Scope, rule_of

log = logging.getLogger("novara.limits")

RETRY_SECONDS: Final = 1.0
VERSION: Final = "SELECT version FROM rate_limit_rule_sets"
RULES: Final = "SELECT * FROM rate_limit_rules ORDER BY name"

# Attempts and seconds where there is no such rule: what guards passwords does not end with a row.
FLOORS: Final = {
    Scope.LOGIN_EMAIL: (10, 300),
    Scope.LOGIN_NETWORK: (100, 300),
    Scope.PASSWORD: (10, 300),
    Scope.SIGN_UP_NETWORK: (100, 3600),
}


class RuleSet:
    def __init__(self, rules: Iterable[Rule], version: int) -> None:
        self.rules, self.version = tuple(rules), version
        self.counting = tuple(
            rule for rule in self.rules if rule.scope in IN_STORE and rule.mode is not Mode.OFF
        )
        # Routes are those of the program, so there is an end to them.
        self._by_request: dict[tuple[str, str], tuple[tuple[Rule, int], ...]] = {}

    def of(self, route: str, method: str) -> tuple[tuple[Rule, int], ...]:
        """Give the rules that look at such requests, with what one costs."""
        found = self._by_request.get((route, method))
        if found is None:
            found = tuple(
                (rule, cost) for rule in self.counting if (cost := rule.cost_of(route, method))
            )
            self._by_request[route, method] = found
        return found

    def figures(self, scope: Scope) -> tuple[int, int]:
        """Give the attempts and the seconds of a limit that is counted in Postgres."""
        found = next((rule for rule in self.rules if rule.scope is scope), None)
        return (found.capacity, found.window_seconds) if found else FLOORS[scope]


_lock = threading.Lock()
_current: RuleSet | None = None
_failed_at = float("-inf")
NO_RULES: Final = RuleSet((), version=0)


def current() -> RuleSet:
    """Give the rules of this process; none, as long as they could never be read."""
    return _current or _first()


def figures(scope: Scope) -> tuple[int, int]:
    return current().figures(scope)


def _first() -> RuleSet:
    """Read them for the first time; after a failure, the next attempt is a second later."""
    global _failed_at  # noqa: PLW0603  One rule set for each process.
    with _lock:
        if _current is not None:
            return _current
        if time.monotonic() - _failed_at < RETRY_SECONDS:
            return NO_RULES
        try:
            with psycopg.connect(**connections.parameters(), row_factory=dict_row) as own:
                refresh(own)
        except psycopg.Error:
            log.warning("limits have no rules yet: the database does not answer")
            _failed_at = time.monotonic()
            return NO_RULES
        return _current or NO_RULES


def refresh(own: psycopg.Connection[dict[str, Any]]) -> None:
    """Read the rules if their version is another one."""
    # The version first: a change in between is then read again, never missed.
    head = own.execute(VERSION).fetchone()
    known = _current
    if head and (known is None or known.version != head["version"]):
        replace(RuleSet(well_formed(own.execute(RULES).fetchall()), head["version"]))


def well_formed(rows: Iterable[dict[str, Any]]) -> list[Rule]:
    rules = []
    for row in rows:
        try:
            rules.append(rule_of(row))
        except (msgspec.ValidationError, TypeError):
            # Changed past the services; the others must go on.
            log.exception("rule is not well-formed", extra={"rule": row["name"]})
    return rules


def replace(rule_set: RuleSet | None) -> RuleSet | None:
    """Put other rules in their place and give those before; for tests, too."""
    global _current
    before, _current = _current, rule_set
    return before


flushing.register("rules of limits", refresh)
