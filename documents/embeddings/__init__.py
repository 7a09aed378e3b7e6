"""Turns texts into vectors whose angles tell how near their meanings are.

A process has one embedder, which the settings choose: the built-in model, or a service that speaks
OpenAI's contract. Both raise StepFailed(EMBEDDER_UNAVAILABLE | EMBEDDER_REJECTED).
"""

import os
from collections.abc import Sequence
from functools import cache
from typing import Protocol

from django.conf import settings

from documents.embeddings.minilm import MiniLM
from documents.embeddings.openai_compatible import OpenAICompatible
from documents.embeddings.vectors import Vector, Vectors, validated

__all__ = ["Embedder", "Vector", "Vectors", "check", "current", "validated"]


class Embedder(Protocol):
    """`name`, `version` and `dimensions` tell a model's vectors from another's.

    It reads `max_tokens` of a text, and works best on `batch_size` texts at a time.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def dimensions(self) -> int: ...
    @property
    def max_tokens(self) -> int: ...
    @property
    def batch_size(self) -> int: ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors: ...

    def embed_query(self, text: str) -> Vector: ...

    def check(self) -> str | None:
        """Tell in one sentence why it cannot work, as far as that is known without a network."""
        ...


@cache
def current() -> Embedder:
    """Give this process's embedder. It is loaded when it is first used."""
    if settings.EMBEDDINGS_URL:
        return OpenAICompatible(
            url=settings.EMBEDDINGS_URL,
            api_key=settings.EMBEDDINGS_API_KEY,
            model=settings.EMBEDDINGS_MODEL,
            dimensions=settings.EMBEDDINGS_DIMENSIONS,
        )
    return MiniLM(threads=settings.EMBEDDINGS_THREADS)


def check() -> str | None:
    return current().check()


# Threads and connections do not survive a fork: a child makes an embedder of its own.
os.register_at_fork(after_in_child=current.cache_clear)
