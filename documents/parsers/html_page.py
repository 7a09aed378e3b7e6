"""HTML, as Markdown: headings, lists, tables, paragraphs; nothing that a reader does not see."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lxml import etree

from documents.parsers import decoding, markdown
from documents.types import Limits, Page, Parsed

NAME: Final = "lxml-html"
VERSION: Final = "1"

_DECLARED: Final = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_DECLARED_WITHIN: Final = 4096
_HIDDEN_STYLE: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_NOT_SHOWN: Final = frozenset(
    ("audio", "canvas", "datalist", "head", "iframe", "math", "noscript", "object", "option")
) | {"script", "select", "style", "svg", "template", "textarea", "video"}
_INLINE: Final = frozenset(
    ("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i")
) | frozenset(
    ("img", "ins", "kbd", "label", "mark", "nobr", "q", "rp", "rt", "ruby", "s", "samp", "small")
) | {"span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "button", "input"}
_HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")
# A table with one of these inside is there for the layout.
_STRUCTURE: Final = ("table", *_HEADINGS, "ul", "ol", "pre")
_LINE_END: Final = "\v"
_MOST_ROWS_APART: Final = 1000

Element = Any
