"""Writes, seals and verifies entries for the benchmark `audit_sealing`."""

import time
import uuid
from collections.abc import Callable

from tests.benchmarks import worker

WRITE = """
    INSERT INTO audit_logs
        (tenant_id, category, event, actor_kind, actor_id, subject_id, object_type, object_id,
         request_id, source, network, details)
    SELECT (%(clinics)s::uuid[])[1 + n %% cardinality(%(clinics)s::uuid[])],
           CASE WHEN n %% 5 = 0 THEN 'change' ELSE 'access' END, 'record-read', 'person',
           gen_random_uuid(), gen_random_uuid(), 'health_events', gen_random_uuid()::text,
           md5(n::text), 'api', '192.0.2.0/24',
           CASE WHEN n %% 2 = 0
                THEN jsonb_build_object('changed', jsonb_build_object('name', 'masked', 'n', n))
           END
      FROM generate_series(1, %(portion)s::int) AS n
"""
PORTION = 20_000


def timed(work: Callable[[], object]) -> dict[str, float]:
    began, used = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - began, "processor": time.process_time() - used}


def write(entries: int, clinics: list[uuid.UUID]) -> None:
    with connection.cursor() as cursor:
        for _ in range(entries // PORTION):
            cursor.execute(WRITE, {"clinics": clinics, "portion": PORTION})


def seal() -> None:
    while sealing.seal():
        pass


def verify() -> None:
    faults = list(verification.verify(Scope(), Report()))
    if faults:
        raise SystemExit(f"The log has a fault: {faults[0].sentence}")


def copy() -> None:
    with lines.raw_cursor() as cursor, cursor.copy("COPY audit_logs TO STDOUT") as rows:
        for _ in rows:
            pass


if __name__ == "__main__":
    kept = worker.set_django_up()

    from django.db import connection

    from audit import lines, sealing, verification
    from audit.verification import Report, Scope

    count, of = worker.read_question()
    seal()
    write(count, [uuid.uuid4() for _ in range(of)])
    answer = {
        "sealed": timed(seal),
        "copied": timed(copy),
        "verified": timed(verify),
        "counted again": timed(verification.compare_aggregates),
    }
    worker.answer(answer, kept)
