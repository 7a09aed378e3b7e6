"""The word index of one document: which words stand in which of its chunks, and how often.

Words are reduced to stems and kept as 64-bit hashes. The index is one run of bytes that numpy
reads where it lies; whoever stores it seals it, as it tells much about the text.
"""

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import snowballstemmer
from numpy.typing import NDArray

NAME: Final = "stems"
VERSION: Final = "1"

_STOP_WORDS: Final = """
    a about above after again against all am an and any are as at be because been before being
    below between both but by can could did do does doing down during each few for from further
    had has have having he her here hers herself him himself his how i if in into is it its
    itself just me more most my myself no nor not now of off on once only or other our ours
    ourselves out over own same she should so some such than that the their theirs them
    themselves then there these they this those through to too under until up very was we were
    what when where which while who whom why will with would you your yours yourself yourselves
    don't doesn't didn't isn't aren't wasn't weren't can't couldn't won't wouldn't i'm it's
    what's that's
"""
STOP_WORDS: Final = frozenset(_STOP_WORDS.split())

# Numbers with their separators, else letters and digits with what may stand within a word:
# apostrophes, combining accents, soft hyphens.
_WORD: Final = re.compile(
    "\\d+(?:[.,]\\d+)*(?![^\\W_])|[^\\W_](?:[^\\W_]|[\u0300-\u036f\u00ad]|['\u2019](?=[^\\W_]))*"
)
_LONGEST_WORD: Final = 64
_COMBINING: Final = re.compile("[\u0300-\u036f\u00ad]")

_MAGIC: Final = b"NLX1"
_HEADER: Final = 16
_MOST: Final = 255


class Words:
    """Turns written words into stems, and remembers them. Not for two threads at once."""

    def __init__(self, wanted: Iterable[str] = ()) -> None:
        """Pass over words that can't have one of the `wanted` stems, if any are given."""
        self._stem = snowballstemmer.stemmer("english").stemWord
        self._known: dict[str, str] = {}
        self._beginnings = tuple({_beginning(stem) for stem in wanted})

    def stems(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Find the words that count, each with its place in the text, in code points."""
        known = self._known
        for found in _WORD.finditer(text):
            word = found.group()
            stem = known.get(word)
            if stem is None:
                stem = known[word] = self._reduced(word)
            if stem:
                yield found.start(), found.end(), stem

    def _reduced(self, word: str) -> str:
        if word[0].isdigit():
            word = word.replace(",", "")
        bare = (word.lower() if word.isascii() else _bare(word))[:_LONGEST_WORD]
        if self._beginnings and not _beginning(bare).startswith(self._beginnings):
            return ""
        if bare in STOP_WORDS:
            return ""
        stem: str = self._stem(bare)
        return stem


def _bare(word: str) -> str:
    """Take accents away, so that a word is found however it is typed: "Ärztin" as "arztin"."""
    bare = _COMBINING.sub("", unicodedata.normalize("NFKD", word)).casefold()
    return bare.replace("\u2019", "'")


def _beginning(word: str) -> str:
    """Tell what a word has in common with its stem, also "dying" with "die"."""
    return word[:2].replace("y", "i")


def terms(query: str) -> list[str]:
    """Tell the stems of a query, each once, in order."""
    return list(dict.fromkeys(stem for _, _, stem in Words().stems(query)))


def hash_of(stem: str) -> int:
    return int.from_bytes(blake2b(stem.encode(), digest_size=8).digest(), "little")


def build(texts: Sequence[str]) -> bytes:
    """Index the chunks of one document, in the order of their ordinals.

    The bytes: magic, count of chunks, of terms and of postings; then the sorted hashes of terms,
    where each one's postings begin, the length of each chunk in words, and the postings: ordinals,
    then how often (at most 255).
    """
    words = Words()
    ordinals: dict[str, array[int]] = {}
    counts: dict[str, bytearray] = {}
    lengths = np.zeros(len(texts), "<u4")
    for ordinal, text in enumerate(texts):
        found = Counter(stem for _, _, stem in words.stems(text))
        lengths[ordinal] = found.total()
        for stem, count in found.items():
            ordinals.setdefault(stem, array("I")).append(ordinal)
            counts.setdefault(stem, bytearray()).append(min(count, _MOST))
    ranked = sorted((hash_of(stem), stem) for stem in ordinals)
    begins = np.zeros(len(ranked) + 1, "<u4")
    np.cumsum([len(counts[stem]) for _, stem in ranked], out=begins[1:])
    postings = array("I")
    for _, stem in ranked:
        postings.extend(ordinals[stem])
    header = np.array([len(texts), len(ranked), len(postings)], "<u4").tobytes()
    return b"".join(
        (
            _MAGIC + header,
            np.array([number for number, _ in ranked], "<u8").tobytes(),
            begins.tobytes(),
            lengths.tobytes(),
            np.asarray(postings, _ordinal_type(len(texts))).tobytes(),
            *(counts[stem] for _, stem in ranked),
        )
    )


@dataclass(frozen=True, slots=True)
class Index:
    """One document's index; its arrays are views of the stored bytes."""

    hashes: NDArray[np.uint64]
    begins: NDArray[np.uint32]
    lengths: NDArray[np.uint32]
    ordinals: NDArray[Any]
    counts: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.lengths)

    def find(self, wanted: NDArray[np.uint64]) -> list[tuple[int, int, int]]:
        """Tell which of the hashes are here: its place in `wanted`, and its postings from, to."""
        if not len(self.hashes):
            return []
        places = np.searchsorted(self.hashes, wanted)
        places[places == len(self.hashes)] = 0
        here = np.flatnonzero(self.hashes[places] == wanted)
        return [(int(i), *self.begins[places[i] : places[i] + 2].tolist()) for i in here]


def load(index: bytes) -> Index:
    """Read what `build` made, without copying. ValueError: these are other bytes."""
    if index[: len(_MAGIC)] != _MAGIC or len(index) < _HEADER:
        raise ValueError("These bytes are no word index.")
    chunks, hashes, postings = np.frombuffer(index, "<u4", 3, len(_MAGIC)).tolist()
    arrays: list[NDArray[Any]] = []
    offset = _HEADER
    for kind, count in (
        ("<u8", hashes),
        ("<u4", hashes + 1),
        ("<u4", chunks),
        (_ordinal_type(chunks), postings),
        ("u1", postings),
    ):
        arrays.append(np.frombuffer(index, kind, count, offset))
        offset += arrays[-1].nbytes
    return Index(*arrays)


def _ordinal_type(chunks: int) -> str:
    return "<u2" if chunks <= 1 << 16 else "<u4"
