"""States are what documents/statuses.py says, whoever writes them."""

from typing import Any, Final

import pytest
from django.db import IntegrityError, connection, transaction

from documents.models import Document
from documents.statuses import BEGINS_AT, ENDED, TRANSITIONS, Status, progress_within
from tests.documents.papers import make_document

EXTRAS: Final[dict[Status, dict[str, Any]]] = {
    Status.FAILED: {"error_code": "damaged", "failed_at": "2026-11-01T12:00:00Z"},
    Status.COMPLETED: {
        "progress_percentage": 100,
        "total_chunks": 1,
        "processed_chunks": 1,
        "processing_completed_at": "2026-11-01T12:00:00Z",
    },
}


def in_state(user, status):
    return make_document(user, is_stored=False, status=status, **EXTRAS.get(status, {}))


def can_go(document, status):
    values = {"error_code": "", "failed_at": None, "status": status} | EXTRAS.get(status, {})
    try:
        with transaction.atomic():
            Document.objects.filter(id=document.id).update(**values)
    except IntegrityError:
        return False
    return True


@pytest.mark.parametrize("before", Status)
def test_goes_only_where_the_page_says(alice, before):
    # Completing needs chunks and vectors too: see test_documents_complete_whole.
    others = [status for status in Status if status not in {before, Status.COMPLETED}]

    allowed = {after for after in others if can_go(in_state(alice, before), after)}

    assert allowed == set(TRANSITIONS[before]) - {Status.COMPLETED}


def test_knows_no_other_state(alice):
    document = in_state(alice, Status.PROCESSING)

    assert not can_go(document, "vectorizing")


def test_says_how_every_state_goes_on():
    assert set(TRANSITIONS) == set(Status)
    assert all(TRANSITIONS[status] for status in Status if status != Status.COMPLETED)
    assert set(BEGINS_AT) == set(Status) - {Status.FAILED, Status.CANCELLED}
    assert Status.COMPLETED in ENDED


@pytest.mark.parametrize("stage", [status for status in BEGINS_AT if status != Status.COMPLETED])
def test_never_reaches_the_next_stage_within_one(stage):
    following = min(value for value in BEGINS_AT.values() if value > BEGINS_AT[stage])

    shares = [progress_within(stage, done, 7) for done in range(8)]

    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (BEGINS_AT[stage], following - 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"progress_percentage": 101},
        {"progress_percentage": -1},
        {"file_size": 0},
        {"file_size": 52_428_801},
        {"total_chunks": 3, "processed_chunks": 2, "failed_chunks": 2},
        {"total_chunks": 3, "processed_chunks": -1},
        {"processed_chunks": 3},
        {"status": "failed", "failed_at": "2026-11-01T12:00:00Z"},
        {"status": "completed", "progress_percentage": 100},
        {"status": "completed", **EXTRAS[Status.COMPLETED], "progress_percentage": 99},
        {"status": "completed", **EXTRAS[Status.COMPLETED], "processed_chunks": 0},
        {"status": "completed", **EXTRAS[Status.COMPLETED], "error_code": "damaged"},
    ],
)
def test_refuses_rows_that_make_no_sense(alice, changes):
    with pytest.raises(IntegrityError), transaction.atomic():
        make_document(alice, is_stored=False, **changes)


def update(document, fence=None, **values):
    names = {"document_id": document.id, "fence": document.fence if fence is None else fence}
    names |= values
    arguments = ", ".join(f"p_{name} => %s" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT update_document_progress({arguments})", list(names.values()))
        (is_ours,) = cursor.fetchone()
    document.refresh_from_db()
    return is_ours


def test_writes_nothing_for_an_older_fence(alice):
    document = make_document(alice, is_stored=False, fence=5)

    assert not update(document, fence=4, status="chunking", progress=40)
    assert document.status == "processing"
    assert update(document, fence=5, status="chunking", progress=40)
    assert (document.status, document.fence) == ("chunking", 6)


def test_progress_never_falls_within_a_run(alice):
    document = make_document(alice, is_stored=False, status="embedding", total_chunks=9)

    update(document, progress=70, processed_chunks=4)
    update(document, progress=60)
    high = document.progress_percentage
    update(document, progress=100)

    assert (high, document.progress_percentage) == (70, 99)


@pytest.mark.parametrize(
    "values", [{"status": "failed", "error_code": "damaged"}, {"error_code": "damaged"}]
)
def test_an_error_is_no_progress(alice, values):
    document = make_document(alice, is_stored=False)

    update(document, **values)

    assert document.progress_percentage == 10


def test_a_retry_begins_anew_and_forgets_the_error(alice):
    document = make_document(
        alice, is_stored=False, status="embedding", total_chunks=9, progress_percentage=80, tries=3
    )
    update(document, status="failed", error_code="embedder_rejected", error_message="x")
    failed = (document.status, document.failed_stage, document.failed_at is not None)

    update(document, status="embedding", progress=50)

    assert failed == ("failed", "embedding", True)
    assert (document.progress_percentage, document.run, document.tries) == (50, 2, 0)
    assert (document.error_code, document.error_message, document.failed_stage) == ("", "", "")
    assert document.failed_at is None


def test_an_error_of_a_try_can_be_cleared(alice):
    document = make_document(alice, is_stored=False)

    update(document, error_code="storage_unavailable", error_message="away")
    noted = document.error_code
    update(document, error_code="", error_message="")

    assert (noted, document.error_code, document.error_message) == ("storage_unavailable", "", "")


def test_says_that_a_document_is_gone(alice):
    document = make_document(alice, is_stored=False)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT update_document_progress(%s, 0)", ["6f1d2f0a-5f6e-5c0e-9a57-0d3c1f6f2b11"]
        )
        assert cursor.fetchone() == (False,)
    assert document.progress_percentage == 10
