"""Whom lists and conditions mean. Pure; `evaluate_feature_flag()` says the same in SQL."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any, Final

from flags.types import Condition, Operator

VERSION: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,3}", re.ASCII)
# Only ASCII: what else has capitals differs between versions of Unicode, and so between servers.
LOWER: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def plain_email(email: str) -> str:
    return email.strip(" \t\r\n").translate(LOWER)


def email_hash(salt: str, email: str) -> str:
    """Hash an address as lists keep it: lower-case hex of SHA-256 of "salt:address"."""
    return hashlib.sha256(f"{salt}:{plain_email(email)}".encode()).hexdigest()


def meets(condition: Condition, attributes: Mapping[str, Any]) -> bool:
    """Tell whether an attribute is what a condition wants: a missing one never is."""
    if condition.attribute not in attributes:
        return False
    return CHECKS[condition.operator](attributes[condition.attribute], condition.values)


def fault_of_condition(condition: Condition) -> str | None:
    """Say what is wrong with the values of a condition."""
    operator, values = condition.operator, condition.values
    if not all(_is_scalar(one) for one in values):
        return "must be texts, true or false, or numbers that fit a double."
    if operator in LISTS:
        return None
    if operator in TEXTS:
        is_right = all(isinstance(one, str) and one for one in values)
        return None if is_right else "must be texts."
    if len(values) != 1:
        return "must be one value."
    if operator in NUMBERS:
        return None if number_of(values[0]) is not None else "must be a number."
    return None if version_of(values[0]) else "must be a version such as 2.10 or 2.10.3."


LISTS: Final = {Operator.ONE_OF, Operator.NOT_ONE_OF}
TEXTS: Final = {Operator.STARTS_WITH, Operator.ENDS_WITH}
NUMBERS: Final = {Operator.AT_LEAST, Operator.LESS_THAN}


def number_of(value: Any) -> float | None:
    """Read a number as a double, as nearly all programs that speak JSON have it; true is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | bool) or number_of(value) is not None


def _equal(one: Any, other: Any) -> bool:
    """Compare as JSON does: true is not 1, and 1 is 1.0."""
    number = number_of(one)
    if number is not None:
        return number == number_of(other)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _one_of(value: Any, wanted: Sequence[Any]) -> bool:
    return _is_scalar(value) and any(_equal(value, one) for one in wanted)


def _not_one_of(value: Any, wanted: Sequence[Any]) -> bool:
    return _is_scalar(value) and not any(_equal(value, one) for one in wanted)


def _starts_with(value: Any, wanted: Sequence[Any]) -> bool:
    return isinstance(value, str) and any(value.startswith(str(one)) for one in wanted)


def _ends_with(value: Any, wanted: Sequence[Any]) -> bool:
    return isinstance(value, str) and any(value.endswith(str(one)) for one in wanted)


def _at_least(value: Any, wanted: Sequence[Any]) -> bool:
    own, other = number_of(value), number_of(wanted[0])
    return own is not None and other is not None and own >= other


def _less_than(value: Any, wanted: Sequence[Any]) -> bool:
    own, other = number_of(value), number_of(wanted[0])
    return own is not None and other is not None and own < other


def version_of(value: Any) -> tuple[int, ...] | None:
    """Read up to four numbers with dots between them: "2.10" is after "2.9" and is "2.10.0"."""
    if not isinstance(value, str) or not VERSION.fullmatch(value):
        return None
    parts = tuple(int(part) for part in value.split("."))
    return parts + (0,) * (4 - len(parts))


def _version_at_least(value: Any, wanted: Sequence[Any]) -> bool:
    own, other = version_of(value), version_of(wanted[0])
    return own is not None and other is not None and own >= other


def _version_less_than(value: Any, wanted: Sequence[Any]) -> bool:
    own, other = version_of(value), version_of(wanted[0])
    return own is not None and other is not None and own < other


CHECKS: Final[Mapping[Operator, Callable[[Any, Sequence[Any]], bool]]] = {
    Operator.ONE_OF: _one_of,
    Operator.NOT_ONE_OF: _not_one_of,
    Operator.STARTS_WITH: _starts_with,
    Operator.ENDS_WITH: _ends_with,
    Operator.AT_LEAST: _at_least,
    Operator.LESS_THAN: _less_than,
    Operator.VERSION_AT_LEAST: _version_at_least,
    Operator.VERSION_LESS_THAN: _version_less_than,
}
