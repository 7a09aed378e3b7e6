"""Vectors of a new model beside the old, however often the run is broken off."""

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config.dev.processes import wait_until
from documents import embeddings
from documents.embeddings.openai_compatible import OpenAICompatible
from documents.models import Document, UserDocumentVectors
from tests.documents.retrieval.embedding_service import (
    DIMENSIONS,
    KEY,
    MODEL,
    Items,
    Service,
    running,
)
from tests.documents.search.libraries import add, ask, letter
from tests.factories import make_tenant, make_user
from tests.house.catalog import rows
from tests.web import process

OLD = "all-MiniLM-L6-v2"


@pytest.fixture
def alone(person: Any) -> Any:
    """The run goes through everybody, so there must be nobody's documents but the test's."""
    rows("DELETE FROM documents")
    return person


@pytest.fixture
def service() -> Iterator[Service]:
    with running() as found:
        yield found


@pytest.fixture
def switch(settings: Any, service: Service) -> Iterator[Any]:
    def to_new_model() -> None:
        settings.EMBEDDINGS_URL = service.url
        settings.EMBEDDINGS_API_KEY = KEY
        settings.EMBEDDINGS_MODEL = MODEL
        settings.EMBEDDINGS_DIMENSIONS = DIMENSIONS
        embeddings.current.cache_clear()

    yield to_new_model
    embeddings.current.cache_clear()


def batches(document: Document) -> dict[str, list[tuple[int, int]]]:
    """Tell from where on, and how many vectors each batch holds, by model."""
    found: dict[str, list[tuple[int, int]]] = {}
    stored = UserDocumentVectors.objects.filter(document_id=document.id).order_by("first_ordinal")
    for row in stored.select_related("model"):
        found.setdefault(row.model.name, []).append((row.first_ordinal, row.vector_count))
    return found


def test_makes_new_vectors_beside_the_old_and_searches_by_them(alone, switch):
    document = add(alone)
    switch()
    assert ask(alone, "progesterone")["reason"] == "other-model"

    call_command("reembed_documents")

    count = document.total_chunks
    assert batches(document) == {OLD: [(0, count)], MODEL: [(0, count)]}
    found = ask(alone, "progesterone")
    assert (found["mode"], found["reason"]) == ("hybrid", None)
    assert found["searched"]["embedded_chunks"] == count


def test_drops_the_old_where_the_new_are_whole(alone, switch):
    whole, part = add(alone), add(make_user(tenant=make_tenant()))
    switch()
    call_command("reembed_documents")
    UserDocumentVectors.objects.filter(document=part, model__name=MODEL).delete()

    call_command("reembed_documents", "--drop-old")

    assert batches(whole).keys() == {MODEL}
    assert batches(part).keys() == {OLD}


def test_finds_nothing_to_do_the_second_time(alone, switch, service):
    add(alone)
    switch()
    call_command("reembed_documents")
    asked = len(service.asked)

    call_command("reembed_documents")

    assert len(service.asked) == asked


def test_goes_on_after_the_batch_that_was_stored_last(alone, switch, service, monkeypatch):
    document = add(alone, letter(times=8))
    switch()
    monkeypatch.setattr(OpenAICompatible, "batch_size", 2)

    def fail_at_second(items: Items) -> Items:
        if len(service.asked) == 2:
            raise ConnectionAbortedError
        return items

    service.change = fail_at_second
    with pytest.raises(CommandError, match="cannot be reached"):
        call_command("reembed_documents")
    assert batches(document)[MODEL] == [(0, 2)]

    call_command("reembed_documents")

    starts = [start for start, _ in batches(document)[MODEL]]
    assert starts == list(range(0, document.total_chunks or 0, 2))
    assert len(service.asked) == len(starts) + 1


def test_survives_a_kill_at_any_moment(alone, service, tmp_path):
    documents = [add(alone, letter(times=times)) for times in (4, 5, 6)]
    held = threading.Event()

    def hold_the_second(items: Items) -> Items:
        if len(service.asked) == 2:
            held.wait(30)
        return items

    service.change = hold_the_second
    command = ("manage", "reembed_documents")
    variables = {
        "EMBEDDINGS_URL": service.url,
        "EMBEDDINGS_API_KEY": KEY,
        "EMBEDDINGS_MODEL": MODEL,
        "EMBEDDINGS_DIMENSIONS": str(DIMENSIONS),
    }
    with process(tmp_path / "1.log", *command, broker=12, **variables) as first:
        assert wait_until(lambda: len(service.asked) == 2, seconds=60)
        first.send_signal(signal.SIGKILL)
        assert first.wait(10) == -signal.SIGKILL
    held.set()
    assert [MODEL in batches(document) for document in documents] == [True, False, False]

    with process(tmp_path / "2.log", *command, broker=12, **variables) as second:
        assert second.wait(60) == 0

    for document in documents:
        assert batches(document)[MODEL] == [(0, document.total_chunks)]
    assert len(service.asked) == 4


def test_leaves_nothing_of_a_document_that_goes_meanwhile(alone, switch, service):
    goes, stays = add(alone), add(alone, letter(times=5))
    switch()

    def delete_it(items: Items) -> Items:
        if len(service.asked) == 1:
            try:
                Document.objects.filter(id=goes.id).delete()
            finally:
                connection.close()
        return items

    service.change = delete_it

    call_command("reembed_documents")

    assert batches(goes) == {}
    assert batches(stays)[MODEL] == [(0, stays.total_chunks)]


def test_leaves_out_who_is_switched_off_and_says_so(alone, switch, capsys):
    off = make_user(tenant=make_tenant())
    theirs, mine = add(off), add(alone)
    type(off).objects.filter(id=off.id).update(is_active=False)
    switch()

    with pytest.raises(SystemExit) as ended:
        call_command("reembed_documents")

    assert ended.value.code == 1
    assert "1 people are switched off" in capsys.readouterr().err
    assert batches(theirs).keys() == {OLD}
    assert batches(mine).keys() == {OLD, MODEL}


def test_keeps_everything_while_the_service_is_away(alone, switch, service):
    document = add(alone)
    switch()
    service.change = lambda _items: 1 / 0

    with pytest.raises(CommandError, match="Run this again"):
        call_command("reembed_documents")

    assert batches(document).keys() == {OLD}
