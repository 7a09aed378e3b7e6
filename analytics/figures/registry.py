"""Every figure by its name: its sentence, what it is over days, and what an event adds to it.

The answer of analytics and the explanation of a figure come from here. For each figure, the value
of the days that its contributing events make is the value of all days: what an explanation shows
is all that counts.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from analytics.figures import correlations, trends, words
from analytics.figures.comparisons import COMPARED, comparison
from analytics.figures.days import (
    CHECKIN,
    MEASURES,
    Measure,
    Period,
    mood_of,
    mood_words,
    symptoms_of,
    texts_of,
)
from analytics.figures.quantities import ALL_TYPES, QUANTITIES, Quantity
from analytics.types import Event

Value = Callable[[Period], Any]
Contribution = Callable[[Event], Any]


@dataclass(frozen=True)
class Figure:
    """`contribution` gives what an event adds, as a JSON value; None where it adds nothing.

    `looks_back`: the timeframe before counts as well. `on_days_of`: only days on which each of
    these measures has a value count.
    """

    name: str
    sentence: str
    value: Value
    contribution: Contribution
    event_types: tuple[str, ...] = ALL_TYPES
    looks_back: bool = False
    on_days_of: tuple[str, ...] = ()

    def behind(self, events: Sequence[Event]) -> list[tuple[Event, Any]]:
        """Give the events that count, each with what it adds."""
        found = [
            (event, added) for event in events if (added := self.contribution(event)) is not None
        ]
        if not self.on_days_of:
            return found
        said: dict[dt.date, set[str]] = defaultdict(set)
        for event, _ in found:
            said[event.local_date] |= {
                name for name in self.on_days_of if MEASURES[name].of(event) is not None
            }
        return [each for each in found if len(said[each[0].local_date]) == len(self.on_days_of)]


def _quantity(quantity: Quantity) -> Figure:
    return Figure(
        quantity.name,
        quantity.sentence,
        quantity.value,
        quantity.contribution,
        quantity.event_types,
    )


def _trend(measure: Measure) -> Figure:
    return Figure(
        f"trend_{measure.name}",
        f"Where {measure.noun} is going: the median of the slopes between all pairs of days"
        " (Theil and Sen), each day with the mean of its values. It is rising or falling where"
        " Mann and Kendall's test sees less than 5 % chance, also where each day resembles the one"
        " before; steady where the change over all days stays below one point, and unclear else."
        " It needs"
        f" {trends.FEWEST_DAYS} days with a value, over at least half of the timeframe. Beyond"
        f" {trends.MOST_DAYS} days the means of weeks stand for days, and it needs as many weeks.",
        partial(trends.trend, measure=measure),
        QUANTITIES[f"{measure.name}_mean"].contribution,
        (measure.event_type,),
    )


def _comparison(quantity: Quantity) -> Figure:
    sentence = (
        "This timeframe beside the one of equal length just before it."
        f" Compared is: {quantity.sentence}"
    )
    contribution, types = quantity.contribution, quantity.event_types
    if quantity.counts_on is None:
        contribution, types = _or_nothing(contribution), ALL_TYPES
        sentence += " Events that add 0 tell on which days something was recorded."
    if quantity.counts_on is None and quantity.better:
        sentence += (
            " It is called better or worse only where the total and its share of a day with data"
            " went the same way."
        )
    value = partial(comparison, quantity=quantity)
    name = f"comparison_{quantity.name}"
    return Figure(name, sentence, value, contribution, types, looks_back=True)


def _or_nothing(contribution: Contribution) -> Contribution:
    def added(event: Event) -> Any:
        found = contribution(event)
        return 0 if found is None else found

    return added


def _correlation(pair: tuple[str, str]) -> Figure:
    first, second = (MEASURES[name] for name in pair)

    def contribution(event: Event) -> dict[str, Any] | None:
        found = {name: QUANTITIES[f"{name}_mean"].contribution(event) for name in pair}
        return {name: value for name, value in found.items() if value is not None} or None

    return Figure(
        f"correlation_{first.name}_{second.name}",
        f"Spearman's rank correlation of {first.noun} and {second.noun} over the days that have"
        f" both, at least {correlations.FEWEST_DAYS}. Null unless it is clearly beyond chance,"
        " also where each day resembles the one before."
        " It does not tell why.",
        partial(correlations.correlation_of, pair=pair),
        contribution,
        tuple(dict.fromkeys((first.event_type, second.event_type))),
        on_days_of=pair,
    )


def _texts_in(texts: list[Any] | None) -> list[str] | None:
    return words.words_of(texts or ()) or None


def _mood_words_in(event: Event) -> list[str] | None:
    mood = mood_of(event)
    return None if mood is None else _texts_in(list(mood_words(mood)))


def _score(event: Event) -> dict[str, Any]:
    score = words.score_of(event.data.get("total_score"))
    return {
        "instrument": words.instrument_name(event.event_subtype),
        "score": None if score is None else float(score),
    }


def _latest_mood(period: Period) -> str | None:
    moods = (day.row.latest_mood for day in reversed(period.days))
    return next((mood for mood in moods if mood is not None), None)


COUNTED: Final = (
    "Counted are the words of each event once, whatever their case; shown as they were written"
    " most often."
)


def _others() -> Iterator[Figure]:
    yield Figure(
        "has_checkin",
        "Whether the daily form was sent.",
        lambda period: any(day.row.has_checkin for day in period.days),
        lambda event: True if event.source == CHECKIN else None,
    )
    yield Figure(
        "mood_latest",
        "The last mood, by the time it happened.",
        _latest_mood,
        mood_of,
        ("mood",),
    )
    yield Figure(
        "mood_distribution",
        f"How often each mood was said, and on how many days. {COUNTED}",
        words.mood_distribution,
        _mood_words_in,
        ("mood",),
    )
    yield Figure(
        "symptom_frequencies",
        f"How often each symptom was named, and on how many days. {COUNTED}",
        lambda period: words.frequencies(words.symptoms(period)),
        lambda event: _texts_in(symptoms_of(event)),
        ("symptom",),
    )
    yield Figure(
        "trigger_frequencies",
        f"How often each trigger was named, and on how many days. {COUNTED}",
        lambda period: words.frequencies(words.triggers(period)),
        lambda event: _texts_in(texts_of(event, "triggers")),
    )
    yield Figure(
        "assessment_scores",
        "The answered questionnaires in the order of time, each with its total score.",
        words.scores,
        _score,
        ("assessment",),
    )
    yield Figure(
        "assessment_changes",
        "Of each questionnaire, the first and the last total score, and the difference.",
        words.instruments,
        _score,
        ("assessment",),
    )


FIGURES: Final = {
    figure.name: figure
    for figure in (
        *map(_quantity, QUANTITIES.values()),
        *_others(),
        *map(_trend, MEASURES.values()),
        *(_comparison(QUANTITIES[name]) for name in COMPARED),
        *map(_correlation, correlations.PAIRS),
    )
}
