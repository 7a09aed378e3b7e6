"""Finds the chunks that answer a question, among the documents of one owner.

Two orders are joined: by words (BM25) and by meaning (cosine). All statistics come from the
documents given, so what others keep has no influence. Nothing here knows a database.
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
# Reciprocal rank fusion: 1 / (60 + rank) in each order, as its authors found best.
_RANK: Final = 60
# So many of each order are joined.
_DEEP: Final = 200

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
    """One chunk. Ranks begin with 1; a part is None where the chunk is not in that order."""

    document_id: Id
    ordinal: int
    score: float
    lexical_score: float | None
    lexical_rank: int | None
    vector_score: float | None
    vector_rank: int | None


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
    ranks_of_words, ranks_of_meaning = _ranks(by_words), _ranks(by_meaning)
    scores = {
        place: sum(
            1 / (_RANK + ranks[place])
            for ranks in (ranks_of_words, ranks_of_meaning)
            if place in ranks
        )
        for place in sorted({*ranks_of_words, *ranks_of_meaning})
    }
    hits = []
    for place in sorted(scores, key=scores.__getitem__, reverse=True)[:limit]:
        document = bisect_right(begins, place) - 1
        in_words, in_meaning = place in ranks_of_words, place in ranks_of_meaning
        hits.append(
            Hit(
                document_id=documents[document].id,
                ordinal=place - begins[document],
                score=scores[place],
                lexical_score=float(by_words[place]) if in_words else None,
                lexical_rank=ranks_of_words.get(place),
                vector_score=float(by_meaning[place]) if in_meaning else None,
                vector_rank=ranks_of_meaning.get(place),
            )
        )
    return hits


def _by_words(
    stems: Sequence[str], indexes: Sequence[lexical.Index], begins: Sequence[int]
) -> NDArray[np.float32]:
    """Score every chunk by BM25; zero is a chunk without any of the words."""
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
    for postings in filter(None, found):
        places = np.concatenate([places for places, _ in postings])
        counts = np.concatenate([counts for _, counts in postings]).astype(np.float32)
        rarity = math.log1p((begins[-1] - len(places) + 0.5) / (len(places) + 0.5))
        scores[places] += rarity * counts * (_REPETITION + 1) / (counts + weights[places])
    return scores


def _by_meaning(
    query_vector: NDArray[np.float32] | None,
    documents: Sequence[Searchable[Id]],
    begins: Sequence[int],
) -> NDArray[np.float32]:
    """Score every chunk by its cosine; vectors have length 1."""
    scores = np.zeros(begins[-1], np.float32)
    if query_vector is None:
        return scores
    for document, begin in zip(documents, begins, strict=False):
        if document.vectors is not None and len(document.vectors):
            np.dot(
                document.vectors, query_vector, out=scores[begin : begin + len(document.vectors)]
            )
    return scores


def _ranks(scores: NDArray[np.float32]) -> dict[int, int]:
    """Number the best ones that say anything at all, from 1."""
    places = np.flatnonzero(scores > 0)
    if len(places) > _DEEP:
        least = np.partition(scores[places], -_DEEP)[-_DEEP]
        places = places[scores[places] >= least]
    best = places[np.argsort(-scores[places], kind="stable")][:_DEEP]
    return {int(place): rank for rank, place in enumerate(best, 1)}


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
