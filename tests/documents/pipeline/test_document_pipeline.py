"""A document's whole way, step by step, and what ends it."""

import pytest
from django.db import IntegrityError, connection

from core import gate
from documents import keys, leases, pipeline, storage
from documents.models import (
    Document,
    DocumentAttempt,
    DocumentChunk,
    DocumentTerms,
    DocumentText,
    UserDocumentVectors,
)
from documents.statuses import STAGES, Status
from tests.documents.papers import TEXT, make_document

LONG = b"\n\n".join(
    b"# Part %d\n\nOn day %d the dose is %d units, taken with a glass of water." % (n, n, n * 10)
    for n in range(40)
)


def work_off():
    """Do what a worker does, until nothing is due."""
    steps = 0
    while pipeline.advance():
        steps += 1
    return steps


def attempts(document):
    rows = DocumentAttempt.objects.filter(document=document).order_by("started_at")
    return [(row.stage, row.outcome) for row in rows]


def test_takes_a_document_from_its_bytes_to_its_vectors(person):
    document = make_document(person)

    steps = work_off()

    document.refresh_from_db()
    assert (steps, document.status, document.progress_percentage) == (3, "completed", 100)
    assert document.total_chunks
    assert document.total_chunks == document.processed_chunks
    assert document.extracted_text_length
    assert attempts(document) == [
        ("processing", "succeeded"),
        ("chunking", "succeeded"),
        ("embedding", "succeeded"),
    ]
    with gate.as_person(person.id) as owner:
        ring = keys.ring_of(owner, for_writing=False)
        text = pipeline.open_text(ring, DocumentText.objects.get(document=document)).text
        chunks = DocumentChunk.objects.filter(document=document).order_by("ordinal")
        pieces = [pipeline.open_chunk(ring, row) for row in chunks]
    assert "progesterone" in text
    assert [piece.ordinal for piece in pieces] == list(range(document.total_chunks))
    assert all(text[piece.start : piece.end] == piece.text for piece in pieces)


def go_back(document, stage):
    """Fail it after the fact, and retry from a stage, as staff may."""
    row = Document.objects.get(id=document.id)
    leases.write(row.id, row.fence, status=Status.FAILED, error_code="internal_error")
    row.refresh_from_db()
    leases.write(row.id, row.fence, status=stage)


@pytest.mark.parametrize("stage", STAGES)
def test_writes_nothing_twice_when_a_stage_runs_again(person, stage):
    document = make_document(person, content=LONG)
    while Document.objects.get(id=document.id).status != Status.EMBEDDING:
        pipeline.advance()
    go_back(document, stage)

    work_off()

    document.refresh_from_db()
    ordinals = DocumentChunk.objects.filter(document=document).values_list("ordinal", flat=True)
    vectors = UserDocumentVectors.objects.filter(document=document)
    assert (document.status, document.run) == ("completed", 2)
    assert sorted(ordinals) == list(range(document.total_chunks or 0))
    assert sum(row.vector_count for row in vectors) == document.total_chunks
    assert DocumentText.objects.filter(document=document).count() == 1
    assert DocumentTerms.objects.filter(document=document).count() == 1


@pytest.mark.parametrize("lack", ["chunks", "vectors"])
def test_completes_only_what_is_whole(person, lack):
    document = make_document(person, content=LONG)
    while Document.objects.get(id=document.id).status != Status.EMBEDDING:
        pipeline.advance()
    row = Document.objects.get(id=document.id)
    if lack == "chunks":
        DocumentChunk.objects.filter(document=row, ordinal=0).delete()

    with pytest.raises(IntegrityError, match="is not completed"):
        leases.write(row.id, row.fence, status=Status.COMPLETED, processed_chunks=row.total_chunks)

    assert Document.objects.get(id=document.id).status == "embedding"


@pytest.mark.parametrize(
    ("content", "media_type", "code"),
    [
        (b"%PDF-1.4\nnothing of the kind", "application/pdf", "damaged"),
        (b"   \n\n  ", "text/plain", "no_text"),
    ],
)
def test_fails_with_a_code_what_cannot_be_read(person, content, media_type, code):
    document = make_document(person, content=content, content_type=media_type)

    work_off()

    document.refresh_from_db()
    assert (document.status, document.error_code) == ("failed", code)
    assert document.failed_stage == "processing"
    assert not DocumentText.objects.filter(document=document).exists()


def test_says_that_the_stored_file_is_gone(person):
    document = make_document(person)
    storage.remove(document.storage_path)

    work_off()

    document.refresh_from_db()
    assert (document.status, document.error_code) == ("failed", "file_missing")


def test_leaves_no_trace_of_a_run_that_was_cancelled(person):
    document = make_document(person)
    claim = leases.claim_next()
    assert claim is not None
    with gate.as_person(person.id):
        row = Document.objects.get(id=document.id)
        leases.stop(row)

    outcome = pipeline._run(pipeline.STEPS[0], claim)

    document.refresh_from_db()
    assert (outcome, document.status, document.failed_stage) == ("lost", "cancelled", "processing")
    assert attempts(document) == [("processing", "cancelled")]
    assert not DocumentText.objects.filter(document=document).exists()


def test_keeps_nothing_readable_while_vectors_are_encrypted(person):
    document = make_document(person)
    work_off()

    with connection.cursor() as cursor:
        found = []
        for table in ("document_texts", "document_chunks", "document_terms"):
            cursor.execute(f"SELECT sealed FROM {table} WHERE document_id = %s", [document.id])
            found += [bytes(row[0]) for row in cursor.fetchall()]

    assert len(found) >= 3
    for sentence in TEXT.split(b"\n\n"):
        assert not any(sentence.strip() in blob for blob in found)


def test_deletes_what_hangs_on_a_document_and_notes_its_file(person):
    document = make_document(person)
    work_off()

    with gate.as_person(person.id):
        Document.objects.filter(id=document.id).delete()

    with connection.cursor() as cursor:
        for table in (DocumentText, DocumentTerms, DocumentChunk, UserDocumentVectors):
            assert not table.objects.filter(document_id=document.id).exists()
        cursor.execute(
            "SELECT count(*) FROM deleted_blobs WHERE storage_path = %s", [document.storage_path]
        )
        assert cursor.fetchone() == (1,)
