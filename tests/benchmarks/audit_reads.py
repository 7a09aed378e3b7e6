"""What the note of a read costs: GET the timeline in-process, with the audit log and without."""

from statistics import median

from tests.benchmarks import data, servers, worker
from tests.benchmarks.race import versions
from tests.benchmarks.report import Report, Table, number
from tests.benchmarks.session import Session

APPS = ("novara",)
TARGET = 1.02
ROUNDS_PER_ROUND = 6


def run(session: Session) -> Report:
    reader = session.reader
    data.fill_novara(session.stage, session.novara, reader)
    question = reader.token, ROUNDS_PER_ROUND * session.rounds
    env = servers.novara_env(session.stage)
    found: dict[str, list[float]] = worker.ask("audit_reads_worker", *question, env=env)
    costs = {name: median(series) for name, series in found.items()}
    bare = costs["without"]
    rows = [(name, number(cost), f"{cost / bare:.3f}") for name, cost in costs.items()]
    return Report(
        "What the note of a read costs",
        f"{session.setting()} CPU of the process, and of Postgres not: the note itself is written"
        f" by another thread, once a second. {ROUNDS_PER_ROUND * session.rounds} interleaved rounds"
        f" of 500 calls, medians. Target: at most {TARGET}.",
        [Table(("GET the timeline", "µs", "ratio"), rows)],
        versions(session, APPS),
    )
