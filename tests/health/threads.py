"""Work done by several threads at one moment, on committed rows."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

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
