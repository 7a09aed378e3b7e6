"""One person's reads over HTTP, alone in a small database and among millions of others' events."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import psycopg

from tests.benchmarks import scale_data, servers
from tests.benchmarks.load import Scenario, try_once
from tests.benchmarks.measure import Series, client_of, ratio, side_by_side
from tests.benchmarks.race import both_cpus, figures
from tests.benchmarks.report import UNKNOWN, Report, Table
from tests.benchmarks.scale_data import END
from tests.benchmarks.servers import App, Stage
from tests.benchmarks.session import Session

APPS = ()
SMALL = 10_000
TARGET = "≤ 1.5"
LAST = END.date() - timedelta(days=1)
TIMELINE = "/api/v2/health/timeline?limit=50"
WEEK = f"from={LAST - timedelta(days=6)}&to={LAST}"
QUARTER = f"from={LAST - timedelta(days=90)}&to={LAST}"
MEDICATION = {
    "medication_name": "Gonal-f",
    "times_of_day": ["08:00", "20:00"],
    "start_date": str(LAST - timedelta(days=365)),
    "effective_from": f"{LAST - timedelta(days=365)}T00:00:00Z",
}
PATHS = {
    "timeline of 50": TIMELINE,
    "timeline of 50, a year ago": f"{TIMELINE}&end_date={LAST - timedelta(days=365)}",
    "daily summary": f"/api/v2/health/daily-summary?date={LAST}",
    "analytics of a week": "/api/v2/analytics?timeframe=week",
    "analytics of a month": "/api/v2/analytics?timeframe=month",
    "analytics of a quarter": "/api/v2/analytics?timeframe=quarter",
    "doses of a week": f"/api/v2/medications/schedule?{WEEK}",
    "adherence of a quarter": f"/api/v2/medications/adherence?{QUARTER}",
}


@dataclass(frozen=True)
class Side:
    """One database, and the process that answers from it."""

    app: App
    token: str

    def scenario(self, path: str) -> Scenario:
        return Scenario("GET", self.app.url + path, [self.token])


def run(session: Session) -> Report:
    with ExitStack() as stack:
        small, large = (
            stack.enter_context(side(session.stage, events)) for events in (SMALL, session.events)
        )
        pairs = [race(session, name, path, (small, large)) for name, path in PATHS.items()]
    return Report(
        f"Reads at {session.events:,} and at {SMALL:,} events",
        f"{session.setting()} One connection to one Novara process with {session.stage.threads}"
        f" threads. The person's own events, about {scale_data.EVENTS_EACH:,} in three years, are"
        " the same in both databases.",
        [
            Table(
                ("large / small", "p50", "target", "app's CPU", "app's and Postgres' CPU"),
                [compared(name, *pair) for name, pair in zip(PATHS, pairs, strict=True)],
            ),
            figures([one for pair in pairs for one in pair]),
        ],
        [f"{large.app.name}: {large.app.versions}."],
    )


@contextmanager
def side(stage: Stage, events: int) -> Iterator[Side]:
    with scale_data.grown(stage, events) as grown:
        folder = stage.folder / f"app-{events}"
        folder.mkdir(exist_ok=True)
        with psycopg.connect(grown.database_url) as connection:
            reader = connection.execute(f"{scale_data.PEOPLE} LIMIT 1".encode()).fetchone()
        assert reader is not None
        with servers.novara(replace(grown, folder=folder)) as app:
            one = Side(app, scale_data.token(grown, reader[0]))
            prescribe(one)
            yield one


def prescribe(one: Side) -> None:
    """Give the person a medication, unless an earlier run has."""
    address = f"{one.app.url}/api/v2/medications"
    found = json.loads(try_once(Scenario("GET", address, [one.token])))
    if not found["medications"]:
        try_once(Scenario("POST", address, [one.token], [json.dumps(MEDICATION).encode()]))


def race(session: Session, name: str, path: str, sides: tuple[Side, Side]) -> list[Series]:
    """Both answer the same, so the work is the same."""
    scenarios = [side.scenario(path) for side in sides]
    lengths = [len(try_once(scenario)) for scenario in scenarios]
    print(f"  {name}: answers of {lengths[0]:,} and {lengths[1]:,} bytes", flush=True)
    return side_by_side(
        [
            client_of(side.app, scenario, f"{name}, {size}", connections=1)
            for side, scenario, size in zip(sides, scenarios, ("small", "large"), strict=True)
        ],
        rounds=session.rounds,
        seconds=session.seconds,
        postmaster=session.postmaster,
    )


def compared(name: str, small: Series, large: Series) -> tuple[str, ...]:
    first, *rest = (
        str(ratio(large, small, figure) or UNKNOWN)
        for figure in (lambda s: s.load.p50_ms, lambda s: s.app_us, both_cpus)
    )
    return name, first, TARGET, *rest
