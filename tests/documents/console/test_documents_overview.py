"""The overview of the pipeline tells how documents get on, a clinic's to its own staff alone."""

import datetime as dt
import re

import pytest

from documents.admin import words
from documents.failures import Code
from documents.models import Document, DocumentAttempt
from documents.statuses import Status
from tests.documents.console.filed import (
    FILENAME,
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

Outcome = DocumentAttempt.Outcome


def plain(page):
    """The words of a page, one after the other."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_says_that_there_is_nothing_yet(nurse):
    shown = text_of(console_of(nurse), ROOT)

    assert "There is no document yet" in shown


def test_counts_what_is_in_each_state(nurse, alice):
    make_completed(alice)
    make_completed(alice)
    make_failed(alice)
    make_document(alice, status=Status.CANCELLED)

    shown = plain(text_of(console_of(nurse), ROOT))

    assert "2 Completed 1 Failed 1 Cancelled" in shown
    assert "1 failed that nobody has acknowledged." in shown


def test_says_when_nothing_needs_help(nurse, alice):
    make_completed(alice)

    shown = text_of(console_of(nurse), ROOT)

    assert "Nothing is stuck, and every failure is acknowledged." in shown


def test_tells_waiting_work_and_later_apart(nurse, alice):
    make_document(alice, due_at=ago(minutes=3))
    make_document(alice, due_at=ago(minutes=2))
    make_document(alice, due_at=ago(minutes=-5), leased_by="worker-b:8")
    make_document(alice, due_at=ago(minutes=-5), tries=1)

    shown = plain(text_of(console_of(nurse), ROOT))

    assert re.search(r"taken out of the file\. 1 2 3.minutes 1 - -", shown)


def test_tells_how_long_stages_take_and_what_failed(nurse, alice):
    document = make_completed(alice)
    for number, seconds in enumerate((2, 4, 60), start=1):
        make_attempt(document, number=number, started_at=ago(seconds=seconds), ended_at=ago())
    failure = {"outcome": Outcome.FAILED, "error_code": Code.STORAGE_UNAVAILABLE}
    make_attempt(document, number=4, **failure)
    make_attempt(document, number=5, **failure, started_at=ago(days=3), ended_at=ago(days=3))
    make_attempt(document, number=6, **failure, started_at=ago(days=8), ended_at=ago(days=8))

    shown = plain(text_of(console_of(nurse), ROOT))

    assert re.search(r"taken out of the file\. 0 0 - 0 4\.0 s 5\d s", shown)
    assert re.search(r"Storage is away storage_unavailable 1 2 1 40.minutes ago", shown)


def test_draws_the_last_24_hours(nurse, alice):
    document = make_completed(alice)
    make_attempt(document, stage=Status.EMBEDDING, started_at=ago(), ended_at=ago())
    make_attempt(document, run=2, outcome=Outcome.FAILED, started_at=ago(), ended_at=ago())
    make_attempt(
        document, run=3, stage=Status.EMBEDDING, started_at=ago(hours=25), ended_at=ago(hours=25)
    )

    shown = text_of(console_of(nurse), ROOT)

    assert "1 completed, 1 failed." in plain(shown)
    assert shown.count('<rect class="is-completed"') == 24
    assert 'role="img" aria-label="Documents in each hour: 1 completed and 1 failed' in shown
    assert re.search(r'<th scope="row">[^<]+</th><td>1</td><td>1</td>', shown)


def test_names_the_workers_of_the_last_hour(nurse, superuser, alice):
    document = make_document(alice, leased_by="worker-b:8", due_at=ago(minutes=-5))
    make_attempt(document, worker="worker-a:71")
    make_attempt(document, number=2, worker="worker-old:1", ended_at=ago(hours=2))

    shown = plain(text_of(console_of(nurse), ROOT))

    assert "Workers that had documents of your clinic in the last hour" in shown
    assert "Workers of the last hour" in plain(text_of(console_of(superuser), ROOT))
    assert "worker-b:8 now 1 0 0" in shown
    assert re.search(r"worker-a:71 40.minutes ago 0 1 0", shown)
    assert "worker-old" not in shown


def test_counts_a_clinics_documents_for_its_own_staff(nurse, superuser, alice, charlie):
    make_completed(alice)
    make_completed(charlie)
    make_stuck(charlie)

    ours = plain(text_of(console_of(nurse), ROOT))
    every = plain(text_of(console_of(superuser), ROOT))

    assert "1 Completed 0 Failed" in ours
    assert "stuck that nobody" not in ours
    assert "2 Completed 0 Failed" in every
    assert "1 stuck that nobody has acknowledged." in every


def test_lists_documents_without_their_names(nurse, alice, charlie):
    ours, theirs = make_completed(alice), make_completed(charlie)
    console = console_of(nurse)

    shown = text_of(console, f"{ROOT}all/", state="completed", kind="application/pdf", days="1")

    assert str(ours.id)[-12:] in shown
    assert str(theirs.id)[-12:] not in shown
    assert FILENAME not in shown
    assert "0 documents" in text_of(console, f"{ROOT}all/", q=str(theirs.id))
    assert "0 documents" in text_of(console, f"{ROOT}all/", q=str(theirs.id)[-12:])
    assert "0 documents" in text_of(console, f"{ROOT}all/", q=charlie.email)
    assert "1 document" in text_of(console, f"{ROOT}all/", q=alice.email)


@pytest.mark.parametrize("column", [one.name for one in Document._meta.get_fields()])
def test_tells_nothing_of_a_column_by_lookups(nurse, superuser, alice, column):
    make_completed(alice, metadata={"diagnosis": "PCOS"})

    for user in (nurse, superuser):
        console = console_of(user)
        for lookup in ("", "__startswith", "__icontains", "__isnull", "__diagnosis", "__email"):
            answer = console.get(f"{ROOT}all/", {f"{column}{lookup}": "1"})
            assert answer.status_code == 400, (column, lookup)
            assert b"document" not in answer.content


def test_sorts_and_searches_by_nothing_that_is_hidden(nurse, alice):
    named = [
        make_completed(alice, original_filename=name, created_at=ago(hours=hours))
        for hours, name in enumerate("bca", start=1)
    ]
    console = console_of(nurse)

    def listed(**query):
        return re.findall(r"/(\w{8}-[\w-]{27})/change/", text_of(console, f"{ROOT}all/", **query))

    newest_first = [str(one.id) for one in named]
    assert listed() == newest_first
    for order in ("1", "-2", "9", "original_filename"):
        assert listed(o=order) == newest_first
    for told in ("b", FILENAME, "PCOS", named[0].storage_path, named[0].file_hash):
        assert listed(q=told) == []
    assert listed(person=str(alice.id), state="completed", _facets="1") == newest_first
    assert console.get(f"{ROOT}all/", {"_to_field": "original_filename"}).status_code == 400


def test_finds_a_document_by_what_is_shown_as_its_id(nurse, alice):
    wanted, _ = make_completed(alice), make_completed(alice)
    console = console_of(nurse)

    for told in (str(wanted.id), str(wanted.id)[-12:], f" {str(wanted.id)[-12:].upper()} "):
        shown = text_of(console, f"{ROOT}all/", q=told)
        assert "1 document" in shown
        assert str(wanted.id) in shown
    assert "0 documents" in text_of(console, f"{ROOT}all/", q=str(wanted.id)[-11:])


def test_is_not_called_read_only_where_one_acts(nurse):
    shown = text_of(console_of(nurse), "/admin/")

    (card,) = re.findall(rf'<li>\s*<h3><a href="{ROOT}">.*?</li>', shown, re.DOTALL)
    assert "How documents get on" in card
    assert "Read only" not in card


@pytest.mark.parametrize(
    ("seconds", "ago_in_words", "age_in_words"),
    [
        (-3, "just now", "1 second"),
        (0.4, "just now", "1 second"),
        (4.9, "just now", "5 seconds"),
        (7.8, "8 seconds ago", "8 seconds"),
        (59.7, "1 minute ago", "1 minute"),
        (3700, "1 hour, 1 minute ago", "1 hour, 1 minute"),
    ],
)
def test_speaks_of_ages_as_people_do(seconds, ago_in_words, age_in_words):
    now = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
    instant = now - dt.timedelta(seconds=seconds)

    said = [words.ago(instant, now), words.age(instant, now)]

    assert [plain(one) for one in said] == [ago_in_words, age_in_words]
