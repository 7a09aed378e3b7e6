"""Connections to the database beside Django's, for what hears or watches it all the time."""

from collections.abc import AsyncIterator
from typing import Any, Final

import psycopg
from django.db import connection
from psycopg import sql

CONNECT_SECONDS: Final = 3
# A connection over which nothing came for so long is asked whether it is alive.
SILENT_SECONDS: Final = 30.0


def parameters() -> dict[str, Any]:
    """Give what psycopg needs to connect as Django does; it gives up early."""
    found: dict[str, Any] = connection.get_connection_params()
    for name in ("cursor_factory", "context", "server_side_binding"):
        found.pop(name, None)
    return found | {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": CONNECT_SECONDS * 1000,
        "autocommit": True,
    }


async def notices(channel: str) -> AsyncIterator[str | None]:
    """Give what is told on a channel (NOTIFY); first None, when it has begun to be heard.

    Raises psycopg.Error when the database goes away. A pooler that shares connections between
    transactions swallows what is told.
    """
    async with await psycopg.AsyncConnection.connect(**parameters()) as own:
        await own.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        yield None
        while True:
            async for notice in own.notifies(timeout=SILENT_SECONDS):
                yield notice.payload
            await own.execute("SELECT")
