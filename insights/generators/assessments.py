"""Scores of questionnaires that a person should not be left alone with."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from insights.generators import reading
from insights.generators.findings import find, rests_on, rests_on_event
from insights.types import Evidence, Facts, Finding

ALERT_DAYS = dt.timedelta(days=7)

MODERATE: Final = "moderate"
SEVERE: Final = "severe"
WORDS: Final = {MODERATE: MODERATE, SEVERE: SEVERE, "moderately severe": SEVERE}


@dataclass(frozen=True)
class Scale:
    moderate: int
    severe: int
    highest: int

    def severity(self, score: float | None) -> str | None:
        if score is None:
            return None
        if score >= self.severe:
            return SEVERE
        return MODERATE if score >= self.moderate else None


PHQ4: Final = Scale(6, 9, 12)
SCALES: Final = {"phq4": PHQ4, "phq9": Scale(10, 15, 27), "gad7": Scale(10, 15, 21)}


def alerts(facts: Facts) -> Iterator[Finding]:
    """One for each moderate or severe score of the last 7 days."""
    after = facts.today - ALERT_DAYS
    for checkin in facts.checkins:
        severity = PHQ4.severity(reading.phq4(checkin.form))
        if checkin.date > after and severity:
            yield _alert(checkin.id, severity, rests_on([checkin], "assessment"))
    for event in facts.events:
        if event.event_type == "assessment" and event.date > after:
            severity = _severity(event.event_subtype, event.data)
            if severity:
                yield _alert(event.id, severity, rests_on_event(event))


def is_alarming(form: reading.Form) -> bool:
    return PHQ4.severity(reading.phq4(form)) is not None


def _alert(about: object, severity: str, evidence: tuple[Evidence, ...]) -> Finding:
    return find(
        "assessment_alert", about=about, confidence=0.9, evidence=evidence, severity=severity
    )


def _severity(subtype: str | None, data: Mapping[str, Any]) -> str | None:
    """By the score of a scale that we know; else by what the event itself says."""
    name = "".join(filter(str.isalnum, subtype or "phq4")).lower()
    scale = SCALES.get(name)
    said = reading.words(data.get("severity")) or ""
    if scale is None:
        return WORDS.get(said.lower().replace("_", " "))
    form = {f"phq4_{item}": data.get(item) for item in reading.PHQ4_ITEMS}
    answered = reading.phq4(form) if scale is PHQ4 else None
    scores = (reading.number(data.get("total_score"), 0, scale.highest), answered)
    known = [score for score in scores if score is not None]
    return scale.severity(max(known)) if known else WORDS.get(said.lower().replace("_", " "))
