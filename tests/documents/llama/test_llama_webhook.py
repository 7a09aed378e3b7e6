"""Calls of the parsing service: only the first valid one does anything, and what it says is unread."""

import datetime as dt
import json
import logging
import uuid

import pytest
from django.db import connection
from django.utils import timezone

from documents.models import Document, LlamaParseJob
from documents.statuses import Status
from documents.types import Page
from tests.conftest import ApiClient
from tests.documents.llama.jobs import at_the_service, claim_of, end, turn
from tests.documents.llama.parsing_service import CANCELLED, COMPLETED, signed
from tests.factories import make_user

PAUSE = dt.timedelta(seconds=1)


@pytest.fixture
def callable_service(service, settings):
    settings.PUBLIC_URL = "https://novara.example.org/novara"
    service.ends_with_question = None
    return service


@pytest.fixture
def waiting(alice, callable_service):
    """A document whose job is at work; when it is due, its worker asks."""
    document = at_the_service(alice)
    assert turn(document) == 2
    return document


def call(job, body=b"{}", signature=None, url=None):
    """Call as the service does; `job` is the service's."""
    path = url or job.webhook["webhook_url"].removeprefix("https://novara.example.org/novara")
    headers = {"LC-Signature": signature or signed(body, job.webhook["webhook_signing_secret"])}
    client = ApiClient()
    return client.post(path, body, content_type="application/json", headers=headers)


def path_of(job_id):
    return f"/api/v2/webhooks/llama-parse/{job_id}"


def rows():
    """Everything that a call could change."""
    documents = Document.objects.order_by("id").values("id", "status", "due_at", "fence", "run")
    jobs = LlamaParseJob.objects.order_by("id").values()
    return list(documents), list(jobs)


def is_due(document):
    return Document.objects.get(id=document.id).due_at <= timezone.now() + PAUSE / 10


def test_is_asked_for_at_our_address_with_a_secret_of_its_own(alice, waiting, callable_service):
    first = callable_service.job
    turn(at_the_service(alice))

    for job in callable_service.jobs.values():
        assert job.webhook["webhook_url"] == (
            f"https://novara.example.org/novara{path_of(job.tags['novara_job'])}"
        )
        assert len(job.webhook["webhook_url"]) < 200
    secrets = {job.webhook["webhook_signing_secret"] for job in callable_service.jobs.values()}
    assert len(secrets) == 2
    assert all(len(secret) == 64 for secret in secrets)
    assert first.webhook["webhook_output_format"] == "json"


def test_makes_the_document_due(waiting, callable_service):
    job = callable_service.job
    callable_service.finish(job)
    assert not is_due(waiting)

    answer = call(job, callable_service.event(job))

    assert (answer.status_code, answer.content) == (204, b"")
    assert is_due(waiting)
    assert turn(waiting).pages == (
        Page(1, "# Results\n\nThe first page."),
        Page(2, "The second page."),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'"{\\"event_type\\": \\"parse.success\\"}"',
        b'{"event_type": "parse.error", "data": {"status": "FAILED"}}',
        b'{"txt": "Forged results", "md": "Forged", "json": []}',
        b"\xff\x00 no JSON",
    ],
    ids=["empty", "string", "error", "version 1", "bytes"],
)
def test_believes_nothing_that_is_said(waiting, callable_service, body):
    callable_service.finish(callable_service.job)

    assert call(callable_service.job, body).status_code == 204

    assert is_due(waiting)
    assert turn(waiting).pages[0].text == "# Results\n\nThe first page."


def test_goes_on_waiting_when_the_call_was_wrong(waiting, callable_service):
    assert call(callable_service.job).status_code == 204

    assert turn(waiting) == 4
    assert not is_due(waiting)


def test_changes_nothing_a_second_time(waiting, callable_service):
    job = callable_service.job
    call(job)
    assert turn(waiting) == 4
    before = rows()

    assert [call(job).status_code for _ in range(3)] == [204] * 3

    assert rows() == before


@pytest.mark.parametrize(
    "status", [Status.CHUNKING, Status.CANCELLED, Status.FAILED], ids=lambda status: status.value
)
def test_changes_nothing_of_a_document_when_it_comes_late(waiting, callable_service, status):
    values = {"error_code": "provider_lost"} if status == Status.FAILED else {}
    end(waiting, status, **values)
    before, _ = rows()

    assert call(callable_service.job).status_code == 204

    after, _ = rows()
    assert after == before


def test_changes_nothing_of_another_run(waiting, callable_service):
    first = callable_service.job
    end(waiting, Status.CANCELLED)
    end(waiting, Status.PROCESSING)
    assert turn(waiting) == 2
    before, _ = rows()

    assert call(first).status_code == 204

    assert rows()[0] == before


def test_changes_nothing_when_the_document_is_gone(waiting, callable_service):
    Document.objects.filter(id=waiting.id).delete()

    assert call(callable_service.job).status_code == 204

    LlamaParseJob.objects.all().delete()
    assert call(callable_service.job).status_code == 204


def test_leaves_a_document_to_the_worker_that_has_it(waiting, callable_service):
    claim = claim_of(waiting)
    before, _ = rows()

    assert call(callable_service.job).status_code == 204

    assert rows()[0] == before
    assert LlamaParseJob.objects.get().webhook_at is not None
    assert Document.objects.get(id=waiting.id).fence == claim.fence


@pytest.mark.parametrize(
    "signature",
    [
        "none",
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "md5=1",
        "sha256=\u00fc",
        "upper",
        "bare",
        "other body",
        "other job",
        "other secret",
        "twice",
    ],
)
def test_refuses_what_is_not_signed_by_this_jobs_secret(waiting, callable_service, signature):
    job, body = callable_service.job, b'{"event_type": "parse.success"}'
    secret = job.webhook["webhook_signing_secret"]
    good = signed(body, secret)
    sent = {
        "upper": good.upper(),
        "bare": good.removeprefix("sha256="),
        "other body": signed(body + b" ", secret),
        "other job": signed(body, secret_of_another(callable_service, waiting)),
        "other secret": signed(body, "llx-guessed"),
        "twice": f"{good}, {good}",
    }.get(signature, signature)
    headers = {} if signature == "none" else {"LC-Signature": sent}
    before = rows()

    answer = ApiClient().post(
        path_of(job.tags["novara_job"]), body, content_type="application/json", headers=headers
    )

    assert answer.status_code == 401
    assert answer.json()["code"] == "not-signed"
    assert "sha256=" not in answer.content.decode()
    assert rows() == before


def secret_of_another(service, document):
    turn(at_the_service(document.user))
    first, second = sorted(service.jobs.values(), key=lambda job: job.created_at)
    assert first.webhook["webhook_signing_secret"] != second.webhook["webhook_signing_secret"]
    return second.webhook["webhook_signing_secret"]


def test_can_not_be_sent_to_another_job(alice, waiting, callable_service):
    first = callable_service.job
    other = at_the_service(alice)
    turn(other)
    before = rows()
    elsewhere = path_of(LlamaParseJob.objects.get(document_id=other.id).id)

    assert call(first, url=elsewhere).status_code == 401

    assert rows() == before


def test_answers_an_unknown_job_as_a_known_one(db, waiting, callable_service):
    unknown, known = path_of(uuid.uuid4()), path_of(LlamaParseJob.objects.get().id)

    answers = [
        call(callable_service.job, url=url, signature="x").json() for url in (unknown, known)
    ]

    assert answers[0] | {"request_id": ""} == answers[1] | {"request_id": ""}


@pytest.mark.parametrize("path", ["", "/", "/1", "/../admin", "/00000000"])
def test_knows_no_other_address(db, path):
    assert ApiClient().post(f"/api/v2/webhooks/llama-parse{path}").status_code == 404


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_can_only_be_called(db, method):
    assert getattr(ApiClient(), method)(path_of(uuid.uuid4())).status_code == 405


def test_refuses_a_body_of_any_size(waiting, callable_service):
    body = b"a" * (10 * 1024 * 1024 + 1)
    before = rows()

    assert call(callable_service.job, body).status_code == 413

    assert rows() == before


def test_logs_nothing_of_a_call(waiting, callable_service, caplog):
    caplog.set_level(logging.DEBUG)
    secret = callable_service.job.webhook["webhook_signing_secret"]
    body = json.dumps({"md": "Her results"}).encode()

    call(callable_service.job, body)
    call(callable_service.job, body, signature="sha256=forged")

    for private in (secret, "results", "forged", signed(body, secret)):
        assert private not in caplog.text


def test_comes_before_the_answer_to_the_submission(committed_db, callable_service):
    """The service may be quicker than its own answer: the next question then comes at once."""
    document = at_the_service(make_user())

    def call_at_once(job):
        callable_service.finish(job)
        try:
            statuses.append(call(job).status_code)
        finally:
            connection.close()

    statuses: list[int] = []
    callable_service.before_answer = call_at_once

    assert turn(document) == 0

    assert statuses == [204]
    assert turn(document).pages[1] == Page(2, "The second page.")


def test_comes_while_the_service_is_asked(committed_db, callable_service):
    document = at_the_service(make_user())
    turn(document)
    job = callable_service.job

    def call_meanwhile(asked):
        try:
            call(asked)
        finally:
            connection.close()

    callable_service.while_asked = call_meanwhile

    assert turn(document) == 0
    assert turn(document) == 8
    assert job.status != COMPLETED


def test_may_never_come(waiting, callable_service):
    assert turn(waiting) == 4
    callable_service.finish(callable_service.job)

    assert turn(waiting).pages[1] == Page(2, "The second page.")
    assert callable_service.made.total() == 1


def test_tells_of_a_job_that_was_cancelled_there(waiting, callable_service):
    callable_service.finish(callable_service.job, CANCELLED)

    assert call(callable_service.job).status_code == 204

    assert turn(waiting) == "provider_lost"
