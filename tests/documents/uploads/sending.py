"""Uploads as clients send them."""

import uuid
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

PATH = "/api/v2/documents"


def form(content: bytes | None = None, name: str = "letter.txt", **parts: Any) -> dict[str, Any]:
    """A form with a file that nobody has sent before, unless its content is given."""
    text = content if content is not None else f"A letter, {uuid.uuid4()}.\n".encode()
    return {"file": SimpleUploadedFile(name, text)} | parts


def raw(boundary: bytes, *parts: tuple[str, bytes]) -> bytes:
    """A form by hand: each part's headers and its content."""
    written = [
        b"--" + boundary + b"\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"
        for head, content in parts
    ]
    return b"".join(written) + b"--" + boundary + b"--\r\n"
