"""Values of old databases, as exact as they stand there."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from core.depth import check_depth
from core.errors import InvalidInput
from legacy.types import Unreadable

# Far more digits than anybody means; Postgres' jsonb takes 131,072 before the point.
MOST_DIGITS: Final = 1000

NOT_UTF8: Final = Unreadable("is not UTF-8")
HAS_NUL: Final = Unreadable("holds a NUL character")


class NotJson(Exception):
    """The text is no JSON, or JSON that a jsonb column cannot give back."""


def read_text(data: bytes) -> str | Unreadable:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return NOT_UTF8
    return HAS_NUL if "\x00" in text else text


def read_json(text: str) -> Any:
    """Parse JSON with its numbers exact. Raises NotJson, also for what jsonb would change."""
    try:
        value = json.loads(
            text,
            parse_float=exact_number,
            parse_int=_whole,
            parse_constant=_refuse,
            object_pairs_hook=_object,
        )
        check_depth(value, "")
        if "\\u" in text:
            _check_characters(value)
    except (ValueError, RecursionError, InvalidInput) as error:
        raise NotJson from error
    return value


def json_or_text(text: str) -> Any:
    try:
        return read_json(text)
    except NotJson:
        return text


def exact_number(text: str) -> Decimal:
    """Read a number; one written with a positive exponent is written out."""
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError("is no number") from error
    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS or len(text) > MOST_DIGITS:
        raise ValueError("has too many digits")
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent > 0:
        number = Decimal(f"{number:f}.0")
    return number


def number_or_text(text: str) -> Decimal | str:
    try:
        return exact_number(text)
    except ValueError:
        return text


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError("has too many digits")
    return int(text)


def _refuse(_name: str) -> Any:
    raise ValueError("is no JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("names a key twice")
    return content


def _check_characters(value: Any) -> None:
    """Refuse NUL characters and halves of surrogate pairs, which jsonb cannot hold."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    text.encode()
    if "\\u0000" in text.replace("\\\\", ""):
        raise ValueError("holds a NUL character")
