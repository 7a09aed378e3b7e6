"""What every parser's text goes through: it can be stored, it is text, and it is not too much."""

import re
from dataclasses import replace
from typing import Any, Final

from documents.failures import Code, StepFailed
from documents.types import Limits, Page, Parsed

# Neither Postgres nor JSON takes NUL and lone surrogates; the others are invisible and would part
# words for a search.
_NOT_TEXT: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff\ufffe\uffff\ud800-\udfff]"
)
_LINE_ENDS: Final = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Looked for at the first of many blanks only, not at each.
_TRAILING: Final = re.compile(r"(?<![ \t])[ \t]+$", re.MULTILINE)
_BLANK_LINES: Final = re.compile(r"\n{3,}")
# What stands where letters could not be told.
_UNREADABLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]"
)
_SHARE_UNREADABLE: Final = 0.25
# Markdown that is there without any text: pictures, fences, comments.
# None reaches beyond the next one's beginning, or many that never end would take hours.
_PLACEHOLDERS: Final = re.compile(
    r"!\[[^\[\]\n]*\]\([^()\n]*\)|^```\w*$|<!--(?:(?!<!--).)*?-->", re.MULTILINE
)
_LETTER: Final = re.compile(r"[^\W_]")


def cleaned(parsed: Parsed, limits: Limits) -> Parsed:
    characters = sum(len(page.text) for page in parsed.pages)
    if characters > limits.characters:
        raise StepFailed(Code.RESOURCE_LIMIT, f"{characters} characters.")
    _refuse_unreadable(parsed)
    pages = tuple(Page(page.number, clean(page.text)) for page in parsed.pages)
    if not any(has_text(page.text) for page in pages):
        raise StepFailed(Code.NO_TEXT, f"No letter on any of {len(pages)} pages.")
    return replace(parsed, pages=pages, metadata=_clean_values(parsed.metadata))


def clean(text: str) -> str:
    text = _NOT_TEXT.sub("", _LINE_ENDS.sub("\n", text))
    return _BLANK_LINES.sub("\n\n", _TRAILING.sub("", text)).strip("\n")


def has_text(markdown: str) -> bool:
    return _LETTER.search(_PLACEHOLDERS.sub("", markdown)) is not None


def _refuse_unreadable(parsed: Parsed) -> None:
    unreadable = sum(len(_UNREADABLE.findall(page.text)) for page in parsed.pages)
    if not unreadable:
        return
    visible = sum(len(part) for page in parsed.pages for part in page.text.split())
    if unreadable > visible * _SHARE_UNREADABLE:
        raise StepFailed(Code.NO_TEXT, f"{unreadable} of {visible} characters are unreadable.")


def _clean_values(metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        key: clean(value) if isinstance(value, str) else value for key, value in metadata.items()
    }
