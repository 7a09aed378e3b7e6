"""What isolation costs: the hot paths' statements whole, and with parts of the gate left out."""

import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.benchmarks import data, processes, servers, worker
from tests.benchmarks.data import Person
from tests.benchmarks.load import Scenario
from tests.benchmarks.measure import client_of, side_by_side
from tests.benchmarks.race import both_cpus, versions
from tests.benchmarks.report import UNKNOWN, Report, Table, number
from tests.benchmarks.session import Session

Connection = psycopg.Connection[tuple[object, ...]]
Parameters = tuple[Any, ...]

APPS = ("novara",)
SLICE = 50
TARGET = "≤ 15 %"
STATEMENTS = {"event": "record_events", "timeline": "read_timeline"}

# Made in the schema pg_temp of one session, so nothing of them stays.
NOBODY_ASKED = """
CREATE FUNCTION pg_temp.enter_gate(p_user_id uuid, text, uuid, timestamptz, text DEFAULT '')
RETURNS TABLE (tenant_id uuid, user_id uuid, time_zone text)
LANGUAGE sql IMMUTABLE AS $$ SELECT '{tenant_id}'::uuid, '{user_id}'::uuid, '{time_zone}' $$
"""


@dataclass
class Variant:
    """One way to run a statement, in a session (and so a server process) of its own."""

    name: str
    connection: Connection
    sql: str
    walls: list[float] = field(default_factory=list)
    cpu_before: float | None = None

    @property
    def backend(self) -> int:
        return self.connection.info.backend_pid

    def run_slice(self, parameters: Iterable[Parameters]) -> None:
        for values in parameters:
            begin = time.perf_counter()
            self.connection.execute(self.sql.encode(), values, prepare=True).fetchone()
            self.walls.append(time.perf_counter() - begin)

    @property
    def wall_us(self) -> float:
        return median(self.walls) * 1e6

    @property
    def cpu_us(self) -> float | None:
        after = processes.cpu_seconds_alone(self.backend)
        if self.cpu_before is None or after is None:
            return None
        return (after - self.cpu_before) / len(self.walls) * 1e6


def run(session: Session) -> Report:
    person, body = session.people[1], data.bodies(1)[0]
    question = (person.token, *(session.novara.paths[what] for what in STATEMENTS), body)
    sent = worker.ask("gate_worker", *question, env=servers.novara_env(session.stage))
    rows, shares = [], []
    for what, function in STATEMENTS.items():
        sql, parameters = sent[what]
        with variants(session, person, function, sql) as contestants:
            take_turns(contestants, parameters, session.rounds * session.seconds)
            rows += [row(function, variant, contestants[-1]) for variant in contestants]
            shares.append(share(session, what, contestants))
    return Report(
        "What isolation costs",
        f"{session.setting()} The statements that Novara sends, with the parameters it sends, by"
        f" psycopg, in turns of {SLICE} calls, each way on a connection of its own. Left out are"
        " role, settings and policies; then also the look-up of account and session.",
        [
            Table(("", "p50 / whole", "Postgres' CPU / whole", "p50 µs", "CPU µs"), rows),
            Table(
                (
                    "Role, settings, policies",
                    "share of a request's p50 (1 connection)",
                    "share of its CPU (app and Postgres)",
                    "target",
                ),
                shares,
            ),
        ],
        versions(session, APPS),
    )


@contextmanager
def variants(session: Session, person: Person, function: str, sql: str) -> Iterator[list[Variant]]:
    with ExitStack() as stack:
        bare, known, whole = (stack.enter_context(session.stage.connect()) for _ in range(3))
        find = (
            "SELECT u.tenant_id, u.id AS user_id, p.timezone AS time_zone"
            "  FROM users u JOIN user_profiles p ON p.user_id = u.id WHERE u.id = %s"
        )
        with bare.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(find, (person.id,)).fetchone()
        bare.execute(NOBODY_ASKED.format_map(found or {}).encode())
        known.execute(without_role(definition(known, "enter_gate")).encode())
        for connection in (bare, known):
            body = definition(connection, function)
            connection.execute(body.replace("enter_gate(", "pg_temp.enter_gate(").encode())
        temporary = sql.replace(f"{function}(", f"pg_temp.{function}(")
        yield [
            Variant("without the gate", bare, temporary),
            Variant("+ account and session looked up", known, temporary),
            Variant("+ role, settings, policies", whole, sql),
        ]


def definition(connection: Connection, function: str) -> str:
    """The function's source, to be made again in pg_temp."""
    row = connection.execute(
        "SELECT pg_get_functiondef(%s::regproc)", (f"public.{function}",)
    ).fetchone()
    assert row is not None
    return str(row[0]).replace(f"FUNCTION public.{function}(", f"FUNCTION pg_temp.{function}(")


def without_role(source: str) -> str:
    """The gate with its look-ups, but without its last act."""
    changed, count = re.subn(r"PERFORM set_config\(.*?;", "", source, flags=re.DOTALL)
    if count != 1:
        raise SystemExit("The gate no longer sets everything in one PERFORM: change gate.py.")
    return changed


def take_turns(variants: Sequence[Variant], parameters: Parameters, seconds: float) -> None:
    for variant in variants:
        variant.run_slice(fresh(parameters))
        variant.walls.clear()
        variant.cpu_before = processes.cpu_seconds_alone(variant.backend)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for variant in variants:
            variant.run_slice(fresh(parameters))


def fresh(parameters: Parameters) -> Iterator[Parameters]:
    """One slice of calls. Events get new ids, as nothing can be inserted twice."""
    events = next((one for one in parameters if isinstance(one, str) and one[:1] == "["), None)
    for _ in range(SLICE):
        if events is None:
            yield parameters
        else:
            event_id, other = json.loads(events)[0]["id"], str(data.new_id(data.NOW))
            again = events.replace(event_id, other)
            yield tuple(again if one is events else one for one in parameters)


def row(function: str, variant: Variant, whole: Variant) -> tuple[str, ...]:
    cpu, all_cpu = variant.cpu_us, whole.cpu_us
    return (
        f"{function}: {variant.name}",
        number(variant.wall_us / whole.wall_us, 2),
        number(cpu / all_cpu if cpu is not None and all_cpu else None, 2),
        number(variant.wall_us),
        number(cpu),
    )


def share(session: Session, what: str, variants: Sequence[Variant]) -> tuple[str, ...]:
    """The cost of isolation beside what a whole request takes over HTTP."""
    _, known, whole = variants
    method, bodies = ("POST", data.bodies(64)) if what == "event" else ("GET", [b""])
    scenario = Scenario(method, session.novara.address(what), [session.people[1].token], bodies)
    (request,) = side_by_side(
        [client_of(session.novara, scenario, connections=1)],
        rounds=session.rounds,
        seconds=session.seconds,
        postmaster=session.postmaster,
    )
    p50_ms, cpu = request.middle(lambda sample: sample.load.p50_ms), request.middle(both_cpus)
    wall = whole.wall_us - known.wall_us
    spent = None if whole.cpu_us is None or known.cpu_us is None else whole.cpu_us - known.cpu_us
    return (
        f"{method} {what}",
        f"{wall / p50_ms / 1e3:.1%}" if p50_ms else UNKNOWN,
        f"{spent / cpu:.1%}" if cpu and spent is not None else UNKNOWN,
        TARGET,
    )
