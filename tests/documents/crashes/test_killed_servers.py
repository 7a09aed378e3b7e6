"""SIGKILL of worker, Postgres and Valkey at every stage: each document completes exactly once."""

import pytest

from tests.documents.crashes.installation import Installation
from tests.documents.crashes.story import LONG, SHORT, Calm, attempts, read

# Where a document stands in the moment of the kill: the transaction that writes this is open.
POINTS = {
    "parsing is claimed": "document_attempts running processing",
    "text is written": "document_texts",
    "parsing ends": "documents chunking",
    "chunks are written": "document_chunks",
    "cutting ends": "documents embedding",
    "first vectors are written": "user_document_vectors false",
    "more vectors are written": "user_document_vectors true",
    "embedding ends": "documents completed",
}


@pytest.mark.parametrize("victim", ["worker", "postgres", "valkey"])
def test_completes_each_document_once(installation: Installation, calm: Calm, victim: str):
    texts = {name: LONG if name.startswith("more") else SHORT for name in POINTS}
    with installation.gates() as gates:
        for name, point in POINTS.items():
            gates.close(point, name)
        documents = {name: calm.person.upload(name, text) for name, text in texts.items()}
        installation.until(lambda: all(gates.is_reached(p, n) for n, p in POINTS.items()))

        getattr(installation, f"kill_{victim}")()

    installation.restore()
    installation.until(lambda: calm.person.has_completed(documents.values()))
    for name, document in documents.items():
        read(installation, document).assert_same(calm.stories[texts[name]])
        print(victim, name, attempts(installation, document))
