"""What happens to a document: STEPS, in order. Each step does the work of one status.

A step works outside any transaction and calls `work.check()` now and then. It writes its result and
the next status in one transaction that holds the fence (`leases.held`), so a step that is run
again, after a crash wherever, leaves the same rows once.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec
from django.db.models import Sum
from django.utils import timezone

from core import gate
from core.models import uuid7s
from documents import (
    chunking,
    embeddings,
    encryption,
    keys,
    leases,
    lexical,
    llama_jobs,
    parsers,
    storage,
)
from documents.embeddings import Embedder, Vectors
from documents.failures import Code, StepFailed
from documents.leases import Claim, Lost, Waiting
from documents.models import (
    Document,
    DocumentChunk,
    DocumentTerms,
    DocumentText,
    EmbeddingModel,
    UserDocumentVectors,
)
from documents.statuses import Status, progress_within
from documents.types import Chunk, Limits, Parsed

log = logging.getLogger("novara.documents")

# After so many seconds a long stage lets other documents go first.
TURN_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Work:
    """A claim at work. `check` raises Lost as soon as the document is no longer ours."""

    claim: Claim
    check: Callable[[], None]


def parse(work: Work) -> None:
    """Make pages of the file, in a child process or at the parsing service."""
    parsed = _parsed(work)
    with leases.held(work.claim) as (person, row):
        DocumentText.objects.filter(document=row).delete()
        ring = keys.ring_of(person, for_writing=True)
        stored = DocumentText(
            **_of(row),
            parser_name=parsed.parser,
            parser_version=parsed.version,
        )
        keys.seal(ring, stored, msgspec.msgpack.encode(parsed))
        stored.save(force_insert=True)
        leases.hand_on(
            work.claim,
            row,
            Status.CHUNKING,
            page_count=len(parsed.pages) if parsed.is_paged else None,
            text_length=len(parsed.text),
            warnings=msgspec.json.encode(parsed.warnings).decode(),
        )


def _parsed(work: Work) -> Parsed:
    with gate.as_person(work.claim.user_id) as person:
        document = Document.objects.get(id=work.claim.document_id)
        is_llama = llama_jobs.is_for(person, document.content_type)
    file, media_type = partial(storage.local_copy, document.storage_path), document.content_type
    if is_llama:
        now = timezone.now()
        return llama_jobs.parse(work.claim, media_type, file, limits=Limits(), now=now)
    with file() as path:
        return parsers.parse_in_child(path, media_type, limits=Limits(), check=work.check)


def chunk(work: Work) -> None:
    """Cut the text into chunks, and index their words."""
    parsed = read_text(work.claim)
    chunks = chunking.split(parsed)
    if not chunks:
        raise StepFailed(Code.NO_TEXT)
    work.check()
    terms = lexical.build([chunking.in_context(piece) for piece in chunks])
    with leases.held(work.claim) as (person, row):
        ring = keys.ring_of(person, for_writing=True)
        for table in (DocumentChunk, DocumentTerms, UserDocumentVectors):
            table.objects.filter(document=row).delete()
        _store_chunks(ring, row, chunks)
        index = DocumentTerms(**_of(row), index_version=lexical.VERSION)
        keys.seal(ring, index, terms)
        index.save(force_insert=True)
        leases.hand_on(
            work.claim, row, Status.EMBEDDING, total_chunks=len(chunks), processed_chunks=0
        )


def _store_chunks(ring: encryption.KeyRing, row: Document, chunks: Sequence[Chunk]) -> None:
    rows = []
    for key, piece in zip(uuid7s(len(chunks)), chunks, strict=True):
        stored = DocumentChunk(
            id=key,
            **_of(row),
            ordinal=piece.ordinal,
            chunker_name=chunking.NAME,
            chunker_version=chunking.VERSION,
            start=piece.start,
            end=piece.end,
            first_page=piece.first_page,
            last_page=piece.last_page,
        )
        keys.seal(ring, stored, msgspec.msgpack.encode([piece.heading, piece.text]))
        rows.append(stored)
    DocumentChunk.objects.bulk_create(rows, batch_size=500)


def embed(work: Work) -> None:
    """Turn chunks into vectors, batch by batch; whoever comes after a crash goes on from there."""
    embedder = embeddings.current()
    started = time.monotonic()
    while True:
        first, texts, total = _next_batch(work.claim, embedder)
        if not texts:
            break
        vectors = embedder.embed_documents(texts)
        work.check()
        with leases.held(work.claim) as (person, row):
            store_vectors(person, row, embedder, first, vectors)
            done = first + len(texts)
            leases.went_on(row)
            leases.write(
                row.id,
                work.claim.fence,
                processed_chunks=done,
                progress=progress_within(Status.EMBEDDING, done, total),
                error_code="",
                error_message="",
            )
        if done < total and time.monotonic() - started > TURN_SECONDS:
            raise Waiting
    with leases.held(work.claim) as (_, row):
        leases.hand_on(work.claim, row, Status.COMPLETED)


def _next_batch(claim: Claim, embedder: Embedder) -> tuple[int, list[str], int]:
    """Give the first ordinal without a vector, the texts from there on, and the chunks in all."""
    with leases.held(claim) as (person, row):
        if row.total_chunks is None:
            raise StepFailed(Code.INTERNAL_ERROR, "There are no chunks to embed.")
        return *next_texts(person, row, embedder), row.total_chunks


def next_texts(person: gate.Person, row: Document, embedder: Embedder) -> tuple[int, list[str]]:
    """Give the first ordinal that has no vector of this model, and a batch of texts from there."""
    ring = keys.ring_of(person, for_writing=False)
    done = embedded_count(row, embedder)
    pieces = list(
        DocumentChunk.objects.filter(
            document=row, ordinal__gte=done, ordinal__lt=done + embedder.batch_size
        ).order_by("ordinal")
    )
    return done, [chunking.in_context(open_chunk(ring, piece)) for piece in pieces]


def embedded_count(row: Document, embedder: Embedder) -> int:
    stored = UserDocumentVectors.objects.filter(document=row, model=model_of(embedder))
    found: int | None = stored.aggregate(done=Sum("vector_count"))["done"]
    return found or 0


def store_vectors(
    person: gate.Person, row: Document, embedder: Embedder, first: int, vectors: Vectors
) -> None:
    ring = keys.ring_of(person, for_writing=True)
    stored = UserDocumentVectors(
        **_of(row), model=model_of(embedder), first_ordinal=first, vector_count=len(vectors)
    )
    keys.seal(ring, stored, vectors.astype("<f4").tobytes())
    stored.save(force_insert=True)


def model_of(embedder: Embedder) -> EmbeddingModel:
    """Find or note the model; one of the same name and version has the same dimensions."""
    model, _ = EmbeddingModel.objects.get_or_create(
        name=embedder.name,
        version=embedder.version,
        defaults={"dimensions": embedder.dimensions},
    )
    if model.dimensions != embedder.dimensions:
        raise StepFailed(
            Code.EMBEDDER_REJECTED,
            f"The model gives {embedder.dimensions} dimensions; {model.dimensions} are on record.",
        )
    return model


def _of(row: Document) -> dict[str, Any]:
    """Say whose it is, and what of, in a row that a step writes."""
    return {"tenant_id": row.tenant_id, "user_id": row.user_id, "document_id": row.id}


def open_chunk(ring: encryption.KeyRing, row: DocumentChunk) -> Chunk:
    heading, text = msgspec.msgpack.decode(keys.unseal(ring, row))
    return Chunk(
        ordinal=row.ordinal,
        start=row.start,
        end=row.end,
        first_page=row.first_page,
        last_page=row.last_page,
        heading=tuple(heading),
        text=text,
    )


def read_text(claim: Claim) -> Parsed:
    with leases.held(claim) as (person, row):
        ring = keys.ring_of(person, for_writing=False)
        return open_text(ring, DocumentText.objects.get(document=row))


def open_text(ring: encryption.KeyRing, stored: DocumentText) -> Parsed:
    return msgspec.msgpack.decode(keys.unseal(ring, stored), type=Parsed)


@dataclass(frozen=True, slots=True)
class Step:
    status: Status
    work: Callable[[Work], None]


STEPS: Final = (
    Step(Status.PROCESSING, parse),
    Step(Status.CHUNKING, chunk),
    Step(Status.EMBEDDING, embed),
)


def advance() -> bool:
    """Take the next document that is due, and do its step; False if none was."""
    claim = leases.claim_next()
    if claim is None:
        return False
    step = next(step for step in STEPS if step.status == claim.stage)
    started = time.monotonic()
    outcome = _run(step, claim)
    log.info(
        "document step",
        extra={
            "document": str(claim.document_id),
            "stage": claim.stage.value,
            "outcome": outcome,
            "ms": round((time.monotonic() - started) * 1000),
        },
    )
    return True


def _run(step: Step, claim: Claim) -> str:
    """Do a step and write what became of it; give it in a word."""
    try:
        with leases.Heartbeat(claim) as check:
            try:
                step.work(Work(claim, check))
            except Waiting as wish:
                leases.pause(claim, wish.seconds)
                return "paused"
            except StepFailed as failure:
                leases.fail(claim, failure)
                return failure.code
            except Lost:
                raise
            except Exception as error:  # noqa: BLE001  The document must not stay behind.
                leases.fail(claim, _unforeseen(error))
                return Code.INTERNAL_ERROR
    except Lost:
        return "lost"
    return "succeeded"


def _unforeseen(error: Exception) -> StepFailed:
    """Name the kind and place of an error, never its text: that may quote the document."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = (
        f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
    )
    return StepFailed(Code.INTERNAL_ERROR, f"{type(error).__name__} at {place}")
