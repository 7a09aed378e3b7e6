"""What becomes of the requests of people with a variant, while a guarded ramp of it runs.

The middleware notes each request; the agent finds the variant of its person and adds up.
"""

import datetime as dt
from bisect import bisect_left
from collections import deque
from itertools import product
from typing import Any, Final, NamedTuple

import msgspec
import psycopg

from flags import rules
from flags.types import BOUNDS, Context

MOST_WAITING: Final = 50_000
GUARDED: Final = (
    "SELECT flag_name FROM feature_flag_ramps WHERE state = 'running' AND is_guarded ORDER BY 1"
)
PEOPLE: Final = "SELECT id::text, tenant_id::text, email FROM users WHERE id = ANY(%s::uuid[])"


class Noted(NamedTuple):
    user_id: str
    minute: dt.datetime
    is_error: bool
    milliseconds: float


class OutcomeRow(msgspec.Struct):
    flag_name: str
    variant: str
    minute: dt.datetime
    durations: list[int]
    requests: int = 0
    errors: int = 0

    def add(self, one: Noted) -> None:
        self.requests += 1
        self.errors += one.is_error
        self.durations[bisect_left(BOUNDS, one.milliseconds)] += 1


# Flags whose ramps are watched; none: nobody needs to note anything.
guarded: tuple[str, ...] = ()
_noted: deque[Noted] = deque(maxlen=MOST_WAITING)
note = _noted.append


def watch(own: psycopg.Connection[Any]) -> None:
    """Read which ramps are watched now."""
    global guarded  # noqa: PLW0603  The same for all requests of a process.
    guarded = tuple(row["flag_name"] for row in own.execute(GUARDED).fetchall())


def collect(own: psycopg.Connection[Any]) -> list[OutcomeRow]:
    """Add up what was noted, by flag, variant and minute."""
    noted = [_noted.popleft() for _ in range(len(_noted))]
    if not noted:
        return []
    contexts = _contexts(own, {one.user_id for one in noted})
    variants = {key: _variants(key, contexts) for key in guarded}
    found: dict[tuple[str, str, dt.datetime], OutcomeRow] = {}
    for one, key in product(noted, variants):
        if variant := variants[key].get(one.user_id):
            nothing = OutcomeRow(key, variant, one.minute, [0] * (len(BOUNDS) + 1))
            found.setdefault((key, variant, one.minute), nothing).add(one)
    return list(found.values())


def _variants(key: str, contexts: dict[str, Context]) -> dict[str, str | None]:
    rule_set = rules.current()
    try:
        return {user_id: rule_set.ask(key, one).variant for user_id, one in contexts.items()}
    except RecursionError:
        # A circle of prerequisites, written past the services: the others must go on.
        return {}


def _contexts(own: psycopg.Connection[Any], people: set[str]) -> dict[str, Context]:
    """Know people by more than their id only if a flag asks for that."""
    flags = rules.current().flags
    if any(flags[key].asks_more_than_the_key for key in guarded if key in flags):
        rows = own.execute(PEOPLE, [list(people)]).fetchall()
        return {row["id"]: Context(row["id"], row["email"], row["tenant_id"]) for row in rows}
    return {user_id: Context(user_id) for user_id in people}


def forget() -> None:
    global guarded  # noqa: PLW0603  As above.
    _noted.clear()
    guarded = ()
