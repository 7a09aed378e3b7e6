"""Doses taken and missed, as the person reports them."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final

from insights.generators import reading
from insights.generators.findings import find, rests_on, rests_on_event, sureness, week
from insights.types import Checkin, Event, Facts, Finding

FEWEST_TRACKED: Final = 3
FEWEST_MISSED: Final = 2


def found(facts: Facts) -> Iterator[Finding]:
    after = facts.today - dt.timedelta(days=7)
    tracked = [c for c in reading.lately(facts) if reading.medication(c.form)]
    events = [e for e in facts.events if e.date > after and _is_missed(e)]
    hard = [c for c in tracked if _has_missed(c.form)]
    yield from _missed_doses([c for c in hard if c.date > after], events)
    if len(tracked) >= FEWEST_TRACKED and not hard and not events:
        yield find(
            "perfect_adherence",
            about=week(tracked[0].date),
            confidence=sureness(len(tracked)),
            evidence=rests_on(tracked, "medication"),
            count=len(tracked),
        )


def _missed_doses(checkins: Sequence[Checkin], events: Sequence[Event]) -> Iterator[Finding]:
    days = {checkin.date for checkin in checkins} | {event.date for event in events}
    if len(days) >= FEWEST_MISSED:
        yield find(
            "missed_doses",
            about=week(max(days)),
            confidence=sureness(len(days)),
            evidence=(
                *rests_on(checkins, "medication"),
                *(link for event in events for link in rests_on_event(event)),
            ),
            count=len(days),
        )


def _has_missed(form: reading.Form) -> bool:
    return reading.medication(form) in {"no", "partial"} or reading.missed_doses(form) > 0


def _is_missed(event: Event) -> bool:
    status = event.data.get("status")
    return event.event_type == "medication" and status in ("missed", "skipped", "partial")
