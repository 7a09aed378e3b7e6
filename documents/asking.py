"""The vector of a question, if the embedder gives one in time: nobody waits long for a search."""

import threading
from queue import Empty, SimpleQueue
from typing import Final

from documents import embeddings
from documents.embeddings import Vector
from documents.failures import StepFailed

# Loading the built-in model takes half of it.
PATIENCE_SECONDS: Final = 1.5

# Who was given up on last. As long as they wait, nobody else does.
_late: threading.Thread | None = None


def vector_of(query: str) -> Vector | None:
    global _late  # noqa: PLW0603  One embedder for each process.
    if _late is not None and _late.is_alive():
        return None
    answers: SimpleQueue[Vector | None] = SimpleQueue()
    # A daemon: a service that hangs must not hold up the end of the process.
    asking = threading.Thread(target=_ask, args=(query, answers), name="query", daemon=True)
    asking.start()
    try:
        return answers.get(timeout=PATIENCE_SECONDS)
    except Empty:
        _late = asking
        return None


def _ask(query: str, answers: SimpleQueue[Vector | None]) -> None:
    vector = None
    try:
        vector = embeddings.current().embed_query(query)
    except StepFailed:
        pass
    finally:
        answers.put(vector)
