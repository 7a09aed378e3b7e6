"""Log-ins, sessions, passwords, keys, rights and erasure are entries, refused ones too."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.models import User
from audit.models import AuditLog
from audit.services import mark
from audit.types import HOUSE
from tests.conftest import ApiClient, client_of
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"


@pytest.fixture
def person() -> User:
    return make_user(email="dora@example.com", password=PASSWORD)


def entries(*events: str, **which: Any) -> list[Any]:
    return list(AuditLog.objects.filter(event__in=events, **which).order_by("id"))


def log_in(nobody: ApiClient, email: str, password: str = PASSWORD) -> Any:
    return nobody.call("POST", "/api/v2/auth/login", {"email": email, "password": password})


def test_tells_of_a_log_in(nobody: ApiClient, person: User):
    log_in(nobody, person.email)

    (told,) = entries("log-in")
    assert (told.outcome, told.category) == ("success", "security")
    assert (told.actor_kind, told.actor_id, told.subject_id) == ("person", person.id, person.id)
    assert told.tenant_id == person.tenant_id
    assert told.network == "127.0.0.0/24"


def test_tells_of_refused_log_ins_without_the_address(nobody: ApiClient, person: User):
    known = log_in(nobody, person.email, "wrong")
    unknown = log_in(nobody, "nobody@example.com", "wrong")

    first, second = entries("log-in")
    assert (known.status_code, unknown.status_code) == (401, 401)
    assert [first.outcome, second.outcome] == ["failure", "failure"]
    assert (first.object_id, first.tenant_id) == (str(person.id), person.tenant_id)
    assert (second.object_id, second.tenant_id) == (mark("nobody@example.com"), HOUSE)
    assert second.subject_id is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_logs l WHERE l::text LIKE %s", ["%@example%"])
        assert cursor.fetchone() == (0,)


def test_tells_of_the_end_of_a_session_and_of_a_token_used_twice(nobody: ApiClient, person: User):
    first, second = (log_in(nobody, person.email).json() for _ in range(2))
    refresh, revoke = "/api/v2/auth/refresh", "/api/v2/auth/revoke"

    nobody.call("POST", refresh, {"refresh_token": first["refresh_token"]})
    nobody.call("POST", refresh, {"refresh_token": first["refresh_token"]})
    nobody.call("POST", revoke, {"token": second["refresh_token"]})

    reused, left = entries("refresh-token-reused", "log-out")
    assert (reused.event, reused.outcome) == ("refresh-token-reused", "failure")
    assert (left.event, left.outcome) == ("log-out", "success")
    assert reused.subject_id == left.subject_id == person.id


def test_tells_of_a_new_password_and_of_a_refused_one(person: User):
    client = client_of(person)
    path = "/api/v2/auth/password"
    new = "a wholly new pass phrase 12"

    client.call("POST", path, {"current_password": "wrong", "new_password": new})
    client.call("POST", path, {"current_password": PASSWORD, "new_password": new})

    told = [(one.event, one.outcome) for one in entries("password-changed", "sessions-ended")]
    assert told == [
        *(("password-changed", "failure"), ("password-changed", "success")),
        ("sessions-ended", "success"),
    ]


def test_tells_of_keys_of_servers():
    key, secret = services.create_api_key(
        name="shop",
        scopes=["flags:evaluate"],
        tenant_id=None,
        environment="production",
        expires_at=None,
        created_by_id=None,
    )
    services.revoke_api_key(key_id=key.id, now=timezone.now())

    made, revoked = entries("api-key-created", "api-key-revoked")
    assert made.object_id == revoked.object_id == str(key.id)
    assert secret not in str([made.details, revoked.details])


def test_tells_of_an_erasure(person: User):
    services.erase_person(user_id=person.id, requested_by="the person", reason="Asked for it.")

    (told,) = entries("person-erased")
    assert told.subject_id == person.id


def test_tells_of_the_console_s_door(person: User):
    staff = make_user(is_staff=True, password=PASSWORD)
    client = Client()
    door = "/admin/login/"

    client.post(door, {"username": staff.email, "password": "wrong"})
    client.post(door, {"username": person.email, "password": PASSWORD})
    client.post(door, {"username": staff.email, "password": PASSWORD})
    client.get("/admin/logout/")
    client.post("/admin/logout/")

    told = [(one.event, one.outcome, one.object_id) for one in entries("log-in", "log-out")]
    assert told == [
        ("log-in", "failure", str(staff.id)),
        ("log-in", "failure", str(person.id)),
        ("log-in", "success", str(staff.id)),
        ("log-out", "success", str(staff.id)),
    ]
    assert {one.actor_kind for one in entries("log-in", "log-out", outcome="success")} == {"staff"}
    assert {one.source for one in entries("log-in")} == {"console"}


def test_tells_who_changed_their_own_password_in_the_console():
    staff = make_user(is_staff=True, password=PASSWORD)
    client = Client()
    client.force_login(staff)
    new = "another horse with a battery"

    sent = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    answer = client.post("/admin/password_change/", sent)

    told = entries("row-updated", "password-changed", "sessions-ended", subject_id=staff.id)
    assert answer.status_code == 302
    assert {one.event for one in told} >= {"row-updated", "password-changed"}
    assert {(one.actor_kind, one.actor_id, one.source) for one in told} == {
        ("staff", staff.id, "console")
    }


def test_tells_of_rights_however_they_are_given(person: User):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE users SET is_superuser = true WHERE id = %s", [person.id])
    made = make_user(is_staff=True)

    by_sql, from_the_start = entries("rights-changed")
    assert by_sql.details == {"changed": {"is_superuser": {"from": False, "to": True}}}
    assert by_sql.subject_id == person.id
    assert (from_the_start.subject_id, from_the_start.category) == (made.id, "security")
    assert from_the_start.details["changed"]["is_staff"] == {"from": None, "to": True}


def test_tells_nothing_of_accounts_that_change_otherwise(person: User):
    person.email = "new@example.com"
    person.save()

    assert entries("rights-changed") == []
