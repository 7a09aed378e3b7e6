"""Databases beside the test database, for what must be committed and then be gone."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql

# Workers of autovacuum make room by themselves, and only a superuser may end them.
LEAVE = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
    " WHERE datname = %s AND backend_type = 'client backend'"
)


@contextmanager
def scratch_database(*, is_copy: bool, url: str) -> Iterator[None]:
    """Lead Django to a database of its own: empty, or a copy of the test database."""
    settings: dict[str, Any] = connection.settings_dict
    usual, name = settings["NAME"], f"scratch_{uuid.uuid4().hex[:12]}"
    template = usual if is_copy else "template0"
    connection.close()
    with psycopg.connect(url, dbname="postgres", autocommit=True) as server:
        # Nobody may look at what is copied; servers of other tests connect again.
        server.execute(LEAVE, [template])
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        settings["NAME"] = name
        try:
            yield
        finally:
            connection.close()
            settings["NAME"] = usual
            # WITH (FORCE) would end workers of autovacuum as well.
            server.execute(LEAVE, [name])
            server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
