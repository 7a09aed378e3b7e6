"""Searching a person's own documents, by words and by meaning.

Neither questions nor what they find are logged. The question is embedded before the gate is
entered, so that no transaction waits for an embedder.
"""

import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
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
from documents.failures import Code, StepFailed
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

# One search takes that much memory, a few times over: about 50,000 chunks of the built-in model.
# The document that goes beyond is the last one.
MOST_BYTES: Final = 100 * 1024 * 1024
# The words of a chunk, as they are indexed: so much for most.
WORDS_BYTES: Final = 512

# The word index of each document, then the batches of its vectors. In the order of ids, which is
# that of uploads, and decides between equals. Where there are too many, the newest are searched.
INDEXES: Final = """
    WITH wanted AS MATERIALIZED (
        SELECT id, original_filename, document_type, page_count, status,
               sum(total_chunks) OVER (ORDER BY id DESC) - total_chunks < %(most_chunks)s
                   AS has_room
          FROM documents
         WHERE user_id = %(user_id)s
           AND (status IN ('completed', 'embedding')
                OR (status = 'failed' AND failed_stage = 'embedding'))
           AND (%(document_ids)s::uuid[] IS NULL OR id = ANY (%(document_ids)s))
           AND (%(document_type)s::text IS NULL OR document_type = %(document_type)s)
           AND (%(content_type)s::text IS NULL OR content_type = %(content_type)s)),
    searched AS (
        SELECT w.*, (SELECT count(*) FROM wanted WHERE NOT has_room) AS left_out
          FROM wanted w
         WHERE has_room)
    SELECT d.id, d.original_filename, d.document_type, d.page_count, d.status, d.left_out,
           NULL::uuid, -1 AS first_ordinal, t.sealed
      FROM searched d
      JOIN document_terms t ON t.document_id = d.id
     WHERE t.user_id = %(user_id)s
       AND t.index_version = %(index_version)s
     UNION ALL
    SELECT d.id, d.original_filename, d.document_type, d.page_count, d.status, d.left_out,
           v.model_id, v.first_ordinal, v.sealed
      FROM searched d
      JOIN user_document_vectors v ON v.document_id = d.id
      JOIN embedding_models m ON m.id = v.model_id
     WHERE v.user_id = %(user_id)s
       AND m.name = %(model)s
       AND m.version = %(model_version)s
     ORDER BY id, first_ordinal
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
    left_out: int
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


@dataclass(slots=True)
class Library:
    """What is searched for one question, and how many documents are not."""

    documents: dict[uuid.UUID, Found] = field(default_factory=dict)
    left_out: int = 0
    unreadable: int = 0


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
    library = _library(person, ring, question)
    documents = library.documents
    hits = ranking.rank(
        question.query,
        vector,
        documents=[one.searchable for one in documents.values()],
        limit=question.limit,
    )
    chunks, stems = _chunks(person, ring, hits, library), lexical.terms(question.query)
    searched = SearchedOut(
        documents=len(documents),
        chunks=sum(one.chunk_count for one in documents.values()),
        embedded_chunks=sum(one.embedded_count for one in documents.values())
        if vector is not None
        else 0,
        left_out_documents=library.left_out,
        unreadable_documents=library.unreadable,
    )
    is_by_words = vector is None or (searched.chunks and not searched.embedded_chunks)
    return SearchOut(
        results=[
            _result(hit, documents[hit.document_id].stored, chunk, stems)
            for hit in hits
            # One that was deleted this moment is not there any more.
            if (chunk := chunks.get((hit.document_id, hit.ordinal)))
        ],
        mode="lexical" if is_by_words else "hybrid",
        reason=_reason(library, vector),
        searched=searched,
    )


def _library(person: Person, ring: KeyRing, question: SearchIn) -> Library:
    """Open the indexes of what is searched; one without a word index is not."""
    embedder, library = embeddings.current(), Library()
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
            "most_chunks": MOST_BYTES // (embedder.dimensions * 4 + WORDS_BYTES),
        },
    )
    for document_id, stored in groupby(starmap(Stored, rows), attrgetter("document_id")):
        first, *batches = stored
        library.left_out = first.left_out
        if first.model_id is not None:
            continue
        found = _opened(person, ring, first, batches, embedder.dimensions)
        if found is None:
            library.unreadable += 1
        else:
            library.documents[document_id] = found
    return library


def _opened(
    person: Person, ring: KeyRing, first: Stored, batches: Sequence[Stored], dimensions: int
) -> Found | None:
    """Open the indexes of a document; None if they are not as they were stored."""
    try:
        terms = keys.unseal(ring, _sealed(person, first, DocumentTerms()))
        vectors = _vectors(person, ring, batches, dimensions)
        chunk_count = len(lexical.load(terms))
    except (StepFailed, ValueError) as problem:
        _pass_over(first.document_id, problem)
        return None
    searchable = Searchable(first.document_id, terms, vectors)
    return Found(first, searchable, chunk_count, len(vectors))


def _pass_over(document_id: uuid.UUID, problem: Exception) -> None:
    """Let one document be unreadable. A key that is missing is more than that: it is raised."""
    if isinstance(problem, StepFailed) and problem.code is Code.KEY_UNAVAILABLE:
        raise problem
    extra = {"document": str(document_id), "kind": type(problem).__name__}
    log.error("a document can't be opened for a search", extra=extra)


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


def _reason(library: Library, vector: Vector | None) -> SearchReason | None:
    if library.unreadable:
        return "unreadable"
    if library.left_out:
        return "too-many-documents"
    if vector is None:
        return "embedder-away"
    documents = library.documents.values()
    missing = {one.stored.status for one in documents if one.embedded_count < one.chunk_count}
    if Status.COMPLETED in missing:
        return "other-model"
    return "not-yet-embedded" if missing else None


def _chunks(
    person: Person, ring: KeyRing, hits: Sequence[Hit[uuid.UUID]], library: Library
) -> dict[tuple[uuid.UUID, int], Chunk]:
    """Open the pieces that were found, and no other."""
    if not hits:
        return {}
    places = [[hit.document_id for hit in hits], [hit.ordinal for hit in hits], person.id]
    chunks: dict[tuple[uuid.UUID, int], Chunk] = {}
    unreadable = set()
    for row in DocumentChunk.objects.raw(CHUNKS, places):
        try:
            chunks[row.document_id, row.ordinal] = pipeline.open_chunk(ring, row)
        except (StepFailed, ValueError) as problem:
            _pass_over(row.document_id, problem)
            unreadable.add(row.document_id)
    library.unreadable += len(unreadable)
    return chunks


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


def _rows(sql: LiteralString, parameters: dict[str, Any]) -> Iterable[tuple[Any, ...]]:
    """Ask in the binary format: blobs come as they are, not in hexadecimal.

    All rows are here then; each is made an object as it is taken, so that they need no second room.
    """
    with connection.wrap_database_errors:
        cursor = psycopg.Cursor(connection.connection)
        return cursor.execute(sql, parameters, prepare=True, binary=True)
