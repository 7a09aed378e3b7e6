"""What the role of API requests can reach with SQL alone, whatever a view may have forgotten."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql

from accounts.models import User
from tests.conftest import client_of
from tests.factories import make_tenant, make_user

RELATIONS = """
    SELECT c.relname, array_agg(a.attname ORDER BY a.attnum)
      FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace
       AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
       AND a.attnum > 0
       AND NOT a.attisdropped
       AND has_column_privilege(%s, c.oid, a.attnum, 'SELECT')
     GROUP BY c.relname
"""
ALL_RELATIONS = """
    SELECT relname
      FROM pg_class
     WHERE relnamespace = 'public'::regnamespace
       AND relkind IN ('r', 'p', 'v', 'm', 'f')
"""
OF_PERSONS = {
    *("users", "user_profiles", "tenants", "health_events", "daily_checkins"),
    "daily_checkins_legacy",
}


@dataclass(frozen=True)
class Cast:
    alice: User
    bob: User
    charlie: User


@pytest.fixture
def cast(committed_db: None) -> Cast:
    """People with a row in every table that the API writes."""
    tenant = make_tenant()
    people = [make_user(tenant), make_user(tenant), make_user(make_tenant())]
    for person in people:
        client = client_of(person)
        event = {"event_type": "note", "event_data": {"text": f"of {person.id}"}}
        form = {"mood_today": f"of {person.id}", "confidence_today": 5}
        assert client.call("POST", "/api/v2/health/events", event).status_code == 201
        assert client.call("POST", "/api/checkins", form).status_code == 201
    return Cast(*people)


@pytest.fixture
def owner(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def api(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET ROLE novara_api")
        yield connection


def become(connection: psycopg.Connection[Any], tenant_id: object, user_id: object) -> None:
    connection.execute(
        "SELECT set_config('app.tenant_id', %s, false), set_config('app.user_id', %s, false)",
        [str(tenant_id), str(user_id)],
    )


def readable(connection: psycopg.Connection[Any], role: str = "novara_api") -> dict[str, list[str]]:
    """Find the tables and views, and their columns, that a role may select from."""
    return dict(connection.execute(RELATIONS, [role]).fetchall())


def rows(connection: psycopg.Connection[Any], relation: str, columns: list[str]) -> list[str]:
    query = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(relation)
    )
    return [json.dumps(row, default=str) for row in connection.execute(query).fetchall()]


def test_shows_no_row_of_any_table_without_settings(cast, owner, api):
    relations = readable(owner)

    assert relations.keys() >= OF_PERSONS
    for (relation,) in owner.execute(ALL_RELATIONS).fetchall():
        if relation in relations:
            assert rows(api, relation, relations[relation]) == [], relation
        else:
            with pytest.raises(errors.InsufficientPrivilege):
                api.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(relation)))


def test_shows_no_row_after_settings_were_local(cast, owner, api):
    with api.transaction():
        api.execute(
            "SELECT set_config('app.tenant_id', %s, true), set_config('app.user_id', %s, true)",
            [str(cast.alice.tenant_id), str(cast.alice.id)],
        )
        inside = rows(api, "health_events", ["id"])

    assert inside
    assert all(rows(api, name, columns) == [] for name, columns in readable(owner).items())


def test_shows_alice_hers_alone(cast, owner, api):
    become(api, cast.alice.tenant_id, cast.alice.id)

    for relation, columns in readable(owner).items():
        shown = rows(api, relation, columns)
        mine = cast.alice.tenant_id if relation == "tenants" else cast.alice.id
        assert shown or relation not in OF_PERSONS, relation
        assert all(str(mine) in row for row in shown), relation
        for other in (cast.bob, cast.charlie):
            assert not any(str(other.id) in row for row in shown), relation


@pytest.mark.parametrize("garbage", ["alice", "0", "' OR true --", "{}"])
def test_fails_on_garbage_and_shows_nothing(cast, owner, api, garbage):
    become(api, garbage, garbage)

    for relation, columns in readable(owner).items():
        if relation in OF_PERSONS:
            with pytest.raises(errors.InvalidTextRepresentation):
                rows(api, relation, columns)


def test_needs_both_the_tenant_and_the_person(cast, owner, api):
    become(api, cast.charlie.tenant_id, cast.alice.id)
    mixed = {name: rows(api, name, columns) for name, columns in readable(owner).items()}

    become(api, "", cast.alice.id)
    half = {name: rows(api, name, columns) for name, columns in readable(owner).items()}

    assert {name for name, shown in mixed.items() if shown} <= {"tenants"}
    assert not any(half.values())


def test_writes_nothing_for_others(cast, api):
    become(api, cast.alice.tenant_id, cast.alice.id)
    insert = (
        "INSERT INTO health_events (id, tenant_id, user_id, event_type, event_data, occurred_at,"
        " local_date) VALUES (gen_random_uuid(), %s, %s, 'note', '{}', now(), current_date)"
    )

    for person in (cast.bob, cast.charlie):
        with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
            api.execute(insert, [person.tenant_id, person.id])
        changed = api.execute(
            "UPDATE user_profiles SET nickname = 'x' WHERE user_id = %s", [person.id]
        )
        assert changed.rowcount == 0
    with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
        api.execute("UPDATE user_profiles SET tenant_id = %s", [cast.charlie.tenant_id])


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE health_events",
        "TRUNCATE daily_checkins CASCADE",
        "DELETE FROM health_events",
        "DELETE FROM daily_checkins",
        "DELETE FROM user_profiles",
        "UPDATE health_events SET event_data = '{}'",
        "UPDATE users SET is_superuser = true",
        "UPDATE users SET tenant_id = gen_random_uuid()",
        "SELECT password FROM users",
        "SELECT * FROM users",
        "SELECT is_superuser FROM users",
        "SELECT * FROM refresh_tokens",
        "SELECT * FROM login_throttles",
        "SELECT * FROM django_session",
        "CREATE TABLE public.mine (id integer)",
        "ALTER TABLE health_events DISABLE ROW LEVEL SECURITY",
        "DROP POLICY person ON health_events",
        "ALTER ROLE novara_api BYPASSRLS",
        "SET SESSION AUTHORIZATION postgres",
        "COPY users TO PROGRAM 'cat'",
    ],
)
def test_has_no_right_to(cast, api, statement):
    become(api, cast.alice.tenant_id, cast.alice.id)

    with pytest.raises(errors.InsufficientPrivilege):
        api.execute(statement)


@pytest.mark.parametrize(
    "function", ["enter_gate", "record_events", "read_timeline", "erase_person"]
)
def test_has_no_right_to_the_function(cast, owner, api, function):
    (count,) = owner.execute(
        "SELECT pronargs FROM pg_proc WHERE oid = to_regproc(%s)", [function]
    ).fetchone() or (0,)
    nulls = sql.SQL(", ").join([sql.NULL] * count)

    with pytest.raises(errors.InsufficientPrivilege, match=f"for function {function}"):
        api.execute(sql.SQL("SELECT {}({})").format(sql.Identifier(function), nulls))


def test_is_a_wall_for_queries_and_not_for_whoever_can_change_roles(cast, api):
    """There is one login role, so whoever can run any statement inside the gate can leave it.

    What holds is that no query of a view, however wrong, shows rows of others. The product
    therefore never builds statements from what is sent.
    """
    become(api, cast.alice.tenant_id, cast.alice.id)
    bobs = [cast.bob.id]
    inside = api.execute("SELECT 1 FROM health_events WHERE user_id = %s", bobs).fetchall()

    api.execute("RESET ROLE")

    assert inside == []
    assert api.execute("SELECT 1 FROM health_events WHERE user_id = %s", bobs).fetchall()


def test_shows_staff_their_own_clinic_alone(cast, owner, api):
    api.execute("SET ROLE novara_staff")
    relations = readable(owner, "novara_staff")
    person_tables = relations.keys() & {"users", "user_profiles", "health_events", "daily_checkins"}
    without = [name for name in person_tables if rows(api, name, relations[name])]

    become(api, cast.alice.tenant_id, "")

    assert without == []
    assert len(person_tables) == 4
    for name in person_tables:
        shown = "".join(rows(api, name, relations[name]))
        assert str(cast.alice.id) in shown
        assert str(cast.bob.id) in shown
        assert str(cast.charlie.id) not in shown
