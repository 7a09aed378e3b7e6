"""DOCX, as Markdown: headers, the body in order, notes, footers.

Read from the XML itself. The libraries at hand leave out content controls, insertions not yet
accepted and text boxes, and refuse files with a dangling relationship or an uneven table.
"""

import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile, ZipFile

from lxml import etree

from documents.failures import Code, StepFailed
from documents.parsers import archive, markdown
from documents.types import Limits, Page, Parsed

NAME: Final = "docx-xml"
VERSION: Final = "1"

# Deleted text, the older twin of a drawing, and properties, which hold no text of the document.
_SKIPPED: Final = frozenset({"del", "moveFrom", "Fallback", "pPr", "rPr", "tblPr", "sdtPr", "trPr"})
_AS_TEXT: Final = {"tab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "p": "\n"}
_MAIN: Final = re.compile(r"word/document\d*\.xml")
_HEADERS: Final = re.compile(r"word/header\d*\.xml")
_NOTES: Final = re.compile(r"word/(?:footnotes|endnotes)\.xml")
_FOOTERS: Final = re.compile(r"word/footer\d*\.xml")
_HEADING: Final = re.compile(r"heading (\d)", re.IGNORECASE)
_MOST_LEVELS: Final = 9
_MOST_BASES: Final = 10
_NO_LIST: Final = "0"

# Elements and attributes go by their local names: there are two sets of namespaces for the same.
Element = Any


def parse(path: Path, limits: Limits) -> Parsed:  # noqa: ARG001  It is of the interface.
    # As a whole, so that errors of the storage are none of the ZIP file.
    file = io.BytesIO(path.read_bytes())
    archive.names(file)
    try:
        with ZipFile(file) as opened:
            text = _Word(opened).text()
    except etree.XMLSyntaxError as error:
        is_limit = error.code in {markdown.XML_LIMIT, markdown.XML_MEMORY}
        code = Code.RESOURCE_LIMIT if is_limit else Code.DAMAGED
        raise StepFailed(code, f"XML error {error.code} in the DOCX.") from None
    except (BadZipFile, EOFError, OSError, ValueError, zlib.error) as error:
        raise StepFailed(Code.DAMAGED, f"{type(error).__name__} in the DOCX.") from None
    return Parsed(pages=(Page(1, text),), parser=NAME, version=VERSION, is_paged=False)


class _Word:
    """An opened file and what its paragraphs refer to."""

    def __init__(self, opened: ZipFile) -> None:
        self._opened = opened
        self._names = opened.namelist()
        self._styles = {_value(style, "styleId"): style for style in self._part("word/styles.xml")}
        self._bullets = _bullets(self._part("word/numbering.xml"))

    def text(self) -> str:
        if not any(map(_MAIN.fullmatch, self._names)):
            raise StepFailed(Code.DAMAGED, "The DOCX has no main part.")
        blocks = (
            # Each section repeats them.
            *dict.fromkeys(self._parts(_HEADERS)),
            *self._parts(_MAIN),
            *self._parts(_NOTES),
            *dict.fromkeys(self._parts(_FOOTERS)),
        )
        return markdown.joined(blocks)

    def _parts(self, pattern: re.Pattern[str]) -> Iterator[str]:
        for name in sorted(filter(pattern.fullmatch, self._names)):
            yield from self._blocks(self._part(name))

    def _part(self, name: str) -> Element:
        if name not in self._names:
            return ()
        parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
        return etree.fromstring(self._opened.read(name), parser)

    def _blocks(self, parent: Element) -> Iterator[str]:
        for child in parent:
            name = _name(child)
            if name == "p":
                yield self._paragraph(child)
            elif name == "tbl":
                yield from self._table(child)
            elif name not in _SKIPPED:
                yield from self._blocks(child)

    def _paragraph(self, paragraph: Element) -> str:
        lines = [*filter(None, map(markdown.one_line, _text(paragraph).split("\n")))]
        if not lines:
            return ""
        own = [*_children(paragraph, "pPr")]
        from_style = self._of_style(_value(_first(own, "pStyle"), "val"))
        level = _heading(own) or next(filter(None, map(_heading, from_style)), 0)
        if level:
            return markdown.heading(level, " ".join(lines))
        for properties in (own, *from_style):
            if (numbering := _first(properties, "numPr")) is not None:
                return self._item(numbering, " ".join(lines))
        return "\n".join(lines)

    def _of_style(self, style_id: str) -> list[list[Element]]:
        """Give the properties of the style and of those that it is based on."""
        chain: list[list[Element]] = []
        style = self._styles.get(style_id)
        while style is not None and len(chain) < _MOST_BASES:
            chain.append([style, *_children(style, "pPr")])
            style = self._styles.get(_value(_first([style], "basedOn"), "val"))
        return chain

    def _item(self, numbering: Element, text: str) -> str:
        list_id = _value(_first([numbering], "numId"), "val")
        depth = _value(_first([numbering], "ilvl"), "val") or "0"
        if list_id == _NO_LIST:
            return text
        mark = "-" if (list_id, depth) in self._bullets else "1."
        return f"{markdown.indent(int(depth) if depth.isdecimal() else 0)}{mark} {text}"

    def _table(self, table: Element) -> Iterator[str]:
        rows = [[*_children(row, "tc")] for row in _children(table, "tr")]
        if all(len(cells) <= 1 for cells in rows):
            # A frame around text.
            for cells in rows:
                for cell in cells:
                    yield from self._blocks(cell)
            return
        yield markdown.table([[*_row(cells)] for cells in rows])


def _row(cells: list[Element]) -> Iterator[str]:
    for cell in cells:
        yield markdown.one_line(_text(cell))
        columns = _value(_first([*_children(cell, "tcPr")], "gridSpan"), "val")
        yield from [""] * (markdown.span(columns) - 1)


def _text(element: Element) -> str:
    pieces: list[str] = []
    _collect(element, pieces)
    return "".join(pieces)


def _collect(element: Element, pieces: list[str]) -> None:
    for child in element:
        name = _name(child)
        if name in _SKIPPED:
            continue
        pieces.append((child.text or "") if name == "t" else _AS_TEXT.get(name, ""))
        _collect(child, pieces)


def _heading(properties: list[Element]) -> int:
    """Give the level that a style's name, or an outline level, says; 0 is none."""
    name = _value(_first(properties, "name"), "val")
    if found := _HEADING.fullmatch(name):
        return int(found[1])
    if name.lower() == "title":
        return 1
    outline = _value(_first(properties, "outlineLvl"), "val")
    return int(outline) + 1 if outline.isdecimal() and int(outline) < _MOST_LEVELS else 0


def _bullets(numbering: Element) -> frozenset[tuple[str, str]]:
    """Give the lists and depths that have bullets."""
    bullets = {
        (_value(abstract, "abstractNumId"), _value(level, "ilvl"))
        for abstract in _children(numbering, "abstractNum")
        for level in _children(abstract, "lvl")
        if _value(_first([level], "numFmt"), "val") == "bullet"
    }
    return frozenset(
        (_value(number, "numId"), depth)
        for number in _children(numbering, "num")
        for abstract, depth in bullets
        if abstract == _value(_first([number], "abstractNumId"), "val")
    )


def _name(element: Element) -> str:
    tag = element.tag
    return tag[tag.rfind("}") + 1 :] if isinstance(tag, str) else ""


def _children(parent: Element, name: str) -> Iterator[Element]:
    """Find children, also inside content controls and marks of changes."""
    for child in parent:
        found = _name(child)
        if found == name:
            yield child
        elif found in {"sdt", "sdtContent", "ins", "customXml", "moveTo"}:
            yield from _children(child, name)


def _first(parents: list[Element], name: str) -> Element | None:
    return next((child for parent in parents for child in parent if _name(child) == name), None)


def _value(element: Element | None, name: str) -> str:
    if element is None:
        return ""
    return next((value for key, value in element.attrib.items() if key.endswith("}" + name)), "")
