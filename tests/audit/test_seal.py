"""The sealer hangs every entry into a chain exactly once, whatever happens to it."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from audit import sealing, services, staff_figures
from audit.models import AuditLog, AuditSeal
from audit.types import HOUSE, Category
from tests.audit import chains
from tests.audit.chains import report, rows
from tests.health.threads import at_once
from tests.web import installation

WRITERS, TRANSACTIONS = 50, 20
# A process that forks sealers, each working until it is killed; small batches, so that many kills
# hit one that is at it.
SEALERS = """
import os, django
django.setup()
from audit import sealing
while True:
    child = os.fork()
    if not child:
        while True:
            sealing.seal_batch(size=7)
    print(child, flush=True)
    os.waitpid(child, 0)
"""
UNSEALED = """
    SELECT count(*)
      FROM audit_logs l
     WHERE NOT EXISTS (SELECT FROM audit_seals s
                        WHERE s.tenant_id = l.tenant_id AND l.id = ANY (s.entry_ids))
"""
TWICE = "SELECT count(*) - count(DISTINCT e) FROM audit_seals, unnest(entry_ids) AS e"


def everything_is_sealed_once() -> bool:
    return rows(UNSEALED) == rows(TWICE) == [(0,)]


def links(tenant: uuid.UUID) -> list[AuditSeal]:
    return list(AuditSeal.objects.filter(tenant_id=tenant).order_by("sequence"))


def test_gives_each_clinic_and_the_house_a_chain(quiet_log: object):
    clinic, other = uuid.uuid4(), uuid.uuid4()
    first = chains.write(clinic, 3)
    chains.write(other)
    chains.write(HOUSE)
    chains.seal()
    second = chains.write(clinic, 2)

    assert chains.seal() == 2

    one, two = links(clinic)
    assert (one.entry_ids, two.entry_ids) == (first, second)
    assert (one.sequence, two.sequence, len(links(other))) == (1, 2, 1)
    assert bytes(two.previous_hash) == bytes(one.hash)
    assert everything_is_sealed_once()


def test_goes_by_the_clock_of_the_database(quiet_log: object):
    clinic = uuid.uuid4()
    chains.write(clinic)
    clock = "SELECT clock_timestamp()"

    ((before,),) = rows(clock)
    chains.seal()
    ((after,),) = rows(clock)

    (link,) = links(clinic)
    assert before < link.sealed_at < after


def test_does_nothing_where_nothing_is_new(quiet_log: object):
    before = rows("SELECT count(*), pg_current_xact_id()::text::bigint FROM audit_seals")[0]

    assert [chains.seal(), chains.seal()] == [0, 0]

    after = rows("SELECT count(*), pg_current_xact_id()::text::bigint FROM audit_seals")[0]
    assert before[0] == after[0]


def test_takes_a_large_transaction_in_batches(quiet_log: object):
    clinic = uuid.uuid4()
    with transaction.atomic():
        for number in range(10):
            services.record(event="x", category=Category.ACCESS, tenant_id=clinic, object_id=number)
    deadline = time.monotonic() + 60
    sizes: list[int] = []
    while sum(sizes) < 10 and time.monotonic() < deadline:
        sizes.append(sealing.seal_batch(size=4))

    assert [size for size in sizes if size] == [4, 4, 2]
    assert [link.entry_count for link in links(clinic)] == [4, 4, 2]
    assert report(tenant_id=clinic).entries == 10


def test_waits_for_a_long_transaction_and_loses_nothing_of_it(quiet_log: object):
    clinic = uuid.uuid4()
    with psycopg.connect(**parameters()) as slow:
        slow.execute(RECORD, [clinic])
        late = chains.write(clinic, 2)

        held_back = sealing.seal()
        state = staff_figures.sealer_state(now=timezone.now())
        slow.commit()

    assert held_back == 0
    assert state.unsealed >= 2
    assert state.lag_seconds > 0
    assert chains.seal() == 3
    (link,) = links(clinic)
    assert link.entry_ids[1:] == late
    assert report(tenant_id=clinic).entries == 3


RECORD = "SELECT write_audit_entry('slow', 'access', %s, NULL, '', '', 1, 'success', NULL)"


def parameters() -> dict[str, Any]:
    found = connection.get_connection_params()
    for name in ("cursor_factory", "context", "server_side_binding"):
        found.pop(name, None)
    return found


def test_keeps_no_writer_waiting(quiet_log: object):
    clinic = uuid.uuid4()
    chains.write(clinic)
    with psycopg.connect(**parameters()) as sealer:
        sealer.execute(sealing.LOCK)
        sealer.execute("SELECT * FROM audit_seals FOR UPDATE")

        chains.write(clinic)
        while_another_seals = sealing.seal()

    assert while_another_seals == 0
    assert chains.seal() == 2


def test_is_one_of_two_at_a_time(quiet_log: object):
    clinic = uuid.uuid4()
    chains.write(clinic, 60)

    def run() -> int:
        sealed = 0
        deadline = time.monotonic() + 60
        while rows(UNSEALED) != [(0,)] and time.monotonic() < deadline:
            sealed += sealing.seal_batch(size=3)
        return sealed

    shares = at_once(run, run, run)

    assert sum(shares) == 60
    assert everything_is_sealed_once()
    assert report(tenant_id=clinic).entries == 60


def test_goes_on_where_a_batch_was_rolled_back(quiet_log: object):
    clinic = uuid.uuid4()
    chains.write(clinic, 5)
    while not sealing.seal_batch(size=2):
        time.sleep(0.01)
    with transaction.atomic():
        sealing.seal_batch(size=2)
        transaction.set_rollback(True)

    assert chains.seal() == 3

    assert [link.entry_count for link in links(clinic)] == [2, 3]
    assert everything_is_sealed_once()


@contextmanager
def killed_sealers(kills: list[int]) -> Iterator[None]:
    dice, is_over = random.Random(7), threading.Event()  # noqa: S311
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", SEALERS],
        cwd=settings.ROOT,
        env=os.environ | installation(0) | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout

    def kill_them() -> None:
        assert process.stdout
        for line in process.stdout:
            is_over.wait(dice.choice([0.05, 0.1, 0.2, 0.4]))
            if is_over.is_set():
                process.kill()
            os.kill(int(line), signal.SIGKILL)
            kills.append(int(line))

    killer = threading.Thread(target=kill_them)
    killer.start()
    try:
        yield
    finally:
        is_over.set()
        killer.join()
        process.wait()


def write_as(number: int, clinics: list[uuid.UUID], kills: list[int]) -> int:
    """Write transactions of some entries, a few of them slowly, and some rolled back."""
    dice, written = random.Random(number), 0  # noqa: S311
    for turn in range(TRANSACTIONS):
        with transaction.atomic():
            count = dice.randrange(1, 5)
            for _ in range(count):
                clinic = dice.choice(clinics)
                services.record(event=f"w{number}", category=Category.ACCESS, tenant_id=clinic)
            is_rolled_back = dice.random() < 0.1
            transaction.set_rollback(is_rolled_back)
            time.sleep(dice.choice([0, 0, 0.01, 0.05]))
        written += 0 if is_rolled_back else count
        # Until some sealers were killed amid all this.
        while turn == TRANSACTIONS // 2 and len(kills) < 5:
            time.sleep(0.02)
    return written


def test_leaves_no_gap_when_it_is_killed_while_fifty_write(quiet_log: object):
    clinics = [uuid.uuid4() for _ in range(5)]
    kills: list[int] = []
    before = AuditLog.objects.count()

    with killed_sealers(kills):
        written = at_once(*(lambda n=n: write_as(n, clinics, kills) for n in range(WRITERS)))
    sealed_meanwhile = AuditSeal.objects.filter(tenant_id__in=clinics).count()
    chains.seal()

    assert len(kills) >= 5
    assert sealed_meanwhile > len(clinics)
    assert AuditLog.objects.count() == before + sum(written)
    assert everything_is_sealed_once()
    assert report().entries == before + sum(written)
