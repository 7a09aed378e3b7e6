"""Whoever changes a row, in whatever way, leaves an entry that tells who and whose."""

import json
import uuid
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test import Client

from accounts.models import User, UserProfile
from audit.models import AuditLog
from audit.types import HOUSE
from core import gate, origin
from health import event_log
from health.models import HealthEvent
from tests.conftest import ApiClient
from tests.factories import make_tenant, make_user

pytestmark = pytest.mark.django_db

MOOD = {"event_type": "mood", "event_data": {"mood": "secret-mood", "confidence": 7}}


def entries(**which: Any) -> list[AuditLog]:
    return list(AuditLog.objects.filter(category="change", **which).order_by("id"))


def event_of(user: User, **changes: Any) -> HealthEvent:
    return HealthEvent(
        **{
            "user": user,
            "tenant": user.tenant,
            "event_type": "note",
            "event_data": {"text": "secret"},
            "schema_version": 1,
            "occurred_at": "2026-11-01T10:00:00Z",
            "local_date": "2026-11-01",
            "utc_offset_minutes": 0,
            "source": "test",
        }
        | changes
    )


def test_tells_who_recorded_an_event(as_alice: ApiClient, alice: User):
    answer = as_alice.call("POST", "/api/v2/health/events", MOOD, x_request_id="request-of-alice")

    (entry,) = entries(object_type="health_events")
    assert answer.status_code == 201
    assert (entry.event, entry.object_id) == ("row-inserted", answer.json()["id"])
    assert (entry.actor_kind, entry.actor_id) == ("person", alice.id)
    assert (entry.subject_id, entry.tenant_id) == (alice.id, alice.tenant_id)
    assert (entry.request_id, entry.source) == ("request-of-alice", "api")
    assert entry.network == "127.0.0.0/24"
    assert entry.details is None


def test_writes_one_entry_for_a_batch_with_the_ids_of_all(as_alice: ApiClient):
    answer = as_alice.call("POST", "/api/v2/health/events/batch", {"events": [MOOD] * 20})

    (entry,) = entries(object_type="health_events")
    assert entry.object_count == 20
    assert set(entry.details["ids"]) == {one["id"] for one in answer.json()["results"]}


def test_tells_who_submitted_and_who_changed_a_check_in(as_alice: ApiClient, alice: User):
    form = {"mood_today": "okay", "confidence_today": 7, "primary_concern_today": "secret"}
    made = as_alice.call("POST", "/api/checkins", form).json()["checkin"]
    before = len(entries(object_type="daily_checkins"))

    as_alice.call("PUT", f"/api/checkins/{made['id']}", {"mood_today": "secret-mood"})

    changes = entries(object_type="daily_checkins")[before:]
    changed = next(one for one in changes if "mood_today" in one.details["changed"])
    assert (changed.event, changed.object_id) == ("row-updated", made["id"])
    assert (changed.actor_id, changed.subject_id) == (alice.id, alice.id)
    assert changed.details["changed"]["mood_today"] == "masked"
    assert "secret" not in json.dumps([one.details for one in entries()])


def test_sees_bulk_create(alice: User, bob: User):
    HealthEvent.objects.bulk_create([event_of(alice), event_of(bob), event_of(bob)])

    found = {
        entry.subject_id: entry.object_count
        for entry in entries(event="row-inserted", object_type="health_events")
    }
    assert found == {alice.id: 1, bob.id: 2}


def test_sees_update_of_a_queryset(alice: User, bob: User):
    UserProfile.objects.filter(user__in=[alice, bob]).update(email_opt_in=False, nickname="secret")

    found = entries(event="row-updated", object_type="user_profiles")
    assert {entry.subject_id for entry in found} == {alice.id, bob.id}
    assert found[0].details["changed"] == {
        "email_opt_in": {"from": True, "to": False},
        "nickname": "masked",
    }


def test_sees_raw_sql(alice: User):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL application_name = 'novara web'")
        cursor.execute("UPDATE users SET is_staff = true WHERE id = %s", [alice.id])

    (entry,) = entries(event="row-updated", object_type="users")
    assert entry.details["changed"] == {"is_staff": {"from": False, "to": True}}
    assert (entry.tenant_id, entry.subject_id) == (alice.tenant_id, alice.id)
    assert (entry.actor_kind, entry.source) == ("system", "novara web")


def test_tells_sql_that_comes_past_the_service(alice: User):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL application_name = 'psql'")
        cursor.execute("UPDATE users SET is_staff = true WHERE id = %s", [alice.id])

    (entry,) = entries(event="row-updated", object_type="users")
    assert entry.actor_kind == "database"
    assert entry.source.endswith(" psql")


def test_sees_a_change_of_the_key(charlie: User):
    other = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tenants SET id = %s WHERE id = %s", [other, make_tenant().id])

    found = entries(event="row-updated", object_type="tenants")
    assert {json.dumps(one.details["changed"]["id"]) for one in found} == {'"masked"'}


def test_tells_which_member_of_staff_acted_in_the_console():
    clinic = make_tenant()
    nurse = make_user(tenant=clinic, is_staff=True)
    dana = make_user(tenant=clinic)
    console = Client()
    console.force_login(nurse)

    console.post(
        "/admin/accounts/user/",
        {"action": "deactivate", "_selected_action": [str(dana.id)]},
        headers={"x-request-id": "request-of-nurse"},
    )

    (entry,) = [
        one
        for one in entries(object_type="users", subject_id=dana.id, event="row-updated")
        if "is_active" in one.details["changed"]
    ]
    assert (entry.actor_kind, entry.actor_id) == ("staff", nurse.id)
    assert (entry.tenant_id, entry.source) == (clinic.id, "console")
    assert entry.request_id == "request-of-nurse"


def test_tells_which_administrator_acted_in_the_console(alice: User):
    root = make_user(is_staff=True, is_superuser=True)
    console = Client()
    console.force_login(root)

    console.post(
        "/admin/accounts/user/", {"action": "deactivate", "_selected_action": [str(alice.id)]}
    )

    found = entries(object_type="users", subject_id=alice.id, event="row-updated")
    assert {(one.actor_kind, one.actor_id) for one in found} == {("administrator", root.id)}


def test_tells_which_command_acted(alice: User):
    with origin.acting(origin.Origin(source="command:erase_person"), "id-of-the-run"):
        call_command("erase_person", alice.email, reason="asked", yes=True)

    found = entries(event="row-deleted", object_type="user_profiles")
    assert [one.subject_id for one in found] == [alice.id]
    assert AuditLog.objects.filter(object_type="erasure_certificates", subject_id=alice.id).exists()


def test_tells_a_task_from_the_person_it_works_for(alice: User):
    with (
        origin.acting(origin.Origin(source="task:health.tasks.something"), "id-of-the-task"),
        gate.as_person(alice.id),
    ):
        event_log.append([event_of(alice)])

    (entry,) = entries(object_type="health_events")
    assert (entry.actor_kind, entry.actor_id) == ("system", None)
    assert (entry.subject_id, entry.source) == (alice.id, "task:health.tasks.something")
    assert entry.request_id == "id-of-the-task"


def test_does_not_note_what_is_no_event(alice: User):
    User.objects.filter(id=alice.id).update(last_login=F("created_at"))

    assert entries(event="row-updated", object_type="users") == []


def test_puts_what_is_of_no_clinic_into_the_log_of_the_house(flags: Any):
    flags.make("new_paint")

    assert {one.tenant_id for one in entries(object_type="feature_flags")} == {HOUSE}
