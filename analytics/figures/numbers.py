"""Exact arithmetic: sums are whole numbers or fractions; a figure is rounded once, at its end."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from statistics import fmean

Exact = int | Fraction


def exact(value: Decimal) -> Exact:
    whole = int(value)
    return whole if whole == value else Fraction(value)


def rounded(value: Exact, places: int = 1) -> float:
    """Round half away from zero, as people do."""
    scale: int = pow(10, places)
    above, below = abs(value.numerator) * scale, value.denominator
    whole = (2 * above + below) // (2 * below)
    # As text: a number beyond a double's range becomes infinite instead of an error.
    return float(f"{'-' if value < 0 else ''}{whole}e-{places}")


def mean(total: Exact, count: int) -> Exact | None:
    if count > 1:
        return Fraction(total, count)
    return total if count else None


def percent(part: int, whole: int) -> Fraction | None:
    return Fraction(100 * part, whole) if whole else None


def rounded_or_none(value: Exact | None, places: int = 1) -> float | None:
    return None if value is None else rounded(value, places)


def resemblance(values: Sequence[float]) -> float:
    """How much each value has of the one before, from 1 to -1: the autocorrelation of lag 1."""
    middle = fmean(values)
    apart = [value - middle for value in values]
    whole = sum(each * each for each in apart)
    return sum(before * after for before, after in pairwise(apart)) / whole if whole else 0


def plain(value: Decimal | None) -> float | None:
    """A value as it was recorded."""
    return None if value is None else float(value)
