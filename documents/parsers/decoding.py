"""From bytes to text: by byte order mark, validity, declaration, and likeness, in this order.

Likeness can be wrong: undeclared Turkish (cp1254), Hungarian, Hebrew or Big5 may be read with wrong
letters, and nobody is told.
"""

import codecs
import re
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
_NUL: Final = "\0"
_SAMPLE_BYTES: Final = 256 * 1024
_FEW: Final = 0.01
_REPLACEMENT: Final = "\ufffd"
_BROKEN_SHARE: Final = 0.1
# Mainframes and machines long gone, which short texts are mistaken for.
_EXOTIC: Final = [
    *("cp037", "cp273", "cp424", "cp500", "cp875", "cp1026", "cp1140"),
    *("hp_roman8", "cp1006", "ptcp154", "kz1048", "cp775", "cp864", "iso8859_10", "iso8859_14"),
    *("mac_cyrillic", "mac_greek", "mac_iceland", "mac_latin2", "mac_turkish"),
]
_WESTERN: Final = "cp1252"
# What pages declare when they mean it, as browsers have it.
_CALLED_WESTERN: Final = ("iso-8859-1", "latin-1", "latin1", "ascii", "us-ascii")
_CENTRAL: Final = "cp1250"
_CLEARLY_LIKELIER: Final = 0.03
_MOST_ACCENTED: Final = 0.5
_ACCENTED: Final = re.compile("[À-ÖØ-öø-ÿŒœŠšŽžŸ]")
_LETTERS: Final = re.compile(r"[^\W\d_]")
# Both tell of another encoding.
_SIGNS_IN_WORDS: Final = re.compile(
    r"[^\W\d_][„‚ƒ†‡ˆ‰‹›˜¡¢£¤¥¦§¨©¬¯±²³¶¸¹¼½¾¿×÷][^\W\d_]"  # noqa: RUF001
)
_CAPITALS_IN_WORDS: Final = re.compile("[a-zß-öø-ÿ][À-ÖØ-Þ]")
_CONTROLS: Final = re.compile("[\x00-\x08\x0e-\x1a]")
_NOT_WESTERN: Final = (_SIGNS_IN_WORDS, _CAPITALS_IN_WORDS, _CONTROLS)


def decoded(content: bytes, *, declared: str = "") -> tuple[str, str]:
    """Give the text and the name of its encoding, or refuse what is no text."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _mostly(content, encoding), encoding
    declared = _WESTERN if declared.lower() in _CALLED_WESTERN else declared
    for encoding in ("utf-8", declared):
        text = _strictly(content, encoding)
        if text is not None and text.count(_NUL) <= len(text) * _FEW:
            return text, encoding
    sample = whole_lines(content[:_SAMPLE_BYTES])
    likely = _broken_utf8(sample) or _western(sample) or _likeliest(sample)
    return _mostly(content, likely), likely


def whole_lines(content: bytes) -> bytes:
    """Cut a sample behind its last line, so that no character is cut in two."""
    # NULs tell of encodings of two or four bytes.
    width = 4 if b"\0" in content else 1
    ends_at = content.rfind(b"\n") // width * width + width
    return content[:ends_at] if ends_at > width else content


def _mostly(content: bytes, encoding: str) -> str:
    text = content.decode(encoding, errors="replace")
    if text.count(_REPLACEMENT) > 1 + len(text) * _FEW:
        raise StepFailed(Code.UNSUPPORTED, f"Begins as text in {encoding}, but is not.")
    return text


def _strictly(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding) if encoding else None
    except (UnicodeError, LookupError):
        return None


def _broken_utf8(sample: bytes) -> str:
    text = sample.decode("utf-8", errors="replace")
    broken = text.count(_REPLACEMENT)
    beyond_ascii = sum(not character.isascii() for character in text) - broken
    return "utf-8" if _NUL not in text and broken <= beyond_ascii * _BROKEN_SHARE else ""


def _western(sample: bytes) -> str:
    """Take it for the most common of the old encodings, if it then looks like words.

    Guessing by likeness alone takes English with one umlaut for Baltic.
    """
    text = _strictly(sample, _WESTERN)
    if text is None or any(pattern.search(text) for pattern in _NOT_WESTERN):
        return ""
    if len(_ACCENTED.findall(text)) > len(_LETTERS.findall(text)) * _MOST_ACCENTED:
        return ""
    found = from_bytes(sample, cp_isolation=[_WESTERN, _CENTRAL], enable_fallback=False)
    coherence = {match.encoding: match.coherence for match in found}
    is_central = coherence.get(_CENTRAL, 0) > coherence.get(_WESTERN, 1) + _CLEARLY_LIKELIER
    return "" if is_central else _WESTERN


def _likeliest(sample: bytes) -> str:
    matches = [*from_bytes(sample, cp_exclusion=_EXOTIC, enable_fallback=False)]
    if not matches:
        raise StepFailed(Code.UNSUPPORTED, "Not text in any known encoding.")
    plausible = (match for match in matches if not _SIGNS_IN_WORDS.search(str(match)))
    encoding: str = next(plausible, matches[0]).encoding
    return encoding
