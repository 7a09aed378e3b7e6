"""Databases of ours beside the test database, and the commands that work on them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

# What a run makes anew each time, by table; None: the table is no business of a migration.
MADE_HERE: dict[str, list[str] | None] = {
    "django_migrations": None,
    "audit_aggregates": None,
    "audit_logs": None,
    "audit_seals": None,
    "erasure_certificates": None,
    "health_events": ["id", "tx_id"],
    "insight_cursors": None,
    "legacy_imports": ["id", "imported_at", "after"],
    "legacy_records": ["id", "created_at"],
    "login_throttles": None,
    "metric_marks": ["marked_at"],
    "users": ["password"],
}
TABLES = """
    SELECT c.relname
      FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace
       AND c.relkind = 'r'
     ORDER BY 1
"""
PERSONAL = """
    SELECT c.relname
      FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace
       AND c.relkind = 'r'
       AND a.attname = 'user_id'
       AND a.atttypid = 'uuid'::regtype
     ORDER BY 1
"""
OTHERS = """
    SELECT count(*)
      FROM pg_stat_activity
     WHERE datname = current_database()
       AND pid <> pg_backend_pid()
       AND backend_type = 'client backend'
"""


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str
    report: dict[str, Any]

    @property
    def said(self) -> str:
        return f"{self.out}\n{self.err}\n{json.dumps(self.report, ensure_ascii=False)}"

    def faults(self) -> set[tuple[str, str, str]]:
        return {_place(fault) for fault in self.report["faults"]}

    def differences(self) -> set[tuple[str, str, str]]:
        return {_place(difference) for difference in self.report["differences"]}


def _place(found: dict[str, str]) -> tuple[str, str, str]:
    return found["table"], found["key"], found["column"]


@dataclass(frozen=True)
class Novara:
    address: str

    @property
    def name(self) -> str:
        return urlsplit(self.address).path.strip("/")

    # Commands

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "manage.py", *words],
            cwd=settings.ROOT,
            env=os.environ | {"DATABASE_URL": self.address} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **variables: str) -> Done:
        with TemporaryDirectory() as folder:
            path = Path(folder, "report.json")
            process = self.start(*words, "--report", str(path), **variables)
            out, err = process.communicate()
            report = json.loads(path.read_text()) if path.exists() else {}
        return Done(process.returncode, out, err, report)

    def bring(self, source: str, *options: str, **variables: str) -> Done:
        return self.run("migrate_v1", "--from", source, *options, **variables)

    def verify(self, source: str) -> Done:
        return self.run("verify_migration", "--from", source)

    def undo(self, *options: str) -> Done:
        return self.run("migrate_v1", "--undo", *options)

    # Looking, past the product

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Lead Django to this database, for requests."""
        usual = connection.settings_dict["NAME"]
        connection.close()
        connection.settings_dict["NAME"] = self.name
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = usual

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.address, autocommit=True) as server:
            server.execute("SET timezone TO 'UTC'")
            cursor = server.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def dicts(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.address, row_factory=psycopg.rows.dict_row) as server:
            server.execute("SET timezone TO 'UTC'")
            return server.execute(query.encode(), parameters or None).fetchall()

    def value(self, query: str, *parameters: Any) -> Any:
        ((value,),) = self.rows(query, *parameters)
        return value

    def change(self, script: str) -> None:
        """Change something behind the product's back, as the owner of the tables."""
        with psycopg.connect(self.address, autocommit=True) as server:
            server.execute("ALTER TABLE health_events DISABLE TRIGGER USER")
            server.execute(script.encode())
            server.execute("ALTER TABLE health_events ENABLE TRIGGER USER")

    def content(self) -> dict[str, tuple[int, str]]:
        """Sum up every table, but for what each run makes anew."""
        return {
            table: self._sum(sql.SQL("(to_jsonb(t) - {}::text[])::text"), table, MADE_HERE[table])
            if table in MADE_HERE
            else self._sum(sql.SQL("to_jsonb(t)::text"), table)
            for (table,) in self.rows(TABLES)
            if MADE_HERE.get(table, []) is not None
        }

    def versions(self) -> dict[str, tuple[int, str]]:
        """Sum up every table with the versions of its rows: a row written anew has another one."""
        return {
            table: self._sum(sql.SQL("concat(t.xmin, t.ctid)"), table)
            for (table,) in self.rows(TABLES)
        }

    def _sum(self, line: sql.SQL, table: str, without: list[str] | None = None) -> tuple[int, str]:
        query = sql.SQL(
            "SELECT count(*), coalesce(md5(string_agg(line, '' ORDER BY line)), '')"
            "  FROM (SELECT md5({}) AS line FROM {} t) lines"
        ).format(line.format(sql.Literal(without)), sql.Identifier(table))
        with psycopg.connect(self.address) as server:
            ((count, digest),) = server.execute(query).fetchall()
        return count, digest

    def tables_with(self, user_id: Any) -> set[str]:
        """Find every table that holds something of a person."""
        tables = [table for (table,) in self.rows(PERSONAL)]
        found = {
            t for t in tables if self.value(f"SELECT count(*) FROM {t} WHERE user_id = %s", user_id)
        }
        if self.value("SELECT count(*) FROM users WHERE id = %s", user_id):
            found.add("users")
        return found

    def wait_until_left(self) -> None:
        """Wait until the server has noticed that everybody else has gone."""
        wait_until(lambda: self.value(OTHERS) == 0)

    def is_locked(self) -> bool:
        """Tell whether a run holds its lock."""
        query = (
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE d.datname = current_database() AND l.locktype = 'advisory'"
        )
        return bool(self.value(query))


@dataclass(frozen=True)
class Moved:
    """An old database, and the database of ours to which it was brought over."""

    source: str
    novara: Novara


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError("It did not come to that.")
        time.sleep(0.003)


def kill(process: subprocess.Popen[str]) -> bool:
    """Kill a process; False if it had ended before."""
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL
