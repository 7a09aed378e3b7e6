"""The figures of analytics once more, the plain way, from what the timeline answers."""

import datetime as dt
import math
from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

from health.types import MOOD_SCORES

Events = list[dict[str, Any]]
MEASURES = {
    "mood": ("mood", "mood"),
    "confidence": ("mood", "confidence"),
    "anxiety": ("mood", "anxiety_level"),
    "severity": ("symptom", "severity"),
    "sleep_hours": ("sleep", "hours"),
    "sleep_quality": ("sleep", "quality"),
}


def rounded(value: Any, places: int = 1) -> float | None:
    if value is None:
        return None
    exact = Fraction(value)
    # Far beyond the last place that matters, so that a tie stays a tie.
    wide = Decimal(exact.numerator * 10**60 // exact.denominator) / 10**60
    return float(wide.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def values_of(events: Events, measure: str) -> list[Fraction]:
    kind, key = MEASURES[measure]
    found = [event["event_data"].get(key) for event in events if event["event_type"] == kind]
    if measure == "mood":
        return [score for mood in found if mood and (score := mood_score(mood)) is not None]
    return [Fraction(str(value)) for value in found if value is not None]


def mood_score(mood: str) -> Fraction | None:
    known = {word.strip().lower() for word in mood.split(",")} & set(MOOD_SCORES)
    return Fraction(sum(MOOD_SCORES[word] for word in known), len(known)) if known else None


def mean(values: list[Fraction]) -> Fraction | None:
    return sum(values, Fraction()) / len(values) if values else None


def doses(events: Events, *wanted: str) -> int:
    words = {"yes": "taken", "no": "missed", "partial": "partial"}
    found = 0
    for event in events:
        data = event["event_data"]
        if event["event_type"] == "medication":
            said = data["status"] if "status" in data else words.get(data.get("reported"))
            found += said in wanted
    return found


def total(events: Events, kind: str, key: str) -> Fraction:
    return sum(
        (
            Fraction(str(event["event_data"].get(key) or 0))
            for event in events
            if event["event_type"] == kind
        ),
        Fraction(),
    )


def figures(events: Events) -> dict[str, Any]:
    """Every figure that is one number or word, as the answer shows it."""
    found: dict[str, Any] = {
        "event_count": len(events),
        "days_with_data": len(dates(events)),
        "checkin_days": len(dates([event for event in events if event["source"] == "checkin"])),
        "medications_taken": doses(events, "taken"),
        "medications_missed": doses(events, "missed"),
        "medications_skipped": doses(events, "skipped"),
        "medications_partial": doses(events, "partial"),
        "missed_doses": rounded(total(events, "medication", "missed_doses")),
        "exercise_minutes": rounded(total(events, "exercise", "minutes")),
        "symptoms_reported": sum(
            len(event["event_data"].get("symptoms") or [])
            for event in events
            if event["event_type"] == "symptom"
        ),
        "assessment_entries": len(assessments(events)),
    }
    told = doses(events, "taken", "missed")
    rate = Fraction(100 * found["medications_taken"], told) if told else None
    found["reported_adherence"] = rounded(rate)
    for name in MEASURES:
        found[f"{name}_mean"] = rounded(mean(values_of(events, name)))
    for name in ("confidence", "anxiety", "severity"):
        values = [float(value) for value in values_of(events, name)]
        found[f"{name}_min"] = min(values, default=None)
        found[f"{name}_max"] = max(values, default=None)
        if name != "severity":
            found[f"{name}_last"] = values[-1] if values else None
    return found


def dates(events: Events) -> set[str]:
    return {event["local_date"] for event in events}


def by_day(events: Events) -> dict[str, Events]:
    found: dict[str, Events] = defaultdict(list)
    for event in events:
        found[event["local_date"]].append(event)
    return found


def assessments(events: Events) -> Events:
    return [event for event in events if event["event_type"] == "assessment"]


def scores(events: Events) -> list[dict[str, Any]]:
    return [
        {
            "instrument": event["event_subtype"].lower().replace("-", ""),
            "score": event["event_data"].get("total_score"),
        }
        for event in assessments(events)
    ]


def frequencies(events: Events, key: str, *kinds: str) -> dict[str, tuple[int, int]]:
    """How many events say a word, and on how many days, by the word in lower case."""
    said: Counter[str] = Counter()
    days: dict[str, set[str]] = defaultdict(set)
    for event in events:
        if not kinds or event["event_type"] in kinds:
            value = event["event_data"].get(key) or []
            texts = value.split(",") if isinstance(value, str) else value
            for word in {" ".join(text.split()).lower() for text in texts} - {""}:
                said[word] += 1
                days[word].add(event["local_date"])
    return {word: (count, len(days[word])) for word, count in said.items()}


def series(events: Events, measure: str) -> dict[dt.date, Fraction]:
    found = {
        dt.date.fromisoformat(day): mean(values_of(of_day, measure))
        for day, of_day in sorted(by_day(events).items())
    }
    return {day: value for day, value in found.items() if value is not None}


def theil_sen(points: dict[dt.date, Fraction]) -> Fraction:
    """The median slope in a week."""
    slopes = sorted(
        (later - earlier) / (day - before).days
        for (before, earlier), (day, later) in combinations(points.items(), 2)
    )
    middle = len(slopes) // 2
    if len(slopes) % 2:
        return 7 * slopes[middle]
    return 7 * (slopes[middle - 1] + slopes[middle]) / 2


def mann_kendall(points: dict[dt.date, Fraction]) -> float:
    """How many standard deviations the score is from 0."""
    values = list(points.values())
    score = sum((b > a) - (b < a) for a, b in combinations(values, 2))
    n = len(values)
    ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(values).values())
    variance = Fraction(n * (n - 1) * (2 * n + 5) - ties, 18)
    return (abs(score) - 1) / math.sqrt(variance) if score else 0.0


def resemblance(points: dict[dt.date, Fraction]) -> float:
    """How much a day has of the one before, beside the slope; 0 where it has the opposite."""
    slope = theil_sen(points) / 7
    left = [value - slope * day.toordinal() for day, value in points.items()]
    middle = sum(left) / len(left)
    apart = [each - middle for each in left]
    whole = sum(each**2 for each in apart)
    shared = sum(a * b for a, b in pairwise(apart))
    return float(max(shared / whole, Fraction())) if whole else 0.0


def spearman(first: list[Fraction], second: list[Fraction]) -> float:
    def rank(values: list[Fraction]) -> list[Fraction]:
        return [
            sum(other < value for other in values)
            + Fraction(sum(other == value for other in values) + 1, 2)
            for value in values
        ]

    a, b = rank(first), rank(second)
    middle = Fraction(len(a) + 1, 2)
    above = sum(((x - middle) * (y - middle) for x, y in zip(a, b, strict=True)), Fraction())
    spread = math.sqrt(sum((x - middle) ** 2 for x in a) * sum((y - middle) ** 2 for y in b))
    return float(above) / spread
