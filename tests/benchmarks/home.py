"""The console's home over HTTP, at many events and years of counters, and in a small installation."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from tests.benchmarks import scale_data, servers, worker
from tests.benchmarks.documents_console import Visit
from tests.benchmarks.load import try_once
from tests.benchmarks.measure import Series, client_of, ratio, side_by_side
from tests.benchmarks.race import both_cpus, figures
from tests.benchmarks.report import UNKNOWN, Report, Table
from tests.benchmarks.servers import App, Stage
from tests.benchmarks.session import Session

APPS = ()
SMALL: Final = 10_000
TARGET: Final = "≤ 1.5, ≤ 150 ms"
WHO: Final = ("superuser", "staff", "support")
PERIODS: Final = ("4w", "12w", "24h")


@dataclass(frozen=True)
class Side:
    """One database, the process that answers from it, and who is signed in."""

    app: App
    cookies: Mapping[str, str]

    def visit(self, who: str, period: str) -> Visit:
        return Visit("GET", f"{self.app.url}/admin/?period={period}", [self.cookies[who]])


def run(session: Session) -> Report:
    with ExitStack() as stack:
        sides = [stack.enter_context(side(session.stage, size)) for size in (SMALL, session.events)]
        pairs = {
            f"{who}, {period}": race(session, who, period, sides)
            for who in WHO
            for period in PERIODS
            if who == "superuser" or period == "4w"
        }
    return Report(
        f"The console's home at {session.events:,} and at {SMALL:,} events",
        f"{session.setting()} One connection to one Novara process with {session.stage.threads}"
        f" threads. Both have {scale_data.TENANTS} clinics and figures of three years; the large one"
        " also has requests of 90 days on 100 routes.",
        [
            Table(
                ("large / small", "p50", "large, p50", "target", "app's and Postgres' CPU"),
                [compared(name, *pair) for name, pair in pairs.items()],
            ),
            figures([one for pair in pairs.values() for one in pair]),
        ],
        [f"{sides[-1].app.name}: {sides[-1].app.versions}."],
    )


@contextmanager
def side(stage: Stage, events: int) -> Iterator[Side]:
    with scale_data.grown(stage, events) as grown:
        cookies = worker.ask("home_worker", events > SMALL, env=servers.novara_env(grown))
        with servers.novara(grown) as app:
            yield Side(app, cookies)


def race(session: Session, who: str, period: str, sides: list[Side]) -> list[Series]:
    visits = [side.visit(who, period) for side in sides]
    lengths = [len(try_once(visit)) for visit in visits]
    print(f"  {who}, {period}: answers of {lengths[0]:,} and {lengths[1]:,} bytes", flush=True)
    return side_by_side(
        [
            client_of(side.app, visit, f"{who}, {period}, {size}", connections=1)
            for side, visit, size in zip(sides, visits, ("small", "large"), strict=True)
        ],
        rounds=session.rounds,
        seconds=session.seconds,
        postmaster=session.postmaster,
    )


def compared(name: str, small: Series, large: Series) -> tuple[str, ...]:
    p50, cpu = (
        str(ratio(large, small, figure) or UNKNOWN)
        for figure in (lambda s: s.load.p50_ms, both_cpus)
    )
    middle = large.middle(lambda s: s.load.p50_ms) or 0
    return name, p50, f"{middle:.0f} ms", TARGET, cpu
