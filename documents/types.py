"""What parsers, the chunker and the embedders hand on: plain values."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Page:
    """One page as Markdown. Numbers begin with 1."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a parser made of a file.

    A format without pages (HTML, text, …) is one page with `is_paged` False. `metadata` holds plain
    JSON about the file (such as its title), `warnings` kebab-case words about what was left out.
    """

    pages: tuple[Page, ...]
    parser: str
    version: str
    is_paged: bool = True
    metadata: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The whole text, to which the offsets of chunks refer (in code points)."""
        return PAGE_BREAK.join(page.text for page in self.pages)


PAGE_BREAK = "\n\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child process may use."""

    memory_bytes: int = 2 * 1024**3
    cpu_seconds: int = 240
    wall_seconds: int = 300
    pages: int = 5_000
    characters: int = 20_000_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document. `start` and `end` are offsets into Parsed.text; pages begin with 1.

    `heading` is the path of headings that it stands under, outermost first.
    """

    ordinal: int
    start: int
    end: int
    first_page: int
    last_page: int
    heading: tuple[str, ...]
    text: str
