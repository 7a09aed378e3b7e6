"""Work done by several threads at one moment, on committed rows."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import psycopg
from django.db import connection

Done = TypeVar("Done")


def at_once(*works: Callable[[], Done]) -> list[Done]:
    """Start all works together; give their results in order."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], Done]) -> Done:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def wait_until_blocked(database_url: str, count: int) -> None:
    """Return as soon as so many transactions of this database wait for another one's lock."""
    with psycopg.connect(database_url, autocommit=True) as watcher:
        for _ in range(1000):
            if watcher.execute(BLOCKED).fetchone() == (count,):
                return
            time.sleep(0.01)
    raise AssertionError("The transactions did not wait.")


BLOCKED = """
    SELECT count(*)
      FROM pg_stat_activity
     WHERE datname = current_database()
       AND wait_event_type = 'Lock'
"""


def then_close(work: Callable[[], Done]) -> Done:
    try:
        return work()
    finally:
        connection.close()
