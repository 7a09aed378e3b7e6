"""Folders that note in which state they are called, and that let something happen meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, ClassVar

from django.db import connection

from documents.models import Document
from documents.storage.folder import Folder

# What was asked, and whether a transaction was open.
SEEN: list[tuple[str, bool]] = []


class Watching(Folder):
    def put(self, key: str, content: BinaryIO) -> None:
        SEEN.append(("put", connection.in_atomic_block))
        super().put(key, content)

    def size_of(self, key: str) -> int:
        SEEN.append(("size_of", connection.in_atomic_block))
        return super().size_of(key)

    def open_at(self, key: str, start: int, length: int) -> BinaryIO:
        SEEN.append(("open_at", connection.in_atomic_block))
        return super().open_at(key, start, length)


class Interfering(Folder):
    meanwhile: ClassVar[Callable[[Document], Any]]

    @classmethod
    @contextmanager
    def by(cls, meanwhile: Callable[[Document], Any]) -> Iterator[None]:
        cls.meanwhile = staticmethod(meanwhile)
        yield

    def put(self, key: str, content: BinaryIO) -> None:
        super().put(key, content)
        type(self).meanwhile(Document.objects.get(storage_path=key))
