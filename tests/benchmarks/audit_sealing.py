"""How fast entries of the audit log are sealed, verified and counted again."""

import tempfile

from tests.benchmarks import servers, worker
from tests.benchmarks.report import Report, Table, number
from tests.benchmarks.session import Session

APPS = ()
ENTRIES, CLINICS = 200_000, 20


def run(session: Session) -> Report:
    servers.migrate(session.stage)
    with tempfile.TemporaryDirectory() as mirror:
        env = servers.novara_env(session.stage) | {"AUDIT_MIRROR": mirror}
        found = worker.ask("audit_sealing_worker", ENTRIES, CLINICS, env=env)
    base = found["copied"]["seconds"]
    rows = [
        (
            what,
            number(ENTRIES / took["seconds"]),
            number(took["processor"] * 1e6 / ENTRIES, 1),
            f"{took['seconds'] / base:.2f}",
        )
        for what, took in found.items()
    ]
    return Report(
        "Sealing and verifying the audit log",
        f"{ENTRIES:,} entries of {CLINICS} clinics, written in transactions of 20,000; one process"
        " seals them, then verifies and counts all again. Beside it: the same entries merely read"
        " with COPY.",
        [Table(("", "entries/s", "µs of its processor time each", "time / COPY"), rows)],
    )
