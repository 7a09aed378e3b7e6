"""All flags of a person over HTTP (20 flags), against a request that only enters the gate."""

from tests.benchmarks import servers, worker
from tests.benchmarks.load import CONNECTIONS, Scenario, try_once
from tests.benchmarks.measure import Series, client_of, ratio, side_by_side
from tests.benchmarks.race import both_cpus, figures, versions
from tests.benchmarks.report import UNKNOWN, Report, Table
from tests.benchmarks.session import Session

APPS = ("novara",)
FLAGS = 20
TARGET = "≤ 1.2"
CONTEXT = b'{"context":{"app_version":"2.1"}}'
# What is asked, and the empty request that it is held against.
PAIRS = (
    ("GET", "/api/v2/flags", "/api/v2/nothing", b""),
    ("POST", "/ofrep/v1/evaluate/flags", "/ofrep/v1/nothing", CONTEXT),
)


def run(session: Session) -> Report:
    worker.ask("flags_http_worker", FLAGS, env=servers.novara_env(session.stage))
    with servers.novara(session.stage, "tests.benchmarks.flags_http_app:application") as app:
        scenarios = [
            Scenario(method, app.url + path, session.writers(), [body])
            for method, full, empty, body in PAIRS
            for path in (full, empty)
        ]
        size = len(try_once(scenarios[0]))
        contestants = [client_of(app, one, f"{one.method} {one.path}") for one in scenarios]
        series = side_by_side(
            contestants,
            rounds=session.rounds,
            seconds=session.seconds,
            postmaster=session.postmaster,
        )
    rows = [row(*pair) for pair in zip(series[::2], series[1::2], strict=True)]
    return Report(
        "All flags of a person over HTTP",
        f"{session.setting()} {CONNECTIONS} connections, one process with"
        f" {session.stage.threads} threads; {FLAGS} flags (rollouts, lists, conditions,"
        f" prerequisites), {size:,} bytes of JSON; against a view of the same kind that enters the"
        " gate and answers 11 bytes. Every evaluation is counted.",
        [
            Table(("", "time per request", "target", "app's CPU", "app's and Postgres' CPU"), rows),
            figures(series),
        ],
        versions(session, APPS),
    )


def row(one: Series, empty: Series) -> tuple[str, ...]:
    time, app, both = (
        ratio(one, empty, figure)
        for figure in (lambda s: 1 / s.per_second, lambda s: s.app_us, both_cpus)
    )
    cells = [str(value) if value else UNKNOWN for value in (time, app, both)]
    return f"{one.name} / {empty.name}", cells[0], TARGET, *cells[1:]
