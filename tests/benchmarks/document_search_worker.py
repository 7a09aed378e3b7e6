"""Give people documents as the pipeline would have left them: so many chunks, sealed."""

import hashlib
import random
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate

from tests.benchmarks import worker

ANSWER = worker.set_django_up()

import numpy as np  # noqa: E402  After Django is set up.
from django.db.models.functions import Now  # noqa: E402

from core import gate  # noqa: E402
from documents import chunking, embeddings, keys, lexical, pipeline  # noqa: E402
from documents.models import Document, DocumentTerms  # noqa: E402
from documents.statuses import Status  # noqa: E402
from documents.types import Chunk  # noqa: E402

CHUNKS_EACH = 50
WORDS_EACH = 220


def main() -> None:
    people: Sequence[tuple[uuid.UUID, int, Sequence[str]]] = worker.read_question()
    dice = random.Random(7)
    for user_id, count, words in people:
        # Few words are frequent and most are rare, as in any text.
        weights = list(accumulate(1 / (rank + 1) for rank in range(len(words))))
        write = partial(dice.choices, words, cum_weights=weights, k=WORDS_EACH)
        for number in range(count // CHUNKS_EACH):
            with gate.as_person(user_id) as person:
                add_document(person, dice, write, number)
    worker.answer(None, ANSWER)


def add_document(
    person: gate.Person, dice: random.Random, write: Callable[[], list[str]], number: int
) -> None:
    row = Document.objects.create(
        tenant_id=person.tenant_id,
        user_id=person.id,
        original_filename=f"report-{number}.pdf",
        file_size=100_000,
        content_type="application/pdf",
        file_hash=hashlib.sha256(f"{number}".encode()).hexdigest(),
        storage_path=f"documents/{uuid.uuid4()}",
        status=Status.COMPLETED,
        progress_percentage=100,
        page_count=25,
        total_chunks=CHUNKS_EACH,
        processed_chunks=CHUNKS_EACH,
        processing_completed_at=Now(),
    )
    chunks = [chunk(" ".join(write()), ordinal) for ordinal in range(CHUNKS_EACH)]
    ring, embedder = keys.ring_of(person, for_writing=True), embeddings.current()
    pipeline._store_chunks(ring, row, chunks)
    index = DocumentTerms(**pipeline._of(row), index_version=lexical.VERSION)
    keys.seal(ring, index, lexical.build([chunking.in_context(one) for one in chunks]))
    index.save(force_insert=True)
    vectors = np.random.default_rng(dice.getrandbits(32)).normal(
        size=(CHUNKS_EACH, embedder.dimensions)
    )
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pipeline.store_vectors(person, row, embedder, 0, vectors.astype(np.float32))


def chunk(text: str, ordinal: int) -> Chunk:
    start = ordinal * 2_000
    return Chunk(
        ordinal=ordinal,
        start=start,
        end=start + len(text),
        first_page=1 + ordinal // 2,
        last_page=1 + ordinal // 2,
        heading=("Report", f"Part {ordinal}"),
        text=text,
    )


if __name__ == "__main__":
    main()
