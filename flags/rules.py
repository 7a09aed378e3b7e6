"""The rule set of this process, and how it is read.

A process with an agent (web, worker, stream) is always within a second of the database, and keeps
the last known good one, marked stale, while that is away. One without (a command) keeps the rule
set that it began with.
"""

import datetime as dt
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
import psycopg
from django.conf import settings
from psycopg.rows import dict_row

from core import connections
from flags.evaluation import RuleSet
from flags.types import definition_of

log = logging.getLogger("novara.flags")

PAUSE_SECONDS: Final = 1.0
VERSION: Final = "SELECT version, changed_at FROM feature_flag_rule_sets"
FLAGS: Final = "SELECT * FROM feature_flags ORDER BY flag_name"


class Loaded(NamedTuple):
    rule_set: RuleSet
    changed_at: dt.datetime


_lock = threading.Lock()
_loaded: Loaded | None = None
_of_environment: dict[str, RuleSet] = {}
_began = -math.inf
_is_stale = False
_failed_at = -math.inf
_subscribers: list[Callable[[int], None]] = []


def current(environment: str = "") -> RuleSet:
    """Give the rule set of this process, for the installation's environment or another one."""
    loaded = _loaded or _first()
    if not environment or environment == loaded.rule_set.environment:
        return loaded.rule_set
    found = _of_environment.get(environment)
    if found is None or found.version != loaded.rule_set.version:
        found = loaded.rule_set.of(environment)
        _of_environment[environment] = found
    return found


def _first() -> Loaded:
    """Read the first rule set; after a failure, the next attempt is a second later.

    Otherwise each question would wait for a database that is away.
    """
    global _failed_at  # noqa: PLW0603  One rule set for each process.
    if time.monotonic() - _failed_at < PAUSE_SECONDS:
        raise psycopg.OperationalError("The flags could not be read a moment ago.")
    try:
        return load()
    except psycopg.Error:
        _failed_at = time.monotonic()
        raise


def changed_at() -> dt.datetime:
    return (_loaded or _first()).changed_at


def is_stale() -> bool:
    """Tell whether the database could not be asked for a newer one."""
    return _is_stale


def mark_stale() -> None:
    global _is_stale  # noqa: PLW0603  One rule set for each process.
    if not _is_stale:
        log.warning("flags are stale: the database does not answer")
    _is_stale = True


def connect() -> psycopg.Connection[dict[str, Any]]:
    """Open a connection of our own: it works inside the gate and while requests are stuck."""
    return psycopg.connect(**connections.parameters(), row_factory=dict_row)


def load(own: psycopg.Connection[Any] | None = None) -> Loaded:
    """Read the rule set if its version is another one, and tell the subscribers."""
    if own is None:
        with connect() as opened:
            return load(opened)
    global _loaded, _began, _is_stale  # noqa: PLW0603  One rule set for each process.
    began, known = time.monotonic(), _loaded
    # Asked without the lock: a connection that hangs must not hold up the agent's.
    (head,) = own.execute(VERSION).fetchall()
    found = known if known and known.rule_set.version == head["version"] else read(own)
    with _lock:
        if began < _began and _loaded is not None:
            # Somebody who asked later was quicker.
            return _loaded
        is_new = _loaded is not found
        _loaded, _began = found, began
        if _is_stale:
            log.info("flags are fresh again")
        _is_stale = False
    if is_new:
        for tell in tuple(_subscribers):
            tell(found.rule_set.version)
    return found


def read(own: psycopg.Connection[Any]) -> Loaded:
    # The version first: a change in between is then read again, never missed.
    (head,) = own.execute(VERSION).fetchall()
    rows = own.execute(FLAGS).fetchall()
    definitions = []
    for row in rows:
        try:
            definitions.append((definition_of(row), row["version"]))
        except (msgspec.ValidationError, msgspec.DecodeError):
            # Changed past the services; the others must go on. It counts as unknown.
            log.exception("flag is not well-formed", extra={"flag": row["flag_name"]})
    rule_set = RuleSet(definitions, version=head["version"], environment=settings.ENVIRONMENT)
    return Loaded(rule_set, head["changed_at"])


def subscribe(tell: Callable[[int], None]) -> Callable[[], None]:
    """Have `tell` called with each new version, in the thread that read it."""
    _subscribers.append(tell)
    return lambda: _subscribers.remove(tell)


def unlock() -> None:
    """Free the lock in a child whose parent held it when it forked."""
    global _lock  # noqa: PLW0603  One rule set for each process.
    _lock = threading.Lock()


def replace(loaded: Loaded | None) -> Loaded | None:
    """Put another rule set in its place and give the one before; for tests and previews."""
    global _loaded
    before, _loaded = _loaded, loaded
    return before
