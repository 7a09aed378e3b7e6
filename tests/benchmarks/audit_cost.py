"""What the audit log costs a write: requests with its triggers, and with them switched off."""

from collections.abc import Callable
from dataclasses import replace

from tests.benchmarks import data
from tests.benchmarks.load import CONNECTIONS, Load, Scenario
from tests.benchmarks.measure import Contestant, Sample, Series, client_of, ratio, side_by_side
from tests.benchmarks.race import Figure, both_cpus, figures, versions
from tests.benchmarks.report import UNKNOWN, Report, Table
from tests.benchmarks.session import Session

APPS = ("novara",)
TABLES = ("health_events", "daily_checkins")
TARGET = "≤ 1.15"


def run(session: Session) -> Report:
    paths = {
        "event": Scenario(
            "POST", session.novara.address("event"), session.writers(), data.bodies(64)
        ),
    }
    tables = []
    for what, scenario in paths.items():
        series = compare(session, what, scenario)
        tables += [ratios(*series), figures(series)]
    return Report(
        "What the audit log costs a write",
        f"{session.setting()} {CONNECTIONS} connections; the same server, with the triggers of"
        " the audit log and with them switched off, in turns.",
        tables,
        versions(session, APPS),
    )


def compare(session: Session, what: str, scenario: Scenario) -> list[Series]:
    client = client_of(session.novara, scenario)
    contestants = [
        replace(client, name=f"POST {what}, audited", measure=switched(session, client, "ENABLE")),
        replace(client, name=f"POST {what}, not", measure=switched(session, client, "DISABLE")),
    ]
    try:
        return side_by_side(
            contestants,
            rounds=session.rounds,
            seconds=session.seconds,
            postmaster=session.postmaster,
        )
    finally:
        switch(session, "ENABLE")


def switched(
    session: Session, client: Contestant, state: str
) -> Callable[[float], tuple[Load, float | None]]:
    def measure(seconds: float) -> tuple[Load, float | None]:
        switch(session, state)
        return client.measure(seconds)

    return measure


def switch(session: Session, state: str) -> None:
    with session.stage.connect() as connection:
        for table in TABLES:
            for event in ("insert", "update", "delete"):
                connection.execute(f"ALTER TABLE {table} {state} TRIGGER audit_{event}".encode())


def ratios(audited: Series, bare: Series) -> Table:
    columns: dict[str, Figure] = {
        "time per request": seconds_each,
        "app's and Postgres' CPU": both_cpus,
        "Postgres' CPU": lambda sample: sample.postgres_us,
    }
    cells = [str(ratio(audited, bare, figure) or UNKNOWN) for figure in columns.values()]
    return Table(("", *columns, "target"), [(f"{audited.name} / {bare.name}", *cells, TARGET)])


def seconds_each(sample: Sample) -> float | None:
    return 1 / sample.per_second if sample.per_second else None
