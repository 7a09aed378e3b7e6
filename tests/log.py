"""Waits until nothing holds the log back from those who read it by its safe cursor."""

import time

from django.db import connection

PASSED = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= %s::xid8"
NOW = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"


def wait_for_log() -> None:
    """Wait for other tests' open transactions, which hold the log back."""
    deadline = time.monotonic() + 60
    with connection.cursor() as cursor:
        cursor.execute(NOW)
        (end,) = cursor.fetchone()
        cursor.execute(PASSED, [end])
        while cursor.fetchone() != (True,):
            assert time.monotonic() < deadline
            time.sleep(0.01)
            cursor.execute(PASSED, [end])
