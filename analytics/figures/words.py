"""What people wrote, counted: moods, symptoms, triggers, questionnaires."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from analytics.figures.days import Day, Period, cleaned, mood_words
from analytics.types import DatedScore, InstrumentOut, MoodOut, ScoreOut, WordOut
from assessments.instruments import BUILT_IN
from health.types import MOOD_SCORES

MOST_WORDS: Final = 50
MOST_OF_EVENT: Final = 1000
# A word is any text that a client sent.
LONGEST_WORD: Final = 200


@dataclass
class Word:
    spellings: Counter[str] = field(default_factory=Counter)
    dates: set[dt.date] = field(default_factory=set)

    @property
    def count(self) -> int:
        return self.spellings.total()


@dataclass(frozen=True)
class Words:
    """Words by their key, the most frequent first."""

    words: Sequence[tuple[str, Word]]

    @property
    def others(self) -> int:
        return max(0, len(self.words) - MOST_WORDS)

    def shown(self) -> list[WordOut]:
        return [WordOut(*_shown(word)) for _, word in self.words[:MOST_WORDS]]


def _shown(word: Word) -> tuple[str, int, int]:
    return word.spellings.most_common(1)[0][0], word.count, len(word.dates)


def words_of(texts: Sequence[Any]) -> list[str]:
    """The texts of one event, each once, whatever its case; of a flood of them the first ones."""
    told = texts[:MOST_OF_EVENT]
    words = (cleaned(text[:LONGEST_WORD]) for text in told if isinstance(text, str))
    return list({word.casefold(): word for word in words if word}.values())


def symptoms(period: Period) -> Words:
    return _count(
        (day.date, word)
        for day in period.days
        for texts in day.row.symptoms or ()
        for word in words_of(texts)
    )


def triggers(period: Period) -> Words:
    return _count(
        (day.date, word)
        for day in period.days
        for texts in day.row.triggers or ()
        for word in words_of(texts)
    )


def moods(period: Period) -> Words:
    return _count(
        (day.date, word)
        for day in period.days
        for mood in day.row.moods or ()
        for word in words_of(mood_words(mood))
    )


def _count(said: Iterable[tuple[dt.date, str]]) -> Words:
    found: dict[str, Word] = defaultdict(Word)
    for date, text in said:
        word = found[text.casefold()]
        word.spellings[text] += 1
        word.dates.add(date)
    return Words(sorted(found.items(), key=lambda item: (-item[1].count, item[0])))


def frequencies(found: Words) -> dict[str, Any]:
    return {"words": found.shown(), "others": found.others}


def mood_distribution(period: Period) -> dict[str, Any]:
    found = moods(period)
    known = sum(word.count for key, word in found.words if key in MOOD_SCORES)
    return {
        "known": known,
        "unknown": sum(word.count for _, word in found.words) - known,
        "words": shown_moods(found),
        "others": found.others,
    }


def shown_moods(found: Words) -> list[MoodOut]:
    return [
        MoodOut(*_shown(word), score=MOOD_SCORES.get(key)) for key, word in found.words[:MOST_WORDS]
    ]


def instrument_name(subtype: str | None) -> str:
    """One name for phq4, PHQ-4 and "PHQ 4"; of a clinic's own, a gap in the name tells."""
    folded = (subtype or "").casefold()
    plain = "".join(letter for letter in folded if letter.isalnum())
    own = "".join(letter if letter.isalnum() else "_" for letter in folded)
    return (plain if plain in BUILT_IN else own)[:LONGEST_WORD] or "unnamed"


def score_of(value: object) -> Decimal | None:
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return Decimal(str(value)) if is_number else None


def instruments(period: Period) -> list[InstrumentOut]:
    found: dict[str, list[tuple[dt.date, Decimal | None]]] = defaultdict(list)
    for date, name, score in _answered(period.days):
        found[name].append((date, score))
    return [_instrument(name, answers) for name, answers in sorted(found.items())]


def _answered(days: Iterable[Day]) -> Iterator[tuple[dt.date, str, Decimal | None]]:
    for day in days:
        for subtype, score in day.row.assessments or ():
            yield day.date, instrument_name(subtype), score_of(score)


def _instrument(name: str, answers: Sequence[tuple[dt.date, Decimal | None]]) -> InstrumentOut:
    scored = [(date, score) for date, score in answers if score is not None]
    if not scored:
        return InstrumentOut(name, len(answers), None, None, None)
    first, last = scored[0], scored[-1]
    change = float(last[1] - first[1]) if len(scored) > 1 else None
    return InstrumentOut(
        name,
        len(answers),
        DatedScore(first[0], float(first[1])),
        DatedScore(last[0], float(last[1])),
        change,
    )


def scores(period: Period) -> list[ScoreOut] | None:
    found = [
        ScoreOut(name, None if score is None else float(score))
        for _, name, score in _answered(period.days)
    ]
    return found or None
