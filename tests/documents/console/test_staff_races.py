"""Staff, workers and colleagues at the same time, each over a connection of their own."""

import psycopg
import pytest

from config.dev.processes import wait_until
from core import gate
from documents import leases
from documents.leases import Lost
from documents.models import Document, DocumentAttempt
from documents.services import staff
from documents.statuses import Status
from tests.documents.console.filed import acted, ago, make_attempt, make_failed, make_stuck
from tests.factories import make_tenant, make_user
from tests.health.threads import Beside


@pytest.fixture
def person(committed_db):
    return make_user(tenant=make_tenant())


@pytest.fixture
def colleagues(person):
    return [make_user(tenant=person.tenant, is_staff=True) for _ in range(2)]


def waits_for_a_lock(database_url, thread):
    def does_it() -> bool:
        with psycopg.connect(database_url, autocommit=True) as beside:
            row = beside.execute(
                "SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s", [thread.backend]
            ).fetchone()
        return row == ("Lock",)

    assert wait_until(does_it, seconds=15)


def as_staff(user, do, documents, **told):
    """Act as the console does: inside the gate of the clinic."""
    with gate.as_staff(user.tenant_id):
        return do(documents=[one.id for one in documents], actor_id=user.id, **told)


def retry(user, documents):
    return as_staff(user, staff.retry, documents, reason="Back.", at_a_time=20)


def claimed(document):
    """Let a worker take a document, as claim_next() would."""
    with gate.as_system():
        claim = leases._claim(Document.objects.select_for_update().get(id=document.id))
    assert claim is not None
    return claim


def test_lets_one_of_two_colleagues_retry(person, colleagues, database_url):
    documents = [make_failed(person) for _ in range(3)]
    one, other = colleagues

    with gate.as_staff(person.tenant_id):
        first = staff.retry(
            documents=[row.id for row in documents], actor_id=one.id, reason="A.", at_a_time=20
        )
        second = Beside(lambda: retry(other, documents[::-1]))
        waits_for_a_lock(database_url, second)

    assert first.taken == 3
    assert second.result().taken == 0
    assert second.result().refused == {staff.WENT_ON: 3}
    for document in documents:
        assert acted(document) == [("retried", one.id, "A.")]
        assert Document.objects.get(id=document.id).run == 2


def test_takes_the_right_to_write_from_the_worker(person, colleagues):
    document = make_stuck(person)
    claim = claimed(document)

    outcome = as_staff(colleagues[0], staff.cancel, [document], reason="They asked.")

    assert outcome.taken == 1
    with pytest.raises(Lost), leases.held(claim) as (_, row):
        leases.hand_on(claim, row, Status.CHUNKING)
    attempt = DocumentAttempt.objects.get(document=document)
    assert (attempt.outcome, Document.objects.get(id=document.id).status) == (
        "cancelled",
        "cancelled",
    )


def test_waits_for_a_worker_that_hands_on_and_then_leaves_it_alone(
    person, colleagues, database_url
):
    document = make_stuck(person)
    claim = claimed(document)
    Document.objects.filter(id=document.id).update(progress_at=ago(hours=1))

    with leases.held(claim) as (_, row):
        leases.hand_on(claim, row, Status.CHUNKING)
        beside = Beside(lambda: retry(colleagues[0], [document]))
        waits_for_a_lock(database_url, beside)

    assert beside.result().refused == {staff.WENT_ON: 1}
    row = Document.objects.get(id=document.id)
    assert (row.status, row.run) == ("chunking", 1)
    assert acted(document) == []


def test_gives_a_worker_the_document_once_after_a_retry_of_a_stuck_one(person, colleagues):
    document = make_stuck(person)
    old = claimed(document)
    Document.objects.filter(id=document.id).update(progress_at=ago(hours=1))

    retry(colleagues[0], [document])
    new = claimed(document)

    assert new.fence > old.fence
    with pytest.raises(Lost), leases.held(old):
        pass
    with leases.held(new) as (_, row):
        assert row.run == 2
    tries = DocumentAttempt.objects.filter(document=document).order_by("run")
    assert [(one.run, one.outcome) for one in tries] == [(1, "cancelled"), (2, "running")]


def test_refuses_rows_of_other_clinics_in_the_database(person, colleagues):
    theirs = make_failed(make_user(tenant=make_tenant()))
    make_attempt(theirs)

    outcome = retry(colleagues[0], [theirs])

    assert (outcome.taken, outcome.refused) == (0, {staff.GONE: 1})
    assert Document.objects.get(id=theirs.id).status == "failed"
