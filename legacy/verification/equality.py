"""When an old value and what stands here are the same: spelled out for each kind of value."""

import csv
import datetime as dt
import io
import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

TRUE: Final = ("t", "true", "1", "checked")
FALSE: Final = ("f", "false", "0", "unchecked")

Rule = Callable[[Any, Any], bool]


def verbatim(source: Any, here: Any) -> bool:
    """The same JSON value: true is not 1, "7" is not 7, 7 is 7.0, and 0.10 is 0.1."""
    if isinstance(source, bool) or isinstance(here, bool):
        return source is here
    if _is_number(source) and _is_number(here):
        return Decimal(str(source)) == Decimal(str(here))
    if isinstance(source, list) and isinstance(here, list):
        return len(source) == len(here) and all(map(verbatim, source, here))
    if isinstance(source, dict) and isinstance(here, dict):
        return source.keys() == here.keys() and all(
            verbatim(value, here[key]) for key, value in source.items()
        )
    if isinstance(source, dt.date):
        return bool(source.isoformat() == here)
    return type(source) is type(here) and bool(source == here)


def text(source: Any, here: Any) -> bool:
    return isinstance(here, str) and verbatim(source, here)


def number(source: Any, here: Any) -> bool:
    """The same number, also where the source has it as a text."""
    if not _is_number(here):
        return False
    if isinstance(source, str):
        try:
            return Decimal(source) == Decimal(str(here))
        except InvalidOperation:
            return False
    return _is_number(source) and verbatim(source, here)


def flag(source: Any, here: Any) -> bool:
    """The same answer; SQLite has 1 and 0, exports have words."""
    if not isinstance(here, bool):
        return False
    if isinstance(source, bool):
        return source is here
    if isinstance(source, str):
        return source.lower() in (TRUE if here else FALSE)
    return type(source) is int and source == int(here)


def texts(source: Any, here: Any) -> bool:
    """The same list in the same order; the source may have it as JSON or with commas."""
    if not isinstance(here, list):
        return False
    if not isinstance(source, str):
        return verbatim(source, here)
    parsed = _parsed(source)
    if isinstance(parsed, list):
        return verbatim(parsed, here)
    cells = next(csv.reader(io.StringIO(source, newline=""), skipinitialspace=True), [])
    plain = [cell.strip() for cell in source.split(",")]
    return here in (cells, plain)


def content(source: Any, here: Any) -> bool:
    """The same JSON object; the source may have it as text."""
    if isinstance(source, str) and not isinstance(here, str):
        return verbatim(_parsed(source), here)
    return verbatim(source, here)


def moment(source: Any, here: Any) -> bool:
    """The same instant. A time without a zone was UTC in the old service."""
    return instant(source) is not None and instant(source) == instant(here)


def day(source: Any, here: Any) -> bool:
    said = source.date() if isinstance(source, dt.datetime) else source
    return bool(said == here or said == here.isoformat())


def anything(source: Any, here: Any) -> bool:
    """Of a column that nobody knows: word for word, or a number that reads back to its text."""
    if isinstance(source, str) and _is_number(here):
        return str(here) == source
    return verbatim(source, here)


def instant(value: Any) -> dt.datetime | None:
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _parsed(source: str) -> Any:
    try:
        return json.loads(source, parse_float=Decimal)
    except (ValueError, RecursionError):
        return source
