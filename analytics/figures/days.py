"""A person's days, their measures, and how a day follows from its events.

fold() says in Python what fold_events_v*.sql says: with it, figures are computed a second time
from the very events that an explanation shows.
"""

import datetime as dt
import json
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from typing import Any, Final, Literal

from analytics.figures.numbers import Exact, exact
from analytics.types import DayRow, Event
from health.types import MOOD_SCORES

CHECKIN: Final = "checkin"
REPORTED: Final = {"yes": "taken", "no": "missed", "partial": "partial"}
NO_TALLY: Final = (0, 0)
ALL_ENDS: Final = ("min", "max", "last")

# Of a flood of words in one answer, the first ones count.
MOST_WORDS: Final = 100

# A sum, and of how many values.
Tally = tuple[Exact, int]


def mood_words(mood: str) -> list[str]:
    """The words of an answer: old clients send several with commas. Each counts once."""
    words = map(cleaned, mood.split(",", MOST_WORDS)[:MOST_WORDS])
    return list({word.casefold(): word for word in words if word}.values())


def cleaned(text: str) -> str:
    """One spelling of what looks the same: single spaces, and accents as keyboards compose them."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def mood_score(mood: str) -> Exact | None:
    """The mean of an answer's words that have a number; None if none has."""
    known = [
        MOOD_SCORES[word] for word in map(str.casefold, mood_words(mood)) if word in MOOD_SCORES
    ]
    if not known:
        return None
    return known[0] if len(known) == 1 else Fraction(sum(known), len(known))


@dataclass(frozen=True)
class Measure:
    """Something that has a value on a day: how a day adds it up, and what one event says of it.

    `phrases` name more and less of it; `better` is the way that is good for the person.
    """

    name: str
    event_type: str
    noun: str
    phrases: tuple[str, str]
    better: Literal[1, -1] | None
    tally: Callable[[DayRow], Tally]
    read: Callable[[Event], Exact | None]

    def of(self, event: Event) -> Exact | None:
        return self.read(event) if event.event_type == self.event_type else None


def _number(key: str) -> Callable[[Event], Exact | None]:
    return lambda event: number(event.data.get(key))


def number(value: object) -> Exact | None:
    if isinstance(value, Decimal):
        return exact(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _sum_of(name: str) -> Callable[[DayRow], Tally]:
    def tally(row: DayRow) -> Tally:
        total: Decimal | None = getattr(row, f"{name}_sum")
        return NO_TALLY if total is None else (exact(total), getattr(row, f"{name}_count"))

    return tally


def _mood_tally(row: DayRow) -> Tally:
    scores = [score for mood in row.moods or () if (score := mood_score(mood)) is not None]
    return sum(scores), len(scores)


def _read_mood(event: Event) -> Exact | None:
    mood = mood_of(event)
    return None if mood is None else mood_score(mood)


MEASURES: Final = {
    measure.name: measure
    for measure in (
        Measure(
            "mood", "mood", "mood", ("a better mood", "a worse mood"), 1, _mood_tally, _read_mood
        ),
        Measure(
            "confidence",
            "mood",
            "confidence",
            ("more confidence", "less confidence"),
            1,
            _sum_of("confidence"),
            _number("confidence"),
        ),
        Measure(
            "anxiety",
            "mood",
            "anxiety",
            ("more anxiety", "less anxiety"),
            -1,
            _sum_of("anxiety"),
            _number("anxiety_level"),
        ),
        Measure(
            "severity",
            "symptom",
            "the severity of symptoms",
            ("more severe symptoms", "less severe symptoms"),
            -1,
            _sum_of("severity"),
            _number("severity"),
        ),
        Measure(
            "sleep_hours",
            "sleep",
            "the hours of sleep",
            ("more sleep", "less sleep"),
            None,
            _sum_of("sleep_hours"),
            _number("hours"),
        ),
        Measure(
            "sleep_quality",
            "sleep",
            "the quality of sleep",
            ("better sleep", "worse sleep"),
            1,
            _sum_of("sleep_quality"),
            _number("quality"),
        ),
    )
}


@dataclass(frozen=True)
class Day:
    row: DayRow
    tallies: Mapping[str, Tally]

    @property
    def date(self) -> dt.date:
        return self.row.local_date


def read_day(row: DayRow) -> Day:
    return Day(row, {name: measure.tally(row) for name, measure in MEASURES.items()})


@dataclass(frozen=True)
class Period:
    """Days that have data, of a stretch of local days, both ends included.

    `before` is the stretch of equal length just before it, where it is looked at; `known` keeps
    what was added up already.
    """

    first: dt.date
    last: dt.date
    days: Sequence[Day]
    before: "Period | None" = None
    known: dict[str, Exact | None] = field(default_factory=dict)

    @property
    def length(self) -> int:
        return (self.last - self.first).days + 1

    @cached_property
    def tallies(self) -> Mapping[str, Tally]:
        """Each measure added up over all days."""
        if len(self.days) == 1:
            return self.days[0].tallies
        return {
            name: (
                sum(day.tallies[name][0] for day in self.days),
                sum(day.tallies[name][1] for day in self.days),
            )
            for name in MEASURES
        }

    @cached_property
    def series(self) -> Mapping[str, Mapping[dt.date, float]]:
        """Each measure's mean of every day that has one, oldest first."""
        return {
            name: {
                day.date: float(total / count)
                for day in self.days
                for total, count in (day.tallies[name],)
                if count
            }
            for name in MEASURES
        }


def one_day(day: Day) -> Period:
    return Period(day.date, day.date, [day])


# From events


def mood_of(event: Event) -> str | None:
    return _text(event.data.get("mood")) if event.event_type == "mood" else None


def dose_of(event: Event) -> str | None:
    """What a medication event says; the daily form reports in its own words."""
    if event.event_type != "medication":
        return None
    if "status" in event.data:
        return _text(event.data["status"])
    reported = event.data.get("reported")
    return REPORTED.get(reported) if isinstance(reported, str) else None


def texts_of(event: Event, key: str) -> list[Any] | None:
    value = event.data.get(key)
    return value if isinstance(value, list) else None


def symptoms_of(event: Event) -> list[Any] | None:
    return texts_of(event, "symptoms") if event.event_type == "symptom" else None


def _text(value: object) -> str | None:
    """As Postgres' ->> does, for what old databases may have in place of a text."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=float)


def numbers_of(events: Iterable[Event], event_type: str, key: str) -> list[Decimal]:
    values = (event.data.get(key) for event in events if event.event_type == event_type)
    return [
        Decimal(value)
        for value in values
        if isinstance(value, int | Decimal) and not isinstance(value, bool)
    ]


def in_order(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda event: (event.occurred_at, event.version_id))


def fold(events: Iterable[Event]) -> list[Day]:
    """Give the days that these events make, oldest first."""
    days: dict[dt.date, list[Event]] = defaultdict(list)
    for event in in_order(events):
        days[event.local_date].append(event)
    return [read_day(_row(date, found)) for date, found in sorted(days.items())]


def _row(date: dt.date, events: Sequence[Event]) -> DayRow:
    moods = [mood for event in events if (mood := mood_of(event)) is not None]
    doses = [dose_of(event) for event in events]
    symptoms = [found for event in events if (found := symptoms_of(event)) is not None]
    triggers = [found for event in events if (found := texts_of(event, "triggers")) is not None]
    answered = [event for event in events if event.event_type == "assessment"]
    return DayRow(
        local_date=date,
        event_count=len(events),
        has_checkin=any(event.source == CHECKIN for event in events),
        latest_mood=moods[-1] if moods else None,
        moods=moods or None,
        medications_taken=doses.count("taken"),
        medications_missed=doses.count("missed"),
        medications_skipped=doses.count("skipped"),
        medications_partial=doses.count("partial"),
        missed_doses=_total(numbers_of(events, "medication", "missed_doses")),
        symptoms_reported=sum(map(len, symptoms)),
        symptoms=symptoms or None,
        triggers=triggers or None,
        assessment_entries=len(answered),
        assessments=[(event.event_subtype, event.data.get("total_score")) for event in answered]
        or None,
        exercise_minutes=_total(numbers_of(events, "exercise", "minutes")),
        last_updated=max(event.recorded_at for event in events),
        **_values("confidence", numbers_of(events, "mood", "confidence"), *ALL_ENDS),
        **_values("anxiety", numbers_of(events, "mood", "anxiety_level"), *ALL_ENDS),
        **_values("severity", numbers_of(events, "symptom", "severity"), "min", "max"),
        **_values("sleep_hours", numbers_of(events, "sleep", "hours")),
        **_values("sleep_quality", numbers_of(events, "sleep", "quality")),
    )


def _total(values: Iterable[Decimal]) -> Decimal:
    with localcontext(prec=1000):
        return sum(values, Decimal())


def _values(name: str, values: Sequence[Decimal], *kept: str) -> dict[str, Any]:
    """What a day keeps of a measure: how many values, their sum, and some of their ends."""
    if not values:
        return {}
    ends = {"min": min(values), "max": max(values), "last": values[-1]}
    kept_ends = {f"{name}_{end}": ends[end] for end in kept}
    return {f"{name}_count": len(values), f"{name}_sum": _total(values), **kept_ends}
