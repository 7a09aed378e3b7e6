"""PDF, as Markdown with pages.

liteparse rebuilds headings, lists and tables, but drops what it cannot place (a quarter of a page
of exercises with drawings in between). So each page is held against what PDFium finds within its
borders: where a tenth of the letters is missing, or liteparse fails, PDFium's text is taken.
"""

import re
from pathlib import Path
from typing import Final

import pypdfium2
from liteparse import LiteParse

from documents.failures import Code, StepFailed
from documents.types import Limits, Page, Parsed

NAME: Final = "liteparse"
VERSION: Final = "2.18.0+1"
_FEWEST: Final = 0.9
# How liteparse writes a page that has only pictures.
_EMPTY_BLOCK: Final = re.compile(r"^```\w*\n\s*```$", re.MULTILINE)
# PDFium's mark for a hyphen at the end of a line that parts a word.
_PARTED_WORD: Final = re.compile("[\x02\ufffe]\r?\n?")


def parse(path: Path, limits: Limits) -> Parsed:
    # Both readers get the bytes: by a path, one goes by the name, which is random for stored files,
    # and the other takes a storage that is away for a damaged file.
    content = path.read_bytes()
    plain = _plain_pages(content, limits)
    marked = _marked_pages(content, len(plain))
    chosen = [
        text if _letters(text) >= _letters(other) * _FEWEST else other
        for text, other in zip(marked, plain, strict=True)
    ]
    taken = sum(text is other for text, other in zip(chosen, plain, strict=True))
    return Parsed(
        pages=tuple(Page(number, text) for number, text in enumerate(chosen, start=1)),
        parser=NAME,
        version=VERSION,
        warnings=("pages-without-layout",) if taken else (),
    )


def _plain_pages(content: bytes, limits: Limits) -> list[str]:
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise StepFailed(Code.PASSWORD_REQUIRED) from None
        raise StepFailed(Code.DAMAGED, "PDFium cannot open it.") from None
    if len(document) > limits.pages:
        raise StepFailed(Code.RESOURCE_LIMIT, f"{len(document)} pages.")
    return [_plain_page(document, number) for number in range(len(document))]


def _plain_page(document: pypdfium2.PdfDocument, number: int) -> str:
    try:
        page = document[number]
        text: str = page.get_textpage().get_text_bounded()
    except pypdfium2.PdfiumError:
        return ""
    # The memory of a page is its own; a document may have thousands.
    page.close()
    return _PARTED_WORD.sub("", text)


def _marked_pages(content: bytes, count: int) -> list[str]:
    parser = LiteParse(
        output_format="markdown",
        image_mode="off",
        keep_headers_footers=True,
        extract_links=False,
        continue_on_page_error=True,
        ocr_enabled=False,
        max_pages=count,
        num_workers=1,
        quiet=True,
    )
    texts = [""] * count
    try:
        pages = parser.parse(content).pages
    except MemoryError:
        raise
    except BaseException:  # noqa: BLE001  A panic of a Rust library is no Exception.
        return texts
    for page in pages:
        texts[page.page_num - 1] = _EMPTY_BLOCK.sub("", page.markdown)
    return texts


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))
