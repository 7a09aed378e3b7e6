"""Makes documents of people with sealed rows of each kind, and reads all of them."""

import hashlib
import uuid
from typing import Any

from django.db import connection

from accounts.models import User
from core import gate
from documents import keys
from documents.models import (
    Document,
    DocumentChunk,
    DocumentTerms,
    DocumentText,
    EmbeddingModel,
    EncryptionKey,
    UserDocumentVectors,
)

TABLES = (DocumentText, DocumentTerms, DocumentChunk, UserDocumentVectors)


def write_document(
    user_id: uuid.UUID, *, chunks: int = 3, text: str = "A plan of mine."
) -> Document:
    """Write a document with its sealed rows as a worker would; their payloads tell their places."""
    with gate.as_person(user_id) as person:
        mine: dict[str, Any] = {"tenant_id": person.tenant_id, "user_id": person.id}
        document = Document.objects.create(
            **mine,
            original_filename="plan.pdf",
            file_size=100,
            content_type="application/pdf",
            file_hash=hashlib.sha256(uuid.uuid4().bytes).hexdigest(),
            storage_path=f"documents/{uuid.uuid4()}",
        )
        model, _ = EmbeddingModel.objects.get_or_create(
            name="keys", version="1", defaults={"dimensions": 4}
        )
        ring = keys.ring_of(person, for_writing=True)
        mine["document"] = document
        rows: list[Any] = [
            DocumentText(**mine, parser_name="p", parser_version="1"),
            DocumentTerms(**mine, index_version="1"),
        ]
        for at in range(chunks):
            rows += [
                DocumentChunk(
                    **mine,
                    ordinal=at,
                    chunker_name="c",
                    chunker_version="1",
                    start=at,
                    end=at + 1,
                    first_page=1,
                    last_page=1,
                ),
                UserDocumentVectors(**mine, model=model, first_ordinal=at, vector_count=1),
            ]
        for row in rows:
            keys.seal(ring, row, payload_of(row, text))
            row.save(force_insert=True)
    return document


def payload_of(row: Any, text: str = "A plan of mine.") -> bytes:
    at = getattr(row, "ordinal", getattr(row, "first_ordinal", 0))
    return f"{row._meta.db_table} {row.document_id} {at}: {text}".encode()


def open_all(user_id: uuid.UUID) -> int:
    """Open every row of a person; each must hold what was written there."""
    with gate.as_person(user_id) as person:
        ring = keys.ring_of(person, for_writing=False)
        rows = rows_of(user_id)
        for row in rows:
            assert keys.unseal(ring, row) == payload_of(row)
    return len(rows)


def rows_of(user_id: uuid.UUID) -> list[Any]:
    return [row for table in TABLES for row in table.objects.filter(user_id=user_id)]


def versions(user: User) -> dict[int, str]:
    """Give the state of each key."""
    found = EncryptionKey.objects.filter(user=user).order_by("key_version")
    return dict(found.values_list("key_version", "key_status"))


def versions_in_use(user: User) -> set[int | None]:
    return {row.key and row.key.key_version for row in rows_of(user.id)}


def reencrypt_all(user: User) -> int:
    """Seal anew until nothing is left; give how many rows."""
    total = 0
    while True:
        with gate.as_person(user.id) as person:
            done = keys.reencrypt(person)
        if not done:
            return total
        total += done


def rows(sql: str, parameters: Any = None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else cursor.rowcount
