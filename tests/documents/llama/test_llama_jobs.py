"""Jobs at the parsing service: made once, whatever breaks off; asked about until they are over."""

import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone

from core import gate
from documents import leases, llama_jobs, storage
from documents.failures import Code, StepFailed
from documents.leases import Lost
from documents.models import AbandonedLlamaJob, Document, DocumentAttempt, LlamaParseJob
from documents.parsers import llama_parse
from documents.statuses import Status
from documents.types import Page
from tests.documents.llama.jobs import PDF, at_the_service, claim_of, end, parse, turn
from tests.documents.llama.parsing_service import (
    CANCELLED,
    FAILED,
    GARBAGE,
    LOST,
    REFUSED,
    TRUNCATED,
    Fault,
)
from tests.factories import make_user

PAGES = (Page(1, "# Results\n\nThe first page."), Page(2, "The second page."))
HOUR = dt.timedelta(hours=1)
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.fixture
def document(alice, service):
    return at_the_service(alice)


def job():
    return LlamaParseJob.objects.get()


def failure_of(document, claim):
    """Give the code of a failure that nobody notes, as the worker died."""
    with pytest.raises(StepFailed) as caught:
        parse(document, claim)
    return caught.value.code


def status_of(document):
    return Document.objects.get(id=document.id).status


def forget():
    return llama_jobs.forget_abandoned(now=timezone.now())


def make_due():
    AbandonedLlamaJob.objects.update(due_at=timezone.now() - HOUR)


def test_parses_a_document_in_turns(document, service):
    assert turn(document) == 2
    assert (job().vendor_job_id, job().run) == (service.job.id, 1)
    assert service.job.tags == {"novara_job": str(job().id)}

    parsed = turn(document)

    assert parsed.pages == PAGES
    assert service.seen == ["submit", "get"]
    (attempt,) = DocumentAttempt.objects.filter(document=document)
    assert (attempt.number, attempt.error_code) == (1, "")


def test_waits_longer_from_question_to_question(document, service):
    service.ends_with_question = 8

    pauses = [turn(document) for _ in range(8)]

    assert pauses == [2, 4, 8, 15, 30, 60, 60, 60]
    assert turn(document).pages == PAGES
    assert service.made.total() == 1
    assert Document.objects.get(id=document.id).tries == 0


def test_reads_the_file_only_to_send_it(document):
    turn(document)
    (claim, document.storage_path) = (claim_of(document), "gone")

    assert parse(document, claim).pages == PAGES


@pytest.mark.parametrize("fault", [LOST, TRUNCATED, GARBAGE], ids=lambda fault: fault.after)
def test_makes_no_second_job_when_the_answer_is_lost(document, service, fault):
    service.misbehave("submit", fault)

    assert turn(document) == Code.PROVIDER_UNAVAILABLE
    assert job().vendor_job_id is None
    assert turn(document) == 2

    assert turn(document).pages == PAGES
    assert service.seen == ["submit", "list", "get"]
    assert service.made.total() == 1


def test_looks_for_a_job_before_it_submits_one_that_was_meant(document, service):
    document.storage_path, stored = "gone", document.storage_path
    failure_of(document, claim_of(document))
    document.storage_path = stored

    assert turn(document) == 2

    assert service.seen == ["list", "submit"]


def test_makes_no_second_job_when_the_claim_is_lost_meanwhile(document, service):
    first = claim_of(document)
    service.misbehave("submit", LOST)
    service.ends_with_question = None
    assert failure_of(document, first) == Code.PROVIDER_UNAVAILABLE
    second = claim_of(document)

    with pytest.raises(Lost):
        parse(document, first)
    with pytest.raises(leases.Waiting):
        parse(document, second)

    assert service.made.total() == 1
    assert job().vendor_job_id == service.job.id


def test_does_not_submit_while_it_can_not_look(document, service):
    service.misbehave("submit", LOST)
    service.misbehave("list", Fault(503), TRUNCATED, REFUSED)

    assert [turn(document) for _ in range(4)] == [Code.PROVIDER_UNAVAILABLE] * 4

    assert service.made.total() == 1
    assert turn(document) == 2


def test_forgets_all_but_one_of_several(document, service):
    """Two submissions can be on their way at once, when a worker froze for longer than its claim."""
    turn(document)
    first = service.job
    LlamaParseJob.objects.update(vendor_job_id=None)
    with storage.local_copy(document.storage_path) as path:
        llama_parse.submit(job_id=job().id, path=path, media_type=PDF, webhook=None)

    assert turn(document) == 2

    assert service.job.id == job().vendor_job_id
    assert len(service.deleted) == 1
    assert first.id in {service.job.id, *service.deleted}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "provider_auth"),
        (402, "provider_quota"),
        (429, "provider_busy"),
        (500, "provider_unavailable"),
    ],
)
def test_submits_later_what_was_refused(document, service, status, code):
    service.misbehave("submit", Fault(status, headers={"Retry-After": "90"}))

    assert turn(document) == code

    row = Document.objects.get(id=document.id)
    assert (row.status, row.error_code, row.tries) == ("processing", code, 1)
    assert 80 < (row.due_at - timezone.now()).total_seconds() <= 90
    assert turn(document) == 2
    assert turn(document).pages == PAGES


@pytest.mark.parametrize("status", [400, 413, 422])
def test_fails_with_a_file_that_the_service_refuses(document, service, status):
    service.misbehave("submit", Fault(status))

    assert turn(document) == Code.PROVIDER_REJECTED

    assert status_of(document) == Status.FAILED


@pytest.mark.parametrize("fault", [Fault(500), Fault(429), TRUNCATED, REFUSED, LOST])
def test_asks_again_after_a_broken_answer(document, service, fault):
    turn(document)
    service.misbehave("get", fault)

    assert turn(document) in {Code.PROVIDER_UNAVAILABLE, Code.PROVIDER_BUSY}
    assert turn(document).pages == PAGES
    assert service.made.total() == 1


def test_fails_with_a_job_that_failed(document, service):
    service.ends_as = FAILED
    turn(document)

    assert turn(document) == Code.PROVIDER_REJECTED

    assert status_of(document) == Status.FAILED
    forget()
    assert service.jobs == {}


def test_says_the_same_again_when_nobody_noted_that_it_failed(document, service):
    service.ends_as = FAILED
    turn(document)

    said = [failure_of(document, claim_of(document)) for _ in range(2)]

    assert said == [Code.PROVIDER_REJECTED] * 2
    assert service.made.total() == 1


@pytest.mark.parametrize("how", ["cancelled there", "gone"])
def test_makes_another_job_when_the_service_has_lost_one(document, service, how):
    turn(document)
    if how == "gone":
        service.jobs.clear()
    else:
        service.finish(service.job, CANCELLED)

    assert turn(document) == Code.PROVIDER_LOST
    assert turn(document) == 2

    assert turn(document).pages == PAGES
    assert service.made.total() == 2
    forget()
    assert service.jobs == {}


def test_gives_up_a_job_that_does_not_end(document, service):
    service.ends_with_question = None
    turn(document)

    assert turn(document, timezone.now() + HOUR - dt.timedelta(minutes=1)) == 4
    assert turn(document, timezone.now() + HOUR) == Code.PROVIDER_LOST

    assert forget() == 1
    assert len(service.cancelled) == len(service.deleted) == 1


def test_takes_what_is_done_however_late(document, service):
    turn(document)

    assert turn(document, timezone.now() + 9 * HOUR).pages == PAGES


def test_leaves_jobs_in_work_alone(document, service):
    turn(document)

    assert forget() == 0

    assert len(service.jobs) == 1
    assert job().vendor_job_id == service.job.id


def test_has_the_text_deleted_there_once_it_is_here(document, service):
    turn(document)
    turn(document)

    assert forget() == 1

    assert service.jobs == {}
    assert not LlamaParseJob.objects.exists()
    assert not AbandonedLlamaJob.objects.exists()


@pytest.mark.parametrize("how", ["cancelled", "failed", "deleted"])
def test_stops_a_job_whose_document_is_no_longer_parsed(document, service, how):
    service.ends_with_question = None
    turn(document)
    if how == "deleted":
        Document.objects.filter(id=document.id).delete()
    elif how == "failed":
        leases.fail(claim_of(document), StepFailed(Code.PROVIDER_REJECTED))
    else:
        end(document, Status.CANCELLED)

    assert forget() == 1

    assert len(service.cancelled) == 1
    assert service.jobs == {}


def test_stops_a_job_whose_person_is_erased(document, service, alice):
    turn(document)
    with connection.cursor() as cursor:
        cursor.execute("SELECT erase_person(%s, 'a test', 'a test')", [alice.id])

    assert forget() == 1

    assert service.jobs == {}


def test_makes_another_job_for_a_retry(document, service):
    service.ends_with_question = None
    turn(document)
    before = service.job.id
    end(document, Status.CANCELLED)
    end(document, Status.PROCESSING)

    assert turn(document) == 2
    forget()

    assert service.deleted == [before]
    assert LlamaParseJob.objects.get().run == 2
    assert LlamaParseJob.objects.get().vendor_job_id == service.job.id


def test_finds_what_it_never_got_to_know(document, service):
    service.misbehave("submit", LOST)
    turn(document)
    end(document, Status.CANCELLED)

    assert forget() == 0
    assert AbandonedLlamaJob.objects.get().due_at > timezone.now() + HOUR / 6
    make_due()
    assert forget() == 1

    assert service.jobs == {}


def test_forgets_jobs_that_never_were(document, service):
    service.misbehave("submit", REFUSED)
    turn(document)
    end(document, Status.CANCELLED)
    forget()
    make_due()

    assert forget() == 1
    assert not AbandonedLlamaJob.objects.exists()


def test_forgets_later_while_the_service_is_away(alice, service):
    papers = [at_the_service(alice) for _ in range(3)]
    for paper in papers:
        turn(paper)
        end(paper, Status.CANCELLED)
    service.seen.clear()
    service.misbehave("cancel", Fault(503))

    assert forget() == 0
    assert service.seen == ["cancel"]

    assert forget() == 2
    make_due()
    assert forget() == 1
    assert service.jobs == {}


def test_keeps_in_mind_what_to_forget_while_there_is_no_key(document, service, settings):
    turn(document)
    end(document, Status.CANCELLED)
    key, settings.LLAMA_CLOUD_API_KEY = settings.LLAMA_CLOUD_API_KEY, ""

    assert forget() == 0
    settings.LLAMA_CLOUD_API_KEY = key
    assert forget() == 1

    assert service.jobs == {}


@pytest.mark.parametrize(
    ("has_key", "has_flag", "media_type", "expected"),
    [
        (True, True, PDF, True),
        (True, True, DOCX, True),
        (True, True, "text/plain", False),
        (True, True, "text/html", False),
        (False, True, PDF, False),
        (True, False, PDF, False),
        (True, None, PDF, False),
    ],
)
def test_is_asked_only_with_key_and_flag(
    alice, flags, service, settings, has_key, has_flag, media_type, expected
):
    if not has_key:
        settings.LLAMA_CLOUD_API_KEY = ""
    if has_flag is None:
        flags.delete("llama_parse_integration")
    else:
        flags.change("llama_parse_integration", is_enabled=True)
        flags.roll_out("llama_parse_integration", 100 if has_flag else 0)

    with gate.as_person(alice.id) as person:
        assert llama_jobs.is_for(person, media_type) is expected


@pytest.fixture
def committed_document(committed_db, service):
    return at_the_service(make_user())


def test_holds_no_transaction_while_it_speaks_to_the_service(committed_document, service):
    seen = []
    (me,) = one("SELECT pg_backend_pid()")
    service.before_answer = lambda _job: seen.append(one_elsewhere(STATE, me))

    assert turn(committed_document) == 2

    assert seen == [("idle",)]


STATE = "SELECT state FROM pg_stat_activity WHERE pid = %s"


def one(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


def one_elsewhere(sql, *values):
    """Ask from a thread of the service, whose connection is its own."""
    try:
        return one(sql, *values)
    finally:
        connection.close()
