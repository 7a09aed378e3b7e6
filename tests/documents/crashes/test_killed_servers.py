"""SIGKILL of worker, Postgres and Valkey at every stage: each document completes exactly once."""

import pytest

from tests.documents.crashes.installation import Installation, Person
from tests.documents.crashes.story import LONG, SHORT, check_whole, outcomes

# Where a document stands in the moment of the kill: the transaction that writes this is open.
POINTS = {
    "parsing is claimed": "document_attempts running processing",
    "text is written": "document_texts",
    "parsing ends": "document_attempts succeeded processing",
    "handed on to be cut": "documents chunking",
    "cutting is claimed": "document_attempts running chunking",
    "chunks are written": "document_chunks",
    "index is written": "document_terms",
    "handed on to be embedded": "documents embedding",
    "embedding is claimed": "document_attempts running embedding",
    "first vectors are written": "user_document_vectors false",
    "more vectors are written": "user_document_vectors true",
    "completed": "documents completed",
}


@pytest.mark.parametrize("victim", ["worker", "postgres", "valkey"])
def test_completes_each_document_once(installation: Installation, olga: Person, victim: str):
    with installation.gates() as gates:
        for name, point in POINTS.items():
            gates.close(point, name)
        documents = {
            name: olga.upload(name, (LONG if "more" in name else SHORT) + b"\n" * place)
            for place, name in enumerate(POINTS, 1)
        }
        installation.start_worker(processes=len(POINTS))
        installation.until(lambda: all(gates.is_reached(p, n) for n, p in POINTS.items()))

        if victim == "worker":
            installation.kill_worker()
        elif victim == "postgres":
            installation.kill_postgres()
        else:
            installation.kill_valkey()
        installation.start_servers()
    if victim == "worker":
        installation.start_worker(processes=2)
    installation.until(lambda: olga.statuses() == {"completed": len(documents)})

    for name, document in documents.items():
        check_whole(olga, document, LONG if "more" in name else SHORT)
        print(victim, name, outcomes(installation, document))
