"""Whoever looks at somebody's record in the console leaves an entry before they see it."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.models import AuditLog
from config import looks
from documents import pipeline
from documents.models import Document, DocumentText
from flags.models import FeatureFlag
from tests.conftest import ApiClient
from tests.documents import papers
from tests.factories import make_tenant, make_user

PEOPLE = "/admin/accounts/user/"
EVENTS = "/admin/health/healthevent/"
MOOD = {"event_type": "mood", "event_data": {"mood": "secret-mood"}}


def console_of(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.fixture
def nurse(alice: User) -> User:
    return make_user(tenant=alice.tenant, is_staff=True)


@pytest.fixture
def root(db: None) -> User:
    return make_user(is_staff=True, is_superuser=True)


def looks_at(person: User) -> list[AuditLog]:
    found = AuditLog.objects.filter(subject_id=person.id, category="access")
    return list(found.exclude(actor_kind="person").order_by("id"))


def test_tells_who_looked_at_whose_event(nurse: User, alice: User, as_alice: ApiClient):
    made = as_alice.call("POST", "/api/v2/health/events", MOOD).json()

    page: Any = console_of(nurse).get(
        f"{EVENTS}{made['id']}/change/", headers={"x-request-id": "look-of-nurse"}
    )

    (look,) = looks_at(alice)
    assert "secret-mood" in page.content.decode()
    assert (look.event, look.object_type, look.object_id) == (
        "record-viewed",
        "health_events",
        made["id"],
    )
    assert (look.actor_kind, look.actor_id) == ("staff", nurse.id)
    assert (look.tenant_id, look.source) == (alice.tenant_id, "console")
    assert look.request_id == "look-of-nurse"
    assert look.details == {"page": "health_healthevent_change"}
    assert look.is_notable


def test_writes_one_entry_for_each_person_in_a_list(
    nurse: User, alice: User, bob: User, as_alice: ApiClient, as_bob: ApiClient
):
    for client in (as_alice, as_alice, as_bob):
        assert client.call("POST", "/api/v2/health/events", MOOD).status_code == 201

    with CaptureQueriesContext(connection) as queries:
        console_of(nurse).get(EVENTS)

    (of_alice,), (of_bob,) = looks_at(alice), looks_at(bob)
    assert (of_alice.event, of_alice.object_count, of_alice.object_id) == ("records-listed", 2, "")
    assert (of_bob.event, of_bob.object_count) == ("records-listed", 1)
    assert sum("write_audit_entries" in query["sql"] for query in queries) == 1


def test_writes_entries_of_administrators_into_the_log_of_each_clinic(
    root: User, alice: User, charlie: User
):
    console_of(root).get(PEOPLE)

    (of_alice,), (of_charlie,) = looks_at(alice), looks_at(charlie)
    assert (of_alice.tenant_id, of_alice.actor_kind) == (alice.tenant_id, "administrator")
    assert (of_charlie.tenant_id, of_charlie.actor_id) == (charlie.tenant_id, root.id)


def test_writes_nothing_of_people_who_were_not_on_the_page(nurse: User, alice: User, bob: User):
    console_of(nurse).get(PEOPLE, {"q": bob.email})

    assert len(looks_at(bob)) == 1
    assert looks_at(alice) == []


@pytest.mark.parametrize("page", ["", "?q=somebody", "{alice}/change/", "{alice}/history/"])
def test_shows_nothing_when_the_entry_cannot_be_written(
    nurse: User, alice: User, page: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("audit.services.recording.WRITE_LOOKS", "SELECT 1/0, %s, %s, %s, %s, %s")

    answer = console_of(nurse).get(PEOPLE + page.format(alice=alice.id))

    is_about_people = "somebody" not in page
    assert answer.status_code == (500 if is_about_people else 200)
    assert alice.email not in answer.content.decode()


def test_tells_of_a_form_that_comes_back_with_faults(nurse: User, alice: User):
    answer = console_of(nurse).post(f"{PEOPLE}{alice.id}/change/", {"email": "no address"})

    assert answer.status_code == 200
    assert [look.event for look in looks_at(alice)] == ["record-viewed"]


def test_tells_of_a_page_that_asks_before_it_acts(root: User, alice: User):
    console_of(root).get(f"{PEOPLE}{alice.id}/erase/")
    console_of(root).get(f"{PEOPLE}{alice.id}/password/")

    assert [(look.details or {})["page"] for look in looks_at(alice)] == [
        "accounts_user_erase",
        "auth_user_password_change",
    ]


def test_tells_why_the_content_of_a_document_was_opened(committed_db: None):
    clinic = make_tenant()
    person, nurse = make_user(tenant=clinic), make_user(tenant=clinic, is_staff=True)
    document = papers.make_document(person)
    Document.objects.filter(id=document.id).update(due_at="2000-01-01T00:00:00Z")
    while not DocumentText.objects.filter(document=document).exists():
        assert pipeline.advance()
    Document.objects.filter(id=document.id).update(due_at="2100-01-01T00:00:00Z")
    reason = "The person asked on the phone."

    answer = console_of(nurse).post(
        f"/admin/documents/document/content/{document.id}/", {"reason": reason}
    )

    (look,) = looks_at(person)
    assert "progesterone" in answer.content.decode()
    assert (look.event, look.object_id) == ("document-disclosed", str(document.id))
    assert (look.actor_kind, look.actor_id, look.tenant_id) == ("staff", nurse.id, clinic.id)
    assert (look.details or {})["reason"] == reason


def test_tells_of_the_queue_and_the_story_of_documents(nurse: User, alice: User):
    document = papers.make_document(
        alice,
        status="failed",
        failed_stage="processing",
        error_code="damaged",
        failed_at=timezone.now(),
    )
    console = console_of(nurse)

    listed = console.get("/admin/documents/document/queue/failed/damaged/")
    story = console.get(f"/admin/documents/document/{document.id}/change/")

    assert (listed.status_code, story.status_code) == (200, 200)
    assert [(look.object_type, look.object_id) for look in looks_at(alice)] == [
        ("documents", str(document.id))
    ] * 2


def test_tells_of_whom_a_flag_was_explained(root: User, alice: User):
    flag = FeatureFlag.objects.order_by("flag_name").first()
    assert flag is not None

    answer = console_of(root).post(
        f"/admin/flags/featureflag/{flag.pk}/explain/", {"who": alice.email}
    )

    assert alice.email in answer.content.decode()
    assert [(look.event, look.object_type) for look in looks_at(alice)] == [
        ("record-viewed", "users")
    ]


def test_finds_rows_within_what_a_page_lists(alice: User):
    rows = looks.rows_in({"entries": [{"row": alice}], "title": "x", "count": 3}, looks.DEPTH)

    assert list(rows) == [alice]
