"""The pipeline and the parsing service: whose documents go there, and what killed workers leave."""

import datetime as dt
import os
import subprocess
import sys
import threading

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from documents import pipeline
from documents.models import Document, DocumentAttempt, DocumentText, LlamaParseJob
from documents.statuses import Status
from documents.types import Page
from tests.documents.llama.jobs import at_the_service, turn
from tests.documents.llama.parsing_service import KEY
from tests.documents.papers import make_document
from tests.factories import make_user
from tests.relay import relay

PAGES = (Page(1, "# Results\n\nThe first page."), Page(2, "The second page."))
PATIENCE = 30


def advance(document):
    Document.objects.filter(id=document.id).update(due_at=timezone.now() - dt.timedelta(days=9))
    assert pipeline.advance()
    document.refresh_from_db()


@pytest.fixture
def with_flag(flags):
    flags.change("llama_parse_integration", is_enabled=True)
    flags.roll_out("llama_parse_integration", 100)


def test_parses_there_who_has_the_flag(alice, with_flag, service):
    document = at_the_service(alice)

    advance(document)
    assert (document.status, document.leased_by) == (Status.PROCESSING, "")
    assert document.due_at > timezone.now()
    advance(document)

    assert (document.status, document.page_count) == (Status.CHUNKING, 2)
    stored = DocumentText.objects.get(document=document)
    assert (stored.parser_name, stored.parser_version) == (
        "llama-parse",
        "cost_effective/2026-09-28",
    )
    attempt, *_ = DocumentAttempt.objects.filter(document=document)
    assert (attempt.outcome, attempt.number, attempt.error_code) == ("succeeded", 1, "")


def test_parses_at_home_who_has_it_not(alice, service):
    document = make_document(alice)

    advance(document)

    assert document.status == Status.CHUNKING
    assert service.seen == []


def test_parses_text_at_home(alice, with_flag, service):
    document = make_document(alice)

    advance(document)

    assert document.status == Status.CHUNKING
    assert service.seen == []


def test_says_which_pages_are_missing(alice, with_flag, service):
    service.pages = ("First.", None)
    document = at_the_service(alice)

    advance(document)
    advance(document)

    assert document.warnings == ["page-failed"]


TURN = """
import sys, django

django.setup()
from documents.models import Document
from tests.documents.llama import jobs

jobs.turn(Document.objects.get(id=sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("turns", "point", "made_by_then"),
    [(0, "submit", 0), (0, "made", 1), (1, "get", 1), (1, "asked", 1)],
    ids=["before the job is made", "before the answer", "before the question", "with the result"],
)
def test_makes_one_job_whenever_its_worker_is_killed(
    committed_db, service, turns, point, made_by_then
):
    document = at_the_service(make_user())
    for _ in range(turns):
        turn(document)
    there = threading.Event()
    killed = stop_at(service, point, there)

    with relay() as way:
        worker = subprocess.Popen(  # noqa: S603  The program is the test's own.
            [sys.executable, "-c", TURN, str(document.id)],
            cwd=django_settings.ROOT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "config.settings",
                "DATABASE_URL": way.database_url,
                "LLAMA_CLOUD_API_KEY": KEY,
                "LLAMA_CLOUD_BASE_URL": service.url,
            },
        )
        Document.objects.filter(id=document.id).update(
            due_at=timezone.now() - dt.timedelta(days=99)
        )
        assert there.wait(PATIENCE)
        worker.kill()
        worker.wait()
    killed.set()
    assert service.made.total() == made_by_then
    assert LlamaParseJob.objects.filter(document_id=document.id).count() == 1

    answers = [turn(document) for _ in range(2 - turns)]

    assert answers[-1].pages == PAGES
    assert service.made.total() == 1


def stop_at(service, point, there):
    """Hold who comes to a point there until the event that is given back; nothing follows then."""
    go_on = threading.Event()

    def hold(reached):
        if reached == point and not there.is_set():
            there.set()
            go_on.wait(PATIENCE)
            raise ConnectionAbortedError

    service.on_arrival = hold
    service.before_answer = lambda _job: hold("made")
    service.while_asked = lambda _job: hold("asked")
    return go_on
