"""COPY the rows of one batch, over and over, on several connections. Runs in its own process.

Answers what was done, and the CPU it took.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg

from tests.benchmarks import worker
from tests.benchmarks.data import NOW, new_id

Row = tuple[object, ...]


def run(
    address: str, statement: str, rows: Sequence[Row], connections: int, seconds: float
) -> dict[str, float]:
    begin = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        done = [
            pool.submit(copy_batches, address, statement, rows, begin + seconds)
            for _ in range(connections)
        ]
        latencies = sorted(latency for future in done for latency in future.result())
    count = len(latencies)
    return {
        "requests": count,
        "seconds": time.perf_counter() - begin,
        "errors": 0,
        "p50_ms": latencies[count // 2] * 1e3,
        "p99_ms": latencies[count * 99 // 100] * 1e3,
    }


def copy_batches(address: str, statement: str, rows: Sequence[Row], end: float) -> list[float]:
    latencies = []
    with psycopg.connect(address, autocommit=True) as connection:
        while (sent_at := time.perf_counter()) < end:
            with connection.cursor() as cursor, cursor.copy(statement) as copy:
                for row in with_ids(rows):
                    copy.write_row(row)
            latencies.append(time.perf_counter() - sent_at)
    return latencies


def with_ids(rows: Sequence[Row]) -> Iterator[Row]:
    for row in rows:
        yield new_id(NOW), *row


if __name__ == "__main__":
    done = run(*worker.read_question())
    worker.answer((done, time.process_time()))
