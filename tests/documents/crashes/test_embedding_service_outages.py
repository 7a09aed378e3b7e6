"""The embedding service is away: the document stays where it is, and goes on by itself later."""

from documents.leases import PAUSES
from tests.documents.crashes import embedding_service
from tests.documents.crashes.installation import Installation, Person
from tests.documents.crashes.story import SHORT, attempts, left_over, traces
from tests.web import free_port


def test_goes_on_when_the_embedding_service_is_back(installation: Installation, olga: Person):
    port = free_port()
    installation.kill_worker()
    installation.start_worker(embedding_service.variables(port))
    document = olga.upload("patient.md", SHORT)
    # More often than others may fail.
    tries = len(PAUSES) + 2
    installation.until(
        lambda: attempts(installation, document)[-1][:3] == ("embedding", tries, "failed"),
        is_hurried=True,
    )

    waiting = olga.read(document)

    assert (waiting["status"], waiting["chunks"]["total"]) == ("embedding", 2)
    assert waiting["error"]["code"] == "embedder_unavailable"
    assert waiting["next_retry_at"] > waiting["updated_at"]
    with embedding_service.running(port):
        installation.until(lambda: olga.has_completed([document]), is_hurried=True)
    assert olga.read(document)["error"] is None
    assert traces(installation, document)["user_document_vectors"] == 1
    assert left_over(installation) == []
    installation.kill_worker()
