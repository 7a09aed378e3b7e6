"""GET the newest 50 events of a person who has 2,000, in a table of 100 such people."""

from tests.benchmarks import data
from tests.benchmarks.load import CONNECTIONS, Scenario
from tests.benchmarks.race import figures, race, ratios, versions
from tests.benchmarks.report import Report
from tests.benchmarks.session import Session

APPS = ("novara", "fastapi", "express")
TARGETS = {"fastapi": 1.5, "express": 2.8}


def run(session: Session) -> Report:
    reader = session.reader
    print("Filling the tables …", flush=True)
    if "novara" in session.apps:
        data.fill_novara(session.stage, session.novara, reader)
    data.fill_twins(session.stage, reader)
    series = race(session, lambda app: Scenario("GET", app.address("timeline"), [reader.token]))
    return Report(
        "GET the timeline",
        f"{session.setting()} {CONNECTIONS} connections, one process each; Novara with {session.stage.threads}"
        f" threads, gate and policies; the twins map rows to JSON in their own language."
        f" {data.PEOPLE} people with {data.EVENTS_EACH:,} events each.",
        [ratios(series, TARGETS), figures(list(series.values()))],
        [*versions(session, APPS), *session.notes],
    )
