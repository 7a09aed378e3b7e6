"""Types, views, functions, triggers, policies and roles: versioned files that migrations install.

`SqlObject("views", "daily_checkins_legacy", version=2)` in a migration of `health` installs
health/sql/views/daily_checkins_legacy_v02.sql; backwards it installs version 1, or drops.
Triggers and policies are named `table__name`.
"""

import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.apps import apps
from django.db.migrations import RunSQL
from django.db.migrations.operations.base import Operation

# A role belongs to the whole cluster and may serve other databases of it, so it stays there,
# without rights in this one.
DROP: Final = {
    "views": "DROP VIEW IF EXISTS {name}",
    "functions": "DROP FUNCTION IF EXISTS {name}",
    "triggers": "DROP TRIGGER IF EXISTS {name} ON {table}",
    "policies": "DROP POLICY IF EXISTS {name} ON {table}",
    "types": "DROP TYPE IF EXISTS {name}",
    "roles": "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {name};"
    " REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {name};"
    " REVOKE ALL ON SCHEMA public FROM {name}",
}


# The version before may have other parameters; a function that others use is replaced in place.
DROP_UNLESS_USED: Final = """
DO $$
BEGIN
    DROP FUNCTION IF EXISTS {name};
EXCEPTION
    WHEN dependent_objects_still_exist THEN NULL;
END
$$
"""
FILE_NAME: Final = re.compile(r"(?P<name>\w+)_v(?P<version>\d\d)\.sql")


class SqlFile(NamedTuple):
    app_label: str
    kind: str
    name: str
    version: int
    path: Path


def sql_files() -> list[SqlFile]:
    """Find every version of every object of every app; versions of an object in rising order."""
    return sorted(
        SqlFile(app.label, path.parent.name, match["name"], int(match["version"]), path)
        for app in apps.get_app_configs()
        for path in Path(app.path).glob("sql/*/*.sql")
        if path.parent.name in DROP and (match := FILE_NAME.fullmatch(path.name))
    )


def sql_file(app_label: str, kind: str, name: str, version: int) -> Path:
    folder = Path(apps.get_app_config(app_label).path) / "sql" / kind
    return folder / f"{name}_v{version:02}.sql"


def drop_statement(kind: str, name: str) -> str:
    table, _, own_name = name.rpartition("__")
    return DROP[kind].format(name=own_name if table else name, table=table)


class SqlObject(Operation):
    reduces_to_sql = True
    reversible = True

    def __init__(self, kind: str, name: str, version: int = 1) -> None:
        self.kind, self.name, self.version = kind, name, version

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        self._install(app_label, schema_editor, self.version)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        self._install(app_label, schema_editor, self.version - 1)

    def describe(self) -> str:
        return f"Install {self.name} v{self.version} ({self.kind})"

    @property
    def migration_name_fragment(self) -> str:
        return f"{self.name}_v{self.version}"

    def _install(self, app_label: str, schema_editor: Any, version: int) -> None:
        """Forwards, functions and roles are replaced in place, as others depend on them.

        A file that changes a function's parameters drops the version before by itself.
        """
        drop = drop_statement(self.kind, self.name)
        if version and self.kind == "roles":
            drop = ""
        if version and self.kind == "functions":
            drop = DROP_UNLESS_USED.format(name=self.name) if version < self.version else ""
        if drop:
            schema_editor.execute(drop, params=None)
        if version:
            path = sql_file(app_label, self.kind, self.name, version)
            schema_editor.execute(path.read_text(), params=None)


def tenant_key(table: str) -> RunSQL:
    """Put the tenant into the primary key, so that the table can be distributed by tenant."""
    drop = f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey"
    return RunSQL(
        f"{drop}, ADD CONSTRAINT {table}_pkey PRIMARY KEY (id, tenant_id)",
        f"{drop}, ADD CONSTRAINT {table}_pkey PRIMARY KEY (id)",
    )


def tenant_reference(table: str, column: str, target: str) -> RunSQL:
    """Add a foreign key that cannot cross tenants, checked at commit as Django's are."""
    name = f"{table}_{column}_fk"
    return RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY ({column}, tenant_id)"
        f" REFERENCES {target} (id, tenant_id) DEFERRABLE INITIALLY DEFERRED",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


class Audited(RunSQL):
    """The triggers of one table, so that whoever looks through migrations finds them."""


def audited(
    table: str,
    *,
    shown: str = "",
    ignored: str = "",
    key: str = "id",
    tenant: str = "tenant_id",
    person: str = "user_id",
    by_person: bool = False,
) -> "Audited":
    """Have every change of a table's rows written into the audit log, whoever makes it.

    Nothing of a row is told but the names of the columns that changed, and what is in those of
    `shown` (names with commas). Changes of those of `ignored` alone are no event. `by_person`: for
    rows of people (id, tenant_id, user_id) that come and go in numbers; inserts and deletes are
    one entry for each person and statement.
    """
    arguments = ", ".join(f"'{each}'" for each in (shown, ignored, key, tenant, person))
    changes = f"audit_changes({arguments})"
    rows = "audit_rows()" if by_person else changes
    frames = (
        ("insert", "NEW TABLE AS changed", rows),
        ("update", "OLD TABLE AS before_it NEW TABLE AS changed", changes),
        ("delete", "OLD TABLE AS changed", rows),
    )
    return Audited(
        [
            f"CREATE OR REPLACE TRIGGER audit_{event} AFTER {event.upper()} ON {table}"
            f" REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {function}"
            for event, tables, function in frames
        ],
        [f"DROP TRIGGER audit_{event} ON {table}" for event, _, _ in frames],
    )


def truncation_audited(*tables: str) -> Audited:
    """Have TRUNCATE of audited tables written into the log: triggers of rows do not hear of it.

    Who cannot have the tables soon gives up, and is to try again: writers queue behind it.
    """
    return Audited(
        [
            "SET LOCAL lock_timeout = '10s'",
            *(
                f"CREATE OR REPLACE TRIGGER audit_truncate AFTER TRUNCATE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION audit_truncation()"
                for table in tables
            ),
        ],
        [f"DROP TRIGGER audit_truncate ON {table}" for table in tables],
    )
