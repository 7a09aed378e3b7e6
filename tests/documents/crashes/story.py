"""What is kept of a document, read past the product: its rows, opened with its owner's keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from documents import keys
from documents.encryption import DataKey, KeyRing
from documents.models import (
    DocumentChunk,
    DocumentTerms,
    DocumentText,
    EncryptionKey,
    UserDocumentVectors,
)
from tests.documents.crashes.installation import Installation, Person

DIMENSIONS = 384
MADE = ("document_texts", "document_terms", "document_chunks", "user_document_vectors")
PLACE = ("ordinal", "start", "end", "first_page", "last_page", "chunker_name", "chunker_version")


def diary(days: int) -> bytes:
    """Make a text with a chunk for each day. So long a word is one token, and soon embedded."""
    pages = (f"# Day {day}\n\n" + " ".join([f"{day:04}" * 30] * 11) for day in range(days))
    return "\n\n".join(pages).encode()


SHORT = diary(2)
# More chunks than are embedded at once.
LONG = diary(66)
# Takes a while to read, and says little.
SLOW = b"<html><body><p>The transfer is on Tuesday.</p>" + b"<div></div>\n" * 40_000


@dataclass(frozen=True)
class Story:
    """What is made of a text: the same each time, whatever happened on the way."""

    text: bytes
    chunks: list[tuple[Any, ...]]
    index: bytes
    vectors: NDArray[np.float32]

    def assert_same(self, other: "Story") -> None:
        assert (self.text, self.chunks, self.index) == (other.text, other.chunks, other.index)
        assert np.allclose(self.vectors, other.vectors, atol=1e-5)


@dataclass(frozen=True)
class Calm:
    """Somebody whose first documents nothing disturbed, to compare others with."""

    person: Person
    stories: Mapping[bytes, Story]


def calm_run(installation: Installation) -> Calm:
    person = installation.sign_up()
    documents = {text: person.upload("calm.md", text) for text in (SHORT, LONG)}
    installation.until(lambda: person.has_completed(documents.values()))
    return Calm(person, {text: read(installation, one) for text, one in documents.items()})


def read(installation: Installation, document: str) -> Story:
    """Read a completed document; each ordinal must be there once, with one vector, and the file."""
    assert (installation.storage / "documents" / document).is_file()
    ring = _ring(installation, document)
    [text] = installation.rows(DocumentText, document)
    [index] = installation.rows(DocumentTerms, document)
    chunks = sorted(installation.rows(DocumentChunk, document), key=lambda row: row.ordinal)
    assert [row.ordinal for row in chunks] == list(range(len(chunks)))
    vectors = installation.rows(UserDocumentVectors, document)
    assert len({row.model_id for row in vectors}) == 1
    assert sorted(_ordinals(vectors)) == list(range(len(chunks)))
    vectors.sort(key=lambda row: row.first_ordinal)
    blob = b"".join(keys.unseal(ring, row) for row in vectors)
    return Story(
        text=keys.unseal(ring, text),
        chunks=[
            (*(getattr(row, name) for name in PLACE), keys.unseal(ring, row)) for row in chunks
        ],
        index=keys.unseal(ring, index),
        vectors=np.frombuffer(blob, "<f4").reshape(len(chunks), DIMENSIONS),
    )


def _ordinals(vectors: list[UserDocumentVectors]) -> list[int]:
    return [row.first_ordinal + place for row in vectors for place in range(row.vector_count)]


def _ring(installation: Installation, document: str) -> KeyRing:
    rows = installation.sql(
        "SELECT k.id, k.tenant_id, k.user_id, key_version, kek_id, wrapped_key"
        "  FROM encryption_keys k JOIN documents d ON d.user_id = k.user_id WHERE d.id = %s",
        [document],
    )
    names = ("id", "tenant_id", "user_id", "key_version", "kek_id", "wrapped_key")
    found = [EncryptionKey(**dict(zip(names, row, strict=True))) for row in rows]
    own = {
        row.key_version: DataKey(row.id, row.key_version, AESGCM(keys._secret_of(row)))
        for row in found
    }
    return KeyRing(own.__getitem__)


def attempts(installation: Installation, document: str) -> list[tuple[str, int, str, str]]:
    """Give stage, number, outcome and code of all tries of a document."""
    return installation.sql(
        "SELECT stage, number, outcome, error_code FROM document_attempts"
        " WHERE document_id = %s ORDER BY started_at, id",
        [document],
    )


def left_over(installation: Installation) -> list[Any]:
    """List what is left of those that were killed: parsers, files, tries that nobody ended."""
    running = installation.sql("SELECT * FROM document_attempts WHERE outcome = 'running'")
    files = [path for path in installation.temporary.rglob("*") if path.is_file()]
    return [*running, *files, *installation.parsers()]


def traces(installation: Installation, document: str) -> dict[str, int]:
    """Count the rows that were made of a document, by table."""
    return {
        table: count
        for table in MADE
        for (count,) in installation.sql(
            f"SELECT count(*) FROM {table} WHERE document_id = %s".encode(), [document]
        )
        if count
    }
