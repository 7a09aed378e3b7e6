"""Hard days, low confidence, and a kind word for every other day."""

import datetime as dt
from collections.abc import Iterator
from itertools import takewhile
from typing import Final

from insights.generators import reading
from insights.generators.findings import find, rests_on, rests_on_event, sureness, week
from insights.types import Evidence, Facts, Finding

ALERT_DAYS = dt.timedelta(days=7)

FEWEST_GENERAL: Final = 3
FEWEST_HARD: Final = 3
FEWEST_LOW: Final = 2
ANXIOUS_OF_APPOINTMENT: Final = 6


def alerts(facts: Facts) -> Iterator[Finding]:
    """One for each check-in or mood of the last 7 days that is "very tough" or very anxious."""
    after = facts.today - ALERT_DAYS
    for checkin in facts.checkins:
        if checkin.date > after and _needs_support(checkin.form):
            yield _support_needed(checkin.id, rests_on([checkin]))
    for event in facts.events:
        form = {**event.data, "mood_today": event.data.get("mood")}
        if event.event_type == "mood" and event.date > after and _needs_support(form):
            yield _support_needed(event.id, rests_on_event(event))


def found(facts: Facts) -> Iterator[Finding]:
    yield from _challenging_support(facts)
    yield from _confidence_support(facts)
    yield from _appointment_support(facts)


def of_the_day(facts: Facts) -> Iterator[Finding]:
    """What can always be said of the newest check-in."""
    newest = facts.checkins[0]
    lately = reading.lately(facts)
    sure = reading.confidence(newest.form)
    if lately and reading.is_high(sure):
        yield find(
            "confident_check_in",
            about=newest.id,
            confidence=0.85,
            evidence=rests_on([newest]),
            confidence_today=sure,
        )
    if len(lately) >= FEWEST_GENERAL:
        yield find(
            "general_support",
            about=newest.id,
            confidence=sureness(len(lately)),
            evidence=rests_on(lately),
            count=len(lately),
        )
    if newest.date >= facts.today - dt.timedelta(days=1):
        yield find(
            "recent_checkin_support",
            about=newest.id,
            confidence=0.8,
            evidence=rests_on([newest]),
        )
    yield find(
        "encouragement",
        about=newest.id,
        confidence=sureness(len(lately) or 1),
        evidence=rests_on([newest]),
    )


def _needs_support(form: reading.Form) -> bool:
    return "very tough" in reading.moods(form) or reading.is_very_anxious(form)


def _support_needed(about: object, evidence: tuple[Evidence, ...]) -> Finding:
    return find("support_needed", about=about, confidence=0.9, evidence=evidence)


def _challenging_support(facts: Facts) -> Iterator[Finding]:
    hard = list(
        takewhile(lambda checkin: reading.is_challenging(checkin.form), reading.lately(facts))
    )
    if len(hard) >= FEWEST_HARD:
        yield find(
            "challenging_support",
            about=week(hard[0].date),
            confidence=sureness(len(hard)),
            evidence=rests_on(hard),
            count=len(hard),
        )


def _confidence_support(facts: Facts) -> Iterator[Finding]:
    """Low in the newest check-ins, and not on its way up."""
    scores = reading.known(reading.lately(facts), reading.confidence)
    low = [checkin for checkin, score in takewhile(lambda pair: reading.is_low(pair[1]), scores)]
    if len(low) >= FEWEST_LOW and scores[0][1] <= scores[1][1]:
        yield find(
            "confidence_support",
            about=week(low[0].date),
            confidence=sureness(len(low)),
            evidence=rests_on(low),
            count=len(low),
        )


def _appointment_support(facts: Facts) -> Iterator[Finding]:
    for newest in facts.checkins[:1]:
        anxious = reading.ten(newest.form.get("appointment_anxiety"))
        is_soon = newest.form.get("appointment_within_3_days") in (True, "true", "yes")
        is_fresh = newest.date > facts.today - dt.timedelta(days=3)
        if is_fresh and is_soon and anxious is not None and anxious >= ANXIOUS_OF_APPOINTMENT:
            yield find(
                "appointment_support",
                about=week(newest.date),
                confidence=0.8,
                evidence=rests_on([newest], "appointment"),
                anxiety=anxious,
            )
