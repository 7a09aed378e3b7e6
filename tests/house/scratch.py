"""Databases beside the test database, for what must be committed and then be gone."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql


@contextmanager
def scratch_database(*, is_copy: bool, url: str) -> Iterator[None]:
    """Lead Django to a database of its own: empty, or a copy of the test database."""
    settings: dict[str, Any] = connection.settings_dict
    usual, name = settings["NAME"], f"scratch_{uuid.uuid4().hex[:12]}"
    template = usual if is_copy else "template0"
    connection.close()
    with psycopg.connect(url, dbname="postgres", autocommit=True) as server:
        # Nobody may look at what is copied; servers of other tests connect again. Workers of
        # autovacuum make room by themselves, and only a superuser may end them.
        server.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = %s AND backend_type = 'client backend'",
            [template],
        )
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
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
