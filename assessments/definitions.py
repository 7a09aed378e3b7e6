"""Reads a clinic's own questionnaire from its JSON, and says where it is wrong."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from typing import Annotated, Any, Final

import msgspec

from assessments.instruments import BUILT_IN, plain_name
from assessments.types import Band, Instrument, Item, Option, Severity, SubScore
from core.errors import MOST_FAULTS, FieldError, InvalidInput, invalid

NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,39}")
# Names that are something else in the API's paths.
TAKEN: Final = frozenset({"due"})

# What the reader of JSON says of a value of another kind, and how people call these.
EXPECTED: Final = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
KINDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}

Word = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Key = Annotated[str, msgspec.Meta(pattern=f"^{NAME.pattern}$")]
Weight = Annotated[int, msgspec.Meta(ge=0, le=1000)]

# Keys of the event's data that are no answers to a clinic's own questions.
KEPT: Final = frozenset(
    {
        *("total_score", "sub_scores", "severity", "is_complete", "missing", "safety_items"),
        *("instrument", "instrument_version", "started_at", "loinc"),
        *(sub.name for instrument in BUILT_IN.values() for sub in instrument.sub_scores),
        *(item.link_id for instrument in BUILT_IN.values() for item in instrument.items),
    }
)


class _Doubled(Exception):
    pass


def doubled(text: str | bytes) -> str | None:
    """Name a key that stands twice in one object of this JSON, of which readers keep the last.

    None as well where it cannot be read at all.
    """
    try:
        json.loads(text, object_pairs_hook=_refuse_doubled)
    except _Doubled as found:
        return str(found)
    except (ValueError, RecursionError):
        return None
    return None


def _refuse_doubled(pairs: list[tuple[str, Any]]) -> None:
    counted = Counter(name for name, _ in pairs)
    if len(counted) < len(pairs):
        raise _Doubled(counted.most_common(1)[0][0])


class OptionIn(msgspec.Struct, forbid_unknown_fields=True):
    value: Weight
    text: Word
    loinc: Word | None = None


class QuestionIn(msgspec.Struct, forbid_unknown_fields=True):
    """Without `options` of its own it has those of the whole questionnaire."""

    id: Key
    text: Word
    options: list[OptionIn] | None = None
    loinc: Word | None = None
    is_scored: bool = True


class SubScoreIn(msgspec.Struct, forbid_unknown_fields=True):
    name: Key
    title: Word
    questions: Annotated[list[str], msgspec.Meta(min_length=1)]


class BandIn(msgspec.Struct, forbid_unknown_fields=True):
    low: int
    high: int
    severity: Severity
    text: Word


class ContentIn(msgspec.Struct, forbid_unknown_fields=True):
    questions: Annotated[list[QuestionIn], msgspec.Meta(min_length=1, max_length=100)]
    options: list[OptionIn] = []
    bands: list[BandIn] = []
    sub_scores: list[SubScoreIn] = []
    safety: list[str] = []
    intro: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    credit: Word | None = None


def check_name(name: str) -> None:
    """Raise InvalidInput where a clinic's questionnaire cannot have this name."""
    if not NAME.fullmatch(name):
        detail = (
            "name: must be 2 to 40 small letters, digits and underscores, beginning with a letter,"
            " such as sleep_quality."
        )
        raise InvalidInput.at("/name", detail)
    if plain_name(name) in BUILT_IN or name in TAKEN:
        raise InvalidInput.at("/name", f"name: {name} is a name of the house. Choose another one.")


def read(*, name: str, version: int, title: str, content: Any) -> Instrument:
    """Make a questionnaire of its JSON; raise InvalidInput naming the path of each fault."""
    try:
        sent = msgspec.convert(content, ContentIn)
    except msgspec.ValidationError as error:
        raise _located(error) from error
    faults = list(_faults(sent))
    if faults:
        raise InvalidInput(faults[0].detail, faults[:MOST_FAULTS])
    shared = tuple(map(_option, sent.options))
    return Instrument(
        name=name,
        version=str(version),
        title=title,
        intro=sent.intro,
        items=tuple(
            Item(
                question.id,
                question.text,
                tuple(map(_option, question.options)) if question.options else shared,
                question.loinc,
                question.is_scored,
            )
            for question in sent.questions
        ),
        bands=tuple(Band(b.low, b.high, b.severity, b.text) for b in sent.bands),
        sub_scores=tuple(SubScore(s.name, s.title, tuple(s.questions)) for s in sent.sub_scores),
        safety_items=frozenset(sent.safety),
        credit=sent.credit,
    )


def _option(sent: OptionIn) -> Option:
    return Option(sent.value, sent.text, sent.loinc)


def _located(error: msgspec.ValidationError) -> InvalidInput:
    known = invalid(error).errors[0]
    pointer = known.pointer or ""
    detail = EXPECTED.sub(_in_words, known.detail)
    return InvalidInput.at(pointer, f"{_path(pointer)}: {detail}")


def _in_words(match: re.Match[str]) -> str:
    wanted = " or ".join(KINDS.get(kind, kind) for kind in match[1].split(" | "))
    return f"must be {wanted}, not {KINDS.get(match[2], match[2])}"


def _path(pointer: str) -> str:
    """Say a JSON pointer as people write it: questions[0].options[2].value."""
    steps = pointer.strip("/").split("/")
    said = "".join(f"[{step}]" if step.isdecimal() else f".{step}" for step in steps)
    return said.strip(".") or "content"


def _faults(sent: ContentIn) -> Iterator[FieldError]:
    found = chain(_of_questions(sent), _of_sub_scores(sent), _of_safety(sent))
    faults = list(found)
    yield from faults
    if not faults:
        yield from _of_bands(sent)


def _of_questions(sent: ContentIn) -> Iterator[FieldError]:
    for index in _repeated(question.id for question in sent.questions):
        yield _at(f"/questions/{index}/id", "another question has this id.")
    for index, question in enumerate(sent.questions):
        if question.id in KEPT:
            yield _at(f"/questions/{index}/id", f"{question.id} is kept; choose another id.")
        at = f"/questions/{index}/options" if question.options else "/options"
        yield from _of_options(question.options or sent.options, at)
    if not any(question.is_scored for question in sent.questions):
        yield _at("/questions", "at least one question must be scored.")


def _of_options(options: list[OptionIn], at: str) -> Iterator[FieldError]:
    if len(options) < 2:  # noqa: PLR2004
        yield _at(at, "a question needs at least two options, its own or those of all.")
    for index in _repeated(option.value for option in options):
        yield _at(f"{at}/{index}/value", "another option has this value.")


def _of_sub_scores(sent: ContentIn) -> Iterator[FieldError]:
    scored = {question.id for question in sent.questions if question.is_scored}
    for index in _repeated(sub.name for sub in sent.sub_scores):
        yield _at(f"/sub_scores/{index}/name", "another sub-score has this name.")
    for index, sub in enumerate(sent.sub_scores):
        for place, name in enumerate(sub.questions):
            if name not in scored:
                at = f"/sub_scores/{index}/questions/{place}"
                yield _at(at, f"{name} is no question that is scored.")
        for place in _repeated(sub.questions):
            yield _at(f"/sub_scores/{index}/questions/{place}", "stands there twice.")


def _of_safety(sent: ContentIn) -> Iterator[FieldError]:
    known = {question.id for question in sent.questions}
    for index, name in enumerate(sent.safety):
        if name not in known:
            yield _at(f"/safety/{index}", f"{name} is no question of this questionnaire.")


def _of_bands(sent: ContentIn) -> Iterator[FieldError]:
    """Every total must be in one band, or there must be no bands at all."""
    if not sent.bands:
        return
    weights = [
        max(option.value for option in question.options or sent.options)
        for question in sent.questions
        if question.is_scored
    ]
    highest = sum(weights)
    if sent.bands[0].low != 0:
        yield _at("/bands/0/low", "the first band must begin with 0.")
    for index, (band, following) in enumerate(pairwise(sent.bands), start=1):
        if following.low != band.high + 1:
            yield _at(f"/bands/{index}/low", f"must be {band.high + 1}, to follow the one before.")
    for index, band in enumerate(sent.bands):
        if band.high < band.low:
            yield _at(f"/bands/{index}/high", "must not be lower than low.")
    if sent.bands[-1].high != highest:
        at = f"/bands/{len(sent.bands) - 1}/high"
        yield _at(at, f"must be {highest}, the highest total that can be reached.")


def _repeated(values: Iterable[object]) -> Iterator[int]:
    seen: Counter[object] = Counter()
    for index, value in enumerate(values):
        if seen[value]:
            yield index
        seen[value] += 1


def _at(pointer: str, detail: str) -> FieldError:
    return FieldError(f"{_path(pointer)}: {detail}", pointer=pointer)
