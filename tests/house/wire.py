"""Counts what is sent to the database, as libpq itself reports it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass
class Traffic:
    statements: int = 0


@contextmanager
def traffic() -> Iterator[Traffic]:
    """Count the statements on Django's connection, of Django's cursors and ours (on Linux alone).

    The count is there when the block ends.
    """
    connection.ensure_connection()
    raw: Any = connection.connection
    counted = Traffic()
    with tempfile.TemporaryFile("w+") as log:
        raw.pgconn.trace(log.fileno())
        try:
            yield counted
        finally:
            raw.pgconn.untrace()
        log.seek(0)
        # A line: time, F (to the server) or B (from it), length, kind of message, contents.
        messages = [tuple(line.split("\t")[1:4:2]) for line in log]
    counted.statements = messages.count(("F", "Query")) + messages.count(("F", "Execute"))
