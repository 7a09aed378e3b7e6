"""Work done by several threads at one moment, on committed rows."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

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


class Beside(threading.Thread):
    """Does something over a connection of its own, and keeps what came of it."""

    def __init__(self, do: Callable[[], Any]) -> None:
        super().__init__()
        self._do = do
        self.found: Any = None
        self.backend = 0
        self.start()

    def run(self) -> None:
        try:
            connection.ensure_connection()
            self.backend = connection.connection.info.backend_pid
            self.found = self._do()
        except Exception as error:  # noqa: BLE001  Whatever it is, the test looks at it.
            self.found = error
        finally:
            connection.close()

    def result(self) -> Any:
        self.join(20)
        assert not self.is_alive()
        return self.found
