"""Names of files, as people gave them: for their eyes and for headers, never for a path."""

import unicodedata
from typing import Final

from core.errors import InvalidInput

LONGEST: Final = 255
# They turn the direction of writing, so that a name reads as another one.
TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Controls, halves of characters, ends of lines and paragraphs.
REFUSED: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


def clean(name: str) -> str:
    """Take paths and what can't be seen out of a name; the empty text if nothing is left."""
    name = name.replace("\\", "/").rpartition("/")[2]
    kept = (
        letter
        for letter in name
        if letter not in TURNING and unicodedata.category(letter) not in REFUSED
    )
    cleaned = "".join(kept).strip()
    return "" if cleaned in {".", ".."} else cleaned


def checked(name: str, pointer: str = "/filename") -> str:
    cleaned, field = clean(name), pointer.strip("/")
    if not cleaned:
        raise InvalidInput.at(pointer, f"{field}: has no characters that can be shown.")
    if len(cleaned) > LONGEST:
        detail = f"{field}: has {len(cleaned)} characters; it may have at most {LONGEST}."
        raise InvalidInput.at(pointer, detail)
    return cleaned
