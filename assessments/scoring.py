"""Scores answers. Pure: values in, values out."""

from collections.abc import Iterable, Mapping
from typing import Any

from assessments.instruments import aliases
from assessments.types import Instrument, Item, Score
from core.errors import LONGEST_FAULT, MOST_FAULTS, FieldError, InvalidInput


def score(instrument: Instrument, answers: Mapping[str, Any]) -> Score:
    """Score answers, which are coded weights by any name of their item.

    What is missing is never made up: then there is no total and no band. A safety item counts
    whatever else was answered.
    """
    given = read_answers(instrument, answers)
    missing = tuple(item.link_id for item in instrument.scored if given.get(item.link_id) is None)
    if all(given.get(name) is None for name in _telling(instrument)):
        raise InvalidInput.at("/answers", "answers: at least one question must be answered.")
    total = _sum(given, (item.link_id for item in instrument.scored))
    return Score(
        answers={item.link_id: given.get(item.link_id) for item in instrument.items},
        total=total,
        sub_scores={sub.name: _sum(given, sub.items) for sub in instrument.sub_scores},
        band=instrument.band(total),
        missing=missing,
        flagged=flagged(instrument, given),
    )


def _telling(instrument: Instrument) -> set[str]:
    """Name the items of which one must be answered."""
    return {item.link_id for item in instrument.scored} | instrument.safety_items


def read_answers(instrument: Instrument, answers: Mapping[str, Any]) -> dict[str, int | None]:
    """Read answers by link id; raise InvalidInput naming each one that cannot be scored."""
    items = {item.link_id: item for item in instrument.items}
    known = aliases(instrument)
    given: dict[str, int | None] = {}
    faults: list[FieldError] = []
    for name, value in answers.items():
        fault = None
        link_id = known.get(name)
        if link_id is None:
            fault = f"is no question of {instrument.title}; known are {', '.join(items)}."
        elif link_id in given:
            fault = f"answers the question {link_id}, which is answered under another name, too."
        else:
            given[link_id] = None
            if value is not None:
                given[link_id] = weight = _weight(items[link_id], value)
                fault = None if weight is not None else _allowed(items[link_id])
        if fault:
            faults.append(fault_of(name, fault))
    if faults:
        raise InvalidInput(faults[0].detail, faults[:MOST_FAULTS])
    return given


def flagged(instrument: Instrument, given: Mapping[str, int | None]) -> tuple[str, ...]:
    """Name the safety items that were answered with more than "not at all"."""
    return tuple(
        item.link_id
        for item in instrument.items
        if item.link_id in instrument.safety_items and (given.get(item.link_id) or 0) >= 1
    )


def _sum(given: Mapping[str, int | None], items: Iterable[str]) -> int | None:
    weights = [given.get(link_id) for link_id in items]
    known = [weight for weight in weights if weight is not None]
    return sum(known) if len(known) == len(weights) else None


def _weight(item: Item, value: object) -> int | None:
    """Read a coded weight. To Python, true is 1; to us it is no answer."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and value in item.values else None


def _allowed(item: Item) -> str:
    *most, last = map(str, item.values)
    return f"must be {', '.join(most)} or {last}, as a number, or null for no answer."


def fault_of(name: str, fault: str) -> FieldError:
    shown = name[:LONGEST_FAULT]
    pointer = shown.replace("~", "~0").replace("/", "~1")
    return FieldError(f"answers/{shown}: {fault}", pointer=f"/answers/{pointer}")
