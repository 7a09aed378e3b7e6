"""What the console's views say, and to whom."""

import datetime as dt

import pytest
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from accounts.models import User
from core import gate
from tests.documents.papers import make_document
from tests.house.catalog import rows

NOW = timezone.now()
HOUR = dt.timedelta(hours=1)
LONG_AGO = NOW - 2 * HOUR


def stuck():
    found = rows("SELECT id, cause FROM stuck_documents")
    return dict(found)


@pytest.mark.parametrize("status", ["pending", "uploading", "processing", "chunking", "embedding"])
def test_finds_whoever_nobody_works_on_in_every_stage(alice, status):
    waiting = make_document(alice, is_stored=False, status=status, due_at=LONG_AGO)
    make_document(alice, is_stored=False, status=status, due_at=NOW - dt.timedelta(minutes=1))

    assert waiting.processing_started_at is None
    assert stuck() == {waiting.id: "no_worker"}


def test_finds_whose_worker_is_gone_or_stands_still(alice):
    lost = make_document(alice, is_stored=False, leased_by="a:1", due_at=LONG_AGO)
    still = make_document(
        alice, is_stored=False, leased_by="a:1", due_at=NOW + HOUR, progress_at=LONG_AGO
    )

    assert stuck() == {lost.id: "worker_lost", still.id: "no_progress"}


def test_does_not_list_who_goes_on_slowly_or_waits_for_another_try(alice):
    make_document(
        alice,
        is_stored=False,
        status="embedding",
        leased_by="a:1",
        due_at=NOW + HOUR,
        created_at=NOW - dt.timedelta(days=2),
        stage_started_at=LONG_AGO,
    )
    make_document(alice, is_stored=False, tries=3, due_at=NOW + HOUR, progress_at=LONG_AGO)
    make_document(alice, is_stored=False, status="cancelled", due_at=LONG_AGO)

    assert stuck() == {}


def test_does_not_list_documents_of_who_is_switched_off(alice):
    make_document(alice, is_stored=False, due_at=LONG_AGO)
    User.objects.filter(id=alice.id).update(is_active=False)

    assert stuck() == {}


def test_counts_a_recovered_document_as_no_error(alice):
    make_document(alice, is_stored=False, status="chunking")
    make_document(alice, is_stored=False, error_code="storage_unavailable")

    found = rows("SELECT status, document_count, error_count FROM document_processing_stats")

    assert sorted(found) == [("chunking", 1, 0), ("processing", 1, 1)]


def test_says_when_where_and_why_a_document_failed(alice):
    failed = make_document(
        alice,
        is_stored=False,
        status="failed",
        error_code="damaged",
        failed_stage="processing",
        failed_at=NOW,
    )

    found = rows("SELECT id, failed_stage, error_code, attempt_count FROM failed_documents")

    assert found == [(failed.id, "processing", "damaged", 0)]


def test_sums_up_what_a_person_uploaded_without_nulls(alice):
    make_document(alice, is_stored=False)

    found = rows(
        "SELECT upload_count, completed_count, failed_count, total_bytes FROM user_upload_stats"
        " WHERE user_id = %s",
        [alice.id],
    )

    assert [row[:3] for row in found] == [(1, 0, 0)]
    assert found[0][3] > 0


VIEWS = ("document_processing_stats", "failed_documents", "stuck_documents", "user_upload_stats")


@pytest.mark.parametrize("view", VIEWS)
def test_shows_staff_their_own_clinic_alone(alice, bob, charlie, view):
    for person in (alice, bob, charlie):
        make_document(
            person,
            is_stored=False,
            status="failed",
            error_code="damaged",
            failed_at=NOW,
        )
        make_document(person, is_stored=False, due_at=LONG_AGO)

    with gate.as_staff(charlie.tenant_id):
        found = {row[0] for row in rows(f"SELECT tenant_id FROM {view}")}

    assert found == {charlie.tenant_id}


@pytest.mark.parametrize("view", VIEWS)
def test_is_closed_to_the_api(alice, view):
    with (
        gate.as_person(alice.id),
        pytest.raises(ProgrammingError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"SELECT * FROM {view}")
