"""health_events is append-only, for everyone but the erasure routine."""

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from accounts.models import User
from core import gate
from health.models import HealthEvent
from tests.conftest import client_of
from tests.factories import make_user

CHANGES = (
    'UPDATE health_events SET event_data = \'{"mood": "fine"}\'',
    "UPDATE health_events SET reason = 'x' WHERE id = %(id)s",
    "DELETE FROM health_events",
    "DELETE FROM health_events WHERE id = %(id)s",
    "TRUNCATE health_events",
    "TRUNCATE health_events CASCADE",
    "MERGE INTO health_events e USING (SELECT 1) s ON e.id = %(id)s WHEN MATCHED THEN DELETE",
    (
        "INSERT INTO health_events SELECT * FROM health_events WHERE id = %(id)s"
        " ON CONFLICT (id, tenant_id) DO UPDATE SET reason = 'x'"
    ),
)


@pytest.fixture
def recorded(committed_db: None) -> tuple[User, uuid.UUID]:
    user = make_user()
    body = {"event_type": "mood", "event_data": {"mood": "tired"}}
    response = client_of(user).call("POST", "/api/v2/health/events", body)
    return user, uuid.UUID(response.json()["id"])


@pytest.fixture
def owner(database_url: str, committed_db: None) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("change", CHANGES)
def test_refuses_the_owner(recorded, owner, change):
    _, event_id = recorded

    with pytest.raises(errors.RestrictViolation, match="append-only"):
        owner.execute(change, {"id": event_id})

    assert HealthEvent.objects.get(id=event_id).event_data == {"mood": "tired"}


@pytest.mark.parametrize("change", CHANGES)
def test_refuses_the_role_of_the_api(recorded, owner, change):
    user, event_id = recorded
    owner.execute("SELECT set_config('app.user_id', %s, false)", [str(user.id)])
    owner.execute("SELECT set_config('app.tenant_id', %s, false)", [str(user.tenant_id)])
    owner.execute("SET ROLE novara_api")
    seen = owner.execute("SELECT id FROM health_events").fetchall()

    with pytest.raises(errors.InsufficientPrivilege):
        owner.execute(change, {"id": event_id})

    assert seen == [(event_id,)]
    assert HealthEvent.objects.get(id=event_id).event_data == {"mood": "tired"}


def test_refuses_the_orm_inside_and_outside_the_gate(recorded):
    user, event_id = recorded
    event = HealthEvent.objects.filter(id=event_id)

    for change in (lambda: event.update(reason="x"), event.delete):
        with pytest.raises(Exception, match="append-only"), gate.as_system():
            change()
        with pytest.raises(Exception, match="permission denied"), gate.as_person(user.id):
            change()

    assert event.get().event_data == {"mood": "tired"}


def test_keeps_the_rows_of_an_event_that_was_corrected_and_retracted(recorded):
    user, event_id = recorded
    path = f"/api/v2/health/events/{event_id}"
    client = client_of(user)

    client.call("POST", f"{path}/corrections", {"event_data": {"mood": "ok"}, "reason": "slip"})
    client.call("POST", f"{path}/retractions", {"reason": "not mine"})

    rows = HealthEvent.objects.filter(user_id=user.id).order_by("version")
    assert [(row.version, row.status, row.event_data, row.reason) for row in rows] == [
        (1, "final", {"mood": "tired"}, None),
        (2, "corrected", {"mood": "ok"}, "slip"),
        (3, "entered-in-error", {"mood": "ok"}, "not mine"),
    ]
    assert rows[0].id == rows[1].related_event_id == rows[2].related_event_id
