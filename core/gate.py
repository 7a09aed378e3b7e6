"""The gate: how a request or a task becomes one person, and can see nothing else.

Inside the gate the database role is `novara_api`, and row-level security compares every row
with `app.tenant_id` and `app.user_id`. All three are local to the transaction, so a pooled
connection carries nothing over. The SQL side is accounts/sql/functions/enter_gate_v*.sql.
"""

import math
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg
from django.db import connection, transaction

from core import origin, slow

ENTER: Final = (
    "SELECT tenant_id::text, user_id::text, time_zone"
    "  FROM enter_gate(%s::uuid, %s, %s::uuid, to_timestamp(%s), %s)"
)
IN_CONSOLE: Final = (
    "SELECT set_config('app.context', %s, true), set_config('app.tenant_id', %s, true),"
    " set_config('app.user_id', '', true), set_config('role', %s, true)"
)
AS_SYSTEM: Final = "SELECT current_user = session_user, set_config('app.context', %s, true)"
LEAVE: Final = (
    "SELECT set_config('role', 'none', true), set_config('app.tenant_id', '', true),"
    " set_config('app.user_id', '', true)"
)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says: a user id or, in old tokens, only an e-mail address.

    A token without `issued_at` holds until the sessions of its person are ended once.
    """

    user_id: str | None = None
    email: str | None = None
    session_id: str | None = None
    issued_at: float | None = 0

    def as_parameters(self) -> tuple[str | None, str | None, str | None, float | None]:
        return self.user_id, self.email, self.session_id, self.issued_at


@dataclass(frozen=True, slots=True)
class Person:
    """Who is inside the gate. `session_id` is the refresh family of the token, if it has one."""

    id: uuid.UUID
    tenant_id: uuid.UUID
    time_zone: str
    session_id: uuid.UUID | None = None
    is_authenticated = True


class AccountOff(LookupError):
    """There is no such account, or it, or its clinic, is switched off."""


_in_unit: ContextVar[bool] = ContextVar("in_unit", default=False)


@contextmanager
def unit_of_work() -> Iterator[None]:
    """Open the transaction that a gate needs, and leave the gate with it.

    Not available inside another one: with its end the outer one would have left the gate, too.
    """
    if _in_unit.get():
        raise RuntimeError("A unit of work must not start inside another one.")
    is_nested = connection.in_atomic_block
    inside = _in_unit.set(True)
    try:
        with transaction.atomic():
            yield
            if is_nested and not connection.needs_rollback:
                leave()
    finally:
        _in_unit.reset(inside)


def enter(claims: Claims) -> Person | None:
    """Enter as the person of these claims; None if the account or the token is not valid.

    One round trip: BEGIN and the query travel together (pipeline). Whatever the answer,
    the role is `novara_api` from here on.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("The gate needs a unit of work.")
    raw: psycopg.Connection[Any] = connection.connection
    with slow.Watch(ENTER), connection.wrap_database_errors, raw.pipeline():
        cursor = execute_prepared(ENTER, (*claims.as_parameters(), origin.context()))
    row = cursor.fetchone()
    if row is None:
        return None
    tenant_id, user_id, time_zone = row
    session_id = uuid.UUID(claims.session_id) if claims.session_id else None
    return Person(uuid.UUID(user_id), uuid.UUID(tenant_id), time_zone, session_id)


def leave() -> None:
    """Become the owner again within a transaction that goes on (nested units, tests)."""
    with connection.cursor() as cursor:
        cursor.execute(LEAVE)


@contextmanager
def as_person(user_id: uuid.UUID) -> Iterator[Person]:
    """Do a task's work for one person, with no more rights than their own requests have."""
    with unit_of_work():
        person = enter(Claims(user_id=str(user_id), issued_at=math.inf))
        if person is None:
            raise AccountOff("No active account has this id.")
        yield person


@contextmanager
def as_staff(tenant_id: uuid.UUID) -> Iterator[None]:
    """Do the console's work for staff of one tenant, who see nothing of others."""
    with _in_console(tenant_id, "novara_staff"):
        yield


@contextmanager
def as_support(tenant_id: uuid.UUID) -> Iterator[None]:
    """Do the console's work for staff of one tenant who see no health data."""
    with _in_console(tenant_id, "novara_support"):
        yield


@contextmanager
def _in_console(tenant_id: uuid.UUID, role: str) -> Iterator[None]:
    with unit_of_work():
        with connection.cursor() as cursor:
            cursor.execute(IN_CONSOLE, [origin.context(), str(tenant_id), role])
        yield


@contextmanager
def as_administrator() -> Iterator[None]:
    """Do the console's work for a superuser, who sees every clinic."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.context', %s, true)", [origin.context()])
        yield


@contextmanager
def as_system() -> Iterator[None]:
    """Do work that belongs to no person yet, such as checking a password.

    A transaction of the owner role. Not available inside the gate, so that code running for
    a person cannot step out of it.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(AS_SYSTEM, [origin.context()])
            (is_outside, _) = cursor.fetchone()
            if not is_outside:
                raise RuntimeError("System work must not start inside the gate.")
        yield


def one_statement(sql: LiteralString, parameters: Sequence[Any]) -> tuple[Any, ...] | None:
    """Run a statement that enters the gate itself, prepared and without BEGIN; give its one row.

    It is its own transaction, so the gate closes with it.
    """
    if connection.in_atomic_block:
        row = _first_row(sql, parameters)
        leave()
        return row
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    return _first_row(sql, parameters)


def _first_row(sql: LiteralString, parameters: Sequence[Any]) -> tuple[Any, ...] | None:
    with slow.Watch(sql), connection.wrap_database_errors:
        row: tuple[Any, ...] | None = execute_prepared(sql, parameters).fetchone()
    return row


def execute_prepared(sql: LiteralString, parameters: Sequence[Any]) -> psycopg.Cursor[Any]:
    """Run a statement that the server keeps prepared, past Django's cursor, which cannot.

    Where DATABASE_PREPARED_STATEMENTS is off, psycopg does not prepare it.
    """
    cursor = psycopg.Cursor(connection.connection)
    return cursor.execute(sql, parameters, prepare=True)


BYPASS: Final = """
    SELECT r.rolsuper OR r.rolbypassrls
           OR EXISTS (SELECT
                        FROM pg_roles o
                       WHERE o.oid <> r.oid
                         AND pg_has_role(r.oid, o.oid, 'MEMBER'))
           OR EXISTS (SELECT
                        FROM pg_class c
                       WHERE c.relowner = r.oid)
      FROM pg_roles r
     WHERE r.rolname IN ('novara_api', 'novara_staff', 'novara_support')
"""


def refuse_bypass() -> None:
    """Refuse to start with roles that row-level security would not hold.

    Each must exist, be no superuser, not bypass row security, own nothing (an owner is exempt
    from policies), and be a member of no other role.
    """
    with connection.cursor() as cursor:
        cursor.execute(BYPASS)
        answers = cursor.fetchall()
    if len(answers) < 3:  # noqa: PLR2004  Three roles.
        raise RuntimeError(
            "The roles novara_api, novara_staff and novara_support are missing:"
            " run `manage.py migrate`."
        )
    if any(can_bypass for (can_bypass,) in answers):
        raise RuntimeError(
            "The role novara_api, novara_staff or novara_support could bypass row-level"
            " security. Take its superuser and BYPASSRLS attributes, memberships and ownerships"
            " away, then start again."
        )
