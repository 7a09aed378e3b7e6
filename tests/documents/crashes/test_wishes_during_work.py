"""Cancel, delete and retry while a worker is at work: nothing of the old run is written after."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.documents.crashes import embedding_service
from tests.documents.crashes.embedding_service import Service
from tests.documents.crashes.installation import Installation, Person, is_gone
from tests.documents.crashes.story import (
    MADE,
    SHORT,
    SLOW,
    Calm,
    attempts,
    left_over,
    read,
    traces,
)
from tests.web import free_port

# Requests that wait for a document.
WAITING = """
SELECT 1 FROM pg_stat_activity
 WHERE wait_event IN ('tuple', 'transactionid') AND query LIKE 'SELECT "documents"%'
"""
BLOBS_LEFT = "SELECT 1 FROM deleted_blobs WHERE deleted_at IS NULL"
# What a stage writes within its transaction, and the status that follows.
WRITES = {
    "document_chunks": "embedding",
    "documents completed": "completed",
}


def check_gone(installation: Installation, person: Person, document: str) -> None:
    assert person.call("GET", f"/{document}")[0] == 404
    assert traces(installation, document) == {}
    assert (
        installation.sql("SELECT 1 FROM document_attempts WHERE document_id = %s", [document]) == []
    )
    installation.until(lambda: installation.sql(BLOBS_LEFT) == [])
    assert not (installation.storage / "documents" / document).exists()


def test_ends_the_parser_of_a_document_that_is_not_wanted(installation: Installation, olga: Person):
    cancelled, deleted = (olga.upload("slow.html", SLOW) for _ in range(2))
    parsers = [installation.stop_parser(one) for one in (cancelled, deleted)]

    assert olga.call("POST", f"/{cancelled}/cancel")[1]["status"] == "cancelled"
    assert olga.call("DELETE", f"/{deleted}")[0] == 204

    assert installation.wait(lambda: all(map(is_gone, parsers)))
    installation.until(
        lambda: installation.said(cancelled) == installation.said(deleted) == ["lost"]
    )
    assert traces(installation, cancelled) == {}
    assert attempts(installation, cancelled)[1:] == [("processing", 1, "cancelled", "")]
    check_gone(installation, olga, deleted)
    assert olga.call("POST", f"/{cancelled}/retry")[0] == 200
    installation.until(lambda: olga.has_completed([cancelled]))
    read(installation, cancelled)
    assert left_over(installation) == []


@pytest.mark.parametrize("wish", ["cancel", "delete"])
def test_takes_its_turn_after_what_is_being_written(
    installation: Installation, calm: Calm, olga: Person, wish: str
):
    """A stage that is about to end ends; then the wish is done, and nothing follows."""
    installation.need_worker(processes=len(WRITES))
    with ThreadPoolExecutor() as pool, installation.gates() as gates:
        for point in WRITES:
            gates.close(point, point)
        documents = {point: olga.upload(point, SHORT) for point in WRITES}
        installation.until(lambda: all(gates.is_reached(point, point) for point in WRITES))
        wishes = {
            point: pool.submit(
                olga.call,
                *(("DELETE", f"/{one}") if wish == "delete" else ("POST", f"/{one}/cancel")),
            )
            for point, one in documents.items()
        }
        installation.until(lambda: len(installation.sql(WAITING)) == len(WRITES))
        for point in WRITES:
            gates.open(point, point)
        answers = {point: asked.result() for point, asked in wishes.items()}

    for (point, after), document in zip(WRITES.items(), documents.values(), strict=True):
        if wish == "delete":
            assert answers[point][0] == 204
            check_gone(installation, olga, document)
        elif after == "completed":
            assert answers[point][1]["code"] == "document-ended"
            read(installation, document).assert_same(calm.stories[SHORT])
        else:
            assert answers[point][1]["status"] == "cancelled"
            assert olga.read(document)["stage"] == after
            assert set(traces(installation, document)) == set(MADE) - {"user_document_vectors"}
    assert left_over(installation) == []


@pytest.fixture
def service(installation: Installation) -> Iterator[Service]:
    """Held back from the beginning, with a worker that asks it."""
    port = free_port()
    installation.kill_worker()
    installation.start_worker(embedding_service.variables(port))
    with embedding_service.running(port) as one:
        one.may_answer.clear()
        yield one
    installation.kill_worker()


def test_drops_vectors_that_come_too_late(
    installation: Installation, olga: Person, service: Service
):
    cancelled, deleted, retried = (olga.upload(f"{place}.md", SHORT) for place in "abc")
    for _ in range(3):
        assert service.asked.acquire(timeout=60), installation.state()

    assert olga.call("POST", f"/{cancelled}/cancel")[1]["status"] == "cancelled"
    assert olga.call("DELETE", f"/{deleted}")[0] == 204
    assert olga.call("POST", f"/{retried}/cancel")[0] == 200
    assert olga.call("POST", f"/{retried}/retry")[0] == 200
    service.may_answer.set()

    documents = (cancelled, deleted, retried)
    installation.until(lambda: all("lost" in installation.said(one) for one in documents))
    assert "user_document_vectors" not in traces(installation, cancelled)
    assert attempts(installation, cancelled)[-1] == ("embedding", 1, "cancelled", "")
    check_gone(installation, olga, deleted)
    installation.until(lambda: olga.has_completed([retried]))
    assert traces(installation, retried)["user_document_vectors"] == 1
    assert [one[2] for one in attempts(installation, retried)[-2:]] == ["cancelled", "succeeded"]
    assert left_over(installation) == []
