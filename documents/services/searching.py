"""Searching a person's own documents, by words and by meaning.

Neither questions nor what they find are logged. The question is embedded before the gate is
entered, so that no transaction waits for an embedder.
"""

import logging
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, starmap
from operator import attrgetter
from typing import Any, Final, LiteralString, NamedTuple, TypeVar

import numpy as np
import psycopg
from django.db import connection

from core.errors import DomainError, InvalidInput
from core.gate import Claims, Person
from documents import asking, embeddings, keys, lexical, pipeline, ranking
from documents.embeddings import Vector, Vectors
from documents.encryption import KeyRing
from documents.failures import StepFailed
from documents.models import DocumentChunk, DocumentTerms, SealedRow, UserDocumentVectors
from documents.ranking import Hit, Searchable
from documents.services.entering import entered
from documents.statuses import Status
from documents.types import (
    Chunk,
    SearchedOut,
    SearchIn,
    SearchOut,
    SearchReason,
    SearchResultOut,
    SearchScoresOut,
)

Sealed = TypeVar("Sealed", bound=SealedRow)

log = logging.getLogger("novara.documents")

# The word index of each document, then the batches of its vectors. In the order of ids, which is
# that of uploads, and decides between equals.
INDEXES: Final = """
    WITH searched AS MATERIALIZED (
        SELECT id, original_filename, document_type, page_count, status
          FROM documents
         WHERE user_id = %(user_id)s
           AND status IN ('completed', 'embedding')
           AND (%(document_ids)s::uuid[] IS NULL OR id = ANY (%(document_ids)s))
           AND (%(document_type)s::text IS NULL OR document_type = %(document_type)s)
           AND (%(content_type)s::text IS NULL OR content_type = %(content_type)s))
    SELECT d.id, d.original_filename, d.document_type, d.page_count, d.status,
           NULL::uuid, -1, t.sealed
      FROM searched d
      JOIN document_terms t ON t.document_id = d.id
     WHERE t.user_id = %(user_id)s
       AND t.index_version = %(index_version)s
     UNION ALL
    SELECT d.id, d.original_filename, d.document_type, d.page_count, d.status,
           v.model_id, v.first_ordinal, v.sealed
      FROM searched d
      JOIN user_document_vectors v ON v.document_id = d.id
      JOIN embedding_models m ON m.id = v.model_id
     WHERE v.user_id = %(user_id)s
       AND m.name = %(model)s
       AND m.version = %(model_version)s
     ORDER BY 1, 7
"""
CHUNKS: Final = """
    SELECT c.*
      FROM unnest(%s::uuid[], %s::integer[]) AS w (document_id, ordinal)
      JOIN document_chunks c ON c.document_id = w.document_id AND c.ordinal = w.ordinal
     WHERE c.user_id = %s
"""


class SearchUnavailable(DomainError):
    status = 503
    code = "search-unavailable"
    retryable = True


class Stored(NamedTuple):
    """A row of INDEXES: a word index, where `first_ordinal` is -1, or a batch of vectors."""

    document_id: uuid.UUID
    filename: str
    document_type: str
    page_count: int | None
    status: str
    model_id: uuid.UUID | None
    first_ordinal: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """A document that is searched."""

    stored: Stored
    searchable: Searchable[uuid.UUID]
    chunk_count: int
    embedded_count: int


def search(*, claims: Claims, question: SearchIn) -> SearchOut:
    if not question.query.strip():
        raise InvalidInput.at("/query", "query: is empty. Say what to look for.")
    vector = asking.vector_of(question.query)
    try:
        with entered(claims) as person:
            return _search(person, question, vector)
    except StepFailed as failed:
        log.warning("documents can't be searched", extra={"code": failed.code})
        detail = "Your documents can't be opened at the moment. Nothing is lost; try again later."
        raise SearchUnavailable(detail) from failed


def _search(person: Person, question: SearchIn, vector: Vector | None) -> SearchOut:
    # Keys first: one that is retired between two questions would be missing.
    ring = keys.ring_of(person, for_writing=False)
    documents = {one.searchable.id: one for one in _documents(person, ring, question)}
    hits = ranking.rank(
        question.query,
        vector,
        documents=[one.searchable for one in documents.values()],
        limit=question.limit,
    )
    chunks, stems = _chunks(person, ring, hits), lexical.terms(question.query)
    reason = _reason(documents.values(), vector)
    searched = SearchedOut(
        documents=len(documents),
        chunks=sum(one.chunk_count for one in documents.values()),
        embedded_chunks=sum(one.embedded_count for one in documents.values())
        if vector is not None
        else 0,
    )
    return SearchOut(
        results=[
            _result(hit, documents[hit.document_id].stored, chunk, stems)
            for hit in hits
            # One that was deleted this moment is not there any more.
            if (chunk := chunks.get((hit.document_id, hit.ordinal)))
        ],
        mode="lexical" if reason and not searched.embedded_chunks else "hybrid",
        reason=reason,
        searched=searched,
    )


def _documents(person: Person, ring: KeyRing, question: SearchIn) -> Iterator[Found]:
    """Open the indexes of what is searched; one without a word index is not."""
    embedder = embeddings.current()
    rows = _rows(
        INDEXES,
        {
            "user_id": person.id,
            "document_ids": question.document_ids,
            "document_type": question.document_type,
            "content_type": question.content_type,
            "index_version": lexical.VERSION,
            "model": embedder.name,
            "model_version": embedder.version,
        },
    )
    for _, stored in groupby(starmap(Stored, rows), attrgetter("document_id")):
        first, *batches = stored
        if first.model_id is None:
            terms = keys.unseal(ring, _sealed(person, first, DocumentTerms()))
            vectors = _vectors(person, ring, batches, embedder.dimensions)
            searchable = Searchable(first.document_id, terms, vectors)
            yield Found(first, searchable, len(lexical.load(terms)), len(vectors))


def _vectors(person: Person, ring: KeyRing, batches: Sequence[Stored], dimensions: int) -> Vectors:
    """Put a document's vectors together, as far as they follow each other."""
    parts = [np.empty((0, dimensions), np.float32)]
    count = 0
    for batch in batches:
        if batch.first_ordinal != count:
            break
        row = _sealed(person, batch, UserDocumentVectors(first_ordinal=count))
        row.model_id = batch.model_id  # type: ignore[assignment]  # A batch has one.
        blob = keys.unseal(ring, row)
        parts.append(np.frombuffer(blob, "<f4").reshape(-1, dimensions))
        count += len(parts[-1])
    return parts[1] if len(parts) == 2 else np.concatenate(parts)  # noqa: PLR2004  One batch.


def _sealed(person: Person, stored: Stored, row: Sealed) -> Sealed:
    row.tenant_id, row.document_id, row.sealed = person.tenant_id, stored.document_id, stored.sealed
    return row


def _reason(documents: Collection[Found], vector: Vector | None) -> SearchReason | None:
    if vector is None:
        return "embedder-away"
    missing = {one.stored.status for one in documents if one.embedded_count < one.chunk_count}
    if Status.COMPLETED in missing:
        return "other-model"
    return "not-yet-embedded" if missing else None


def _chunks(
    person: Person, ring: KeyRing, hits: Sequence[Hit[uuid.UUID]]
) -> dict[tuple[uuid.UUID, int], Chunk]:
    """Open the pieces that were found, and no other."""
    if not hits:
        return {}
    places = [[hit.document_id for hit in hits], [hit.ordinal for hit in hits], person.id]
    rows = DocumentChunk.objects.raw(CHUNKS, places)
    return {(row.document_id, row.ordinal): pipeline.open_chunk(ring, row) for row in rows}


def _result(
    hit: Hit[uuid.UUID], document: Stored, chunk: Chunk, stems: Sequence[str]
) -> SearchResultOut:
    shown, places = ranking.snippet(chunk.text, stems)
    is_paged = document.page_count is not None
    return SearchResultOut(
        document_id=hit.document_id,
        filename=document.filename,
        document_type=document.document_type,
        chunk=hit.ordinal,
        page=chunk.first_page if is_paged else None,
        last_page=chunk.last_page if is_paged else None,
        heading=list(chunk.heading),
        snippet=shown,
        highlights=places,
        score=hit.score,
        scores=SearchScoresOut(hit.lexical_score, hit.vector_score),
    )


def _rows(sql: LiteralString, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Ask in the binary format: blobs come as they are, not in hexadecimal."""
    with connection.wrap_database_errors:
        cursor = psycopg.Cursor(connection.connection)
        return cursor.execute(sql, parameters, prepare=True, binary=True).fetchall()
