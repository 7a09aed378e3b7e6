"""The story of a document: what happened to it, and what staff may do with it. Not what is in it."""

import re

import pytest

from documents.failures import Code
from documents.models import Document, DocumentAction
from documents.statuses import Status
from tests.documents.console.filed import (
    FILENAME,
    ROOT,
    acted,
    ago,
    console_of,
    make_attempt,
    make_completed,
    make_document,
    make_failed,
    make_stuck,
    story_of,
    text_of,
)


def act(client, document, name, reason="It is back."):
    address = f"{ROOT}{document.id}/act/"
    return client.post(address, {"do": name, "reason": reason}, follow=True).content.decode()


def note(document, action, actor_id, reason="", **changes):
    DocumentAction.objects.create(
        tenant_id=document.tenant_id,
        user_id=document.user_id,
        document_id=document.id,
        action=action,
        actor_id=actor_id,
        reason=reason,
        **changes,
    )


def buttons(page):
    return re.findall(r'name="do" value="(\w+)"', page)


def test_tells_what_happened_in_the_order_of_time(nurse, alice):
    document = make_failed(alice, run=2)
    note(document, "uploaded", alice.id, created_at=ago(minutes=50))
    make_attempt(
        document,
        run=1,
        outcome="failed",
        error_code=Code.STORAGE_UNAVAILABLE,
        detail="The storage answered 503.",
        retry_at=ago(minutes=39),
    )
    note(document, "retried", nurse.id, "It is back.", created_at=ago(minutes=30))
    make_attempt(
        document, run=2, worker="worker-b:8", started_at=ago(minutes=20), ended_at=ago(minutes=18)
    )

    shown = text_of(console_of(nurse), story_of(document))

    places = [
        shown.index(piece)
        for piece in (
            "The person uploaded it",
            "by worker-a:71",
            "nurse@example.com started it again",
            "Retry 1",
            "by worker-b:8",
        )
    ]
    assert places == sorted(places)
    for piece in ("Reading, try 1", "took 60 s", "took 2", "Next try", "storage_unavailable"):
        assert piece in shown


def test_names_nobody_of_another_clinic(nurse, superuser, alice, charlie):
    document = make_failed(alice)
    note(document, "retried", charlie.id)
    note(document, "cancelled", None)

    shown = text_of(console_of(nurse), story_of(document))

    assert "Somebody outside of this clinic started it again" in shown
    assert "Novara stopped it" in shown
    assert charlie.email in text_of(console_of(superuser), story_of(document))


def test_shows_nothing_of_what_is_in_it(nurse, superuser, alice):
    document = make_completed(alice, metadata={"doctor": "Weber"}, document_type="befund")

    for user in (nurse, superuser):
        shown = text_of(console_of(user), story_of(document))
        assert "PDF" in shown
        for hidden in (FILENAME, "Weber", document.storage_path):
            assert hidden not in shown


def test_is_unknown_to_other_clinics(nurse, other_nurse, alice):
    document = make_failed(alice)
    console = console_of(other_nurse)

    assert console.get(story_of(document)).status_code == 404
    assert console.get(f"{ROOT}{document.id}/history/").status_code == 404
    assert console.post(f"{ROOT}{document.id}/act/", {"do": "retry"}).status_code == 404
    assert console.get(f"{ROOT}nonsense/change/").status_code == 404
    assert console_of(nurse).get(f"{ROOT}{document.id}/history/", follow=True).status_code == 200
    assert acted(document) == []


@pytest.mark.parametrize(
    ("make", "changes", "expected"),
    [
        (make_failed, {}, ["retry", "acknowledge"]),
        (make_failed, {"failed_stage": Status.UPLOADING}, ["acknowledge"]),
        (make_stuck, {}, ["retry", "cancel", "acknowledge"]),
        (make_stuck, {"status": Status.PENDING}, ["cancel", "acknowledge"]),
        (make_document, {}, ["cancel"]),
        (make_document, {"status": Status.CANCELLED, "failed_stage": "chunking"}, ["retry"]),
        (make_document, {"status": Status.CANCELLED, "failed_stage": "pending"}, []),
        (make_completed, {}, []),
    ],
)
def test_offers_what_makes_sense(nurse, alice, make, changes, expected):
    document = make(alice, **changes)

    shown = text_of(console_of(nurse), story_of(document))

    assert buttons(shown) == expected
    ids = re.findall(r' id="([^"]+)"', shown)
    assert len(ids) == len(set(ids))


def test_retries_from_the_stage_that_failed(nurse, alice):
    document = make_failed(alice, failed_stage=Status.CHUNKING)
    console = console_of(nurse)
    assert "Retry from “Cutting”" in text_of(console, story_of(document))

    shown = act(console, document, "retry")

    assert "The document is started again." in shown
    assert Document.objects.get(id=document.id).status == "chunking"
    assert acted(document) == [("retried", nurse.id, "It is back.")]
    assert "It is back." in shown


def test_says_why_an_upload_cannot_be_retried(nurse, alice):
    document = make_failed(alice, Code.UPLOAD_INTERRUPTED, failed_stage=Status.UPLOADING)
    console = console_of(nurse)

    shown = act(console, document, "retry")

    assert "Not taken: 1 (the file was never stored, so the person must upload it again)." in shown
    assert "It cannot be retried: The file was never stored" in shown
    assert Document.objects.get(id=document.id).status == "failed"


def test_stops_and_acknowledges(nurse, alice):
    stuck, failed = make_stuck(alice), make_failed(alice)
    console = console_of(nurse)

    stopped = act(console, stuck, "cancel", "They asked for it.")
    known = act(console, failed, "acknowledge", "Called them.")

    assert "The document is stopped." in stopped
    assert Document.objects.get(id=stuck.id).status == "cancelled"
    assert acted(stuck) == [("cancelled", nurse.id, "They asked for it.")]
    assert "Acknowledged: it is not in the open queue." in known
    assert "acknowledge" not in buttons(known)
    assert acted(failed) == [("acknowledged", nurse.id, "Called them.")]


def test_acts_by_post_with_a_reason_and_a_known_button(nurse, alice):
    document = make_failed(alice)
    console = console_of(nurse)
    address = f"{ROOT}{document.id}/act/"

    assert console.get(address).status_code == 405
    assert console.post(address, {"do": "delete", "reason": "x"}).status_code == 404
    assert "This field is required." in act(console, document, "retry", "")
    assert Document.objects.get(id=document.id).status == "failed"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"leased_by": "worker-b:8", "due_at": ago(minutes=-9)}, "worker-b:8 works on it."),
        ({"leased_by": "worker-b:8", "due_at": ago(hours=9)}, "has not been heard of."),
        ({"due_at": ago(minutes=-9), "tries": 2}, "Waits for its next try, in"),
        ({"due_at": ago(minutes=-9)}, "Waits for its turn, in"),
        ({"due_at": ago(minutes=9)}, "Has waited for a worker for"),
    ],
)
def test_says_who_has_it_or_what_it_waits_for(nurse, alice, changes, expected):
    document = make_document(alice, **changes)

    assert expected in text_of(console_of(nurse), story_of(document))
