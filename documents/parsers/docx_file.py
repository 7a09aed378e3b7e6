"""DOCX, as Markdown: the body in order, then notes; headers first and footers last.

Read from the XML itself. The libraries at hand leave out content controls, insertions that were
never accepted and text boxes, and refuse files with a dangling relationship or an uneven table.
"""

import re
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
_HEADING: Final = re.compile(r"heading (\d)", re.IGNORECASE)
_NOT_AN_OUTLINE: Final = 9
_BULLET: Final = "bullet"
_MAIN: Final = re.compile(r"word/document\d*\.xml")
_AROUND: Final = {
    "headers": re.compile(r"word/header\d*\.xml"),
    "notes": re.compile(r"word/(?:footnotes|endnotes)\.xml"),
    "footers": re.compile(r"word/footer\d*\.xml"),
}


def parse(path: Path, limits: Limits) -> Parsed:
    with path.open("rb") as file:
        names = archive.names(file)
        file.seek(0)
        try:
            with ZipFile(file) as opened:
                text = _text(opened, names)
        except (BadZipFile, etree.XMLSyntaxError, EOFError, OSError, ValueError) as error:
            raise StepFailed(Code.DAMAGED, type(error).__name__) from None
    return Parsed(pages=(Page(1, text),), parser=NAME, version=VERSION, is_paged=False)


def _text(opened: ZipFile, names: frozenset[str]) -> str:
    mains = sorted(filter(_MAIN.fullmatch, names))
    if not mains:
        raise StepFailed(Code.DAMAGED, "No main part.")
    style = _Styles(_part(opened, names, "word/styles.xml"))
    bullets = _bullets(_part(opened, names, "word/numbering.xml"))
    around = {
        place: [_plain(_part(opened, names, name)) for name in sorted(filter(pattern.fullmatch, names))]
        for place, pattern in _AROUND.items()
    }
    body = _Body(style, bullets)
    blocks = [
        *dict.fromkeys(around["headers"]),
        *body.blocks(_part(opened, names, mains[0])),
        *around["notes"],
        *dict.fromkeys(around["footers"]),
    ]
    return "\n\n".join(filter(None, blocks))
