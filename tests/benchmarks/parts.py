"""The CPU of POST one event by part: the WSGI application called in-process, a part more a step."""

from statistics import median

from tests.benchmarks import data, servers, worker
from tests.benchmarks.load import CONNECTIONS, Scenario
from tests.benchmarks.measure import client_of, side_by_side
from tests.benchmarks.race import versions
from tests.benchmarks.report import Report, Table, number
from tests.benchmarks.session import Session

APPS = ("novara",)
ROUNDS_PER_ROUND = 4


def run(session: Session) -> Report:
    steps = in_process(session)
    over_http = served(session)
    total = over_http or steps[-1][1]
    rows, before = [], 0.0
    for name, cost in [*steps, ("+ granian, and threads in each other's way", over_http)]:
        if cost is not None:
            rows.append(
                (name, number(cost), number(cost - before), f"{(cost - before) / total:.0%}")
            )
            before = cost
    return Report(
        "Where the CPU of POST one event goes",
        f"{session.setting()} Python's CPU alone, not Postgres'. In-process, one thread,"
        f" {ROUNDS_PER_ROUND * session.rounds} interleaved rounds of 250 calls, medians; the last"
        f" line is the app's CPU per request under load ({CONNECTIONS} connections,"
        f" {session.stage.threads} threads): HTTP, and what threads cost each other.",
        [Table(("", "µs", "this part", "share"), rows)],
        versions(session, APPS),
    )


def in_process(session: Session) -> list[tuple[str, float]]:
    question = session.writers()[0], data.bodies(64), ROUNDS_PER_ROUND * session.rounds
    env = servers.novara_env(session.stage)
    found: dict[str, list[float]] = worker.ask("parts_worker", *question, env=env)
    return [(name, median(costs)) for name, costs in found.items()]


def served(session: Session) -> float | None:
    scenario = Scenario("POST", session.novara.address("event"), session.writers(), data.bodies(64))
    (series,) = side_by_side(
        [client_of(session.novara, scenario)],
        rounds=session.rounds,
        seconds=session.seconds,
        postmaster=None,
    )
    return series.middle(lambda sample: sample.app_us)
