"""POST 1,000 events in one call, beside single events and beside COPY of the same rows."""

from collections.abc import Sequence

from tests.benchmarks import data, worker
from tests.benchmarks.load import CONNECTIONS, Load, Scenario
from tests.benchmarks.measure import Contestant, Series, client_of, ratio, side_by_side
from tests.benchmarks.race import figures, versions
from tests.benchmarks.report import UNKNOWN, Report, Table
from tests.benchmarks.servers import Stage
from tests.benchmarks.session import Session

Row = tuple[object, ...]

APPS = ("novara",)
SIZE = 1_000
COLUMNS = "id, user_id, event_type, event_subtype, event_data, occurred_at"


def run(session: Session) -> Report:
    series = side_by_side(
        contestants(session),
        rounds=session.rounds,
        seconds=session.seconds,
        postmaster=session.postmaster,
    )
    return Report(
        f"POST a batch of {SIZE:,} events",
        f"{session.setting()} {CONNECTIONS} connections to one Novara process with {session.stage.threads}"
        f" threads; COPY by psycopg on {session.stage.threads} connections from one process, {SIZE:,} rows a"
        " transaction, row by row from Python values: into the same table as its owner (its"
        " indexes, constraints and triggers; no gate, validation, policies or answer) and into the"
        " twins' bare one.",
        [ratios(series), figures(series, "event")],
        versions(session, APPS),
    )


def contestants(session: Session) -> list[Contestant]:
    stage, novara, writers = session.stage, session.novara, session.writers()
    batches = Scenario("POST", novara.address("batch"), writers, data.batches(4, SIZE))
    single = Scenario("POST", novara.address("event"), writers, data.bodies(64))
    rows = data.batch_rows(SIZE, session.people[1])
    with stage.connect() as connection:
        tenant = connection.execute(
            "SELECT tenant_id FROM users WHERE id = %s", (session.people[1].id,)
        ).fetchone()
    assert tenant is not None
    full = [(*row, tenant[0], row[-1].date()) for row in rows]
    into_events = f"COPY health_events ({COLUMNS}, tenant_id, local_date) FROM STDIN"
    into_bare = f"COPY twin_events ({COLUMNS}) FROM STDIN"
    return [
        client_of(novara, batches, "Novara, batches", units=SIZE),
        client_of(novara, single, "Novara, single events"),
        copier(stage, "COPY into health_events", (stage.database_url, into_events, full)),
        copier(stage, "COPY into a bare table", (stage.twins_url, into_bare, rows)),
    ]


def copier(stage: Stage, name: str, job: tuple[str, str, Sequence[Row]]) -> Contestant:
    def measure(seconds: float) -> tuple[Load, float | None]:
        done, cpu = worker.ask("copy_rows", *job, stage.threads, seconds)
        return Load(**done), cpu

    return Contestant(name, measure, SIZE)


def ratios(series: Sequence[Series]) -> Table:
    batches, *others = series
    targets = ("≥ 50", "≥ 0.5", UNKNOWN)
    rows = [
        (
            f"{batches.name} / {other.name}",
            str(ratio(batches, other, lambda sample: sample.per_second) or UNKNOWN),
            target,
            str(ratio(batches, other, lambda sample: sample.postgres_us) or UNKNOWN),
        )
        for other, target in zip(others, targets, strict=True)
    ]
    return Table(("", "events/s", "target", "Postgres' CPU per event"), rows)
