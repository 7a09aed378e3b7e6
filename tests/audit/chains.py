"""A log of a database of its own, with chains that tests can break."""

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from audit import checkpoints, lines, sealing, services
from audit.types import Category
from audit.verification import Fault, Report, Scope, verify
from tests.house.scratch import scratch_database
from tests.log import wait_for_log

LONG_AGO = timezone.now() - dt.timedelta(days=3000)


@contextmanager
def own_log(url: str, folder: Any) -> Iterator[None]:
    """Lead Django to a copy of the test database, and its checkpoints to a folder."""
    storage = {
        "BACKEND": "audit.storage.folder.Folder",
        "OPTIONS": {"location": folder, "is_made": False},
    }
    with (
        scratch_database(is_copy=True, url=url),
        override_settings(STORAGES={**settings.STORAGES, "audit": storage}),
    ):
        yield


def write(tenant: uuid.UUID, count: int = 1, **changes: Any) -> list[int]:
    """Write entries of a clinic, each in a transaction of its own; give their ids."""
    told: dict[str, Any] = {
        "event": "record-read",
        "category": Category.ACCESS,
        "details": {"seen": "a\tb\\c\nü"},
        "tenant_id": tenant,
    } | changes
    for number in range(count):
        with transaction.atomic():
            services.record(**{"object_id": str(number)} | told)
    return ids(f"SELECT id FROM audit_logs ORDER BY id DESC LIMIT {count}")[::-1]


def ids(statement: str, *parameters: Any) -> list[int]:
    return [row[0] for row in rows(statement, *parameters)]


def rows(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def seal() -> int:
    """Seal all that was committed so far, when other tests' transactions have ended."""
    wait_for_log()
    return sealing.seal()


def seal_at(moment: dt.datetime) -> None:
    """Date back what is not sealed yet, and seal it as if it had been then."""
    end = lines.end_of_chains()
    here_and_now = sealing.horizon
    with transaction.atomic():
        rows("ALTER TABLE audit_logs DISABLE TRIGGER USER")
        rows(
            "UPDATE audit_logs SET recorded_at = %s WHERE (tx_id, id) >= (%s::text::xid8, %s)",
            moment - dt.timedelta(seconds=1),
            str(end.tx_id),
            end.id,
        )
        rows("ALTER TABLE audit_logs ENABLE TRIGGER USER")
    sealing.horizon = lambda: here_and_now()._replace(at=moment)
    try:
        seal()
    finally:
        sealing.horizon = here_and_now


def write_long_ago(clinic: uuid.UUID, count: int = 1, **changes: Any) -> list[int]:
    """Write entries and seal them, and all that was not sealed, as if it had been long ago."""
    written = write(clinic, count, **changes)
    seal_at(LONG_AGO)
    return written


def left(clinic: uuid.UUID) -> list[int]:
    """Give what is left of a clinic's entries, but for those about what is not."""
    return ids(
        "SELECT id FROM audit_logs WHERE tenant_id = %s AND event <> 'entries-pruned' ORDER BY id",
        clinic,
    )


def sign() -> None:
    checkpoints.write(now=timezone.now())
    checkpoints.mirror()


@dataclass
class History:
    """Two clinics with some links each. `entries` are those of the first, in order."""

    clinic: uuid.UUID
    other: uuid.UUID
    entries: list[int]


def history() -> History:
    clinic, other = uuid.uuid4(), uuid.uuid4()
    entries = write(clinic, 5, subject_id=uuid.uuid4())
    write(other, 2)
    seal()
    sign()
    entries += write(clinic, 3)
    seal()
    write(other, 2)
    entries += write(clinic, 4)
    seal()
    sign()
    return History(clinic, other, entries)


@contextmanager
def tampered(*statements: str) -> Iterator[None]:
    """Do what only the owner of the database can, past the triggers; undo it afterwards."""
    with transaction.atomic():
        for table in ("audit_logs", "audit_seals"):
            rows(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            rows(statement)
        for table in ("audit_logs", "audit_seals"):
            rows(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        yield
        transaction.set_rollback(True)


def faults(**scope: Any) -> list[Fault]:
    return list(verify(Scope(**scope), Report()))


def kinds(**scope: Any) -> list[str]:
    return [fault.kind for fault in faults(**scope)]


def report(**scope: Any) -> Report:
    """Verify without a fault."""
    found = Report()
    assert list(verify(Scope(**scope), found)) == []
    return found
