"""No way leads from inside the gate to more rights than its person has."""

import uuid

import pytest
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from accounts import services
from accounts.models import User
from core import gate
from core.gate import Claims
from tests.core.wsgi import CLEAN, IN_TRANSACTION_OR_GATE
from tests.factories import make_user


def state():
    with connection.cursor() as cursor:
        cursor.execute(IN_TRANSACTION_OR_GATE)
        return cursor.fetchone()


def test_leaves_with_the_unit_of_work_inside_a_longer_transaction(alice):
    with gate.as_person(alice.id) as person:
        inside = state()

    assert inside == (True, str(alice.tenant_id), str(person.id))
    assert state() == CLEAN


def test_leaves_when_the_work_fails(alice):
    with pytest.raises(RuntimeError, match="broken"), gate.as_person(alice.id):
        raise RuntimeError("broken")

    assert state() == CLEAN


def test_leaves_when_the_work_is_rolled_back(alice):
    with gate.as_person(alice.id):
        transaction.set_rollback(True)

    assert state() == CLEAN


def test_shows_a_task_the_rows_of_its_person_alone(alice, bob, charlie):
    with gate.as_person(bob.id):
        seen = list(User.objects.values_list("id", flat=True))

    assert seen == [bob.id]


@pytest.mark.parametrize("change", [{"is_active": False}, {"id": uuid.uuid4()}])
def test_does_no_task_for_nobody(db, change):
    user = make_user(is_active=change.get("is_active", True))

    with pytest.raises(LookupError), gate.as_person(change.get("id", user.id)):
        pass


def test_does_a_task_right_after_all_sessions_were_ended(alice):
    services.end_sessions(user_id=alice.id, reason="test", now=timezone.now())

    with gate.as_person(alice.id) as person:
        assert person.id == alice.id


def test_refuses_system_work_inside(alice):
    with gate.as_person(alice.id):
        with pytest.raises(RuntimeError, match="inside the gate"), gate.as_system():
            pass
        assert state()[0] is True


def test_refuses_another_unit_of_work_inside(alice):
    with gate.as_person(alice.id):
        with pytest.raises(RuntimeError, match="inside another"), gate.unit_of_work():
            pass
        assert state()[0] is True


def test_refuses_to_become_staff_inside(alice):
    with gate.as_person(alice.id):
        with pytest.raises(RuntimeError, match="inside another"), gate.as_staff(alice.tenant_id):
            pass
        assert state()[2] == str(alice.id)


def test_refuses_to_become_somebody_else_inside(alice, bob):
    with pytest.raises(ProgrammingError, match="for function enter_gate"), gate.as_person(alice.id):
        gate.enter(Claims(user_id=str(bob.id), issued_at=9e9))

    assert state() == CLEAN


def test_needs_a_transaction(committed_db):
    with pytest.raises(RuntimeError, match="unit of work"):
        gate.enter(Claims(user_id=str(uuid.uuid4())))


def test_is_closed_to_nobody_and_shows_them_nothing(alice):
    with gate.unit_of_work():
        assert gate.enter(Claims(user_id=str(uuid.uuid4()), issued_at=9e9)) is None

        assert state() == (True, "", "")
        assert not User.objects.values("id").exists()
