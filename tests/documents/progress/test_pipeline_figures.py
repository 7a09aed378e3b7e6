"""What /metrics tells of documents: how many, how long they wait, what fails, and no names."""

import datetime as dt

import pytest
from prometheus_client.parser import text_string_to_metric_families

from documents.failures import Code
from documents.models import DeletedBlob, DocumentAttempt
from documents.statuses import Status
from tests.documents.papers import make_document
from tests.house.catalog import rows


def ago(**some: float) -> dt.datetime:
    """Before the beginning of the test's transaction, which is its now()."""
    ((now,),) = rows("SELECT now()")
    moment: dt.datetime = now - dt.timedelta(**some)
    return moment


@pytest.fixture
def figures(nobody):
    def ask(name, **labels):
        text = nobody.call("GET", "/metrics").content.decode()
        found = {
            tuple(sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == f"novara_{name}"
        }
        return found[tuple(sorted(labels.items()))] if labels else found

    return ask


def paper(user, **changes):
    return make_document(user, is_stored=False, **changes)


def attempt(document, *, seconds=1.0, ended=None, **fields):
    ended_at = ended or ago(minutes=5)
    told = {"stage": "processing", "outcome": "succeeded", "number": 1} | fields
    return DocumentAttempt.objects.create(
        tenant_id=document.tenant_id,
        user_id=document.user_id,
        document=document,
        run=document.run,
        fence=1,
        worker="here:1",
        started_at=ended_at - dt.timedelta(seconds=seconds),
        ended_at=ended_at,
        **told,
    )


def test_counts_documents_by_status(figures, alice, charlie):
    paper(alice)
    paper(charlie)
    paper(alice, status=Status.CANCELLED)

    assert figures("documents", status="processing") == 2
    assert figures("documents", status="cancelled") == 1
    assert figures("documents", status="embedding") == 0
    assert len(figures("documents")) == len(Status)


def test_tells_how_long_the_oldest_has_been_due_in_each_status(figures, alice):
    paper(alice, due_at=ago(minutes=7))
    paper(alice, due_at=ago(minutes=3))
    paper(alice, status=Status.EMBEDDING, due_at=ago(minutes=-5))

    assert figures("document_waiting_seconds", status="processing") == 420
    assert figures("document_waiting_seconds", status="embedding") == 0
    assert figures("document_waiting_seconds", status="chunking") == 0


def test_waits_for_nobody_who_is_switched_off(figures, alice, charlie):
    paper(alice, due_at=ago(hours=7))
    paper(charlie, due_at=ago(hours=7))
    alice.is_active = False
    alice.save()
    charlie.tenant.is_active = False
    charlie.tenant.save()

    assert figures("document_waiting_seconds", status="processing") == 0
    assert figures("documents_stuck", cause="no_worker") == 0


def test_counts_what_is_stuck_by_cause(figures, alice):
    paper(alice, due_at=ago(hours=1))
    paper(alice, due_at=ago(hours=1), leased_by="gone:1")
    paper(alice, due_at=ago(hours=1), leased_by="gone:2")

    assert figures("documents_stuck", cause="no_worker") == 1
    assert figures("documents_stuck", cause="worker_lost") == 2
    assert figures("documents_stuck", cause="no_progress") == 0


def test_counts_what_failed_by_code(figures, alice):
    for code in (Code.DAMAGED, Code.DAMAGED, Code.NO_TEXT):
        paper(alice, status=Status.FAILED, error_code=code, failed_at=ago(days=1))

    assert figures("documents_failed", code="damaged") == 2
    assert figures("documents_failed", code="no_text") == 1
    assert len(figures("documents_failed")) == len(Code)


def test_counts_tries_of_the_last_hour_alone(figures, alice):
    document = paper(alice)
    attempt(document)
    attempt(document, number=2, outcome="failed", error_code=Code.STORAGE_UNAVAILABLE)
    attempt(document, number=3, outcome="lost", error_code=Code.WORKER_LOST)
    attempt(document, number=4, outcome="failed", error_code=Code.DAMAGED, ended=ago(minutes=61))

    tried = figures("document_attempts_last_hour")
    assert tried[("outcome", "succeeded"), ("stage", "processing")] == 1
    assert tried[("outcome", "failed"), ("stage", "processing")] == 1
    assert tried[("outcome", "lost"), ("stage", "processing")] == 1
    assert tried[("outcome", "succeeded"), ("stage", "embedding")] == 0
    assert figures("document_failures_last_hour", code="storage_unavailable") == 1
    assert figures("document_failures_last_hour", code="worker_lost") == 1
    assert figures("document_failures_last_hour", code="damaged") == 0


def test_tells_how_long_stages_take(figures, alice):
    document = paper(alice)
    for number in range(1, 101):
        attempt(document, number=number, seconds=number)
    attempt(document, number=101, seconds=500, outcome="failed", error_code=Code.DAMAGED)

    assert figures("document_stage_seconds", stage="processing", quantile="0.5") == 50
    assert figures("document_stage_seconds", stage="processing", quantile="0.95") == 95
    assert figures("document_stage_seconds", stage="processing", quantile="1") == 100
    assert len(figures("document_stage_seconds")) == 3


def test_tells_how_long_files_of_deleted_documents_have_waited(figures, db):
    assert figures("document_deletions_waiting_seconds") == {(): 0}
    DeletedBlob.objects.create(storage_path="a/b", created_at=ago(minutes=2))

    assert figures("document_deletions_waiting_seconds") == {(): 120}


def test_has_no_file_wait_that_was_deleted_once(figures, db):
    DeletedBlob.objects.create(
        storage_path="a/b", created_at=ago(minutes=2), deleted_at=ago(minutes=1)
    )

    assert figures("document_deletions_waiting_seconds") == {(): 0}


def test_names_nobody(nobody, alice):
    document = paper(alice, original_filename="her-results.pdf", leased_by="host-7:1")
    attempt(document, detail="a detail")

    text = nobody.call("GET", "/metrics").content.decode()

    for secret in (str(alice.id), str(document.id), str(alice.tenant_id)):
        assert secret not in text
    for secret in ("her-results", "host-7", "here:1", "a detail", alice.email):
        assert secret not in text
