"""From bytes to text: by byte order mark, declaration, validity, and likeness, in this order."""

import codecs
from typing import Final

from charset_normalizer import from_bytes

from documents.failures import Code, StepFailed

# The marks of UTF-32 begin with those of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decoded(content: bytes, *, declared: str | None = None) -> tuple[str, str]:
    """Give the text and the name of its encoding, or refuse what is no text."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, errors="replace"), encoding
    best = from_bytes(content).best()
    if best is None:
        raise StepFailed(Code.UNSUPPORTED, "Not text in any known encoding.")
    return str(best), best.encoding
