"""The queue groups what failed or is stuck by its cause; many are retried, stopped, acknowledged."""

import datetime as dt
import re

import pytest
from django.test import Client
from django.utils import timezone

from documents import leases
from documents.admin import words
from documents.failures import Code
from documents.models import Document, DocumentAction, DocumentAttempt
from documents.services import staff
from documents.staff_figures import Kind
from documents.statuses import STUCK_CAUSES, Status
from tests.documents.console.filed import (
    FILENAME,
    QUEUE,
    acted,
    ago,
    console_of,
    group_of,
    make_attempt,
    make_completed,
    make_document,
    make_failed,
    make_stuck,
    story_of,
    text_of,
)

STORAGE = group_of(Code.STORAGE_UNAVAILABLE)


def press(client, address, name, documents=None, **told):
    """Press a button of a group and confirm; without documents, for all of it."""
    chosen = {"all": name} if documents is None else {"do": name}
    ids = [str(one.id) for one in documents or ()]
    body = chosen | {"document": ids, "confirmed": "1", "reason": "It is back.", "at_a_time": "20"}
    return client.post(address, body | told, follow=True).content.decode()


def states(*documents):
    return [Document.objects.get(id=one.id).status for one in documents]


def test_groups_by_cause(nurse, alice):
    make_failed(alice)
    make_failed(alice, failed_at=ago(days=3))
    make_failed(alice, Code.NO_TEXT)
    make_stuck(alice)
    make_stuck(alice, leased_by="worker-a:71")
    make_stuck(alice, leased_by="worker-a:71", due_at=ago(minutes=-1))

    shown = text_of(console_of(nurse), QUEUE)

    for title in ("Storage is away", "No text found", *(one.title for one in words.STUCK.values())):
        assert title in shown
    assert re.search(
        r"<strong>2</strong> documents.*?When it is back, retry.*?3.days", shown, re.DOTALL
    )
    assert shown.index("no_worker") < shown.index("storage_unavailable") < shown.index("no_text")


def test_has_words_for_every_cause():
    assert set(words.ADVICE) == set(Code)
    assert set(words.STUCK) == set(STUCK_CAUSES)
    assert set(words.STATES) == set(Status)
    assert set(words.OUTCOMES) == set(DocumentAttempt.Outcome)
    assert set(words.ACTIONS) == set(DocumentAction.Action)


def test_says_when_nothing_is_there(nurse, alice):
    make_completed(alice)

    assert "No document is stuck, and no failure waits for you." in text_of(
        console_of(nurse), QUEUE
    )
    assert "Nothing here" in text_of(console_of(nurse), STORAGE)


def test_lists_what_matters_and_nothing_of_what_is_in_it(nurse, alice, charlie):
    document = make_failed(alice, metadata={"doctor": "Weber"})
    make_attempt(document, outcome="failed")
    make_attempt(document, number=2, outcome="failed")
    theirs = make_failed(charlie)

    shown = text_of(console_of(nurse), STORAGE)

    for piece in (str(document.id)[-12:], "PDF, 117.2", "Reading", "The storage answered 503."):
        assert piece in shown
    assert "a retry may help" in shown
    assert re.search(r'data-name="Tries">2<', shown)
    for hidden in (FILENAME, "Weber", document.storage_path, str(theirs.id)[-12:]):
        assert hidden not in shown


def test_narrows_a_group(nurse, alice):
    pdf = make_failed(alice)
    old = make_failed(alice, failed_at=ago(days=10), content_type="text/html")
    later = make_failed(alice, failed_stage=Status.EMBEDDING)
    console = console_of(nurse)

    def listed(**query):
        shown = text_of(console, STORAGE, **query)
        return {one for one in (pdf, old, later) if f'value="{one.id}"' in shown}

    assert listed() == {pdf, old, later}
    assert listed(kind="text/html") == {old}
    assert listed(days="7") == {pdf, later}
    assert listed(stage="embedding") == {later}
    assert listed(state="acknowledged") == set()
    assert listed(state="nonsense", kind="x", days="x", stage="x", p="x") == {pdf, old, later}


def test_lets_superusers_choose_a_clinic(superuser, nurse, alice, charlie):
    make_failed(alice)
    theirs = make_failed(charlie)

    shown = text_of(console_of(superuser), STORAGE, clinic=str(charlie.tenant_id))

    assert f'value="{theirs.id}"' in shown
    assert shown.count('name="document"') == 1
    assert 'name="clinic"' not in text_of(console_of(nurse), STORAGE)


def test_asks_before_it_acts_on_many(nurse, alice):
    one, other = make_failed(alice), make_failed(alice)

    answer = console_of(nurse).post(STORAGE, {"all": "retry"})

    assert "Retry 2 documents" in answer.content.decode()
    assert states(one, other) == ["failed", "failed"]


def test_wants_a_reason(nurse, alice):
    document = make_failed(alice)

    shown = press(console_of(nurse), STORAGE, "retry", [document], reason=" ")

    assert "This field is required." in shown
    assert states(document) == ["failed"]


def test_retries_the_chosen_ones_from_the_stage_that_failed(nurse, alice):
    chosen = make_failed(alice, failed_stage=Status.EMBEDDING, total_chunks=3, processed_chunks=1)
    other = make_failed(alice)

    shown = press(console_of(nurse), STORAGE, "retry", [chosen, chosen])

    assert "1 document is started again." in shown
    assert "Not taken" not in shown
    row = Document.objects.get(id=chosen.id)
    assert (row.status, row.run, row.error_code, row.progress_percentage) == (
        "embedding",
        2,
        "",
        50,
    )
    assert (row.total_chunks, row.processed_chunks) == (3, 1)
    assert states(other) == ["failed"]
    assert acted(chosen) == [("retried", nurse.id, "It is back.")]


def test_retries_whatever_the_verdict(nurse, alice):
    document = make_failed(alice, Code.NO_TEXT)

    press(console_of(nurse), group_of(Code.NO_TEXT), "retry", [document])

    assert states(document) == ["processing"]


def test_says_why_some_were_not_retried(nurse, alice, bob):
    lost = make_failed(alice, failed_stage=Status.UPLOADING)
    fine = make_failed(alice)
    of_bob = make_failed(bob)
    bob.is_active = False
    bob.save(update_fields=["is_active"])
    console = console_of(nurse)

    shown = press(console, STORAGE, "retry")

    assert "1 document is started again." in shown
    assert "Not taken: 1 (the file was never stored, so the person must upload it again)." in shown
    assert "Not taken: 1 (the account of the person, or the clinic, is switched off)." in shown
    assert states(lost, fine, of_bob) == ["failed", "processing", "failed"]


def test_begins_only_so_many_at_once(nurse, alice):
    documents = [make_failed(alice) for _ in range(12)]

    shown = press(console_of(nurse), STORAGE, "retry", at_a_time="5")

    assert "12 documents are started again. 5 begin each minute; the last one in 2" in shown
    now = timezone.now()
    waits = [
        round((one.due_at - now).total_seconds() / 60)
        for one in Document.objects.filter(id__in=[one.id for one in documents]).order_by("id")
    ]
    assert waits == [0] * 5 + [1] * 5 + [2] * 2


def test_lets_later_retries_wait_behind_earlier_ones(nurse, alice):
    for _ in range(7):
        make_failed(alice)
    console = console_of(nurse)
    press(console, STORAGE, "retry", at_a_time="5")
    last = make_failed(alice)

    told = {"documents": [last.id], "actor_id": nurse.id, "reason": "Too."}
    outcome = staff.retry(**told, at_a_time=2)

    assert outcome.longest_wait == dt.timedelta(minutes=1)
    Document.objects.filter(id=last.id).update(status="cancelled", failed_stage="processing")
    assert staff.retry(**told).longest_wait == dt.timedelta(0)


def test_takes_no_more_than_so_many(nurse, alice, monkeypatch):
    monkeypatch.setattr(staff, "MOST_AT_ONCE", 2)
    old = [make_failed(alice, failed_at=ago(days=days)) for days in (5, 4)]
    new = make_failed(alice, failed_at=ago(hours=1))

    shown = press(console_of(nurse), STORAGE, "retry")

    assert "2 documents are started again." in shown
    assert "they keep their place" in shown
    assert states(*old, new) == ["processing", "processing", "failed"]


def test_leaves_out_what_failed_after_somebody_looked(nurse, alice):
    seen, unseen = make_failed(alice, failed_at=ago(hours=1)), make_failed(alice, failed_at=ago())

    press(console_of(nurse), STORAGE, "retry", seen_at=ago(minutes=5).isoformat())

    assert states(seen, unseen) == ["processing", "failed"]
    for nonsense in ("yesterday", "2026-13-01", "2026-01-01T00:00:00"):
        press(console_of(nurse), STORAGE, "acknowledge", seen_at=nonsense)
    assert len(acted(unseen)) == 1


@pytest.mark.parametrize(
    "instant", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z"]
)
def test_survives_instants_at_the_ends_of_time(nurse, alice, instant):
    make_failed(alice, failed_at=ago(minutes=5))

    answer = console_of(nurse).post(STORAGE, {"all": "retry", "seen_at": instant}, follow=True)

    assert answer.status_code == 200
    is_before_all = instant.endswith("Z")
    expected = "Choose documents first." if is_before_all else "Retry 1 document"
    assert expected in answer.content.decode()


@pytest.mark.parametrize("code", Code)
def test_gives_one_verdict_of_a_retry(nurse, alice, code):
    document = make_failed(alice, code)
    console = console_of(nurse)

    group, story = text_of(console, group_of(code)), text_of(console, story_of(document))

    verdict = words.retry_of(code)
    may_help = verdict is words.Retry.MAY_HELP
    (badge,) = re.findall(r'<span class="marks"><span class="state[^>]*>([^<]+)<', group)
    assert badge == verdict
    for other in words.Retry:
        is_said = other is verdict and not may_help
        assert (words.sentence(other)[:-1] in words.cause_of(Kind.FAILED, code).advice) == is_said
    order = ["retry", "acknowledge"] if may_help else ["acknowledge", "retry"]
    assert re.findall(r'name="do" value="(\w+)"', group) == order
    assert re.findall(r'name="all" value="(\w+)"', group) == order
    assert re.findall(r'name="do" value="(\w+)"', story) == order
    assert re.search(rf'value="{order[0]}" class="button default"', story)


def test_takes_what_is_stuck_from_its_worker(nurse, alice):
    document = make_stuck(alice, leased_by="worker-a:71", due_at=ago(minutes=-1), fence=4)
    attempt = make_attempt(document, outcome="running", ended_at=None, fence=4)

    press(console_of(nurse), f"{QUEUE}stuck/no_progress/", "retry", [document])

    row = Document.objects.get(id=document.id)
    attempt.refresh_from_db()
    assert (row.status, row.leased_by, row.run) == ("processing", "", 2)
    assert row.fence > 4
    assert (attempt.outcome, attempt.ended_at is None) == ("cancelled", False)


def test_does_not_disturb_what_goes_on(nurse, alice):
    document = make_document(alice, leased_by="worker-a:71", due_at=ago(minutes=-1))

    shown = press(console_of(nurse), f"{QUEUE}stuck/no_progress/", "retry", [document])

    assert "Not taken: 1 (went on meanwhile, or a colleague was quicker)." in shown
    assert Document.objects.get(id=document.id).leased_by == "worker-a:71"
    assert acted(document) == []


def test_stops_what_is_stuck(nurse, alice):
    document = make_stuck(alice)
    failed = make_failed(alice)

    shown = press(console_of(nurse), f"{QUEUE}stuck/no_worker/", "cancel", [document, failed])

    assert "1 document is stopped." in shown
    assert "Not taken: 1 (not on the way, so there is nothing to stop)." in shown
    assert states(document, failed) == ["cancelled", "failed"]
    assert acted(document) == [("cancelled", nurse.id, "It is back.")]


def test_keeps_acknowledged_ones_out_until_they_fail_again(nurse, alice):
    document = make_failed(alice)
    console = console_of(nurse)

    press(console, STORAGE, "acknowledge", reason="Called them.")

    assert "no failure waits for you" in text_of(console, QUEUE)
    assert "storage_unavailable" in text_of(console, QUEUE, state="acknowledged")
    assert f'value="{document.id}"' in text_of(console, STORAGE, state="all")
    assert acted(document) == [("acknowledged", nurse.id, "Called them.")]
    press(console, f"{STORAGE}?state=acknowledged", "retry")
    row = Document.objects.get(id=document.id)
    leases.write(row.id, row.fence, status="failed", error_code=Code.STORAGE_UNAVAILABLE)
    assert f'value="{document.id}"' in text_of(console, STORAGE)


def test_keeps_acknowledged_stuck_ones_out_until_they_go_on(nurse, alice):
    document = make_stuck(alice)
    address = f"{QUEUE}stuck/no_worker/"
    console = console_of(nurse)

    press(console, address, "acknowledge", [document])

    assert f'value="{document.id}"' not in text_of(console, address)
    Document.objects.filter(id=document.id).update(progress_at=timezone.now())
    assert f'value="{document.id}"' in text_of(console, address)


@pytest.mark.parametrize("name", ["retry", "cancel", "acknowledge"])
def test_does_nothing_to_documents_of_other_clinics(nurse, charlie, name):
    failed, stuck = make_failed(charlie), make_stuck(charlie)

    shown = press(console_of(nurse), STORAGE, name, [failed, stuck])

    assert "Not taken: 2 (no longer there)." in shown
    assert states(failed, stuck) == ["failed", "processing"]
    assert acted(failed) == acted(stuck) == []


def test_needs_documents_a_known_button_and_a_known_cause(nurse, alice):
    make_failed(alice)
    console = console_of(nurse)

    assert "Choose documents first." in press(console, STORAGE, "retry", [])
    assert console.post(STORAGE, {"all": "delete"}).status_code == 404
    assert console.get(f"{QUEUE}failed/nonsense/").status_code == 404
    assert console.get(f"{QUEUE}lost/no_worker/").status_code == 404
    assert "Choose documents first." in press(console, STORAGE, "retry", [], document="nonsense")


def test_refuses_forged_requests_and_people_without_rights(nurse, alice):
    document = make_failed(alice)
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(nurse)
    body = {"do": "retry", "document": [str(document.id)], "confirmed": "1", "reason": "x"}

    assert forged.post(STORAGE, body).status_code == 403
    assert console_of(alice).get(STORAGE).status_code == 302
    assert console_of(alice).post(STORAGE, body).status_code == 302
    assert states(document) == ["failed"]


def test_pages_through_a_long_group(nurse, alice):
    for _ in range(51):
        make_failed(alice)
    console = console_of(nurse)

    first, second = text_of(console, STORAGE), text_of(console, STORAGE, p="2")

    assert (first.count('name="document"'), second.count('name="document"')) == (50, 1)
    assert "51 documents, page 1 of 2" in first
