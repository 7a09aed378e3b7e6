"""Figures of people's days: fold beside REFRESH, the price of the marks, rebuild, exact reads."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from tests.benchmarks import processes, scale_data, servers
from tests.benchmarks.data import NOW, new_id
from tests.benchmarks.measure import Ratio
from tests.benchmarks.report import UNKNOWN, Report, Table, number
from tests.benchmarks.scale_data import END, Connection
from tests.benchmarks.servers import Stage
from tests.benchmarks.session import Session
from tests.benchmarks.worker import ROOT

APPS = ()
FOLD_EVENTS = max((ROOT / "health" / "sql" / "functions").glob("fold_events_v*.sql"))
ALL_AT_ONCE = ("e.user_id = p_user_id", r"e.occurred_at >= [^\n]*", r"e.occurred_at < [^\n]*")
NEW_EVENTS = (1_000, 100_000)
FOLDS = 5
PORTION = 2_000
BACKLOGS = (0, 1_000, 100_000)
READS = 300
INSERT = """
INSERT INTO health_events
       (id, tenant_id, user_id, event_type, event_subtype, event_data, occurred_at, local_date,
        utc_offset_minutes)
SELECT r.id, r.tenant_id, r.user_id, r.event_type, r.event_subtype, r.event_data, r.occurred_at,
       r.occurred_at::date, 0
  FROM jsonb_to_recordset(%s::jsonb)
       AS r (id uuid, tenant_id uuid, user_id uuid, event_type text, event_subtype text,
             event_data jsonb, occurred_at timestamptz)
"""
QUARTER = """
SELECT *
  FROM exact_daily_metrics
 WHERE user_id = (SELECT current_setting('app.user_id')::uuid)
   AND local_date BETWEEN %s AND %s
"""
AS_PERSON = """
SELECT set_config('app.tenant_id', %s, false), set_config('app.user_id', %s, false),
       set_config('role', 'novara_api', false)
"""


def run(session: Session) -> Report:
    with scale_data.grown(session.stage, session.events) as stage, stage.connect() as connection:
        bench = Bench(session, stage, connection)
        tables = [bench.reads(), bench.refreshes(), bench.appends(), bench.rebuilds()]
    return Report(
        f"Figures of people's days at {session.events:,} events",
        f"{servers.describe(session.stage)}; single statements by psycopg. {__doc__}",
        tables,
    )


@dataclass
class Bench:
    session: Session
    stage: Stage
    connection: Connection

    def __post_init__(self) -> None:
        self.dice = random.Random()
        self.people = [
            (str(row[0]), str(row[1])) for row in self.connection.execute(scale_data.PEOPLE)
        ]

    # What is folded, and what REFRESH does for the same figures.

    def refreshes(self) -> Table:
        rounds = 1 if self.session.events > 1_000_000 else 3
        with self.materialized_view():
            rows = [
                self.refresh(count, rounds)
                for count in NEW_EVENTS
                if count * 10 <= self.session.events
            ]
        heads = ("after", "days", "fold s", "REFRESH CONCURRENTLY s", "ratio", "target", "of CPU")
        return Table(heads, rows)

    def refresh(self, count: int, rounds: int) -> Sequence[str]:
        folds, others, days = [], [], 0
        for _ in range(rounds):
            for _ in range(FOLDS if count == NEW_EVENTS[0] else 1):
                self.append(count)
                cost, days = self.measured(self.fold)
                folds.append(cost)
            cost, _ = self.measured(self.refresh_view)
            others.append(cost)
            print(f"  {count:,} events: {folds[-1][0]:.3f} beside {cost[0]:.2f} s", flush=True)
        fold, other = (median(wall for wall, _ in costs) for costs in (folds, others))
        # CPU is told in hundredths of a second: one fold may have none.
        fold_cpu, other_cpu = (sum(cpu for _, cpu in c) / len(c) for c in (folds, others))
        target = "≥ 1,000" if count == NEW_EVENTS[0] else UNKNOWN
        return (
            f"{count:,} new events",
            *(number(days), number(fold, 3), number(other, 2), number(other / fold), target),
            number(other_cpu / fold_cpu if fold_cpu else None),
        )

    def fold(self) -> int:
        """As the task does; answers how many days."""
        days = 0
        while True:
            row = self.connection.execute("SELECT fold_metrics(%s)", (PORTION,)).fetchone()
            folded = int(str(row and row[0]))
            days += folded
            if folded < PORTION:
                return days

    def refresh_view(self) -> int:
        self.connection.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY all_days")
        return 0

    def measured(self, work: Callable[[], int]) -> tuple[tuple[float, float], int]:
        """Seconds, seconds of the server's CPU for this connection, and the answer."""
        backend = self.connection.info.backend_pid
        cpu, began = processes.cpu_seconds_alone(backend) or 0, time.perf_counter()
        answer = work()
        seconds = time.perf_counter() - began
        return (seconds, (processes.cpu_seconds_alone(backend) or 0) - cpu), answer

    @contextmanager
    def materialized_view(self) -> Iterator[None]:
        """The same figures by the same definition, of all people at once."""
        query = FOLD_EVENTS.read_text().split("$$")[1]
        for part in ALL_AT_ONCE:
            query, found = re.subn(part, "true", query)
            if found != 1:
                raise SystemExit("fold_events() asks otherwise now: change metrics.py.")
        query, _ = re.subn("AND e.local_date BETWEEN p_first AND p_last", "", query)
        self.connection.execute("DROP MATERIALIZED VIEW IF EXISTS all_days")
        columns = ", ".join(self.columns("user_daily_metrics"))
        seconds = self.timed(f"CREATE MATERIALIZED VIEW all_days ({columns}) AS {query}")
        print(f"  CREATE MATERIALIZED VIEW {seconds:.1f} s", flush=True)
        self.connection.execute("CREATE UNIQUE INDEX ON all_days (user_id, local_date)")
        self.connection.execute("ANALYZE all_days")
        try:
            yield
        finally:
            self.connection.execute("DROP MATERIALIZED VIEW all_days")

    def columns(self, table: str) -> list[str]:
        found = self.connection.execute(f"SELECT * FROM {table} LIMIT 0".encode())
        return [column.name for column in found.description or ()]

    # The price of marks for whoever appends.

    def appends(self) -> Table:
        rows = [
            self.price("one event", [self.body(1) for _ in range(200)], 1),
            self.price("1,000 events", [self.body(1_000) for _ in range(10)], 1_000),
        ]
        heads = ("INSERT of", "events/s, with marks / without", "target", "CPU", "target", "WAL")
        return Table(heads, rows)

    def price(self, name: str, bodies: Sequence[str], size: int) -> Sequence[str]:
        """In turns with and without the trigger, on the same connection."""
        figures: dict[bool, list[tuple[float, float, float]]] = {True: [], False: []}
        for turn in range(2 * 3 * self.session.rounds):
            is_on = bool(turn % 2) ^ bool(turn // 2 % 2)
            with self.trigger(is_on=is_on):
                self.insert(bodies[0])
                figures[is_on].append(self.slice(bodies, size))
        with_marks, without = figures[True], figures[False]
        rate, cpu, wal = (
            _ratio([w[i] for w in with_marks], [o[i] for o in without]) for i in range(3)
        )
        return (name, str(rate), "≥ 0.8", str(cpu), "≤ 1.25", str(wal))

    def slice(self, bodies: Sequence[str], size: int) -> tuple[float, float, float]:
        """Events a second, seconds of CPU per event, bytes of WAL per event."""
        backend, events, seconds = self.connection.info.backend_pid, 0, 0.0
        wal, cpu = self.position(), processes.cpu_seconds_alone(backend) or 0
        while seconds < self.session.seconds / 4:
            for body in bodies:
                seconds += self.insert(body)
            events += len(bodies) * size
        cpu = (processes.cpu_seconds_alone(backend) or 0) - cpu
        return events / seconds, cpu / events, (self.position() - wal) / events

    def position(self) -> float:
        row = self.connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()
        return float(str(row and row[0]))

    def insert(self, body: str) -> float:
        """Seconds. Ids are made anew: nothing can be inserted twice."""
        body = re.sub('"ID"', lambda _: f'"{new_id(NOW, self.dice)}"', body)
        began = time.perf_counter()
        self.connection.execute(INSERT, (body,), prepare=True)
        return time.perf_counter() - began

    def body(self, size: int, days: float = 3 * 365) -> str:
        """Events of anybody, at some moment of so many days."""
        rows = []
        for _ in range(size):
            kind, subtype, data = scale_data.single(self.dice)
            person, tenant = self.dice.choice(self.people)
            moment = END - self.dice.random() * timedelta(days=days)
            rows.append(
                {
                    "id": "ID",
                    "tenant_id": tenant,
                    "user_id": person,
                    "event_type": kind,
                    "event_subtype": subtype,
                    "event_data": data,
                    "occurred_at": moment.isoformat(),
                }
            )
        return json.dumps(rows)

    def append(self, count: int) -> None:
        """As it comes in: of the last days."""
        for _ in range(count // 1_000):
            self.insert(self.body(1_000, days=7))

    @contextmanager
    def trigger(self, *, is_on: bool) -> Iterator[None]:
        word = "ENABLE" if is_on else "DISABLE"
        self.connection.execute(f"ALTER TABLE health_events {word} TRIGGER mark_days".encode())
        try:
            yield
        finally:
            self.connection.execute("ALTER TABLE health_events ENABLE TRIGGER mark_days")

    # Exact reads, whatever waits.

    def reads(self) -> Table:
        self.fold()
        rows = []
        base: list[float] = []
        for backlog in (count for count in BACKLOGS if count * 100 <= self.session.events):
            self.mark(backlog)
            times = [self.read(self.dice.choice(self.people)) for _ in range(READS)]
            self.connection.execute("DELETE FROM metric_marks")
            self.connection.execute("VACUUM metric_marks")
            base = base or times
            words = (number(median(times), 2), number(median(times) / median(base), 2))
            rows.append((f"{backlog:,} days of anybody wait", *words, "≤ 1.5"))
        return Table(("one person's quarter", "p50 ms", "/ none waits", "target"), rows)

    def mark(self, count: int) -> None:
        self.connection.execute(
            "INSERT INTO metric_marks (tenant_id, user_id, local_date)"
            " SELECT tenant_id, user_id, local_date FROM user_daily_metrics"
            " WHERE random() < %s LIMIT %s",
            (count / max(self.session.events / 2, 1), count),
        )

    def read(self, member: tuple[str, str]) -> float:
        """Milliseconds."""
        self.connection.execute(AS_PERSON, (member[1], member[0]))
        last = END - timedelta(days=self.dice.randint(0, 900))
        began = time.perf_counter()
        self.connection.execute(
            QUARTER, (last.date() - timedelta(days=91), last.date()), prepare=True
        ).fetchall()
        seconds = time.perf_counter() - began
        self.connection.execute("RESET ROLE")
        return seconds * 1e3

    # Everything anew.

    def rebuilds(self) -> Table:
        """By the command, from nothing; it is stopped when a third is done, and begun again."""
        self.connection.execute("TRUNCATE user_daily_metrics, tenant_daily_metrics, metric_marks")
        began = time.perf_counter()
        with self.rebuilding("--restart") as process:
            while self.people_done() * 3 < len(self.people) and process.poll() is None:
                time.sleep(0.2)
            asked = time.perf_counter()
            process.send_signal(signal.SIGTERM)
        stopped = time.perf_counter() - asked
        done = self.people_done()
        with self.rebuilding():
            pass
        seconds = time.perf_counter() - began
        self.connection.execute("VACUUM ANALYZE")
        count = self.connection.execute("SELECT count(*) FROM health_events").fetchone()
        cells = (number(seconds, 1), number(int(str(count and count[0])) / seconds))
        row = (f"{len(self.people):,} people", *cells, f"{done:,}", number(stopped, 2))
        heads = ("rebuild of everything", "s", "events/s", "people at SIGTERM", "ended after s")
        return Table(heads, [row])

    @contextmanager
    def rebuilding(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "manage.py", "rebuild_metrics", *arguments]
        env = {**os.environ, **servers.novara_env(self.stage)}
        with subprocess.Popen(command, cwd=ROOT, env=env) as process:
            yield process

    def people_done(self) -> int:
        row = self.connection.execute(
            "SELECT person_count FROM metric_rebuilds WHERE finished_at IS NULL"
        ).fetchone()
        return int(str(row[0])) if row else 0

    def timed(self, statement: str) -> float:
        began = time.perf_counter()
        self.connection.execute(statement.encode())
        return time.perf_counter() - began


def _ratio(ones: Sequence[float], others: Sequence[float]) -> Ratio:
    values = sorted(one / other for one, other in zip(ones, others, strict=True) if other)
    return Ratio(median(values), values[0], values[-1])
