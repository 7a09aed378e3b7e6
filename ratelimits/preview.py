"""Whom a rule would have limited in the last day, before it is saved.

The traffic that was counted (ratelimits/traffic.py) is played against the bucket of the rule, for
each who shares one. Traffic is known by the minute, so each figure is two: the lower one has the
requests of a minute come evenly, the higher one all at its beginning. The rule stands alone: what
another rule refuses counts here, too, and so do requests that were refused and tried again.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ratelimits import queries
from ratelimits.queries import DAY, Demand, Priced, Prices, Route, Series
from ratelimits.traffic import route_id
from ratelimits.types import IN_STORE, Mode, Rule

MOST_SHOWN: Final = 10
# Sums of refills are not exact to the last bit.
GRAIN: Final = 1e-9

Numbers = NDArray[np.float64]


class Range(NamedTuple):
    """Between these; both are the same where the minute does not matter."""

    least: int
    most: int


NONE: Final = Range(0, 0)


@dataclass(frozen=True)
class Limited:
    subject: str
    requests: int
    refused: Range


@dataclass(frozen=True)
class Effect:
    """What one rule does to the traffic. In shadow it would; `refuses` tells."""

    refuses: bool = False
    subjects: Range = NONE
    requests: Range = NONE
    who: dict[str, Limited] = field(default_factory=dict)


@dataclass(frozen=True)
class Preview:
    since: dt.datetime
    until: dt.datetime
    # Where less than a day is known.
    begins_at: dt.datetime | None
    # Nothing is known of log-in attempts: accounts counts them by hashes in Postgres.
    is_known: bool
    # It would have taken too long for somebody who waits.
    is_too_much: bool = False
    subject_count: int = 0
    request_count: int = 0
    # Of those who asked for more than a bucket, only the busiest were played through.
    is_cut: bool = False
    before: Effect = Effect()
    after: Effect = Effect()
    # Whom the new rule limits and the old one did not, or more than that.
    newly_limited: int = 0
    top: Sequence[tuple[Limited, str]] = ()

    @property
    def is_stricter(self) -> bool:
        """Tell whether real requests of the last day would be refused that pass now."""
        return self.newly_limited > 0


def preview(before: Rule | None, after: Rule | None, now: dt.datetime) -> Preview:
    """Play the last day against a rule as it stands and as it would be; None: there is none."""
    until = now.replace(second=0, microsecond=0)
    since = until - DAY
    begins_at = queries.traffic_begins_at(since)
    rule = after or before
    if rule is None or rule.scope not in IN_STORE:
        return Preview(since, until, begins_at, is_known=False)
    routes = queries.routes_since(since)
    rules = [one for one in (before, after) if one is not None]
    found: dict[Rule, Demand] = {}
    for one in rules:
        demand = _demand(one, rules, found, routes, since)
        if demand is None:
            return Preview(since, until, begins_at, is_known=False, is_too_much=True)
        found[one] = demand
    return _compare(
        Preview(since, until, begins_at, is_known=True),
        _effect(before, found),
        _effect(after, found),
        found[rule],
        rule,
        routes,
    )


def _demand(
    one: Rule,
    rules: Sequence[Rule],
    found: dict[Rule, Demand],
    routes: Sequence[Route],
    since: dt.datetime,
) -> Demand | None:
    """Ask what a rule looks at; two that look at the same are asked about once."""
    for other, demand in found.items():
        if _looks_at(other) == _looks_at(one):
            return demand
    lowest = min(other.capacity for other in rules if _looks_at(other) == _looks_at(one))
    return queries.demand(one, prices_of(one, routes), capacity=lowest, since=since)


def _compare(
    page: Preview,
    old: Effect,
    new: Effect,
    asked: Demand,
    rule: Rule,
    routes: Sequence[Route],
) -> Preview:
    passed = old.who if old.refuses else {}
    newly = sum(
        one.refused.most > (passed[subject].refused.most if subject in passed else 0)
        for subject, one in new.who.items()
    )
    top = sorted(new.who.values(), key=lambda one: (-one.refused.most, one.subject))[:MOST_SHOWN]
    names = [one.subject for one in top]
    favorites = (
        queries.favorite_routes(
            rule, [one for one in _priced(rule, routes) if one.cost], names, page.since
        )
        if names
        else {}
    )
    return Preview(
        page.since,
        page.until,
        page.begins_at,
        is_known=True,
        subject_count=asked.subject_count,
        request_count=asked.request_count,
        is_cut=asked.busy_count > len(asked.series),
        before=old,
        after=new,
        newly_limited=newly if new.refuses else 0,
        top=[(one, favorites.get(one.subject, "")) for one in top],
    )


def _looks_at(rule: Rule) -> tuple[object, ...]:
    return rule.scope, rule.tenant_id, rule.paths, rule.methods, rule.cost, rule.weights


def prices_of(rule: Rule, routes: Sequence[Route]) -> Prices:
    """Find what most requests cost, so that few must be looked at one by one."""
    often: Counter[int] = Counter()
    for one in routes:
        often[rule.cost_of(one.route, one.method)] += one.request_count
    is_by_route = rule.scope in queries.BY_ENDPOINT
    base = often.most_common(1)[0][0] if often and not is_by_route else 0
    return Prices(base, [one for one in _priced(rule, routes) if one.cost != base])


def _priced(rule: Rule, routes: Sequence[Route]) -> list[Priced]:
    return [
        Priced(route_id(one.method, one.route), rule.cost_of(one.route, one.method), one.route)
        for one in routes
    ]


def _effect(rule: Rule | None, found: dict[Rule, Demand]) -> Effect:
    if rule is None or rule.mode is Mode.OFF:
        return Effect()
    series = found[rule].series
    spread, at_once = (_replay_all(series, rule, evenly=evenly) for evenly in (True, False))
    who = {
        one.subject: Limited(one.subject, sum(one.requests), Range(min(pair), max(pair)))
        for one, *pair in zip(series, spread, at_once, strict=True)
        if max(pair)
    }
    ranges = [one.refused for one in who.values()]
    return Effect(
        refuses=rule.mode is Mode.ENFORCED,
        subjects=Range(sum(one.least > 0 for one in ranges), len(ranges)),
        requests=Range(sum(one.least for one in ranges), sum(one.most for one in ranges)),
        who=who,
    )


# Playing


def _replay_all(series: Sequence[Series], rule: Rule, *, evenly: bool) -> list[int]:
    """Give how many requests of each would have been refused."""
    if not series:
        return []
    lengths = [len(one.minutes) for one in series]
    columns = (
        np.concatenate([np.array(part, float) for part in parts])
        for parts in zip(*((one.minutes, one.requests, one.units) for one in series), strict=True)
    )
    refused = replay(np.array(lengths), *columns, rule=rule, evenly=evenly)
    return [int(number) for number in np.add.reduceat(refused, np.cumsum([0, *lengths[:-1]]))]


def replay(
    lengths: NDArray[np.int64],
    minutes: Numbers,
    requests: Numbers,
    units: Numbers,
    *,
    rule: Rule,
    evenly: bool,
) -> Numbers:
    """Give how many requests were refused in each minute; buckets begin full.

    The subjects' minutes follow one another, `lengths` tells how many each has. All subjects take
    their first minute at once, then all that have one their second, and so on. Where the requests
    of a minute have different costs, each counts as their mean.
    """
    order = np.argsort(-lengths, kind="stable")
    begins = (np.cumsum(lengths) - lengths)[order]
    left, seen = np.full(len(lengths), float(rule.capacity)), minutes[begins]
    refill = rule.refill * 60 / rule.window_seconds
    refused = np.zeros(len(minutes))
    for step in range(int(lengths.max())):
        live = int(np.searchsorted(-lengths[order], -step))
        rows = begins[:live] + step
        asked, cost = requests[rows], units[rows] / requests[rows]
        have = np.minimum(rule.capacity, left[:live] + refill * (minutes[rows] - seen[:live]))
        if evenly:
            passed, left[:live] = _evenly(have, asked, cost, rule.capacity, refill)
        else:
            passed = np.minimum(asked, np.floor(have / cost + GRAIN))
            left[:live] = have - cost * passed
        refused[rows], seen[:live] = asked - passed, minutes[rows]
    return refused


def _evenly(
    have: Numbers, asked: Numbers, cost: Numbers, capacity: int, refill: float
) -> tuple[Numbers, Numbers]:
    """Let the requests of a minute come evenly: how many pass, and what is left at its beginning.

    That may be less than nothing: it is before the refill of this minute is added.
    """
    between = refill / asked
    # A bucket that has hardly room for one request loses what flows in beyond that.
    first = np.maximum(0, np.ceil((cost - have) / between - GRAIN))
    every = np.ceil(cost / between - GRAIN)
    one_by_one = np.maximum(0, 1 + np.floor((asked - 1 - first) / every + GRAIN))
    summed = np.minimum(asked, np.floor((have + refill - between) / cost + GRAIN))
    is_tight, is_plenty = capacity - cost < between, between >= cost
    passed = np.where(
        is_plenty, asked - (have + GRAIN < cost), np.where(is_tight, one_by_one, summed)
    )
    last = first + (one_by_one - 1) * every
    left = np.where(
        is_tight & ~is_plenty & (one_by_one > 0),
        between * (asked - last) - refill,
        have - cost * passed,
    )
    return passed, left
