"""The triggers that write the log and guard it: switched off, they leave no entry of that."""

from collections.abc import Iterator
from typing import Final

from django.db import connection

from audit.verification.faults import Fault

GUARDS: Final = (
    *(("audit_logs", "append_only"), ("audit_logs", "no_truncate")),
    *(("audit_seals", "append_only"), ("audit_seals", "no_truncate")),
)
# Those of the log's own tables, and those by which other tables write into it. "O" and "A" fire in
# sessions of people.
STATES: Final = r"""
    SELECT tgrelid::regclass::text, tgname, tgenabled IN ('O', 'A')
      FROM pg_trigger
     WHERE NOT tgisinternal
       AND (tgname LIKE 'audit\_%' OR tgrelid::regclass::text LIKE 'audit\_%')
     ORDER BY 1, 2
"""


def disabled() -> Iterator[Fault]:
    with connection.cursor() as cursor:
        cursor.execute(STATES)
        states = {(table, name): is_on for table, name, is_on in cursor.fetchall()}
    for table, name in GUARDS:
        if (table, name) not in states:
            yield _fault(table, name, "is not there")
    for (table, name), is_on in states.items():
        if not is_on:
            yield _fault(table, name, "is switched off")


def _fault(table: str, name: str, state: str) -> Fault:
    sentence = (
        f"Trigger {name} of {table} {state}: what is done to this table meanwhile leaves no entry,"
        " or is not refused."
    )
    return Fault("trigger-disabled", sentence)
