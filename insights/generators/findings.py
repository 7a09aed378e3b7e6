"""Everything that can be found, with its priority; and how a finding is made."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from insights.types import Checkin, Event, Evidence, Finding

A_WEEK: Final = 7


@dataclass(frozen=True)
class Kind:
    priority: int
    category: str
    days: int  # How long it stays.


# The most urgent first. Of the same priority, the surer finding comes first.
KINDS: Final = {
    "safety_alert": Kind(10, "risk", 14),
    "confidence_rising": Kind(9, "trend", 7),
    "challenging_support": Kind(9, "recommendation", 7),
    "assessment_alert": Kind(8, "risk", 7),
    "confidence_support": Kind(8, "recommendation", 7),
    "positive_streak": Kind(8, "achievement", 7),
    "concern_pattern": Kind(7, "trend", 14),
    "mood_decline": Kind(7, "trend", 7),
    "anxiety_rising": Kind(7, "trend", 7),
    "missed_doses": Kind(7, "recommendation", 7),
    "welcome_back": Kind(7, "achievement", 7),
    "mood_improvement": Kind(6, "trend", 7),
    "anxiety_easing": Kind(6, "trend", 7),
    "confidence_growth": Kind(6, "trend", 7),
    "perfect_adherence": Kind(6, "achievement", 7),
    "emotional_awareness": Kind(6, "trend", 14),
    "persistent_concern_support": Kind(6, "recommendation", 14),
    "appointment_support": Kind(6, "recommendation", 3),
    "streak_milestone": Kind(6, "achievement", 14),
    "support_needed": Kind(5, "recommendation", 7),
    "symptom_pattern": Kind(5, "trend", 14),
    "clear_change": Kind(5, "trend", 14),
    "first_checkin": Kind(5, "achievement", 7),
    "consistency_celebration": Kind(5, "achievement", 7),
    "consistency": Kind(4, "achievement", 7),
    "coping_practice": Kind(4, "achievement", 14),
    "steady_strength": Kind(4, "trend", 14),
    # Only as the insight of the day: about the newest check-in, or about having none.
    "negative_sentiment": Kind(6, "recommendation", 2),
    "positive_sentiment": Kind(6, "trend", 2),
    "targeted_concern_support": Kind(5, "recommendation", 2),
    "emotional_complexity": Kind(4, "trend", 2),
    "confident_check_in": Kind(4, "achievement", 2),
    "neutral_sentiment": Kind(3, "trend", 2),
    "general_support": Kind(3, "recommendation", 2),
    "recent_checkin_support": Kind(2, "recommendation", 2),
    "encouragement": Kind(1, "recommendation", 2),
    "focused_support": Kind(5, "recommendation", 2),
    "confident_welcome": Kind(4, "recommendation", 2),
    "gentle_support": Kind(4, "recommendation", 2),
    "balanced_welcome": Kind(3, "recommendation", 2),
    "no_data": Kind(1, "recommendation", 2),
}


def find(
    kind: str,
    *,
    about: object,
    instead_of: str | None = None,
    confidence: float,
    evidence: Iterable[Evidence] = (),
    **values: Any,
) -> Finding:
    """`about` is what it is found for once: an id, a date or a week, and never a free text.

    Kinds with the same `instead_of` replace each other, as when a trend turns round.
    """
    rank = KINDS[kind]
    return Finding(
        type=kind,
        category=rank.category,
        priority=rank.priority,
        confidence=confidence,
        occasion=f"{instead_of or kind}:{about}",
        values=values,
        evidence=tuple(evidence),
        expires_after=dt.timedelta(days=rank.days),
    )


def best_first(findings: Iterable[Finding]) -> list[Finding]:
    """Of equals, the one that was found first stays first."""
    return sorted(findings, key=lambda found: (-found.priority, -found.confidence))


def sureness(count: int) -> float:
    """How sure a finding from so many check-ins is."""
    return {0: 0.5, 1: 0.6, 2: 0.7}.get(count, 0.8 if count < A_WEEK else 0.9)


def week(day: dt.date) -> str:
    year, number, _ = day.isocalendar()
    return f"{year}-W{number:02}"


def month(day: dt.date) -> str:
    return f"{day:%Y-%m}"


def veiled(text: str) -> str:
    """A name for a free text that does not show it."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def rests_on(checkins: Sequence[Checkin], event_type: str = "mood") -> tuple[Evidence, ...]:
    return tuple(_evidence(checkin, event_type) for checkin in checkins)


def rests_on_event(event: Event) -> tuple[Evidence, ...]:
    return (Evidence("health-event", event.id),)


def _evidence(checkin: Checkin, event_type: str) -> Evidence:
    # What did not fit the event of its type stands with the mood.
    event_id = checkin.event_ids.get(event_type) or checkin.event_ids.get("mood")
    return Evidence("health-event", event_id) if event_id else Evidence("check-in", checkin.id)
