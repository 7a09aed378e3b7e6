"""Scores of questionnaires that a person should not be left alone with."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from assessments.instruments import PHQ9, aliases, plain_name
from insights.generators import reading
from insights.generators.findings import find, rests_on, rests_on_event
from insights.types import Event, Evidence, Facts, Finding

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


# Under whatever name a client sent PHQ-9's question about thoughts of self-harm. What is a mere
# number of a question, such as q9, says so in a PHQ-9 alone.
SELF_HARM: Final = frozenset(
    name for name, link_id in aliases(PHQ9).items() if link_id in PHQ9.safety_items
)
SELF_HARM_ANYWHERE: Final = frozenset(name for name in SELF_HARM if not name.startswith("q"))
# Where clients put answers that do not stand at the top.
INSIDE: Final = ("answers", "responses", "items")


def safety(facts: Facts) -> Iterator[Finding]:
    """One for each assessment with a safety question answered above 0, whatever its total."""
    found = {event.id: event for event in (*facts.screened, *facts.events)}
    for event in found.values():
        if is_unsafe(event, facts.safety_items):
            yield find(
                "safety_alert", about=event.id, confidence=1.0, evidence=rests_on_event(event)
            )


def is_unsafe(event: Event, safety_items: Mapping[str, frozenset[str]]) -> bool:
    """Doubt counts as a yes: an alert too many is the smaller harm."""
    if event.event_type != "assessment":
        return False
    if event.data.get("safety_items"):
        return True  # The server scored it, and says so.
    questionnaire = event.event_subtype or reading.line(event.data.get("instrument"))
    name = plain_name(questionnaire)
    asked = SELF_HARM if name == PHQ9.name else SELF_HARM_ANYWHERE
    own = (items for of, items in safety_items.items() if plain_name(of) == name)
    asked = asked.union(*own)
    places = (event.data, *(reading.mapping(event.data.get(key)) for key in INSIDE))
    return any(reading.number(place.get(item), 1, 999) for place in places for item in asked)


def alerts(facts: Facts) -> Iterator[Finding]:
    """One for each moderate or severe score of the last 7 days.

    Not where there is a safety alert about it, which says more.
    """
    after = facts.today - ALERT_DAYS
    for checkin in facts.checkins:
        severity = PHQ4.severity(reading.phq4(checkin.form))
        if checkin.date > after and severity:
            yield _alert(checkin.id, severity, rests_on([checkin], "assessment"))
    for event in facts.events:
        if event.event_type == "assessment" and event.date > after:
            severity = _severity(event.event_subtype, event.data)
            if severity and not is_unsafe(event, facts.safety_items):
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
