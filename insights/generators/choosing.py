"""What is said of all that was found: everything, the alerts alone, or the insight of a day."""

import dataclasses
import datetime as dt
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
from insights.generators.findings import KINDS, best_first
from insights.types import Facts, Finding

# Until the next one is surely there.
DAILY_STAYS: Final = dt.timedelta(days=2)
# As long as the alert is shown.
NO_PRAISE: Final = dt.timedelta(days=KINDS["safety_alert"].days)

Rule = Callable[[Facts], Iterable[Finding]]

ALERTS: Final[tuple[Rule, ...]] = (assessments.safety, assessments.alerts, support.alerts)

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


def safety(facts: Facts) -> list[Finding]:
    """The alerts that must be written whatever becomes of all others."""
    return list(assessments.safety(facts))


def daily(facts: Facts, *, is_alerted: bool = False) -> Finding:
    """The insight of the day. There always is one; alerts are none, as they stand beside it.

    `is_alerted`: a safety alert is shown, however old its answer is by now.
    """
    best = best_first(_of_the_day(facts, is_alerted=is_alerted))[0]
    seen = facts.checkins[: reading.MOST_CHECKINS]
    values = {
        **best.values,
        "checkins_analyzed": len(seen),
        "date_range": f"{seen[-1].date} to {seen[0].date}" if seen else "",
    }
    return dataclasses.replace(
        best, occasion=f"daily:{facts.today}", values=values, expires_after=DAILY_STAYS
    )


def _of_the_day(facts: Facts, *, is_alerted: bool) -> Iterable[Finding]:
    if not facts.checkins:
        return welcome.of_the_day(facts)
    newest = facts.checkins[0]
    ids = {newest.id, *newest.event_ids.values()}
    # A pattern that the newest check-in is no part of is no news of today.
    found = (
        finding
        for finding in _found(PATTERNS + OF_THE_DAY, facts)
        if any(link.id in ids for link in finding.evidence)
    )
    if is_alerted or _is_hard(newest.form) or assessments.is_unsafe_since(facts, NO_PRAISE):
        # Nobody is congratulated on a day that they say is hard.
        return (finding for finding in found if finding.category == "recommendation")
    return found


def _is_hard(form: reading.Form) -> bool:
    return reading.is_challenging(form) or assessments.is_alarming(form)


def _found(rules: Iterable[Rule], facts: Facts) -> Iterable[Finding]:
    return chain.from_iterable(rule(facts) for rule in rules)
