"""What a file is, from its bytes. Cheap enough for the web process: nothing is unpacked or parsed.

Text is told by the same rules by which it is decoded later (parsers/decoding.py), so that nothing
is accepted here as text and refused there.
"""

import re
from pathlib import Path, PurePath
from typing import BinaryIO, Final

from documents.failures import Code, StepFailed
from documents.parsers import archive, decoding

PDF: Final = "application/pdf"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
TEXT: Final = "text/plain"

BY_SUFFIX: Final = {
    ".pdf": PDF,
    ".docx": DOCX,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".txt": TEXT,
    ".text": TEXT,
}
# What each of these says of the other is a matter of taste.
_KINDS_OF_TEXT: Final = frozenset({HTML, MARKDOWN, TEXT})

_HEAD_BYTES: Final = 64 * 1024
_PDF_AT_START: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*%PDF-\d")
# Readers look for the header in the first kilobyte, behind whatever a mailer put there. Here and
# below, what is atomic or bounded is so for speed: bytes are anybody's, and matching holds the GIL.
_PDF_BEHIND: Final = re.compile(
    rb"(?>.{0,1024}?%PDF-\d).{0,4096}?\d{1,10} \d{1,5} obj\b", re.DOTALL
)
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_WORD_PARTS: Final = re.compile(r"word/\w+\.xml")
_WORD_PARTS_IN_BYTES: Final = re.compile(rb"word/\w+\.xml")
# Compound files: old Office formats, and new ones with a password inside.
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE: Final = "EncryptedPackage".encode("utf-16-le")
# Made of characters, but not to be read by people.
_NOT_FOR_READING: Final = re.compile(
    rb"\s*(?:\{\\rtf|%!PS|(?:<\?xml[^>]*>\s*)?(?:<!--(?>.*?-->)\s*)*<(?:!doctype\s+)?svg\b)"
    # Pictures: small ones could be taken for text of two bytes a character.
    rb"|\x89PNG\r\n|GIF8[79]a|\xff\xd8\xff",
    re.IGNORECASE | re.DOTALL,
)
_PAGE: Final = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?>.*?-->)\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_TAG: Final = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]*)?/?>", re.IGNORECASE)


def detect(file: Path | BinaryIO, filename: str) -> str:
    """Give the media type, or raise StepFailed. A file object is left at its beginning.

    The name decides only between HTML, Markdown and text, and what an empty file is.
    """
    if isinstance(file, Path):
        with file.open("rb") as opened:
            return _detected(opened, filename)
    try:
        return _detected(file, filename)
    finally:
        file.seek(0)


def mismatch(media_type: str, filename: str) -> bool:
    """Tell whether the name says something else. Suffixes that we do not know say nothing."""
    named = BY_SUFFIX.get(_suffix(filename), media_type)
    return named != media_type and not {named, media_type} <= _KINDS_OF_TEXT


def _suffix(filename: str) -> str:
    return PurePath(filename).suffix.lower()


def _detected(file: BinaryIO, filename: str) -> str:
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if not head:
        return BY_SUFFIX.get(_suffix(filename), TEXT)
    if _PDF_AT_START.match(head) or _PDF_BEHIND.match(head):
        return PDF
    if head.startswith(_ZIP):
        return _zipped(file, head)
    if head.startswith(_OLE):
        raise _of_ole(file)
    if _NOT_FOR_READING.match(head):
        raise StepFailed(Code.UNSUPPORTED, "A format for programs, in characters.")
    return _kind_of_text(head, filename)


def _zipped(file: BinaryIO, head: bytes) -> str:
    try:
        is_word = any(map(_WORD_PARTS.fullmatch, archive.names(file)))
    except StepFailed as failed:
        # A broken Word file is one nevertheless; its parser says what is broken.
        if failed.code is not Code.DAMAGED:
            raise
        is_word = _WORD_PARTS_IN_BYTES.search(head) is not None
    if not is_word:
        raise StepFailed(Code.UNSUPPORTED, "A ZIP file, but not of Word.")
    return DOCX


def _of_ole(file: BinaryIO) -> StepFailed:
    file.seek(0)
    while part := file.read(1024**2):
        if _ENCRYPTED_PACKAGE in part:
            return StepFailed(Code.PASSWORD_REQUIRED, "An encrypted Office file.")
    return StepFailed(Code.UNSUPPORTED, "An Office file of the old format.")


def _kind_of_text(head: bytes, filename: str) -> str:
    text, _ = decoding.decoded(head if len(head) < _HEAD_BYTES else decoding.whole_lines(head))
    named = BY_SUFFIX.get(_suffix(filename))
    if _PAGE.match(text) or (named == HTML and _TAG.search(text)):
        return HTML
    return MARKDOWN if named == MARKDOWN else TEXT
