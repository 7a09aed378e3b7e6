"""An embedding service that speaks OpenAI's contract: POST {url}/embeddings.

Neither the key nor any text gets into logs or errors, nor does what the service answers: it may
quote the text.
"""

import time
from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from typing import Final

import httpx
import msgspec
import numpy as np

from documents.embeddings.vectors import Vector, Vectors, validated
from documents.failures import Code, StepFailed

# What OpenAI takes in one request is 2,048 texts of 300,000 tokens in all; others take less. A
# token is at least one byte. So many chunks are a few requests at most, and a task has time for
# all of them, however slow each is.
MOST_TEXTS: Final = 64
MOST_BYTES: Final = 250_000

_MEGABYTE: Final = 1 << 20
_LONGEST_ANSWER: Final = 64 * _MEGABYTE
_LONGEST_WAIT: Final = 3_600.0
_REFUSED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_COME_AGAIN: Final = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
)


class _Item(msgspec.Struct):
    index: int
    embedding: list[float]


class _Answer(msgspec.Struct):
    data: list[_Item]


class OpenAICompatible:
    # The contract says nothing of a model's version: another model has another name.
    version = "1"
    # What OpenAI's models read; a service whose model reads less refuses a longer text.
    max_tokens = 8_191
    batch_size = MOST_TEXTS

    def __init__(
        self,
        *,
        url: str,
        api_key: str,
        model: str,
        dimensions: int,
        timeout: httpx.Timeout | None = None,
        seconds: float = 120,
    ) -> None:
        """`timeout` is for each step of a request, `seconds` for all of it."""
        self.name = model
        self.dimensions = dimensions
        self._url = f"{url.rstrip('/')}/embeddings"
        self._api_key = api_key
        self._timeout = timeout or httpx.Timeout(60, connect=5)
        self._seconds = seconds

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        parts = [self._embed(batch) for batch in _batches(texts)]
        return np.concatenate(parts) if parts else np.empty((0, self.dimensions), np.float32)

    def embed_query(self, text: str) -> Vector:
        vector: Vector = self.embed_documents([text])[0]
        return vector

    def check(self) -> str | None:
        return None

    @cached_property
    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
        return httpx.Client(timeout=self._timeout, headers=headers)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = validated(_in_order(self._ask(texts), len(texts)), len(texts), self.dimensions)
        if len(set(texts)) > 1 and (vectors == vectors[0]).all():
            raise _rejected("It gives the same vector for different texts.")
        return vectors

    def _ask(self, texts: Sequence[str]) -> bytes:
        body = {"model": self.name, "input": list(texts), "encoding_format": "float"}
        deadline = time.monotonic() + self._seconds
        try:
            with self._client.stream("POST", self._url, json=body) as response:
                _judge(response)
                return _read(response, deadline)
        except httpx.HTTPError as problem:
            # Its text may hold the address; what it is called is enough.
            raise _unavailable(f"It cannot be reached ({type(problem).__name__}).") from None


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    room = MOST_BYTES
    for text in texts:
        size = len(text.encode())
        if batch and (len(batch) == MOST_TEXTS or size > room):
            yield batch
            batch, room = [], MOST_BYTES
        batch.append(text)
        room -= size
    if batch:
        yield batch


def _judge(response: httpx.Response) -> None:
    status = response.status_code
    if status == HTTPStatus.OK:
        return
    if status in _REFUSED:
        raise _rejected(f"It refuses our key (status {status}): see EMBEDDINGS_API_KEY.")
    if status in _COME_AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _unavailable(f"It answers with status {status}.", retry_after=_wait(response))
    raise _rejected(f"It answers with status {status}: see EMBEDDINGS_URL and EMBEDDINGS_MODEL.")


def _wait(response: httpx.Response) -> float | None:
    """Read Retry-After, which is a number of seconds or a date."""
    value = response.headers.get("Retry-After", "").strip()
    try:
        wait = float(value) if value[:1].isdigit() else _until(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, 0.0), _LONGEST_WAIT)


def _until(date: str) -> float:
    return parsedate_to_datetime(date).timestamp() - time.time()


def _read(response: httpx.Response, deadline: float) -> bytes:
    """Read the body within bounds: one that drips never meets the time-out for reading."""
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > _LONGEST_ANSWER:
            raise _rejected("Its answer is too long.")
        if time.monotonic() > deadline:
            raise _unavailable("Its answer takes too long.")
    return bytes(body)


def _in_order(body: bytes, count: int) -> list[list[float]]:
    """Give the vectors in the order of the texts, which the answer's indexes tell."""
    try:
        items = msgspec.json.decode(body, type=_Answer).data
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _rejected("Its answer is not what the contract says.") from None
    if sorted(item.index for item in items) != list(range(count)):
        raise _rejected(f"Its {len(items)} vectors are not those of the {count} texts.")
    return [item.embedding for item in sorted(items, key=lambda item: item.index)]


def _rejected(detail: str) -> StepFailed:
    return StepFailed(Code.EMBEDDER_REJECTED, f"The embedding service: {detail}")


def _unavailable(detail: str, *, retry_after: float | None = None) -> StepFailed:
    detail = f"The embedding service: {detail}"
    return StepFailed(Code.EMBEDDER_UNAVAILABLE, detail, retry_after=retry_after)
