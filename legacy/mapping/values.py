"""Old values as what they mean here. What means nothing comes back as it was."""

import csv
import datetime as dt
import io
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from core import times
from core.errors import InvalidInput
from health import checkins
from legacy.sources.values import exact_number, json_or_text

NAMESPACE: Final = uuid.UUID("0a5b5d0e-9c3b-5f0c-8a51-6f3f5b8f0c11")

WORDS: Final = {
    **dict.fromkeys(("t", "true", "checked", "1"), True),
    **dict.fromkeys(("f", "false", "unchecked", "0"), False),
}
WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,17}")


def our_id(table: str, key: str) -> uuid.UUID:
    """Keep an id that is a UUID; make one of any other, always the same one."""
    try:
        return uuid.UUID(key)
    except ValueError:
        return uuid.uuid5(NAMESPACE, f"{table.removesuffix('_v1')}:{key}")


def is_own_id(key: Any) -> bool:
    return isinstance(key, str) and str(our_id("", key)) == key.lower()


def whole(value: Any) -> Any:
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    if isinstance(value, str) and WHOLE.fullmatch(value):
        return int(value)
    return value


def flag(value: Any) -> Any:
    if type(value) is int and value in (0, 1):
        return bool(value)
    return WORDS.get(value.lower(), value) if isinstance(value, str) else value


def texts(value: Any) -> Any:
    """Read a list that stands as JSON text."""
    found = json_or_text(value) if isinstance(value, str) else value
    return found if isinstance(found, list) else value


def listed(value: Any) -> Any:
    """Read a list that stands as JSON text or as a text with commas, as in exports."""
    found = texts(value)
    if not isinstance(found, str):
        return found
    if '"' in found:
        found = next(csv.reader(io.StringIO(found, newline=""), skipinitialspace=True), [])
        return found if ",".join(found) else value
    return [part.strip() for part in found.split(",")]


def content(value: Any) -> Any:
    found = json_or_text(value) if isinstance(value, str) else value
    return found if isinstance(found, dict) else value


def share(value: Any) -> Any:
    """Make a float of a number that a float holds exactly."""
    number = number_of(value)
    if type(number) not in {Decimal, int} or not 0 <= number <= 1:
        return value
    return float(number) if Decimal(repr(float(number))) == number else value


def number_of(value: Any) -> Any:
    """Read a number that reads back to the same text."""
    if not isinstance(value, str):
        return value
    if WHOLE.fullmatch(value):
        return int(value)
    try:
        number = exact_number(value)
    except ValueError:
        return value
    return number if str(number) == value else value


def same(value: Any) -> Any:
    return value


READ_AS: Final[dict[type[checkins.Kind], Callable[[Any], Any]]] = {
    checkins.Whole: whole,
    checkins.Text: same,
    checkins.YesNo: flag,
    checkins.Texts: texts,
    checkins.Hundredths: share,
    checkins.Object: content,
}


def instant(value: Any) -> dt.datetime | None:
    """Read a time; one without a zone is UTC. None where it is no time."""
    found = value
    if isinstance(value, str):
        try:
            found = dt.datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if isinstance(found, dt.date) and not isinstance(found, dt.datetime):
        found = dt.datetime.combine(found, dt.time())
    if not isinstance(found, dt.datetime):
        return None
    if found.tzinfo is None:
        return found.replace(tzinfo=dt.UTC)
    try:
        return found.astimezone(dt.UTC)
    except OverflowError:
        return None


def date(value: Any) -> dt.date | None:
    """Read a day: a date, or a time whose date it is."""
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    if not isinstance(value, str):
        return None
    try:
        return dt.datetime.fromisoformat(value.strip()).date()
    except ValueError:
        return None


def date_time(value: Any) -> dt.datetime | None:
    day = date(value)
    return None if day is None else dt.datetime.combine(day, dt.time(12), dt.UTC)


def local_date(moment: dt.datetime, zone_name: str) -> dt.date:
    try:
        return times.local_date(moment, zone_name)
    except OverflowError:
        return moment.date()


def offset(moment: dt.datetime, zone_name: str) -> int | None:
    try:
        return times.utc_offset_minutes(moment, zone_name)
    except OverflowError:
        return None


def zone(value: Any) -> str | None:
    try:
        return times.check_zone(value, "/timezone") if isinstance(value, str) else None
    except InvalidInput:
        return None


def as_json(value: Any) -> Any:
    """Give a value as JSON holds it."""
    return value.isoformat() if isinstance(value, dt.date) else value
