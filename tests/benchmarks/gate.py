"""What isolation costs: the hot paths' statements whole, and with parts of the gate left out."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psycopg

from tests.benchmarks import data, django_worker, load, processes
from tests.benchmarks.load import Scenario
from tests.benchmarks.report import Report, Table, number
from tests.benchmarks.session import Session

APPS = ("novara",)
SLICE = 50
TARGET = "≤ 15 %"
STATEMENTS = {"event": "record_events", "timeline": "read_timeline"}

# Made in the schema pg_temp of one session, so nothing of them stays.
NOBODY_ASKED = """
CREATE FUNCTION pg_temp.enter_gate(p_user_id uuid, text, uuid, timestamptz)
RETURNS TABLE (tenant_id uuid, user_id uuid, time_zone text)
LANGUAGE sql IMMUTABLE AS $$ SELECT '{tenant_id}'::uuid, '{user_id}'::uuid, '{time_zone}' $$
"""


@dataclass
class Variant:
    """One way to run a statement, in a session (and so a server process) of its own."""

    name: str
    connection: psycopg.Connection[Any]
    sql: str
    walls: list[float] = field(default_factory=list)
    cpu: float = 0

    def run_slice(self, parameters: Sequence[tuple[Any, ...]]) -> None:
        backend = self.connection.info.backend_pid
        before = processes.cpu_seconds(backend) or 0
        for values in parameters:
            begin = time.perf_counter()
            self.connection.execute(self.sql.encode(), values, prepare=True).fetchone()
            self.walls.append(time.perf_counter() - begin)
        self.cpu += (processes.cpu_seconds(backend) or 0) - before

    @property
    def wall_us(self) -> float:
        return median(self.walls) * 1e6

    @property
    def cpu_us(self) -> float:
        return self.cpu / len(self.walls) * 1e6


def run(session: Session) -> Report:
    token, body = session.writers()[0], data.bodies(1)[0]
    paths = (session.novara.paths[what] for what in STATEMENTS)
    sent = django_worker.ask("tests.benchmarks.gate_worker", session.stage, (token, *paths, body))
    rows, shares = [], []
    for what, function in STATEMENTS.items():
        sql, parameters = sent[what]
        with variants(session, function, sql) as contestants:
            take_turns(contestants, parameters, session.rounds * session.seconds)
            rows += [row(function, variant, contestants[-1]) for variant in contestants]
            shares.append(share(session, what, contestants))
    return Report(
        "What isolation costs",
        f"{session.setting()} The statements that Novara sends, with the parameters it sends,"
        f" by psycopg on one connection each, in turns of {SLICE}. Left out are: the gate and, as"
        " the role stays the owner, the policies; or only role, settings and policies.",
        [
            Table(("", "p50 µs", "Postgres CPU µs", "p50 / whole"), rows),
            Table(
                (
                    "Role, settings and policies",
                    "of a request's p50, one connection",
                    "of a request's CPU, app and Postgres",
                    "target",
                ),
                shares,
            ),
        ],
        [f"CPU of Postgres is read in steps of {1000 // processes.TICKS_PER_SECOND} ms."],
    )


@contextmanager
def variants(session: Session, function: str, sql: str) -> Iterator[list[Variant]]:
    with ExitStack() as stack:
        bare, known, whole = (stack.enter_context(session.stage.connect()) for _ in range(3))
        person = session.people[1]
        ask = "SELECT u.tenant_id, u.id, p.timezone FROM users u JOIN user_profiles p" \
            " ON p.user_id = u.id WHERE u.id = %s"
        tenant_id, user_id, time_zone = bare.execute(ask, (person.id,)).fetchone()
        bare.execute(
            NOBODY_ASKED.format(tenant_id=tenant_id, user_id=user_id, time_zone=time_zone)
        )
        known.execute(without_role(definition(known, "enter_gate")))
        for connection in (bare, known):
            connection.execute(
                definition(connection, function).replace("enter_gate(", "pg_temp.enter_gate(")
            )
        temporary = sql.replace(f"{function}(", f"pg_temp.{function}(")
        yield [
            Variant("without the gate", bare, temporary),
            Variant("+ account and session looked up", known, temporary),
            Variant("+ role, settings, policies: whole", whole, sql),
        ]


def definition(connection: psycopg.Connection[Any], function: str) -> str:
    """The function's source, to be made again in pg_temp."""
    row = connection.execute("SELECT pg_get_functiondef(%s::regproc)", (function,)).fetchone()
    return row[0].replace(f"FUNCTION public.{function}(", f"FUNCTION pg_temp.{function}(")
