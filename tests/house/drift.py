"""Compares what stands in the database with what the newest SQL files would install."""

from typing import Any

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from core.sql import Audited, SqlFile, SqlObject, drop_statement, sql_files
from tests.house import catalog


def installed_by_migrations() -> list[SqlFile]:
    """Every file that a migration installs, in the order of the migrations."""
    known = {file[:4]: file for file in sql_files()}
    graph: Any = MigrationLoader(connection).graph
    return [
        known[key[0], operation.kind, operation.name, operation.version]
        for key in graph._generate_plan(graph.leaf_nodes(), at_end=True)
        for operation in graph.nodes[key].operations
        if isinstance(operation, SqlObject)
    ]


def audited_by_migrations() -> list[str]:
    """Statements that make the triggers of the audit log, in the order of the migrations."""
    graph: Any = MigrationLoader(connection).graph
    return [
        str(statement)
        for key in graph._generate_plan(graph.leaf_nodes(), at_end=True)
        for operation in graph.nodes[key].operations
        if isinstance(operation, Audited)
        for statement in operation.sql
    ]


def drift() -> dict[str, tuple[str, str]]:
    """Tell what differs: name → what stands, what the files make of it.

    Drops and installs everything; the caller's transaction must be rolled back.
    """
    stands = catalog.whole()
    newest = {file[:3]: file for file in installed_by_migrations()}
    forget(list(newest.values()))
    left = {name: (text, "belongs to no file") for name, text in catalog.definitions().items()}
    for file in newest.values():
        run(file.path.read_text())
    for statement in audited_by_migrations():
        run(statement)
    made = catalog.whole()
    return left | {
        name: (stands.get(name, "nothing"), made.get(name, "nothing"))
        for name in stands.keys() | made.keys()
        if stands.get(name) != made.get(name)
    }


def forget(files: list[SqlFile]) -> None:
    """Leave bare tables: without the objects of these files, row security or rights of others."""
    for file in reversed(files):
        for statement in drops(file):
            run(statement)
    for table in catalog.names(catalog.ROW_SECURITY):
        run(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    for role in catalog.grants().keys() - {"login"}:
        run(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
        run(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}")
        if role != "public":
            run(f"REVOKE ALL ON SCHEMA public FROM {role}")


def drops(file: SqlFile) -> list[str]:
    if file.kind == "functions":
        overloads = catalog.names(
            "SELECT oid::regprocedure::text FROM pg_proc"
            " WHERE proname = %s AND pronamespace = 'public'::regnamespace",
            [file.name],
        )
        return [f"DROP FUNCTION {signature} CASCADE" for signature in overloads]
    drop = drop_statement(file.kind, file.name)
    if file.kind in {"views", "types"}:
        return [f"{drop} CASCADE"]
    return [] if file.kind == "roles" else [drop]


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
