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
from tests.factories import make_tenant, make_user
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
    marked = {name: made.marker for name in ("original_filename", "document_type")}
    failed = make_failed(alice, metadata={"title": made.marker}, **marked)
    make_attempt(failed, outcome="failed", error_code=failed.error_code)
    make_stuck(alice, **marked)
    staff.acknowledge(documents=[failed.id], actor_id=nurse.id, note=made.marker)
    LogEntry.objects.create(
        user=nurse, object_id=str(alice.pk), object_repr=made.marker, action_flag=2
    )
    return made


def links_of(page: str, address: str) -> Iterator[str]:
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

    assert not [address for address, status in seen.items() if status >= 500]
    assert {302, 403, 200} <= set(seen.values()) <= {200, 301, 302, 403, 404}
    assert seen[f"{DOCUMENTS}queue/"] == seen[PEOPLE] == seen["/admin/"] == 200
