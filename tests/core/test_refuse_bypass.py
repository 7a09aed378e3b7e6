"""The server does not start with a role that row-level security would not hold."""

import psycopg
import pytest
from django.db import connection

from core import gate


@pytest.fixture
def superuser(database_url):
    """The embedded server lets whoever may open its socket be its superuser."""
    try:
        opened = psycopg.connect(f"{database_url} user=postgres")
    except psycopg.OperationalError:
        pytest.skip("This server's superuser is not ours.")
    with opened as found:
        yield found
        found.rollback()


def test_starts_as_it_is(db):
    gate.refuse_bypass()


@pytest.mark.parametrize("role", ["novara_api", "novara_staff", "novara_support"])
@pytest.mark.parametrize("attribute", ["BYPASSRLS", "SUPERUSER"])
def test_notices_attributes(db, superuser, role, attribute):
    before = superuser.execute(gate.BYPASS).fetchall()

    superuser.execute(f"ALTER ROLE {role} {attribute}")

    assert (True,) not in before
    assert (True,) in superuser.execute(gate.BYPASS).fetchall()


@pytest.mark.parametrize("role", ["novara_api", "novara_staff", "novara_support"])
def test_refuses_a_member_of_another_role(db, role):
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE novara_test_group; GRANT novara_test_group TO {role}")

    with pytest.raises(RuntimeError, match="bypass"):
        gate.refuse_bypass()


@pytest.mark.parametrize("role", ["novara_api", "novara_staff", "novara_support"])
def test_refuses_an_owner(db, role):
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT CREATE ON SCHEMA public TO {role}")
        cursor.execute("CREATE TABLE novara_test_table (id integer)")
        cursor.execute(f"ALTER TABLE novara_test_table OWNER TO {role}")

    with pytest.raises(RuntimeError, match="bypass"):
        gate.refuse_bypass()


def test_refuses_a_server_without_the_roles(db):
    with connection.cursor() as cursor:
        cursor.execute("ALTER ROLE novara_api RENAME TO novara_test_other")

    with pytest.raises(RuntimeError, match="missing"):
        gate.refuse_bypass()
