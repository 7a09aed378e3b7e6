"""An embedding service at the other end of a connection."""

import datetime as dt
import logging
import time
from collections.abc import Iterator
from email.utils import format_datetime
from typing import Any

import httpx
import numpy as np
import pytest

from documents import chunking, embeddings
from documents.embeddings.openai_compatible import MOST_BYTES, MOST_TEXTS, OpenAICompatible
from documents.failures import Code, StepFailed
from documents.tasks import LONGEST_STEP
from tests.documents.retrieval.embedding_service import (
    DIMENSIONS,
    KEY,
    MODEL,
    Service,
    running,
    vector_of,
)

SECRET = "Alice has an appointment on Tuesday."


@pytest.fixture
def service() -> Iterator[Service]:
    with running() as one:
        yield one


def client(service: Service, **changes: Any) -> OpenAICompatible:
    arguments: dict[str, Any] = {
        "url": service.url,
        "api_key": KEY,
        "model": MODEL,
        "dimensions": DIMENSIONS,
        "timeout": httpx.Timeout(20),
    }
    return OpenAICompatible(**(arguments | changes))


def failure(service: Service, **changes) -> StepFailed:
    with pytest.raises(StepFailed) as failed:
        client(service, **changes).embed_documents([SECRET, "Another text."])
    shown = f"{failed.value!r} {failed.value.__cause__!r} {failed.value.__suppress_context__}"
    assert KEY not in shown
    assert SECRET not in shown
    return failed.value


def unit(text: str) -> Any:
    return np.array(vector_of(text)) / np.linalg.norm(vector_of(text))


def test_gives_vectors_of_length_one_in_the_order_of_the_texts(service):
    service.change = lambda items: items[::-1]

    vectors = client(service).embed_documents(["one", "two", "three"])

    assert vectors.dtype == np.float32
    assert vectors == pytest.approx(np.stack([unit("one"), unit("two"), unit("three")]), abs=1e-6)
    assert service.asked == [
        {"model": MODEL, "input": ["one", "two", "three"], "encoding_format": "float"}
    ]


def test_embeds_a_question(service):
    assert client(service).embed_query("why?") == pytest.approx(unit("why?"), abs=1e-6)


def test_asks_for_no_more_than_a_request_may_hold(service):
    texts = [f"{number}" for number in range(MOST_TEXTS + 1)]
    long = [f"{number}" + "x" * (MOST_BYTES // 2) for number in range(3)]
    patient = client(service)

    many, few = patient.embed_documents(texts), patient.embed_documents(long)

    assert [len(asked["input"]) for asked in service.asked] == [MOST_TEXTS, 1, 1, 1, 1]
    assert many[-1] == pytest.approx(unit(texts[-1]), abs=1e-6)
    assert few.shape == (3, DIMENSIONS)
    assert patient.embed_documents([]).shape == (0, DIMENSIONS)


def test_ends_within_a_task_however_slow_the_service_is(service):
    patient = client(service)
    # More than any chunk has.
    texts = ["\U0001f600" * (chunking.LIMIT + 500)] * patient.batch_size

    patient.embed_documents(texts)

    assert len(service.asked) * patient._seconds < LONGEST_STEP


@pytest.mark.parametrize(
    "change",
    [
        lambda items: items[:1],
        lambda items: [*items, items[0]],
        lambda items: items[2:],
        lambda items: [item | {"index": 0} for item in items],
        lambda items: [item | {"index": item["index"] + 1} for item in items],
        lambda items: [item | {"embedding": item["embedding"][:-1]} for item in items],
        lambda items: [items[0], items[1] | {"embedding": []}],
        lambda items: [item | {"embedding": [0.0] * DIMENSIONS} for item in items],
        lambda items: [item | {"embedding": [0.1] * DIMENSIONS} for item in items],
        lambda items: [item | {"embedding": items[0]["embedding"]} for item in items],
        lambda items: [item | {"embedding": [float("nan")] * DIMENSIONS} for item in items],
        lambda items: [item | {"embedding": [None] * DIMENSIONS} for item in items],
        lambda items: [{"index": item["index"]} for item in items],
        lambda items: {"error": SECRET, "items": items},
    ],
)
def test_stores_no_vectors_that_cannot_be_right(service, change):
    service.change = change

    assert failure(service).code == Code.EMBEDDER_REJECTED


@pytest.mark.parametrize("body", [b"", b'{"data": [', b"<html>", b"\xff\xfe", b"[]"])
def test_refuses_an_answer_that_is_no_answer(service, body):
    service.body = body

    assert failure(service).code == Code.EMBEDDER_REJECTED


@pytest.mark.parametrize("transfer", ["truncated", "slow", "silent"])
def test_waits_no_longer_than_it_may_for_an_answer(service, transfer):
    service.transfer = transfer
    started = time.monotonic()

    found = failure(service, timeout=httpx.Timeout(1), seconds=0.3)

    assert found.code == Code.EMBEDDER_UNAVAILABLE
    assert time.monotonic() - started < 15


def test_says_that_nobody_answers(service):
    found = failure(service, url="http://127.0.0.1:9")

    assert found.code == Code.EMBEDDER_UNAVAILABLE
    assert "ConnectError" in found.detail


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_comes_again_when_the_service_says_so(service, status):
    service.status, service.headers = status, {"Retry-After": "17"}

    found = failure(service)

    assert (found.code, found.retry_after) == (Code.EMBEDDER_UNAVAILABLE, 17)
    assert str(status) in found.detail


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", 0), ("99999999", 3_600), ("-5", None), ("soon", None), ("", None), ("1e999", 3_600)],
)
def test_reads_how_long_to_wait(service, value, expected):
    service.status, service.headers = 429, {"Retry-After": value}

    assert failure(service).retry_after == expected


def test_reads_a_date_to_wait_for(service):
    date = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=100)
    service.status, service.headers = 503, {"Retry-After": format_datetime(date, usegmt=True)}

    assert failure(service).retry_after == pytest.approx(95, abs=6)


@pytest.mark.parametrize("key", ["", "sk-another"])
def test_says_that_the_key_is_refused(service, key):
    found = failure(service, api_key=key)

    assert found.code == Code.EMBEDDER_REJECTED
    assert "EMBEDDINGS_API_KEY" in found.detail


@pytest.mark.parametrize("status", [302, 400, 404, 422])
def test_says_that_the_request_is_refused(service, status):
    service.status, service.headers = status, {"Location": "http://127.0.0.1:9/"}
    service.body = SECRET.encode()

    found = failure(service)

    assert found.code == Code.EMBEDDER_REJECTED
    assert len(service.asked) == 1


def test_logs_neither_key_nor_text(service, caplog):
    caplog.set_level(logging.DEBUG)

    client(service).embed_documents([SECRET])

    assert KEY not in caplog.text
    assert SECRET not in caplog.text


def test_is_the_embedder_of_a_process_whose_settings_name_it(service, settings):
    settings.EMBEDDINGS_URL, settings.EMBEDDINGS_API_KEY = service.url, KEY
    settings.EMBEDDINGS_MODEL, settings.EMBEDDINGS_DIMENSIONS = MODEL, DIMENSIONS
    embeddings.current.cache_clear()
    try:
        embedder = embeddings.current()
    finally:
        embeddings.current.cache_clear()

    assert (embedder.name, embedder.dimensions) == (MODEL, DIMENSIONS)
    assert embedder.embed_query("why?") == pytest.approx(unit("why?"), abs=1e-6)
