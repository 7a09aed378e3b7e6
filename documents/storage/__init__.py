"""Where the bytes of documents are: a folder (folder.py), or a bucket that speaks S3 (bucket.py).

The key of a document is made once, with its row, and stored there; nothing recomputes it. All
failures are StepFailed: a file that is missing, a storage that refuses us, one that is away.
Nothing here belongs into a database transaction: a slow storage would hold it open.
"""

import io
import secrets
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, cast

from django.core.files.storage import storages

from documents.failures import Code, StepFailed

CHUNK_BYTES: Final = 256 * 1024


class Stream(Protocol):
    """What can be read once, from the beginning to the end."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> object: ...


class Storage(Protocol):
    def put(self, key: str, content: BinaryIO) -> None:
        """Store all that can be read; what has been stored survives a loss of power."""

    def size_of(self, key: str) -> int: ...

    def open_at(self, key: str, start: int, length: int) -> Stream:
        """Open a part of a file. It fails here, not at the first read, if it can't be had."""

    def remove(self, key: str) -> None:
        """Remove a file; one that is not there is removed already."""

    def local_copy(self, key: str) -> AbstractContextManager[Path]:
        """Give the file a path on this machine for a while."""


def current() -> Storage:
    backend: Any = storages["documents"]
    return cast(Storage, backend)


def new_key(document_id: uuid.UUID) -> str:
    return f"documents/{document_id}"


def put(key: str, content: BinaryIO, *, size: int) -> None:
    """Store a file from its beginning, and make sure that all of it is there."""
    content.seek(0)
    current().put(key, content)
    if current().size_of(key) != size:
        raise StepFailed(Code.STORAGE_UNAVAILABLE, "What was stored has another size.")


def size_of(key: str) -> int:
    return current().size_of(key)


def read(key: str, start: int, length: int) -> "Part":
    return Part(current().open_at(key, start, length), length)


class Part(Iterator[bytes]):
    """The bytes of a part of a file, in pieces. Whoever takes it closes it."""

    def __init__(self, stream: Stream, length: int) -> None:
        self._stream, self._left = stream, length

    def __next__(self) -> bytes:
        if not self._left:
            raise StopIteration
        piece = self._stream.read(min(CHUNK_BYTES, self._left))
        if not piece:
            raise StepFailed(Code.STORAGE_UNAVAILABLE, "The stored file ended too early.")
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        self._stream.close()


def remove(key: str) -> None:
    current().remove(key)


def local_copy(key: str) -> AbstractContextManager[Path]:
    return current().local_copy(key)


def test() -> None:
    """Write, read and remove a small file, as what makes a document does."""
    key, word = f"self-test/{secrets.token_hex(16)}", secrets.token_bytes(32)
    storage = current()
    try:
        storage.put(key, io.BytesIO(word))
        with closing(read(key, 0, len(word))) as part:
            if b"".join(part) != word:
                raise StepFailed(Code.STORAGE_UNAVAILABLE, "It gave back something else.")
    finally:
        storage.remove(key)
