"""A search while the embedder is away: by words, at once, and it says so."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from documents import asking, embeddings
from tests.documents.search.libraries import add, ask


@pytest.fixture
def service(settings: Any) -> Iterator[socket.socket]:
    """A service that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def asked_elsewhere(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    def at(port: int) -> None:
        settings.EMBEDDINGS_URL = f"http://127.0.0.1:{port}/v1"
        settings.EMBEDDINGS_MODEL = "far-away"
        settings.EMBEDDINGS_DIMENSIONS = 8
        embeddings.current.cache_clear()

    monkeypatch.setattr(asking, "_late", None)
    yield at
    embeddings.current.cache_clear()


def test_goes_by_words_when_nobody_answers_there(person, asked_elsewhere, service):
    add(person)
    port = service.getsockname()[1]
    service.close()
    asked_elsewhere(port)

    found = ask(person, "progesterone in the evening")

    assert (found["mode"], found["reason"]) == ("lexical", "embedder-away")
    assert found["results"][0]["heading"] == ["Medication"]
    assert found["searched"]["embedded_chunks"] == 0


def test_does_not_wait_for_a_service_that_hangs(person, asked_elsewhere, service):
    add(person)
    asked_elsewhere(service.getsockname()[1])

    found = ask(person, "progesterone in the evening")

    assert asking._late is not None
    assert asking._late.is_alive()
    assert (found["mode"], found["reason"]) == ("lexical", "embedder-away")
    assert found["results"][0]["heading"] == ["Medication"]


def test_lets_nobody_else_wait_for_it(person, asked_elsewhere, service):
    add(person)
    asked_elsewhere(service.getsockname()[1])
    ask(person, "progesterone")
    service.setblocking(False)
    hanging, _ = service.accept()

    with hanging:
        assert ask(person, "progesterone")["reason"] == "embedder-away"

        with pytest.raises(BlockingIOError):
            service.accept()


def test_asks_it_again_when_it_has_come_back(person, monkeypatch):
    add(person)
    gone = threading.Thread(target=lambda: None)
    gone.start()
    gone.join()
    monkeypatch.setattr(asking, "_late", gone)

    found = ask(person, "progesterone")

    assert (found["mode"], found["reason"]) == ("hybrid", None)
