"""Finds the chunks that answer a question, among the documents of one owner.

Words (BM25) and meaning (cosine) are scores from 0 to 1, and their mean decides: where few of a
question's words are found, meaning decides, and ranks alone would not tell. All statistics come
from the documents given, so what others keep has no influence. Nothing here knows a database.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from documents import lexical

# Usual values: how soon a word's repetition stops to count, and how much a chunk's length does.
_REPETITION: Final = 1.2
_LENGTH: Final = 0.75

SNIPPET: Final = 280
_BEFORE: Final = 60

Id = TypeVar("Id")


@dataclass(frozen=True, slots=True)
class Searchable(Generic[Id]):
    """One document: its word index, and the vectors of its first chunks (all, or as yet fewer)."""

    id: Id
    terms: bytes
    vectors: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Hit(Generic[Id]):
    """One chunk. A part is None where it says nothing for the chunk."""

    document_id: Id
    ordinal: int
    score: float
    lexical_score: float | None
    vector_score: float | None


def rank(
    query: str,
    query_vector: NDArray[np.float32] | None,
    *,
    documents: Sequence[Searchable[Id]],
    limit: int,
) -> list[Hit[Id]]:
    """Give the best chunks first. Without a vector, words alone decide.

    Equals stay in the order of the documents given.
    """
    indexes = [lexical.load(document.terms) for document in documents]
    begins = list(accumulate(map(len, indexes), initial=0))
    by_words = _by_words(lexical.terms(query), indexes, begins)
    by_meaning = _by_meaning(query_vector, documents, begins)
    scores = by_words if query_vector is None else (by_words + by_meaning) / np.float32(2)
    hits = []
    for place in _best(scores, limit):
        document = bisect_right(begins, place) - 1
        hits.append(
            Hit(
                document_id=documents[document].id,
                ordinal=place - begins[document],
                score=float(scores[place]),
                lexical_score=float(by_words[place]) or None,
                vector_score=float(by_meaning[place]) or None,
            )
        )
    return hits


def _by_words(
    stems: Sequence[str], indexes: Sequence[lexical.Index], begins: Sequence[int]
) -> NDArray[np.float32]:
    """Score every chunk by BM25, as a share of what the words could give at most.

    Words that are nowhere count in that, too. Zero is a chunk without any of the words.
    """
    scores = np.zeros(begins[-1], np.float32)
    wanted = np.array([lexical.hash_of(stem) for stem in stems], np.uint64)
    if not begins[-1] or not len(wanted):
        return scores
    lengths = np.concatenate([index.lengths for index in indexes]).astype(np.float32)
    mean = max(float(lengths.mean()), 1.0)
    weights = _REPETITION * (1 - _LENGTH + _LENGTH * lengths / mean)
    found: list[list[tuple[NDArray[np.int64], NDArray[np.uint8]]]] = [[] for _ in stems]
    for index, begin in zip(indexes, begins, strict=False):
        for term, start, end in index.find(wanted):
            places = index.ordinals[start:end].astype(np.int64) + begin
            found[term].append((places, index.counts[start:end]))
    most = 0.0
    for postings in found:
        having = sum(len(places) for places, _ in postings)
        rarity = math.log1p((begins[-1] - having + 0.5) / (having + 0.5))
        most += rarity
        if postings:
            places = np.concatenate([places for places, _ in postings])
            counts = np.concatenate([counts for _, counts in postings]).astype(np.float32)
            scores[places] += rarity * counts / (counts + weights[places])
    return scores / np.float32(most)


def _by_meaning(
    query_vector: NDArray[np.float32] | None,
    documents: Sequence[Searchable[Id]],
    begins: Sequence[int],
) -> NDArray[np.float32]:
    """Score every chunk by its cosine, or zero if that is less; vectors have length 1."""
    scores = np.zeros(begins[-1], np.float32)
    if query_vector is None:
        return scores
    for document, begin in zip(documents, begins, strict=False):
        if document.vectors is not None and len(document.vectors):
            np.dot(
                document.vectors, query_vector, out=scores[begin : begin + len(document.vectors)]
            )
    return np.maximum(scores, 0)


def _best(scores: NDArray[np.float32], limit: int) -> list[int]:
    """Tell the places of the highest scores that say anything at all, highest first."""
    places = np.flatnonzero(scores > 0)
    if len(places) > limit:
        least = np.partition(scores[places], -limit)[-limit]
        places = places[scores[places] >= least]
    best: list[int] = places[np.argsort(-scores[places], kind="stable")][:limit].tolist()
    return best


def snippet(text: str, stems: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """Cut out where most of a query's words stand near each other, white space made single.

    The words' places are offsets into the snippet, in code points. Without any word in the text,
    it is the beginning.
    """
    words, wanted = lexical.Words(stems), set(stems)
    if not wanted:
        return _cut(text, 0), []
    found = [one for one in words.stems(text) if one[2] in wanted]
    shown = _cut(text, _best_start(found))
    return shown, [(start, end) for start, end, stem in words.stems(shown) if stem in wanted]


def _best_start(found: Sequence[tuple[int, int, str]]) -> int:
    """Find the first of the places from which a snippet holds most different words, then most."""
    best, best_start, last = (0, 0), 0, 0
    inside: dict[str, int] = {}
    for first, (start, _, stem) in enumerate(found):
        while last < len(found) and found[last][1] <= start + SNIPPET - _BEFORE:
            inside[found[last][2]] = inside.get(found[last][2], 0) + 1
            last += 1
        value = (sum(count > 0 for count in inside.values()), last - first)
        if value > best:
            best, best_start = value, start
        if stem in inside:
            inside[stem] -= 1
    return best_start


def _cut(text: str, place: int) -> str:
    start = max(place - _BEFORE, 0)
    if start:
        # Between words, if there is a gap before the place at all.
        start += max(text[start:place].find(" ") + 1, 0)
    end = start + SNIPPET
    if end < len(text) and (gap := text.rfind(" ", start + SNIPPET // 2, end)) > place:
        end = gap
    shown = " ".join(text[start:end].split())
    return f"{'… ' if start else ''}{shown}{' …' if end < len(text) else ''}"
