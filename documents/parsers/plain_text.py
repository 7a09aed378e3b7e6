"""Text and Markdown, in any encoding. Both are taken as they are."""

from pathlib import Path
from typing import Final

from documents.parsers import decoding
from documents.types import Limits, Page, Parsed

NAME: Final = "plain-text"
VERSION: Final = "1"


def parse(path: Path, limits: Limits) -> Parsed:  # noqa: ARG001  It is of the interface.
    text, encoding = decoding.decoded(path.read_bytes())
    return Parsed(
        pages=(Page(1, text),),
        parser=NAME,
        version=VERSION,
        is_paged=False,
        metadata={"encoding": encoding},
    )
