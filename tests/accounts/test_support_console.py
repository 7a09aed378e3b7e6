"""Support: staff of a clinic who look after documents and accounts, and see no health data."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import RefreshFamily, User, UserProfile
from core.admin import ConsoleAdmin
from documents.models import Document, DocumentAction
from documents.services import staff
from documents.statuses import Status
from tests.documents.console.filed import acted, make_attempt, make_failed, make_stuck
from tests.factories import make_user
from tests.house.routes import Life, live

PEOPLE = "/admin/accounts/user/"
DOCUMENTS = "/admin/documents/document/"
# Words of health that no page of support may have, beside what a person wrote.
FORBIDDEN = ("Daily check-in", "Health events", "Safety alert", "Cycle stage", "confidence")


def console_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def helper(alice: User) -> User:
    return make_user(
        tenant=alice.tenant, email="helper@example.com", is_staff=True, is_support=True
    )


@pytest.fixture
def nurse(alice: User) -> User:
    return make_user(tenant=alice.tenant, email="nurse@example.com", is_staff=True)


@pytest.fixture
def superuser(db: None) -> User:
    return make_user(email="super@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def life(alice: User, nurse: User) -> Life:
    """Alice with rows of every kind and the same words in all of them; a nurse looked at some."""
    made = live(alice)
    # They see how she is called.
    UserProfile.objects.filter(user=alice).update(nickname="Dana")
    marked: dict[str, Any] = dict.fromkeys(("original_filename", "document_type"), made.marker)
    failed = make_failed(alice, metadata={"title": made.marker}, **marked)
    make_attempt(failed, outcome="failed", error_code=failed.error_code)
    make_stuck(alice, **marked)
    staff.acknowledge(documents=[failed.id], actor_id=nurse.id, note=made.marker)
    LogEntry.objects.create(
        user=nurse, object_id=str(alice.pk), object_repr=made.marker, action_flag=2
    )
    return made


def links_of(page: str, address: str) -> Iterator[str]:
    if "?" in address:
        # Filters of filters would never end.
        return
    for link in re.findall(r'href="([^"#]*)', page):
        whole = urljoin(address, link.replace("&amp;", "&"))
        if whole.startswith("/admin/") and "logout" not in whole:
            yield whole


def addresses_of_everything() -> set[str]:
    """Lists, forms and histories of all that is registered, whatever is linked to."""
    found = set()
    for model, page in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        keys = [str(key) for key in model._default_manager.values_list("pk", flat=True)[:5]]
        found |= {reverse(f"{name}_changelist"), reverse(f"{name}_add")}
        found |= {reverse(f"{name}_change", args=[key]) for key in keys}
        found |= {reverse(f"{name}_history", args=[key]) for key in keys}
        found |= {f"/admin/{model._meta.app_label}/"}
        assert isinstance(page, ConsoleAdmin)
    return found


def test_finds_nothing_of_health_on_any_page(helper, life):
    client = console_of(helper)
    client.raise_request_exception = False
    waiting, seen = addresses_of_everything() | {"/admin/"}, {}

    while waiting:
        address = waiting.pop()
        answer = client.get(address)
        page = answer.content.decode() if answer.status_code == 200 else ""
        seen[address] = answer.status_code
        waiting |= set(links_of(page, address)) - seen.keys()
        assert life.marker not in page, address
        assert not [word for word in FORBIDDEN if word in page], address

    closed = {
        status
        for model, site_page in admin.site._registry.items()
        for address, status in seen.items()
        if address.startswith(f"/admin/{model._meta.app_label}/{model._meta.model_name}/")
        and not site_page.is_for_support  # type: ignore[attr-defined]  # A ConsoleAdmin.
    }
    assert closed <= {403, 404}
    assert not [address for address, status in seen.items() if status >= 500]
    assert {302, 403, 200} <= set(seen.values()) <= {200, 301, 302, 403, 404}
    assert seen[f"{DOCUMENTS}queue/"] == seen[PEOPLE] == seen["/admin/"] == 200


def test_lists_the_pages_that_support_has_and_no_others(helper):
    page = console_of(helper).get("/admin/").content.decode()

    named = set(re.findall(r'<h3><a href="([^"]+)"', page))
    assert named == {PEOPLE, DOCUMENTS}
    assert "Health data and other clinics are not shown" in page


def test_does_not_show_what_is_in_a_document(helper, life):
    document = Document.objects.filter(status=Status.FAILED).get()
    client = console_of(helper)

    story = client.get(f"{DOCUMENTS}{document.pk}/change/").content.decode()
    asked = client.post(
        f"{DOCUMENTS}content/{document.pk}/", {"reason": "They asked on the phone."}
    )

    assert "nurse@example.com acknowledged" in story
    assert "Show content" not in story
    assert document.file_hash not in story
    assert asked.status_code == 403
    assert not DocumentAction.objects.filter(action="disclosed").exists()


@pytest.mark.parametrize("deed", ["retry", "acknowledge"])
def test_looks_after_a_failed_document(helper, alice, deed):
    document = make_failed(alice)

    answer = console_of(helper).post(
        f"{DOCUMENTS}{document.pk}/act/", {"do": deed, "reason": "The storage is back."}
    )

    done = {"retry": "retried", "acknowledge": "acknowledged"}[deed]
    assert answer.status_code == 302
    assert acted(document)[-1] == (done, helper.pk, "The storage is back.")


def test_cancels_a_document_that_is_stuck(helper, alice):
    document = make_stuck(alice)

    console_of(helper).post(f"{DOCUMENTS}{document.pk}/act/", {"do": "cancel", "reason": "Old."})

    document.refresh_from_db()
    assert document.status == Status.CANCELLED


def test_does_not_see_documents_of_another_clinic(helper, charlie):
    document = make_failed(charlie)

    answer = console_of(helper).get(f"{DOCUMENTS}{document.pk}/change/")

    assert answer.status_code == 404


def test_deactivates_somebody_and_ends_their_sessions(helper, alice):
    family = RefreshFamily.objects.create(tenant=alice.tenant, user=alice)
    page, before = f"{PEOPLE}{alice.pk}/change/", timezone.now()

    answer = console_of(helper).post(page, {})

    alice.refresh_from_db()
    family.refresh_from_db()
    assert answer.status_code == 302
    assert not alice.is_active
    assert alice.tokens_valid_from > before
    assert family.revoked_at is not None


def test_changes_no_address_no_rights_and_no_password(helper, alice, nurse):
    client, page = console_of(helper), f"{PEOPLE}{alice.pk}/change/"
    before = User.objects.filter(pk=alice.pk).values("email", "password", "is_staff").get()

    client.post(page, {"is_active": "on", "email": "mine@example.com", "is_staff": "on"})
    password = client.post(
        f"{PEOPLE}{alice.pk}/password/", {"password1": "tidal-lantern", "password2": "x"}
    )
    colleague = client.post(f"{PEOPLE}{nurse.pk}/change/", {})
    new = client.get(f"{PEOPLE}add/")

    assert User.objects.filter(pk=alice.pk).values(*before).get() == before
    assert {password.status_code, colleague.status_code, new.status_code} == {403}


def test_is_given_by_superusers_alone(superuser, nurse, helper):
    fields = {"email": nurse.email, "is_active": "on", "is_staff": "on", "is_support": "on"}
    rows = {f"profile-{name}_FORMS": 1 for name in ("TOTAL", "INITIAL")}
    profile = {
        "profile-0-user": nurse.pk,
        "profile-0-nickname": "Alex",
        "profile-0-timezone": "UTC",
        **{f"profile-0-confidence_{name}": 5 for name in ("meds", "costs", "overall")},
    }

    answer = console_of(superuser).post(f"{PEOPLE}{nurse.pk}/change/", fields | rows | profile)

    nurse.refresh_from_db()
    assert answer.status_code == 302
    assert nurse.is_support
    assert 'name="is_support"' not in console_of(helper).get(f"{PEOPLE}{nurse.pk}/change/").text


@pytest.mark.parametrize("rights", [{}, {"is_staff": True, "is_superuser": True}], ids=str)
def test_is_a_right_of_staff_alone(alice, rights):
    with pytest.raises(IntegrityError, match="users_support_is_staff"), transaction.atomic():
        User.objects.filter(pk=alice.pk).update(is_support=True, **rights)
