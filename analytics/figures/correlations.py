"""Which two measures go together: Spearman's rank correlation of their days. Never a cause.

Fifteen pairs are looked at, so chance alone would find one at the usual level: the level is
divided by the number of pairs (Bonferroni). The spread of the correlation is that of Fieller,
Hartley and Pearson (1957), over as many days as there would be if none resembled the one before
(Bretherton and others 1999): two measures that both drift go together by chance as well.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, groupby
from statistics import NormalDist, correlation
from typing import Any, Final

from analytics.figures.days import MEASURES, Period
from analytics.figures.numbers import resemblance, rounded

FEWEST_DAYS: Final = 14
LEVEL: Final = 0.05
# Weaker ones say nothing to a person, however certain.
WEAKEST: Final = 0.3
# Of three days or fewer, the spread has no end; that of a perfect correlation has no width.
BY_ITSELF: Final = 3
STRONGEST: Final = 0.9999
PAIRS: Final = tuple(combinations(MEASURES, 2))


@dataclass(frozen=True)
class Correlation:
    between: tuple[str, str]
    exact: float
    ranks: tuple[Sequence[float], Sequence[float]]

    @property
    def days(self) -> int:
        return len(self.ranks[0])

    @property
    def is_clear(self) -> bool:
        if abs(self.exact) < WEAKEST:
            return False
        return chance(self.exact, free(*self.ranks)) < LEVEL / len(PAIRS)

    @property
    def shown(self) -> dict[str, Any]:
        first, second = (MEASURES[name].phrases for name in self.between)
        also = second[0] if self.exact > 0 else second[1]
        return {
            "between": list(self.between),
            "r": rounded(Fraction(self.exact), 2),
            "days": self.days,
            "sentence": (
                f"On days with {first[0]} there was often also {also}; this does not tell why."
            ),
        }


def look(period: Period) -> tuple[int, list[Correlation]]:
    """Give how many pairs could be looked at, and those that go together, the clearest first."""
    looked = [_of_pair(period, pair) for pair in PAIRS]
    found = [each for each in looked if each is not None]
    clear = [each for each in found if each.is_clear]
    return len(found), sorted(clear, key=lambda each: -abs(each.exact))


def correlation_of(period: Period, pair: tuple[str, str]) -> dict[str, Any] | None:
    """What the answer shows of a pair; None where they don't go together clearly."""
    found = _of_pair(period, pair)
    return found.shown if found and found.is_clear else None


def _of_pair(period: Period, pair: tuple[str, str]) -> Correlation | None:
    first, second = (period.series[name] for name in pair)
    days = [day for day in first if day in second]
    places = ranks([first[day] for day in days]), ranks([second[day] for day in days])
    if len(days) < FEWEST_DAYS or any(len(set(each)) == 1 for each in places):
        return None
    return Correlation(pair, correlation(*places), places)


def ranks(values: Sequence[float]) -> list[float]:
    """Number the values from the lowest; equal ones share the mean of their places."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    place = 0
    for _, group in groupby(order, key=values.__getitem__):
        members = list(group)
        for index in members:
            found[index] = place + (len(members) + 1) / 2
        place += len(members)
    return found


def free(first: Sequence[float], second: Sequence[float]) -> float:
    """Of how many days the ranks would tell as much if no day resembled the one before."""
    shared = max(0, resemblance(first) * resemblance(second))
    return len(first) * (1 - shared) / (1 + shared)


def chance(r: float, days: float) -> float:
    """How likely so strong a correlation is where nothing goes together."""
    if days <= BY_ITSELF:
        return 1
    score = math.atanh(min(abs(r), STRONGEST)) * math.sqrt((days - BY_ITSELF) / 1.06)
    return 2 * (1 - NormalDist().cdf(score))
