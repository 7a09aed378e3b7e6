"""Cuts a parsed document into pieces that are found, shown and embedded one by one.

The same text and VERSION always give the same pieces. Change what `split` makes, and VERSION.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from semantic_text_splitter import MarkdownSplitter

from documents.types import PAGE_BREAK, Chunk, Parsed

NAME: Final = "markdown"
VERSION: Final = "1"

# In code points. An embedder reads about the first two thirds of a full piece (256 tokens); the
# rest is found by its words, and by meaning where pieces overlap.
LIMIT: Final = 1_500
OVERLAP: Final = 200

# The splitter's time grows with the square of very long texts and of runs of empty lines.
_STRETCH: Final = 50_000
_MANY_EMPTY_LINES: Final = 20
_GAP: Final = re.compile(r"\n\s{3,}")
_BREAKS: Final = ("\n\n", "\n", " ")

_LONGEST_TITLE: Final = 200
_MARKS: Final = re.compile(
    r"^ {0,3}(?:"
    r"(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)"
    r"|(?P<hashes>\#{1,6})(?:[ \t]+(?P<title>[^\n]*))?$"
    r"|(?P<underlined>[^\s\#>|`~<\-+*][^\n]{,200})\n {0,3}(?P<line>={2,}|-{2,})[ \t]*$"
    r")",
    re.MULTILINE,
)


def split(parsed: Parsed) -> list[Chunk]:
    text = parsed.text
    page_starts = _page_starts(parsed)
    headings = _headings(text)
    chunks: list[Chunk] = []
    opens = False
    for start, piece in _pieces(text):
        if not any(map(str.isalnum, piece)):
            continue
        end = start + len(piece)
        path, has_body = _path_of(start, piece, headings)
        if opens and path[: len(chunks[-1].heading)] == chunks[-1].heading:
            # A heading alone, which what follows stands under and tells.
            chunks.pop()
        opens = not has_body and "\n" not in piece
        chunks.append(
            Chunk(
                ordinal=len(chunks),
                start=start,
                end=end,
                first_page=_page_of(start, parsed, page_starts),
                last_page=_page_of(end - 1, parsed, page_starts),
                heading=path,
                text=piece,
            )
        )
    return chunks


def in_context(chunk: Chunk) -> str:
    """Tell the text with what it stands under, as embedders and the word index read it."""
    path = " > ".join(chunk.heading)
    return f"{path}\n\n{chunk.text}" if path else chunk.text


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    splitter = MarkdownSplitter(LIMIT, overlap=OVERLAP)
    for start, end in _stretches(text):
        for offset, piece in splitter.chunk_indices(text[start:end]):
            yield start + offset, piece


def _stretches(text: str) -> Iterator[tuple[int, int]]:
    """Cut where nobody would read on, and after so many characters at the next good place."""
    start = 0
    for gap in _GAP.finditer(text):
        if gap.group().count("\n") >= _MANY_EMPTY_LINES:
            yield from _within(text, start, gap.start())
            start = gap.end()
    yield from _within(text, start, len(text))


def _within(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > _STRETCH:
        found = (text.rfind(mark, start + _STRETCH // 2, start + _STRETCH) for mark in _BREAKS)
        cut = next((place for place in found if place > 0), start + _STRETCH)
        yield start, cut
        start = cut
    if start < end:
        yield start, end


def _page_starts(parsed: Parsed) -> list[int]:
    lengths = (len(page.text) + len(PAGE_BREAK) for page in parsed.pages)
    return list(accumulate(lengths, initial=0))[:-1]


def _page_of(offset: int, parsed: Parsed, page_starts: Sequence[int]) -> int:
    return parsed.pages[bisect_right(page_starts, offset) - 1].number


@dataclass(frozen=True, slots=True)
class _Headings:
    """Where each heading starts and ends, and the path of headings that it opens."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    paths: list[tuple[str, ...]] = field(default_factory=list)


def _headings(text: str) -> _Headings:
    found = _Headings()
    open_ones: list[tuple[int, str]] = []
    for level, title, start, end in _titles(text):
        open_ones = [one for one in open_ones if one[0] < level]
        if title:
            open_ones.append((level, title))
        found.starts.append(start)
        found.ends.append(end)
        found.paths.append(tuple(title for _, title in open_ones))
    return found


def _path_of(start: int, piece: str, headings: _Headings) -> tuple[tuple[str, ...], bool]:
    """Tell what the piece's body stands under, and whether it has one.

    These are the headings before it, and those that it opens with.
    """
    count = bisect_left(headings.starts, start)
    body, end = start, start + len(piece)
    while count < len(headings.starts) and headings.starts[count] < end:
        if piece[body - start : headings.starts[count] - start].strip():
            break
        body = headings.ends[count]
        count += 1
    path = headings.paths[count - 1] if count else ()
    return path, body < end


def _titles(text: str) -> Iterator[tuple[int, str, int, int]]:
    """Find headings in both of Markdown's styles, but not within fenced code."""
    fence = ""
    for mark in _MARKS.finditer(text):
        if opened := mark["fence"]:
            if not fence:
                fence = opened
            elif opened.startswith(fence) and not mark["info"].strip():
                fence = ""
        elif not fence:
            level = len(mark["hashes"] or "") or (1 if mark["line"].startswith("=") else 2)
            yield level, _plain(mark["title"] or mark["underlined"] or ""), *mark.span()


def _plain(title: str) -> str:
    words = re.sub(r"[ \t]+#+[ \t]*$", "", title).replace("**", "").replace("__", "")
    return " ".join(words.split())[:_LONGEST_TITLE]
