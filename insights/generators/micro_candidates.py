"""The small insight of the old clients: from the profile and the newest check-in alone."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from insights.generators import reading
from insights.generators.findings import rests_on
from insights.types import Facts, Finding

FAIR: Final = 6


@dataclass(frozen=True)
class Person:
    """What the candidates look at."""

    meds: float | None
    costs: float | None
    overall: float | None
    stage: str
    need: str
    concern: str | None
    moods: frozenset[str]
    confidence: float | None
    has_checkin: bool

    @property
    def mean(self) -> float | None:
        known = [score for score in (self.meds, self.costs, self.overall) if score is not None]
        return sum(known) / len(known) if known else None


@dataclass(frozen=True)
class Candidate:
    """The highest sum of priority and specificity wins; of equals, the first."""

    type: str
    priority: int
    specificity: int
    applies: Callable[[Person], bool]


def _is_fair(score: float | None) -> bool:
    return score is not None and score >= FAIR


def _is_anybody(_: Person) -> bool:
    return True


CANDIDATES: Final = (
    Candidate(
        "micro_stimulation", 9, 9, lambda p: p.stage == "stimulation" and reading.is_low(p.meds)
    ),
    Candidate(
        "micro_medication_and_costs",
        9,
        8,
        lambda p: reading.is_low(p.meds) and reading.is_low(p.costs),
    ),
    Candidate(
        "micro_strong_with_concern", 8, 9, lambda p: reading.is_high(p.mean) and bool(p.concern)
    ),
    Candidate(
        "micro_overwhelmed",
        9,
        8,
        lambda p: "overwhelmed" in p.moods and reading.is_low(p.confidence),
    ),
    Candidate("micro_transfer", 8, 8, lambda p: p.stage == "transfer" and _is_fair(p.overall)),
    Candidate("micro_mixed_feelings", 8, 8, lambda p: {"anxious", "hopeful"} <= p.moods),
    Candidate("micro_financial", 8, 7, lambda p: "financial" in p.need),
    Candidate("micro_considering", 7, 7, lambda p: p.stage == "considering"),
    Candidate(
        "micro_grateful", 7, 7, lambda p: "grateful" in p.moods and reading.is_high(p.confidence)
    ),
    Candidate("micro_procedure", 6, 6, lambda p: "procedure" in p.need),
    Candidate("micro_after_checkin", 6, 6, lambda p: p.has_checkin),
    Candidate("micro_profile", 5, 5, lambda p: p.mean is not None),
    Candidate("micro_beginning", 3, 3, _is_anybody),
)


def micro(
    facts: Facts,
    onboarding: Mapping[str, Any] | None = None,
    checkin: Mapping[str, Any] | None = None,
) -> Finding:
    """What a client sends along stands in for the profile and for the newest check-in."""
    profile = {**facts.profile, **reading.mapping(onboarding)}
    sent = reading.mapping(checkin)
    stored = [] if sent else reading.lately(facts)[:1]
    form = sent or (stored[0].form if stored else {})
    person = _person(profile, form)
    best = max(
        (candidate for candidate in CANDIDATES if candidate.applies(person)),
        key=lambda candidate: candidate.priority + candidate.specificity,
    )
    return Finding(
        type=best.type,
        category="recommendation",
        priority=best.priority,
        confidence=(best.priority + best.specificity) / 20,
        occasion=f"micro:{facts.today}",
        values={"nickname": _nickname(profile), "concern": person.concern},
        evidence=rests_on(stored),
        expires_after=dt.timedelta(days=1),
    )


def _person(profile: reading.Form, form: reading.Form) -> Person:
    return Person(
        meds=reading.ten(profile.get("confidence_meds")),
        costs=reading.ten(profile.get("confidence_costs")),
        overall=reading.ten(profile.get("confidence_overall")),
        stage=(reading.words(profile.get("cycle_stage")) or "").lower(),
        need=(reading.words(profile.get("primary_need")) or "").lower(),
        concern=reading.words(profile.get("top_concern")) or reading.concern(form),
        moods=frozenset(reading.moods(form)),
        confidence=reading.confidence(form),
        has_checkin=bool(reading.moods(form) or reading.confidence(form)),
    )


def _nickname(profile: reading.Form) -> str:
    name = reading.line(profile.get("nickname"))
    return "" if name == "User" else name[:50]
