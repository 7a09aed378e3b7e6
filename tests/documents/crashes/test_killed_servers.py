"""SIGKILL of worker, Postgres and Valkey at every stage: each document completes exactly once."""

import signal

import pytest

from tests.documents.crashes.installation import Installation, Person, is_gone
from tests.documents.crashes.story import LONG, SHORT, SLOW, Calm, attempts, left_over, read

# Where a document stands in the moment of the kill: the transaction that writes this is open.
POINTS = {
    "document_attempts running processing": SHORT,
    "document_texts": SHORT,
    "documents chunking": SHORT,
    "document_chunks": SHORT,
    "documents embedding": SHORT,
    "user_document_vectors 0": SHORT,
    "user_document_vectors 64": LONG,
    "documents completed": SHORT,
}
# In which stage that is; the first one is none yet.
STAGES = (None, *["processing"] * 2, *["chunking"] * 2, *["embedding"] * 3)
ALL = ("uploading", "processing", "chunking", "embedding")
# Postgres may be back before the worker has given up.
LOST = {("lost", "worker_lost"), ("failed", "internal_error")}


@pytest.mark.parametrize("victim", ["valkey", "postgres", "worker"])
def test_completes_each_document_once(installation: Installation, calm: Calm, victim: str):
    installation.need_worker(processes=len(POINTS))
    with installation.gates() as gates:
        for point in POINTS:
            gates.close(point, point)
        documents = {point: calm.person.upload(point, text) for point, text in POINTS.items()}
        installation.until(lambda: all(gates.is_reached(point, point) for point in POINTS))

        getattr(installation, f"kill_{victim}")()

    installation.restore()
    installation.until(lambda: calm.person.has_completed(documents.values()), is_hurried=True)
    for (point, document), stage in zip(documents.items(), STAGES, strict=True):
        read(installation, document).assert_same(calm.stories[POINTS[point]])
        disturbed = None if victim == "valkey" else stage
        check_attempts(installation, document, disturbed)
    assert left_over(installation) == []


def check_attempts(installation: Installation, document: str, disturbed: str | None) -> None:
    """Each stage succeeded once, with its first try, but for the one that was disturbed."""
    found = attempts(installation, document)
    lost = [one for one in found if one[2] != "succeeded"]
    assert [one[0] for one in found if one[2] == "succeeded"] == list(ALL)
    assert [one[0] for one in lost] == ([disturbed] if disturbed else [])
    assert {one[2:] for one in lost} <= LOST


def test_completes_what_was_being_read(installation: Installation, calm: Calm):
    document = calm.person.upload("slow.html", SLOW)
    parser = installation.stop_parser(document)

    installation.kill_worker()

    # Nobody asked it to: it ends with its parent.
    assert installation.wait(lambda: is_gone(parser))
    installation.restore()
    installation.until(lambda: calm.person.has_completed([document]))
    read(installation, document)
    check_attempts(installation, document, "processing")
    assert left_over(installation) == []


def test_completes_what_nobody_was_told_of(installation: Installation, calm: Calm):
    """A stage ends well, and its worker dies before it can say that there is more to do."""
    ends = ("documents chunking", "documents embedding")
    with installation.gates() as gates:
        for point in ends:
            gates.close(point, point)
        documents = {point: calm.person.upload(point, SHORT) for point in ends}
        installation.until(lambda: all(gates.is_reached(point, point) for point in ends))
        installation.valkey().send_signal(signal.SIGSTOP)
    assert installation.wait(lambda: all(is_at(calm.person, *one) for one in documents.items()))

    installation.kill_worker()

    installation.kill_valkey()
    installation.restore()
    installation.until(lambda: calm.person.has_completed(documents.values()))
    for document in documents.values():
        read(installation, document).assert_same(calm.stories[SHORT])
        check_attempts(installation, document, None)


def is_at(person: Person, point: str, document: str) -> bool:
    return f"documents {person.read(document)['status']}" == point
