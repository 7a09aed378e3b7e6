"""First times, long runs, and what helps people to cope."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Final

from insights.generators import reading
from insights.generators.findings import find, month, rests_on, sureness
from insights.types import Facts, Finding

MILESTONES: Final = (7, 14, 21, 30, 50)
FRESH: Final = 3  # For so many days a milestone is news.
FEWEST: Final = 3

# Facts reach back so far: in an account that is older, an earlier check-in may lie before.
YOUNG = dt.timedelta(days=59)


def found(facts: Facts) -> Iterator[Finding]:
    yield from _first_checkin(facts)
    yield from _streak_milestone(facts)
    yield from _coping_practice(facts)


def _first_checkin(facts: Facts) -> Iterator[Finding]:
    created = _date(facts.profile.get("created_at"))
    if len(facts.checkins) == 1 and created and facts.today - created <= YOUNG:
        newest = facts.checkins[0]
        if newest.date >= facts.today - dt.timedelta(days=1):
            yield find(
                "first_checkin", about=newest.id, confidence=0.9, evidence=rests_on([newest])
            )


def _streak_milestone(facts: Facts) -> Iterator[Finding]:
    days = reading.run(facts, reading.any_form)
    for reached in (m for m in MILESTONES if m <= len(days) < m + FRESH):
        yield find(
            "streak_milestone",
            about=f"{days[-1].date}:{reached}",
            confidence=0.9,
            evidence=rests_on(days[-reached:]),
            count=reached,
        )


def _coping_practice(facts: Facts) -> Iterator[Finding]:
    lately = reading.lately(facts)
    named = [(c, _strategies(c.form)) for c in lately]
    with_any = [checkin for checkin, strategies in named if strategies]
    counts = Counter(strategy for _, strategies in named for strategy in strategies)
    for strategy, _ in counts.most_common(1):
        if len(with_any) >= FEWEST:
            yield find(
                "coping_practice",
                about=month(with_any[0].date),
                confidence=sureness(len(with_any)),
                evidence=rests_on(with_any, "note"),
                strategy=strategy,
                count=len(with_any),
                checkins=len(lately),
            )


def _strategies(form: reading.Form) -> list[str]:
    named = reading.several(form.get("coping_strategies_used")) or reading.several(
        form.get("coping_strategies")
    )
    return [strategy for strategy in named if strategy.lower() != "none today"]


def _date(value: object) -> dt.date | None:
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None
