"""Nobody is erased while a legal hold stands on them or on their clinic."""

import uuid
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.models import ErasureCertificate, Tenant, User, UserProfile
from audit.models import AuditLegalHold, AuditLog
from audit.services import place_hold, release_hold
from tests.factories import make_tenant, make_user
from tests.health.threads import Beside, wait_until_blocked

REASON = "A court asked for it."
SENTENCE = "A legal hold stands on this person or their clinic"


def hold(person: User, *, is_of_clinic: bool = False, tenant: Tenant | None = None) -> Any:
    return place_hold(
        tenant_id=(tenant or person.tenant).id,
        subject_id=None if is_of_clinic else person.id,
        reason=REASON,
        by=uuid.uuid4(),
    )


def erase(person: User) -> uuid.UUID:
    return services.erase_person(user_id=person.id, requested_by="a test", reason="Asked for it.")


def is_whole(person: User) -> bool:
    return (
        User.objects.filter(id=person.id).exists()
        and UserProfile.objects.filter(user_id=person.id).exists()
        and not ErasureCertificate.objects.filter(subject_id=person.id).exists()
        and not AuditLog.objects.filter(subject_id=person.id, salt=None).exists()
    )


@pytest.mark.parametrize("is_of_clinic", [True, False])
def test_refuses_to_erase_whom_a_hold_is_about(alice: User, *, is_of_clinic: bool):
    held = hold(alice, is_of_clinic=is_of_clinic)

    with pytest.raises(services.LegalHold, match=SENTENCE) as refused:
        erase(alice)
    left = is_whole(alice)
    release_hold(hold_id=held.id, reason=REASON, by=uuid.uuid4(), now=timezone.now())

    assert (refused.value.status, refused.value.code, left) == (409, "legal-hold", True)
    assert ErasureCertificate.objects.get(id=erase(alice)).subject_id == alice.id


def test_follows_a_person_into_another_clinic(alice: User):
    hold(alice, tenant=make_tenant())

    with pytest.raises(services.LegalHold):
        erase(alice)


def test_holds_nobody_else(alice: User, bob: User, charlie: User):
    hold(alice)
    hold(charlie, is_of_clinic=True)

    assert ErasureCertificate.objects.get(id=erase(bob)).subject_id == bob.id


def test_says_so_in_the_console_and_on_the_command_line(alice: User):
    hold(alice)
    client = Client()
    client.force_login(make_user(is_staff=True, is_superuser=True))
    sent = {"reason": "Asked for it.", "email": alice.email}

    shown = client.post(f"/admin/accounts/user/{alice.id}/erase/", sent).content.decode()
    with pytest.raises(CommandError, match=SENTENCE):
        call_command("erase_person", alice.email, reason="Asked for it.", yes=True)

    assert SENTENCE in shown
    assert "Release it in the console, under Legal holds" in shown
    assert is_whole(alice)


def somebody() -> User:
    return make_user(tenant=make_tenant(), email=f"{uuid.uuid4().hex[:12]}@example.com")


def test_waits_for_a_hold_that_is_being_placed(committed_db: None, database_url: str):
    person = somebody()

    with transaction.atomic():
        hold(person, is_of_clinic=True)
        erasing = Beside(lambda: erase(person))
        wait_until_blocked(database_url, 1)

    assert isinstance(erasing.result(), services.LegalHold)
    assert is_whole(person)


def test_is_done_before_a_hold_is_placed(committed_db: None, database_url: str):
    person = somebody()

    with transaction.atomic():
        certificate = erase(person)
        placing = Beside(lambda: hold(person))
        wait_until_blocked(database_url, 1)
        before = AuditLegalHold.objects.filter(subject_id=person.id).count()

    assert (before, placing.result().subject_id) == (0, person.id)
    assert ErasureCertificate.objects.get(id=certificate).subject_id == person.id
    assert not User.objects.filter(id=person.id).exists()
