"""What is said of all that was found: everything, the alerts alone, or the insight of a day."""

import dataclasses
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Final

from insights.generators import (
    achievements,
    adherence,
    assessments,
    changes,
    concerns,
    feelings,
    reading,
    sentiment,
    streaks,
    support,
    symptoms,
    trends,
    welcome,
)
from insights.generators.findings import best_first
from insights.types import Facts, Finding

Rule = Callable[[Facts], Iterable[Finding]]

ALERTS: Final[tuple[Rule, ...]] = (assessments.alerts, support.alerts)

PATTERNS: Final[tuple[Rule, ...]] = (
    support.found,
    trends.found,
    streaks.found,
    adherence.found,
    concerns.found,
    feelings.found,
    achievements.found,
    symptoms.found,
    changes.found,
)

OF_THE_DAY: Final[tuple[Rule, ...]] = (
    sentiment.of_the_day,
    concerns.of_the_day,
    feelings.of_the_day,
    support.of_the_day,
)


def find_all(facts: Facts) -> list[Finding]:
    """Alerts and patterns, the best first. What is only said as the insight of a day is not."""
    return best_first(_found(ALERTS + PATTERNS, facts))


def alerts(facts: Facts) -> list[Finding]:
    return best_first(_found(ALERTS, facts))


def daily(facts: Facts) -> Finding:
    """The insight of the day. There always is one; alerts are none, as they stand beside it."""
    if facts.checkins:
        candidates = best_first(_found(PATTERNS + OF_THE_DAY, facts))
    else:
        candidates = best_first(welcome.of_the_day(facts))
    if _is_hard(facts):
        # Nobody is congratulated on the day that they say is hard.
        candidates = [found for found in candidates if found.category == "recommendation"]
    seen = facts.checkins[: reading.MOST_CHECKINS]
    values = {
        **candidates[0].values,
        "checkins_analyzed": len(seen),
        "date_range": f"{seen[-1].date} to {seen[0].date}" if seen else "",
    }
    return dataclasses.replace(candidates[0], occasion=f"daily:{facts.today}", values=values)


def _found(rules: Iterable[Rule], facts: Facts) -> Iterable[Finding]:
    return chain.from_iterable(rule(facts) for rule in rules)


def _is_hard(facts: Facts) -> bool:
    return any(
        reading.is_challenging(newest.form) or assessments.is_alarming(newest.form)
        for newest in reading.lately(facts)[:1]
    )
