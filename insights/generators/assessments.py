"""Scores of questionnaires that a person should not be left alone with."""

import datetime as dt
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from assessments.instruments import BUILT_IN, PHQ9, aliases, plain_name
from assessments.types import Instrument
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


def _scale(instrument: Instrument) -> Scale:
    lows = {band.severity: band.low for band in instrument.bands}
    return Scale(lows[MODERATE], lows.get("moderately_severe", lows[SEVERE]), instrument.highest)


SCALES: Final = {name: _scale(instrument) for name, instrument in BUILT_IN.items()}
PHQ4: Final = SCALES["phq4"]


# All names are compared as plain_name() gives them. PHQ-9's question about thoughts of self-harm:
# by what no other questionnaire has, and by its mere number.
SELF_HARM: Final = re.compile(
    r"(phq9)?selfharmthoughts|.*442608|.*betteroffdead.*|phq9(q|item|question|place)?0?9"
)
NINTH: Final = re.compile(r"(q|item|question)?0?9")
NINTH_PLACE: Final = "place9"
PHQ9_NAMES: Final = frozenset(map(plain_name, aliases(PHQ9)))
IS_PHQ9: Final = re.compile(r"phq9|patienthealthquestionnaire9|442491")
IS_ANOTHER: Final = re.compile(r"phq4|gad7|697243|697377")

# Where clients put answers that do not stand at the top, what names one in a list, what it says.
INSIDE: Final = re.compile(r"(phq9)?(answers?|responses?|items?|questions?)|phq9|extra")
LINK: Final = re.compile(r"linkid|code|id|key|name|number|question")
ANSWER: Final = re.compile(r"value[a-z]*|answers?|code|score|responses?")
DEEPEST: Final = 5
NO: Final = frozenset(
    {None, 0, "", "no", "none", "never", "false", "not at all", "la6568-5"}  # False is 0.
)


def safety(facts: Facts) -> Iterator[Finding]:
    """One for each assessment with a safety question answered above 0, whatever its total."""
    for event in _unsafe(facts):
        yield find("safety_alert", about=event.id, confidence=1.0, evidence=rests_on_event(event))


def is_unsafe_since(facts: Facts, ago: dt.timedelta) -> bool:
    return any(event.date > facts.today - ago for event in _unsafe(facts))


def _unsafe(facts: Facts) -> Iterator[Event]:
    found = {event.id: event for event in (*facts.screened, *facts.events)}
    return (event for event in found.values() if is_unsafe(event, facts.safety_items))


def is_unsafe(event: Event, safety_items: Mapping[tuple[str, str | None], frozenset[str]]) -> bool:
    """Doubt counts as a yes: an alert too many is the smaller harm.

    A daily form takes any key; what is no assessment counts by names that nothing else has.
    """
    if event.event_type != "assessment":
        return _says_yes(event.data, lambda name: SELF_HARM.fullmatch(name) is not None)
    if event.data.get("safety_items"):
        return True  # The server scored it, and says so.
    said = (event.event_subtype, reading.line(event.data.get("instrument")))
    names = {plain_name(name) for name in said}
    version = reading.line(event.data.get("instrument_version"))
    found = (safety_items.get((name, version), safety_items.get((name, None))) for name in names)
    own = [items for items in found if items is not None]
    asked = {plain_name(item) for items in own for item in items}
    is_phq9 = any(map(IS_PHQ9.search, names))
    is_another = not is_phq9 and (bool(own) or any(map(IS_ANOTHER.search, names)))
    return _says_yes(
        event.data,
        lambda name: (
            name in asked
            or SELF_HARM.fullmatch(name) is not None
            or (NINTH.fullmatch(name) is not None and not is_another)
            or (name == NINTH_PLACE and is_phq9)
        ),
    )


def _says_yes(data: Mapping[str, Any], is_asked: Callable[[str], bool]) -> bool:
    return any(is_asked(name) and _is_yes(answer) for name, answer in _answers(data))


def _answers(held: object, depth: int = DEEPEST) -> Iterator[tuple[str, object]]:
    """Whatever may be an answer, under each name that it may go by."""
    for name, value in _named(held):
        yield name, value
        if depth and INSIDE.fullmatch(name):
            for inner, answer in _answers(value, depth - 1):
                yield inner, answer
                if name.startswith("phq9"):
                    yield f"phq9{inner}", answer


def _named(held: object) -> Iterator[tuple[str, object]]:
    if isinstance(held, Mapping):
        yield from ((plain_name(str(key)), value) for key, value in held.items())
    elif isinstance(held, list | tuple):
        for place, each in enumerate(held, start=1):
            pairs = list(_named(each)) if isinstance(each, Mapping) else []
            links = {plain_name(str(link)) for key, link in pairs if LINK.fullmatch(key)}
            # What is surely another question must not be taken for the ninth by its place or id.
            for name in links & PHQ9_NAMES or {*links, f"place{place}"}:
                yield name, each
            yield from pairs


def _is_yes(answer: object) -> bool:
    if isinstance(answer, Mapping):
        return any(
            _is_yes(value)
            for key, value in answer.items()
            # A code may be the question's instead of the answer's.
            if ANSWER.fullmatch(plain_name(str(key))) and not _is_question(value)
        )
    if isinstance(answer, list | tuple):
        return any(map(_is_yes, answer))
    if isinstance(answer, str):
        answer = " ".join(answer.lower().replace("_", " ").split())
    return answer not in NO and reading.number(answer, -math.inf, 0) is None


def _is_question(value: object) -> bool:
    name = plain_name(value) if isinstance(value, str) else ""
    return name in PHQ9_NAMES or SELF_HARM.fullmatch(name) is not None


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
