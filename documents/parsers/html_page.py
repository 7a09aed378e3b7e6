"""HTML, as Markdown: headings, lists, tables, paragraphs; nothing that a reader does not see."""

import re
from pathlib import Path
from typing import Any, Final

from lxml import etree

from documents.failures import Code, StepFailed
from documents.parsers import decoding, markdown
from documents.types import Limits, Page, Parsed

NAME: Final = "lxml-html"
VERSION: Final = "1"

_DECLARED: Final = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_DECLARED_WITHIN: Final = 4096
_HIDDEN: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_NOT_SHOWN: Final = frozenset(
    """
    audio canvas datalist head iframe noscript object option script select style svg template
    textarea video
    """.split()  # noqa: SIM905  Legible as words.
)
_HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS: Final = frozenset(
    """
    address article aside blockquote body caption center dd details dialog dir div dl dt fieldset
    figcaption figure footer form header hgroup hr html legend li main menu nav ol p pre section
    summary table tbody td tfoot th thead tr ul
    """.split()  # noqa: SIM905  Legible as words.
).union(_HEADINGS)
_LISTS: Final = frozenset(("ul", "ol", "menu", "dir"))
_CELLS: Final = frozenset(("td", "th"))
# A table with one of these inside is there for the layout.
_STRUCTURE: Final = ("table", "ul", "ol", "pre", *_HEADINGS)
_LINE_END: Final = "\v"
_MOST_ROWS_APART: Final = 1000

Element = Any


def parse(path: Path, limits: Limits) -> Parsed:  # noqa: ARG001  It is of the interface.
    content = path.read_bytes()
    declared = _DECLARED.search(content[:_DECLARED_WITHIN])
    text, encoding = decoding.decoded(content, declared=declared[1].decode() if declared else "")
    return Parsed(
        pages=(Page(1, _markdown(text)),),
        parser=NAME,
        version=VERSION,
        is_paged=False,
        metadata={"encoding": encoding},
    )


def _markdown(text: str) -> str:
    parser = etree.HTMLParser(
        encoding="utf-8",
        # What lies deeper than 2,048 elements is left out all the same: see the log.
        huge_tree=True,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text.replace("\0", "").encode(errors="replace"), parser)
    except etree.XMLSyntaxError:
        # There is nothing in it.
        return ""
    if parser.error_log.filter_types([markdown.XML_LIMIT]):
        raise StepFailed(Code.RESOURCE_LIMIT, "The HTML is nested too deeply.")
    writer = _Writer()
    # Not by recursion: a page may be deeper than the stack.
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            writer.end(element)
        elif _is_shown(element):
            writer.start(element)
        else:
            walk.skip_subtree()
    title = markdown.one_line(root.findtext("head/title") or "")
    has_heading = root.find(".//h1") is not None
    return markdown.joined(
        [*([markdown.heading(1, title)] if title and not has_heading else []), *writer.blocks]
    )


def _is_shown(element: Element) -> bool:
    return not (
        element.tag in _NOT_SHOWN
        or "hidden" in element.attrib
        or _HIDDEN.search(element.get("style", ""))
    )


class _Grid:
    """A table of data, while it is read."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self._taken_until: dict[int, int] = {}

    def add(self, cell: Element, text: str) -> None:
        number = len(self.rows) - 1
        row = self.rows[-1]
        while self._taken_until.get(len(row), 0) >= number > 0:
            row.append("")
        last_row = number + markdown.span(cell.get("rowspan"), _MOST_ROWS_APART) - 1
        for at in range(markdown.span(cell.get("colspan"))):
            if last_row > number:
                self._taken_until[len(row)] = last_row
            row.append("" if at else text)


class _Writer:
    def __init__(self) -> None:
        self.blocks: list[str] = []
        self._pieces: list[str] = []
        self._mark = ""
        self._lists: list[int | None] = []
        self._grid: _Grid | None = None
        self._is_verbatim = False

    def start(self, element: Element) -> None:
        tag = element.tag
        if tag in _BLOCKS:
            self._break()
            self._open(element, tag)
        elif tag == "br":
            self._pieces.append(_LINE_END)
        self._pieces.append(element.text or "")

    def end(self, element: Element) -> None:
        tag = element.tag
        if tag in _BLOCKS and _is_shown(element):
            self._close(element, tag)
        self._pieces.append(element.tail or "")

    def _open(self, element: Element, tag: str) -> None:
        if tag in _HEADINGS:
            self._mark = markdown.heading(int(tag[1]), "")
        elif tag in _LISTS:
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._mark = self._item()
        elif tag == "pre":
            self._is_verbatim = True
        elif tag == "table" and next(element.iterdescendants(*_STRUCTURE), None) is None:
            self._grid = _Grid()
        elif tag == "tr" and self._grid:
            self._grid.rows.append([])

    def _close(self, element: Element, tag: str) -> None:
        if self._grid and tag in _CELLS and self._grid.rows:
            self._grid.add(element, markdown.one_line("".join(self._pieces)))
            self._pieces.clear()
            return
        self._break()
        if tag in _LISTS and self._lists:
            self._lists.pop()
        elif tag == "li" or tag in _HEADINGS:
            self._mark = ""
        elif tag == "pre":
            self._is_verbatim = False
        elif tag == "table" and self._grid:
            self.blocks.append(markdown.table(self._grid.rows))
            self._grid = None

    def _item(self) -> str:
        if not self._lists:
            return "- "
        indent = markdown.indent(len(self._lists) - 1)
        number = self._lists[-1]
        if number is None:
            return f"{indent}- "
        self._lists[-1] = number + 1
        return f"{indent}{number + 1}. "

    def _break(self) -> None:
        """End a paragraph. Within a cell it is a space."""
        if self._grid and self._grid.rows:
            self._pieces.append(" ")
            return
        text = "".join(self._pieces)
        self._pieces.clear()
        if self._is_verbatim and text.strip():
            self.blocks.append(f"```\n{text.replace(_LINE_END, chr(10)).strip(chr(10))}\n```")
            return
        lines = [*filter(None, map(markdown.one_line, text.split(_LINE_END)))]
        if lines:
            self.blocks.append(self._mark + (" " if self._mark else "\n").join(lines))
            self._mark = ""
