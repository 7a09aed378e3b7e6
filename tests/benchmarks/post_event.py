"""POST one mood event: bearer token, validation, one committed row, JSON back."""

from tests.benchmarks import data
from tests.benchmarks.load import CONNECTIONS, Scenario
from tests.benchmarks.race import figures, race, ratios, versions
from tests.benchmarks.report import Report
from tests.benchmarks.session import Session

APPS = ("novara", "fastapi", "express")
TARGETS = {"fastapi": 0.9, "express": 2.5}
BODIES = data.bodies(64)


def run(session: Session) -> Report:
    series = race(
        session, lambda app: Scenario("POST", app.address("event"), session.writers(), BODIES)
    )
    return Report(
        "POST one event",
        f"{session.setting()} {CONNECTIONS} connections, {len(session.writers())} people, one"
        f" process each; Novara with {session.stage.threads} threads and all guarantees, the twins with a pool"
        " of 8 connections and a bare table.",
        [ratios(series, TARGETS), figures(list(series.values()))],
        [*versions(session, APPS), *session.notes],
    )
