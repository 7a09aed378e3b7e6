"""Staff see what is in a document only for a reason, which is noted for good before anything shows."""

import re

import psycopg
import pytest
from django.db import DataError

from documents import pipeline
from documents.models import Document, DocumentText
from documents.services import staff
from tests.documents import papers
from tests.documents.console.filed import ROOT, acted, console_of, story_of, text_of
from tests.factories import make_tenant, make_user

REASON = "The person asked on the phone."


@pytest.fixture
def clinic(committed_db):
    return make_tenant()


@pytest.fixture
def person(clinic):
    return make_user(tenant=clinic)


@pytest.fixture
def staff_member(clinic):
    return make_user(tenant=clinic, is_staff=True)


@pytest.fixture
def document(person):
    """Read and cut, as a worker did it."""
    made = papers.make_document(person, original_filename="Weber & Sons.md")
    Document.objects.filter(id=made.id).update(due_at="2000-01-01T00:00:00Z")
    while not DocumentText.objects.filter(document=made).exists():
        assert pipeline.advance()
    Document.objects.filter(id=made.id).update(due_at="2100-01-01T00:00:00Z")
    return made


def show(client, document, reason=REASON, *, follow=False):
    return client.post(f"{ROOT}content/{document.id}/", {"reason": reason}, follow=follow)


def disclosures(document):
    return [(who, why) for action, who, why in acted(document) if action == "disclosed"]


def test_shows_name_and_text_once_and_notes_it(document, staff_member):
    answer = show(console_of(staff_member), document)

    shown = answer.content.decode()
    assert answer.status_code == 200
    assert "Weber &amp; Sons.md" in shown
    assert "progesterone every evening" in shown
    assert re.search(r"Read by the parser [\w-]+\.", shown)
    assert "no-store" in answer["Cache-Control"]
    assert disclosures(document) == [(staff_member.id, REASON)]
    story = text_of(console_of(staff_member), story_of(document))
    assert f"{staff_member.email} looked into it" in story
    assert "progesterone" not in story


def test_shows_superusers_what_they_have_a_reason_for(document):
    superuser = make_user(is_staff=True, is_superuser=True)

    answer = show(console_of(superuser), document)

    assert "progesterone" in answer.content.decode()
    assert disclosures(document) == [(superuser.id, REASON)]


def test_shows_with_what_it_was_read(document, staff_member):
    stored = DocumentText.objects.get(document=document)

    shown = text_of(console_of(staff_member), story_of(document))

    assert f"{stored.parser_name} {stored.parser_version}" in shown
    assert "1 (active)" in shown


@pytest.mark.parametrize(
    ("reason", "why_not"),
    [
        ("", "This field is required."),
        (" " * 30, "This field is required."),
        ("phone", "Ensure this value has at least 10 characters (it has 5)."),
        ("\u200b" * 12, "Say why, in at least 10 characters."),
        ("\u3164" * 12, "Say why, in at least 10 characters."),
        ("p\u200bh\u200bo\u200bn\u200be\u200bs\u200b.", "Say why, in at least 10 characters."),
        ("a" + " " * 10 + "b", "Say why, in at least 10 characters."),
        ("x" * 1001, "Ensure this value has at most 1000 characters (it has 1001)."),
        ("They asked \0 on the phone.", "Null characters are not allowed."),
    ],
)
def test_shows_nothing_without_a_reason(document, staff_member, reason, why_not):
    answer = show(console_of(staff_member), document, reason)

    shown = answer.content.decode()
    assert answer.status_code == 200
    assert why_not in shown
    assert f">\n{reason}</textarea>" in shown
    assert story_of(document) in shown
    assert "Weber" not in shown
    assert "progesterone" not in shown
    assert disclosures(document) == []


@pytest.mark.parametrize("reason", ["", " " * 30, "\u200b" * 12, "phone\u2060\u00ad\u034f\u2800"])
def test_counts_what_can_be_seen_of_a_reason(document, staff_member, reason):
    with pytest.raises(staff.ReasonTooShort, match="at least 10 characters"):
        staff.disclose(
            document_id=document.id,
            actor_id=staff_member.id,
            tenant_id=staff_member.tenant_id,
            reason=reason,
        )

    assert disclosures(document) == []
    assert staff.is_reason("Er bat am Telefon.")
    assert staff.is_reason("電話で本人が尋ねました。")


def test_shows_nothing_to_other_clinics_and_other_people(document, person):
    stranger = make_user(tenant=make_tenant(), is_staff=True)

    answers = [show(console_of(user), document).status_code for user in (stranger, person)]

    assert answers == [404, 302]
    assert disclosures(document) == []
    # What is outside of the staff's gate shows nothing else.
    for further in ("change/", "history/"):
        address = f"{ROOT}content/{document.id}/{further}"
        assert console_of(stranger).get(address).status_code == 404


def test_is_asked_for_by_post_alone(document, staff_member):
    answer = console_of(staff_member).get(f"{ROOT}content/{document.id}/", {"reason": REASON})

    assert answer.status_code == 405
    assert disclosures(document) == []


def test_notes_it_before_it_opens_anything(document, staff_member, database_url):
    """What cannot be opened shows nothing, and that somebody wanted to see it stays noted."""
    stored = DocumentText.objects.get(document=document)
    broken = bytes(stored.sealed)[:-1] + bytes([stored.sealed[-1] ^ 1])
    DocumentText.objects.filter(document=document).update(sealed=broken)

    shown = show(console_of(staff_member), document, follow=True).content.decode()

    assert "It cannot be opened: " in shown
    assert "Weber" not in shown
    with psycopg.connect(database_url) as beside:
        noted = beside.execute(
            "SELECT reason FROM document_actions WHERE document_id = %s AND action = 'disclosed'",
            [document.id],
        ).fetchall()
    assert noted == [(REASON,)]


def test_shows_nothing_when_it_cannot_be_noted(document, staff_member):
    with pytest.raises(DataError, match="NUL"):
        staff.disclose(
            document_id=document.id,
            actor_id=staff_member.id,
            tenant_id=staff_member.tenant_id,
            reason="No text can hold \0 in Postgres.",
        )

    assert disclosures(document) == []


def test_says_when_the_account_of_the_person_is_switched_off(document, person, staff_member):
    person.is_active = False
    person.save(update_fields=["is_active"])

    shown = show(console_of(staff_member), document, follow=True).content.decode()

    assert "the account of the person is switched off" in shown
    assert "progesterone" not in shown
    assert disclosures(document) == [(staff_member.id, REASON)]


def test_shows_the_name_of_what_was_never_read(person, staff_member):
    document = papers.make_document(
        person, is_stored=False, original_filename="Scan 7.pdf", due_at="2100-01-01T00:00:00Z"
    )

    shown = show(console_of(staff_member), document).content.decode()

    assert "Scan 7.pdf" in shown
    assert "No text was read from it yet." in shown
