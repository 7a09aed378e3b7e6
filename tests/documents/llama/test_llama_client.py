"""The client of the parsing service: what it sends, and what it makes of every answer."""

import datetime as dt
import hashlib
import logging
import os
import subprocess
import sys
import threading
import uuid
from typing import Any

import pytest
from django.conf import settings as django_settings
from llama_cloud import LlamaCloud

from documents.failures import Code, StepFailed
from documents.parsers import llama_parse
from documents.types import Limits, Page
from tests.documents.llama.parsing_service import (
    CANCELLED,
    FAILED,
    GARBAGE,
    KEY,
    LOST,
    REFUSED,
    SLOW,
    TRUNCATED,
    Fault,
)

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
CONTENT = b"%PDF-1.7 Her results."
LIMITS = Limits()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "Her results, June.pdf"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def job_id():
    return uuid.uuid4()


@pytest.fixture
def submit(path, job_id, service):
    def submit(media_type=PDF, webhook=None):
        return llama_parse.submit(job_id=job_id, path=path, media_type=media_type, webhook=webhook)

    return submit


def code_of(call, *arguments, **named):
    with pytest.raises(StepFailed) as caught:
        call(*arguments, **named)
    failure = caught.value
    assert_says_nothing(str(failure))
    # Nor does a traceback show the answer of the service.
    assert failure.__cause__ is None
    assert failure.__context__ is None or failure.__suppress_context__
    return failure.code


def assert_says_nothing(text):
    for secret in ("results", "Results", KEY):
        assert secret not in text


def result(vendor_job_id):
    return llama_parse.result(vendor_job_id, LIMITS)


def hour_ago():
    return dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)


def test_sends_the_file_under_a_name_that_says_nothing(service, submit, job_id):
    vendor_id = submit()

    assert service.job.id == vendor_id
    assert (service.job.file_name, service.job.file_type) == ("document.pdf", PDF)
    assert service.job.content == CONTENT
    assert service.job.configuration == {
        "tier": llama_parse.TIER,
        "version": llama_parse.TIER_VERSION,
        "user_metadata": {"novara_job": str(job_id)},
    }
    assert service.made == {hashlib.sha256(CONTENT).hexdigest(): 1}


def test_sends_a_docx_as_one(service, submit):
    submit(DOCX)

    assert (service.job.file_name, service.job.file_type) == ("document.docx", DOCX)


def test_asks_to_be_called_where_it_can_be(service, submit):
    submit(webhook=llama_parse.Webhook("https://novara.example.org/call", "the secret"))

    assert service.job.webhook == {
        "webhook_url": "https://novara.example.org/call",
        "webhook_events": [
            "parse.success",
            "parse.partial_success",
            "parse.error",
            "parse.cancelled",
        ],
        "webhook_signing_secret": "the secret",
        "webhook_output_format": "json",
    }


def test_needs_its_own_way_past_an_sdk_that_drops_our_tag(service, path):
    """When this fails, the SDK sends user_metadata: `extra_body` in `submit` can go."""
    with path.open("rb") as file:
        LlamaCloud(api_key=KEY, base_url=service.url).parsing.create(
            tier="fast", version="latest", upload_file=file, user_metadata={"novara_job": "1"}
        )

    assert service.job.tags == {}


PEAKS = """
import django, resource, sys, uuid
from pathlib import Path

django.setup()
from documents.parsers import llama_parse

for path in sys.argv[1:]:
    llama_parse.submit(
        job_id=uuid.uuid4(), path=Path(path), media_type="application/pdf", webhook=None)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
LOADED = """
import django, sys

django.setup()
import config.urls, documents.tasks

print("llama_cloud" in sys.modules)
"""


def run(program, *arguments, **variables):
    """Run a program in a process of its own; give the words it prints."""
    ran = subprocess.run(  # noqa: S603  The program is the test's own.
        [sys.executable, "-c", program, *arguments],
        cwd=django_settings.ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


def test_sends_a_large_file_without_holding_it(service, path, tmp_path):
    large = tmp_path / "large.pdf"
    large.write_bytes(b"%PDF-1.7" + bytes(50_000_000))

    before, after = run(
        PEAKS, path, large, LLAMA_CLOUD_API_KEY=KEY, LLAMA_CLOUD_BASE_URL=service.url
    )

    assert len(service.jobs) == 2
    assert int(after) - int(before) < 10_000


def test_costs_nothing_where_it_is_not_used():
    assert run(LOADED) == ["False"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(400), Code.PROVIDER_REJECTED),
        (Fault(401), Code.PROVIDER_AUTH),
        (Fault(402), Code.PROVIDER_QUOTA),
        (Fault(403), Code.PROVIDER_AUTH),
        (Fault(403, body='{"detail": "Your plan has no credits left."}'), Code.PROVIDER_QUOTA),
        (Fault(404), Code.PROVIDER_UNAVAILABLE),
        (Fault(413), Code.PROVIDER_REJECTED),
        (Fault(422, body='{"detail": "Her results"}'), Code.PROVIDER_REJECTED),
        (Fault(429), Code.PROVIDER_BUSY),
        (Fault(500, body="Her results"), Code.PROVIDER_UNAVAILABLE),
        (Fault(503), Code.PROVIDER_UNAVAILABLE),
        (Fault(307, headers={"Location": "https://elsewhere.example"}), Code.PROVIDER_UNAVAILABLE),
        (REFUSED, Code.PROVIDER_UNAVAILABLE),
        (LOST, Code.PROVIDER_UNAVAILABLE),
        (TRUNCATED, Code.PROVIDER_UNAVAILABLE),
        (GARBAGE, Code.PROVIDER_UNAVAILABLE),
    ],
    ids=lambda value: f"{value.status}{value.after}" if isinstance(value, Fault) else value,
)
def test_submits_once_whatever_the_answer(service, submit, fault, code):
    service.misbehave("submit", fault)

    assert code_of(submit) == code

    assert service.seen == ["submit"]
    assert len(service.jobs) == (1 if fault in (LOST, TRUNCATED, GARBAGE) else 0)


def test_is_refused_with_a_wrong_key(service, submit, settings):
    settings.LLAMA_CLOUD_API_KEY = "llx-another"

    assert code_of(submit) == Code.PROVIDER_AUTH
    assert code_of(result, "pjb-1") == Code.PROVIDER_AUTH


def test_has_no_answer_where_nobody_listens(submit, settings):
    settings.LLAMA_CLOUD_BASE_URL = "http://127.0.0.1:9"

    assert code_of(submit) == Code.PROVIDER_UNAVAILABLE


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("17", (17, 17)),
        (lambda: dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5), (200, 300)),
        (lambda: dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5), (0, 0)),
    ],
)
def test_hands_on_how_long_it_was_asked_to_wait(service, submit, said, seconds):
    text = said if isinstance(said, str) else f"{said():%a, %d %b %Y %H:%M:%S} GMT"
    service.misbehave("submit", Fault(429, headers={"Retry-After": text}))

    with pytest.raises(StepFailed) as caught:
        submit()

    assert seconds[0] <= caught.value.retry_after <= seconds[1]


@pytest.mark.parametrize("said", ["soon", "-5", "²", "", "Wed, 31 Feb 2026"])
def test_waits_its_own_time_if_that_can_not_be_read(service, submit, said):
    service.misbehave(
        "submit", Fault(429, headers={"Retry-After": said.encode().decode("latin-1")})
    )

    with pytest.raises(StepFailed) as caught:
        submit()

    assert caught.value.retry_after is None


def test_finds_its_job_again(service, submit, job_id):
    service.misbehave("submit", LOST)
    code_of(submit)

    assert llama_parse.find(job_id, since=hour_ago()) == [service.job.id]
    assert llama_parse.find(uuid.uuid4(), since=hour_ago()) == []


def test_finds_it_on_the_last_page(service, path, job_id, submit):
    vendor_id = submit()
    for _ in range(5):
        llama_parse.submit(job_id=uuid.uuid4(), path=path, media_type=PDF, webhook=None)
    service.list_size = 2
    service.seen.clear()

    assert llama_parse.find(job_id, since=hour_ago()) == [vendor_id]
    assert service.seen == ["list"] * 3


def test_does_not_say_that_there_is_none_before_it_has_read_all(
    service, submit, job_id, monkeypatch
):
    submit()
    submit()
    service.list_size = 1
    monkeypatch.setattr(llama_parse, "MOST_PAGES", 1)

    assert code_of(llama_parse.find, job_id, since=hour_ago()) == Code.PROVIDER_UNAVAILABLE


@pytest.mark.parametrize("fault", [Fault(500), TRUNCATED, GARBAGE, REFUSED, LOST])
def test_does_not_take_a_broken_list_for_an_empty_one(service, job_id, fault):
    service.misbehave("list", fault)

    assert code_of(llama_parse.find, job_id, since=hour_ago()) == Code.PROVIDER_UNAVAILABLE


def test_gives_the_pages_of_a_job_that_is_done(service, submit):
    service.ends_with_question = 3
    vendor_id = submit()

    assert [result(vendor_id), result(vendor_id)] == [None, None]
    parsed = result(vendor_id)

    assert parsed.pages == (
        Page(1, "# Results\n\nThe first page."),
        Page(2, "The second page."),
    )
    assert (parsed.parser, parsed.version) == ("llama-parse", "cost_effective/2026-09-28")
    assert parsed.is_paged
    assert parsed.warnings == ()
    assert result(vendor_id) == parsed


def test_says_which_pages_are_missing(service, submit):
    service.pages = ("First.", None, "Third.")

    parsed = result(submit())

    assert parsed.pages == (Page(1, "First."), Page(3, "Third."))
    assert parsed.warnings == ("page-failed",)
    assert parsed.metadata == {"failed_pages": [2]}


@pytest.mark.parametrize(
    ("pages", "code"),
    [
        ((None, None), Code.PROVIDER_REJECTED),
        (("", "  \n"), Code.NO_TEXT),
        (("![A scan](page_1.png)",), Code.NO_TEXT),
        ((), Code.NO_TEXT),
        (("A page.",) * (Limits().pages + 1), Code.RESOURCE_LIMIT),
        (("A" * (Limits().characters + 1),), Code.RESOURCE_LIMIT),
    ],
    ids=["all failed", "empty", "pictures", "no pages", "too many", "too long"],
)
def test_refuses_a_result_that_is_none(service, submit, pages, code):
    service.pages = pages

    assert code_of(result, submit()) == code


@pytest.mark.parametrize(
    ("status", "code"), [(FAILED, Code.PROVIDER_REJECTED), (CANCELLED, Code.PROVIDER_LOST)]
)
def test_says_how_a_job_ended_badly(service, submit, status, code):
    service.ends_as = status

    assert code_of(result, submit()) == code


def test_has_lost_a_job_that_is_not_there(service):
    assert code_of(result, "pjb-unknown") == Code.PROVIDER_LOST


@pytest.mark.parametrize(
    "body",
    [
        '{"job": {"id": "1", "status": "ON_HOLD"}}',
        '{"job": {"id": "1", "status": "COMPLETED"}}',
        '{"job": {"id": "1", "status": "COMPLETED"}, "markdown": {"pages": [{"markdown": ""}]}}',
        '{"job": null}',
        "[]",
        "",
    ],
)
def test_does_not_guess_at_an_answer_of_another_shape(service, submit, body):
    service.misbehave("get", Fault(200, body=body))

    assert code_of(result, submit()) == Code.PROVIDER_UNAVAILABLE


@pytest.mark.parametrize("numbers", [(1, 1), (0, 1), (-1, 2)])
def test_does_not_guess_at_wrong_numbers_of_pages(service, submit, numbers):
    pages = ", ".join(
        f'{{"page_number": {number}, "success": true, "markdown": "A page."}}' for number in numbers
    )
    body = f'{{"job": {{"id": "1", "status": "COMPLETED"}}, "markdown": {{"pages": [{pages}]}}}}'
    service.misbehave("get", Fault(200, body=body))

    assert code_of(result, submit()) == Code.PROVIDER_UNAVAILABLE


@pytest.mark.parametrize("fault", [Fault(502), TRUNCATED, GARBAGE, REFUSED, LOST])
def test_can_ask_again_after_a_broken_answer(service, submit, fault):
    service.misbehave("get", fault)
    vendor_id = submit()

    assert code_of(result, vendor_id) == Code.PROVIDER_UNAVAILABLE
    assert result(vendor_id).pages[1] == Page(2, "The second page.")


def test_does_not_wait_for_ever_for_an_answer_that_drips(service, submit, monkeypatch):
    service.misbehave("get", SLOW)
    monkeypatch.setattr(llama_parse, "ANSWER_SECONDS", 0.2)
    vendor_id = submit()

    assert code_of(result, vendor_id) == Code.PROVIDER_UNAVAILABLE


def test_does_not_take_in_an_answer_without_end(service, submit, monkeypatch):
    service.pages = ("A page." * 10_000,)
    monkeypatch.setattr(llama_parse, "LARGEST_ANSWER", 60_000)
    vendor_id = submit()

    assert code_of(result, vendor_id) == Code.RESOURCE_LIMIT


@pytest.mark.parametrize("asked", [0, 1], ids=["at work", "done"])
def test_leaves_nothing_behind_at_the_service(service, submit, asked):
    vendor_id = submit()
    for _ in range(asked):
        result(vendor_id)

    llama_parse.forget(vendor_id)

    assert service.jobs == {}
    assert service.deleted == [vendor_id]
    llama_parse.forget(vendor_id)


@pytest.mark.parametrize("action", ["cancel", "delete"])
@pytest.mark.parametrize("fault", [Fault(500), Fault(401), LOST, REFUSED])
def test_can_forget_again_after_it_went_wrong(service, submit, action, fault):
    vendor_id = submit()
    service.misbehave(action, fault)

    assert code_of(llama_parse.forget, vendor_id) in {Code.PROVIDER_UNAVAILABLE, Code.PROVIDER_AUTH}
    llama_parse.forget(vendor_id)

    assert service.jobs == {}


def test_logs_neither_key_nor_text(service, submit, caplog, path):
    """At the levels of settings.LOGGING, which hold whatever LOG_LEVEL says."""
    loggers: Any = django_settings.LOGGING["loggers"]
    caplog.set_level(logging.DEBUG)
    for name in ("httpcore", "httpx", "llama_cloud"):
        assert loggers[name] == {"level": "WARNING"}
        caplog.set_level(logging.WARNING, name)
    service.misbehave("get", Fault(422, body='{"detail": "Her results"}'))
    vendor_id = submit(webhook=llama_parse.Webhook("https://novara.example.org", "the secret"))

    code_of(result, vendor_id)
    result(vendor_id)
    llama_parse.forget(vendor_id)

    assert_says_nothing(caplog.text)
    assert "the secret" not in caplog.text


def test_serves_threads_side_by_side(service, path):
    ids = []

    def submit_one():
        ids.append(llama_parse.submit(job_id=uuid.uuid4(), path=path, media_type=PDF, webhook=None))

    threads = [threading.Thread(target=submit_one) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(ids) == set(service.jobs)
    assert len(ids) == 5
