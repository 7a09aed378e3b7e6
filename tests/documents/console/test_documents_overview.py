"""The overview of the pipeline tells how documents get on, a clinic's to its own staff alone."""

from documents.failures import Code
from documents.models import DocumentAttempt
from documents.statuses import Status
from tests.documents.console.filed import (
    ROOT,
    ago,
    console_of,
    make_attempt,
    make_completed,
    make_document,
    make_failed,
    make_stuck,
    text_of,
)


def test_says_that_there_is_nothing_yet(nurse):
    shown = text_of(console_of(nurse), ROOT)

    assert "There is no document yet" in shown


def test_shows_everything(nurse, alice):
    failed = make_failed(alice)
    done = make_completed(alice)
    make_attempt(done, stage=Status.EMBEDDING)
    make_attempt(failed, outcome="failed", error_code=Code.STORAGE_UNAVAILABLE)
    make_stuck(alice)
    make_document(alice, leased_by="worker-b:8", due_at=ago(minutes=-1))
    for path in ("", "all/", "queue/", f"{failed.id}/change/", "queue/failed/storage_unavailable/"):
        shown = text_of(console_of(nurse), ROOT + path)
        print(path, len(shown))

    assert DocumentAttempt.objects.exists()
