"""Tables and headings as Markdown, for parsers that build it themselves."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

_MOST_COLUMNS_APART: Final = 100
_DEEPEST: Final = 8
# libxml2's codes for: too deep, too large, too many entities; and for no memory.
XML_LIMIT: Final = 114
XML_MEMORY: Final = 2
_ITEM: Final = re.compile(r" *(?:-|\d+\.) ")


def table(rows: Sequence[Sequence[str]]) -> str:
    """Write a table without its empty rows and columns; a single row or column as plain text.

    Short rows stay short: one long row among many must not make all of them long.
    """
    used = sorted({at for row in rows for at, cell in enumerate(row) if cell})
    lines = [[row[at] for at in used if at < len(row)] for row in rows]
    lines = [line for line in lines if any(line)]
    if len(lines) == 1:
        return " ".join(filter(None, lines[0]))
    if len(used) == 1:
        return "\n\n".join(line[0] for line in lines)
    written = [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    ]
    return "\n".join([*written[:1], "|" + "---|" * len(lines[0]), *written[1:]]) if written else ""


def span(attribute: str | None, most: int = _MOST_COLUMNS_APART) -> int:
    """Read how many columns or rows a cell takes; what files say of it can be anything."""
    is_number = attribute is not None and attribute.isdecimal() and attribute.isascii()
    return max(1, min(int(attribute[:9]), most)) if attribute and is_number else 1


def heading(level: int, text: str) -> str:
    return f"{'#' * min(level, 6)} {text}"


def indent(depth: int) -> str:
    return "  " * min(depth, _DEEPEST)


def one_line(text: str) -> str:
    return " ".join(text.split())


def joined(blocks: Iterable[str]) -> str:
    """Put blocks below each other; items of a list stay together."""
    pieces: list[str] = []
    was_item = False
    for block in filter(None, blocks):
        is_item = _ITEM.match(block) is not None
        pieces.append(("\n" if was_item and is_item else "\n\n") if pieces else "")
        pieces.append(block)
        was_item = is_item
    return "".join(pieces)
