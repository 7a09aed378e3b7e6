"""Cursors of pages: where the last one ended, as an opaque text."""

import base64
import datetime as dt
from collections.abc import Callable
from typing import Any

from core.errors import InvalidInput


def write(*parts: object) -> str:
    return base64.urlsafe_b64encode(",".join(map(str, parts)).encode()).decode()


def read(cursor: str | None, *kinds: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """Give the parts that were written, each as its kind; None for the first page."""
    if cursor is None:
        return None
    try:
        parts = base64.urlsafe_b64decode(cursor).decode().split(",")
        return tuple(kind(part) for kind, part in zip(kinds, parts, strict=True))
    except (ValueError, OverflowError):
        detail = "cursor: is not one that a page's `next` gave."
        raise InvalidInput.of_parameter("cursor", detail) from None


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)
