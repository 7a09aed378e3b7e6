"""Who may work on a document, and what becomes of claims that are no longer good."""

import datetime as dt
import time

import pytest
from django.utils import timezone

from accounts.models import Tenant, User
from config.dev.processes import wait_until
from core import gate
from documents import leases
from documents.failures import Code, StepFailed
from documents.leases import Lost
from documents.models import Document, DocumentAttempt
from documents.statuses import Status
from tests.documents.papers import make_document
from tests.factories import make_tenant, make_user
from tests.health.threads import at_once

SECOND = dt.timedelta(seconds=1)


def paper(person, **changes):
    return make_document(person, is_stored=False, **changes)


def claim_of(document):
    """Claim it, whatever else is due."""
    Document.objects.filter(id=document.id).update(due_at=timezone.now() - dt.timedelta(days=9))
    claim = leases.claim_next()
    assert claim is not None
    assert claim.document_id == document.id
    return claim


def expire(document):
    Document.objects.filter(id=document.id).update(due_at=timezone.now() - SECOND)


def is_lost(check):
    try:
        check()
    except Lost:
        return True
    return False


def outcomes(document):
    rows = DocumentAttempt.objects.filter(document=document).order_by("started_at")
    return [(row.number, row.outcome, row.error_code) for row in rows]


def test_gives_a_document_to_one_of_many_workers(person):
    document = paper(person)

    claims = at_once(*[leases.claim_next] * 6)

    assert [claim.document_id for claim in claims if claim] == [document.id]


def test_gives_each_worker_another_document(person):
    papers = {paper(person).id for _ in range(4)}

    claims = at_once(*[leases.claim_next] * 6)

    assert sorted(claim.document_id for claim in claims if claim) == sorted(papers)


def test_takes_who_has_waited_for_longest(person):
    late = paper(person, due_at=timezone.now() - SECOND)
    early = paper(person, due_at=timezone.now() - 9 * SECOND)

    claims = [leases.claim_next() for _ in range(3)]

    assert [claim and claim.document_id for claim in claims] == [early.id, late.id, None]


@pytest.mark.parametrize("closed", ["account", "clinic"])
def test_leaves_documents_of_who_is_switched_off_alone(person, closed):
    person = make_user(tenant=make_tenant())
    document = paper(person)
    if closed == "account":
        User.objects.filter(id=person.id).update(is_active=False)
    else:
        Tenant.objects.filter(id=person.tenant_id).update(is_active=False)

    assert leases.claim_next() is None
    assert not leases.is_anything_due()
    assert Document.objects.get(id=document.id).fence == 0


def test_an_older_claim_writes_nothing(person):
    document = paper(person)
    stale = claim_of(document)
    expire(document)
    current = claim_of(document)

    for attempt in (
        lambda: leases.pause(stale, 0),
        lambda: leases.fail(stale, StepFailed(Code.DAMAGED)),
        lambda: leases.held(stale).__enter__(),
    ):
        with pytest.raises(Lost):
            attempt()

    assert current.fence > stale.fence
    assert outcomes(document) == [(1, "lost", "worker_lost"), (2, "running", "")]


def test_gives_a_document_up_that_takes_its_workers_along(person):
    document = paper(person)
    for _ in range(leases.MOST_LOSSES):
        claim_of(document)
        expire(document)

    other = paper(person)
    claim = leases.claim_next()

    document.refresh_from_db()
    assert claim is not None
    assert claim.document_id == other.id
    assert (document.status, document.error_code) == ("failed", "worker_lost")
    assert document.failed_stage == "processing"
    assert [outcome for _, outcome, _ in outcomes(document)] == ["lost"] * leases.MOST_LOSSES


def test_pauses_longer_after_each_failed_try_then_fails(person):
    document = paper(person)
    pauses = []
    for _ in leases.PAUSES:
        claim = claim_of(document)
        leases.fail(claim, StepFailed(Code.INTERNAL_ERROR, "ValueError"))
        document.refresh_from_db()
        pauses.append(round((document.due_at - document.updated_at).total_seconds()))
        assert (document.status, document.error_code) == ("processing", "internal_error")

    leases.fail(claim_of(document), StepFailed(Code.INTERNAL_ERROR, "ValueError"))

    document.refresh_from_db()
    assert pauses == list(leases.PAUSES)
    assert (document.status, document.error_message) == ("failed", "ValueError")
    assert len(outcomes(document)) == len(leases.PAUSES) + 1


def test_does_not_try_again_what_cannot_work(person):
    document = paper(person)

    leases.fail(claim_of(document), StepFailed(Code.PASSWORD_REQUIRED))

    document.refresh_from_db()
    assert (document.status, document.error_code) == ("failed", "password_required")


def test_tries_once_more_where_the_machine_may_have_been_short_of_memory(person):
    document = paper(person)
    short = StepFailed(Code.RESOURCE_LIMIT, "SIGKILL with a peak of 90 MiB.")

    leases.fail(claim_of(document), short)
    document.refresh_from_db()
    first, pause = document.status, round((document.due_at - document.updated_at).total_seconds())
    leases.fail(claim_of(document), short)

    document.refresh_from_db()
    assert (first, pause) == ("processing", leases.PAUSES[1])
    assert (document.status, document.error_code) == ("failed", "resource_limit")


def test_waits_as_long_as_another_service_asks(person):
    document = paper(person)

    leases.fail(claim_of(document), StepFailed(Code.PROVIDER_BUSY, retry_after=77))

    document.refresh_from_db()
    assert round((document.due_at - document.updated_at).total_seconds()) == 77


def test_is_patient_with_what_is_away(person):
    document = paper(
        person, tries=leases.MOST_PATIENT_TRIES - 1, error_code=Code.EMBEDDER_UNAVAILABLE
    )

    leases.fail(claim_of(document), StepFailed(Code.EMBEDDER_UNAVAILABLE, retry_after=1e9))
    document.refresh_from_db()
    waits = round((document.due_at - document.updated_at).total_seconds())
    leases.fail(claim_of(document), StepFailed(Code.EMBEDDER_UNAVAILABLE))

    document.refresh_from_db()
    assert waits == leases.LONGEST_PAUSE
    assert document.status == "failed"


def test_counts_the_tries_of_each_failure_apart(person):
    document = paper(person, tries=9, error_code=Code.PROVIDER_UNAVAILABLE)

    leases.fail(claim_of(document), StepFailed(Code.PROVIDER_LOST))

    document.refresh_from_db()
    assert (document.status, document.tries) == ("processing", 1)


def test_gives_up_where_two_failures_take_turns(person, monkeypatch):
    monkeypatch.setattr(leases, "MOST_TRIES", 6)
    document = paper(person)
    codes = (Code.PROVIDER_BUSY, Code.PROVIDER_UNAVAILABLE) * 3

    for code in codes:
        leases.fail(claim_of(document), StepFailed(code))

    document.refresh_from_db()
    assert (document.status, document.error_code) == ("failed", "provider_unavailable")


def test_goes_on_with_the_same_attempt_after_a_pause(person):
    document = paper(person)
    leases.pause(claim_of(document), 0)

    claim = claim_of(document)

    assert claim.number == 1
    assert outcomes(document) == [(1, "running", "")]


def test_a_heartbeat_keeps_the_claim_and_learns_of_its_loss(person, settings):
    settings.DOCUMENT_LEASE_SECONDS = 0.4
    document = paper(person)
    claim = claim_of(document)
    taken = 0

    with leases.Heartbeat(claim) as check:
        for _ in range(20):
            taken += leases.claim_next() is not None
            check()
            time.sleep(0.05)
        Document.objects.filter(id=document.id).update(fence=claim.fence + 1)
        is_told = wait_until(lambda: is_lost(check), seconds=10)

    assert taken == 0
    assert is_told


def test_hands_on_to_the_next_stage_at_once(person):
    document = paper(person)
    claim = claim_of(document)

    with leases.held(claim) as (_, row):
        leases.hand_on(claim, row, Status.CHUNKING)
    following = leases.claim_next()

    assert following is not None
    assert (following.stage, following.number) == (Status.CHUNKING, 1)
    assert outcomes(document)[0] == (1, "succeeded", "")


def test_ends_uploads_whose_request_is_gone(person):
    gone = timezone.now() - 2 * leases.INTERRUPTED_AFTER
    papers = [paper(person, status=status, due_at=gone) for status in ("pending", "uploading")]
    fresh = paper(person, status="uploading")

    leases.end_interrupted_uploads()

    found = [Document.objects.get(id=each.id) for each in (*papers, fresh)]
    assert [row.status for row in found] == ["failed", "failed", "uploading"]
    assert {row.error_code for row in found[:2]} == {"upload_interrupted"}


def test_claims_an_upload_once(person):
    document = paper(person, status="pending")

    def claim():
        with gate.as_person(person.id):
            return leases.claim_upload(document.id)

    claims = at_once(*[claim] * 5)

    assert len([one for one in claims if one is not None]) == 1
    document.refresh_from_db()
    assert document.status == "uploading"
