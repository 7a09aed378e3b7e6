"""Cuts a parsed document into pieces that are found, shown and embedded one by one.

The same text and VERSION always give the same pieces. Change what `split` makes, and VERSION.
"""

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from semantic_text_splitter import MarkdownSplitter

from documents.types import PAGE_BREAK, Chunk, Parsed

NAME: Final = "markdown"
VERSION: Final = "2"

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
_CLOSING: Final = re.compile(r"(?:^| )#+$")
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
    outline = _Outline(text)
    chunks: list[Chunk] = []
    opens = False
    for start, piece in _pieces(text):
        if not any(map(str.isalnum, piece)):
            continue
        end = start + len(piece)
        path, has_body = outline.path_of(start, piece)
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


class _Title(NamedTuple):
    level: int
    title: str
    start: int
    end: int


class _Outline:
    """Reads a text's headings along with its pieces: a long text can be all headings."""

    def __init__(self, text: str) -> None:
        self._titles = _titles(text)
        self._ahead: deque[_Title] = deque()
        self._open: list[_Title] = []

    def path_of(self, start: int, piece: str) -> tuple[tuple[str, ...], bool]:
        """Tell what the piece's body stands under, and whether it has one.

        These are the headings before it, and those that it opens with. Pieces come in order.
        """
        body, end = start, start + len(piece)
        self._read(end)
        while self._ahead and self._ahead[0].start < start:
            self._open = _entered(self._open, self._ahead.popleft())
        path = self._open
        for title in self._ahead:
            if title.start >= end or piece[body - start : title.start - start].strip():
                break
            path = _entered(path, title)
            body = title.end
        return tuple(one.title for one in path if one.title), body < end

    def _read(self, end: int) -> None:
        while not self._ahead or self._ahead[-1].start < end:
            title = next(self._titles, None)
            if title is None:
                return
            self._ahead.append(title)


def _entered(path: list[_Title], title: _Title) -> list[_Title]:
    return [*(one for one in path if one.level < title.level), title]


def _titles(text: str) -> Iterator[_Title]:
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
            title = _plain(mark["title"] or mark["underlined"] or "")
            yield _Title(level, title, *mark.span())


def _plain(title: str) -> str:
    words = " ".join(title.replace("**", "").replace("__", "").split())
    if words.endswith("#"):
        words = _CLOSING.sub("", words)
    return words[:_LONGEST_TITLE]
