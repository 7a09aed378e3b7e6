"""Says which statements took long, for whom they ran, and nothing of what was in them.

Of requests and tasks alone: a command that goes through a whole table takes its time.
"""

import hashlib
import logging
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from psycopg.sql import Composable

from core import origin

log = logging.getLogger("novara.slow")

handling: ContextVar[HttpRequest | None] = ContextVar("handling", default=None)

LONGEST: Final = 400
# Plain names, and whatever may be a value. A quote without an end takes the rest with it.
PARTS: Final = re.compile(
    r"""
      (?P<name>"[a-z_][a-z0-9_]*")
    | --[^\n]* | /\*.*?(\*/|\Z)             # Comments.
    | '(?:[^'\\]|''|\\.)*(?:'|\Z)           # Texts, also those with escapes.
    | (?P<tag>\$\w*\$).*?(?:(?P=tag)|\Z)    # Texts between dollars.
    | "[^"]*(?:"|\Z)                        # Names that are not plain.
    | (?<![\w$])[+-]?\d[\w.]*               # Numbers.
    """,
    re.VERBOSE | re.DOTALL,
)


class Watch:
    """Look at the clock before and after one statement."""

    __slots__ = ("_started", "_statement")

    def __init__(self, statement: Any) -> None:
        self._statement = statement

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        took = (time.perf_counter() - self._started) * 1000
        if took >= settings.SLOW_QUERY_MS > 0:
            _tell(self._statement, took)


def watched(execute: Callable[..., Any], statement: Any, *arguments: Any) -> Any:
    """Wrap all that goes through cursors of Django."""
    with Watch(statement):
        return execute(statement, *arguments)


def without_values(statement: Any) -> str:
    """Give a statement without what may be somebody's, in one line."""
    text = statement.as_string() if isinstance(statement, Composable) else statement
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    return " ".join(PARTS.sub(lambda part: part["name"] or "?", str(text)).split())


def _tell(statement: Any, took: float) -> None:
    request, who = handling.get(), origin.current.get()
    if request is not None:
        match = request.resolver_match
        place = {"route": match.route if match else None}
    elif who is not None and who.source.startswith("task:"):
        place = {"task": who.source.removeprefix("task:")}
    else:
        return
    text = without_values(statement)
    told = {
        "ms": round(took, 1),
        "fingerprint": hashlib.sha256(text.encode()).hexdigest()[:12],
        "statement": text[:LONGEST],
    }
    log.warning("slow query", extra=told | place)
