"""What people say of a document: its filename, its type, and data of their own.

For their eyes and for headers; no path in the storage is made of it.
"""

import unicodedata
from typing import Any, Final

import msgspec

from core.depth import check_depth
from core.errors import InvalidInput

LONGEST_FILENAME: Final = 255
LONGEST_TYPE: Final = 50
LARGEST_METADATA: Final = 16 * 1024
# They turn the direction of writing, so that a name reads as another one.
TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Controls, halves of characters, ends of lines and paragraphs.
HIDDEN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
# What joins letters, and spaces: not enough for a name.
UNSEEN: Final = frozenset({"Cf", "Zs"})


def clean_filename(name: str) -> str:
    """Take paths and what can't be seen out of a name; the empty text if nothing is left."""
    name = "".join(
        letter
        for letter in name.replace("\\", "/").rpartition("/")[2]
        if letter not in TURNING and unicodedata.category(letter) not in HIDDEN
    ).strip()
    is_seen = any(unicodedata.category(letter) not in UNSEEN for letter in name)
    return name if is_seen and name not in {".", ".."} else ""


def checked_filename(name: str) -> str:
    cleaned = clean_filename(name)
    if not cleaned:
        raise InvalidInput.at("/filename", "filename: has no characters that can be shown.")
    if len(cleaned) > LONGEST_FILENAME:
        detail = f"filename: has {len(cleaned)} characters; at most {LONGEST_FILENAME} are kept."
        raise InvalidInput.at("/filename", detail)
    return cleaned


def checked_type(name: str) -> str:
    if len(name) > LONGEST_TYPE or not (name.isprintable() or not name):
        detail = f"document_type: has at most {LONGEST_TYPE} characters, all of them printable."
        raise InvalidInput.at("/document_type", detail)
    return name.strip()


def checked_metadata(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput.at("/metadata", 'metadata: must be a JSON object, such as {"year": 1}.')
    check_depth(value, "/metadata")
    size = len(msgspec.json.encode(value))
    if size > LARGEST_METADATA:
        detail = f"metadata: takes {size:,} bytes as JSON; at most {LARGEST_METADATA:,} are kept."
        raise InvalidInput.at("/metadata", detail)
    return value
