"""Gives documents vectors of the current model, beside those of the models before it.

A search uses the current model alone, and goes by words where its vectors are missing. So a new
model is switched to by the settings, then its vectors are made, then the old ones are dropped. Work
goes through people one by one, batch by batch, each in a short transaction inside their own gate;
it can be ended at any moment and begun again.
"""

import uuid
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Final

from django.db import connection

from core import gate
from documents import embeddings, pipeline
from documents.embeddings import Embedder
from documents.failures import Code, StepFailed
from documents.models import Document
from documents.statuses import Status

# With the vectors that documents have of a model.
COMPLETED: Final = """
      FROM documents d,
           LATERAL (SELECT coalesce(sum(v.vector_count), 0) AS count
                      FROM user_document_vectors v
                     WHERE v.document_id = d.id
                       AND v.user_id = d.user_id
                       AND v.model_id = %(model)s) own
     WHERE d.status = 'completed'
"""
HAS_OLD: Final = """
       AND own.count = d.total_chunks
       AND EXISTS (SELECT
                     FROM user_document_vectors o
                    WHERE o.document_id = d.id
                      AND o.user_id = d.user_id
                      AND o.model_id <> %(model)s)
"""
PEOPLE_MISSING: Final = f"""
    SELECT d.user_id, count(*)
      {COMPLETED}
       AND own.count < d.total_chunks
     GROUP BY d.user_id
     ORDER BY d.user_id
"""
PEOPLE_WITH_OLD: Final = f"""
    SELECT d.user_id, count(*)
      {COMPLETED}
      {HAS_OLD}
     GROUP BY d.user_id
     ORDER BY d.user_id
"""
MISSING: Final = f"""
    SELECT d.id
      {COMPLETED}
       AND own.count < d.total_chunks
       AND d.user_id = %(user_id)s
     ORDER BY d.id
"""
DROP: Final = f"""
    DELETE FROM user_document_vectors o
     WHERE o.user_id = %(user_id)s
       AND o.model_id <> %(model)s
       AND o.document_id IN (
           SELECT d.id
             {COMPLETED}
              AND own.count = d.total_chunks
              AND d.user_id = %(user_id)s)
"""


@dataclass(slots=True)
class Progress:
    """How far a run has come: through people; what it made (or dropped), and what is left.

    People who are `switched_off` cannot enter the gate, so their turn comes later; `refusals` says
    for how many others the work was refused, and why.
    """

    total: int
    people: int = 0
    documents: int = 0
    vectors: int = 0
    switched_off: int = 0
    refusals: Counter[str] = field(default_factory=Counter)

    @property
    def left(self) -> int:
        return self.switched_off + self.refusals.total()


def reembed() -> Generator[Progress]:
    """Make the vectors that are missing; tell after each batch how far the run has come.

    Raises StepFailed when the embedder is away.
    """
    embedder = embeddings.current()
    people = _people(PEOPLE_MISSING, embedder)
    progress = Progress(len(people))
    yield progress
    for user_id in people:
        try:
            for document_id in _missing(user_id, embedder):
                for count in _embed(user_id, document_id, embedder):
                    progress.vectors += count
                    yield progress
                progress.documents += 1
        except (StepFailed, gate.AccountOff) as error:
            _note(progress, error)
        progress.people += 1
        yield progress


def drop_old() -> Generator[Progress]:
    """Drop the vectors of other models from documents that have all of the current one."""
    embedder = embeddings.current()
    people = _people(PEOPLE_WITH_OLD, embedder)
    progress = Progress(len(people))
    yield progress
    for user_id, documents in people.items():
        try:
            progress.vectors += _drop(user_id, embedder)
            progress.documents += documents
        except gate.AccountOff as error:
            _note(progress, error)
        progress.people += 1
        yield progress


def _note(progress: Progress, error: StepFailed | gate.AccountOff) -> None:
    """Go on with the next person, unless it would be the same with everybody."""
    if isinstance(error, StepFailed):
        if error.code != Code.KEY_UNAVAILABLE:
            raise error
        progress.refusals[error.detail] += 1
    else:
        progress.switched_off += 1


def _people(query: str, embedder: Embedder) -> dict[uuid.UUID, int]:
    with gate.as_system(), connection.cursor() as cursor:
        cursor.execute(query, {"model": pipeline.model_of(embedder).id})
        return dict(cursor.fetchall())


def _missing(user_id: uuid.UUID, embedder: Embedder) -> list[uuid.UUID]:
    with gate.as_person(user_id), connection.cursor() as cursor:
        cursor.execute(MISSING, {"model": pipeline.model_of(embedder).id, "user_id": user_id})
        return [document_id for (document_id,) in cursor.fetchall()]


def _embed(user_id: uuid.UUID, document_id: uuid.UUID, embedder: Embedder) -> Iterator[int]:
    """Make a document's missing vectors, batch by batch, unless it is gone meanwhile."""
    while True:
        with gate.as_person(user_id) as person:
            row = Document.objects.filter(id=document_id, status=Status.COMPLETED).first()
            if row is None:
                return
            first, texts = pipeline.next_texts(person, row, embedder)
        if not texts:
            return
        vectors = embedder.embed_documents(texts)
        with gate.as_person(user_id) as person:
            held = Document.objects.select_for_update().filter(id=document_id, fence=row.fence)
            if not held.exists():
                return
            # Another run may have been quicker.
            if pipeline.embedded_count(row, embedder) == first:
                pipeline.store_vectors(person, row, embedder, first, vectors)
        yield len(texts)


def _drop(user_id: uuid.UUID, embedder: Embedder) -> int:
    with gate.as_person(user_id), connection.cursor() as cursor:
        cursor.execute(DROP, {"model": pipeline.model_of(embedder).id, "user_id": user_id})
        dropped: int = cursor.rowcount
    return dropped
