"""Asking for a flag in process, with counting, beside the bare hash and the SQL function."""

from collections.abc import Sequence
from importlib.metadata import version
from statistics import median

from tests.benchmarks import servers, worker
from tests.benchmarks.measure import Ratio
from tests.benchmarks.report import UNKNOWN, Report, Table, number
from tests.benchmarks.session import Session

APPS = ()
TARGETS = {("plain", "hash"): "≥ 0.5", ("plain", "sql"): "≥ 100"}
NAMES = {
    "hash": "bare hash",
    "plain": "percentage alone",
    "rich": "lists, a prerequisite, conditions",
    "sql": "evaluate_feature_flag()",
}


def run(session: Session) -> Report:
    servers.migrate(session.stage)
    question = session.rounds, session.seconds
    rates, asked, counted = worker.ask(
        "flags_worker", *question, env=servers.novara_env(session.stage)
    )
    pairs = [(one, other) for one in ("plain", "rich") for other in ("hash", "sql")]
    return Report(
        "Asking for a flag",
        f"{session.setting()} One thread. In process: services.evaluate() with a new context for"
        " each call, while the agent of the process drains, sends and checks for changes; what a"
        " round took is drained before it ends. The bare hash: SHA-256 and the modulo. SQL: one"
        " connection over the socket, prepared.",
        [
            Table(
                ("in process / …", "rate", "target"),
                [
                    (
                        f"{NAMES[one]} / {NAMES[other]}",
                        str(ratio(rates[one], rates[other])),
                        TARGETS.get((one, other), UNKNOWN),
                    )
                    for one, other in pairs
                ],
            ),
            Table(
                ("", "µs", "per second"),
                [
                    (name, number(1e6 / median(rates[key]), 2), number(median(rates[key])))
                    for key, name in NAMES.items()
                ],
            ),
        ],
        [
            f"Asked {asked:,} times in process, counted {counted:,}.",
            f"psycopg {version('psycopg')}.",
        ],
    )


def ratio(ones: Sequence[float], others: Sequence[float]) -> Ratio:
    values = sorted(one / other for one, other in zip(ones, others, strict=True))
    return Ratio(median(values), values[0], values[-1])
