"""The staff's pages about documents over HTTP, at 100,000 documents and in a small installation."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from tests.benchmarks import documents_console_data, servers, worker
from tests.benchmarks.load import Scenario, try_once
from tests.benchmarks.measure import Series, client_of, ratio, side_by_side
from tests.benchmarks.race import both_cpus, figures
from tests.benchmarks.report import UNKNOWN, Report, Table
from tests.benchmarks.servers import App, Stage
from tests.benchmarks.session import Session

APPS = ()
SMALL, LARGE = 1_000, 100_000
ROOT: Final = "/admin/documents/document/"
TARGET: Final = "≤ 300 ms"
PAGES: Final = {
    "overview": "",
    "queue": "queue/",
    "group, no text": "queue/failed/no_text/",
    "group, an outage": "queue/failed/embedder_unavailable/",
    "all documents": "all/",
    "failed documents": "all/?state=failed",
    "story": "{document}/change/",
}


@dataclass(frozen=True)
class Visit(Scenario):
    """A page as somebody sees it who is signed in."""

    def headers(self, token: str) -> Mapping[str, str]:
        return {"Cookie": token, "Accept": "text/html"}


@dataclass(frozen=True)
class Side:
    """One database, the process that answers from it, and who is signed in."""

    app: App
    cookies: Mapping[str, str]
    document: str

    def visit(self, who: str, page: str) -> Visit:
        path = PAGES[page].format(document=self.document)
        return Visit("GET", f"{self.app.url}{ROOT}{path}", [self.cookies[who]])


def run(session: Session) -> Report:
    with ExitStack() as stack:
        small, large = (stack.enter_context(side(session.stage, size)) for size in (SMALL, LARGE))
        pairs = {
            f"{page}, {who}": race(session, who, page, (small, large))
            for page in PAGES
            for who in ("staff", "superuser")
        }
    return Report(
        f"The staff's pages at {LARGE:,} and at {SMALL:,} documents",
        f"{session.setting()} One connection to one Novara process with {session.stage.threads}"
        " threads. Three clinics; the staff are of the one with half of the people.",
        [
            Table(
                ("large / small", "p50", "large, p50", "target", "app's and Postgres' CPU"),
                [compared(name, *pair) for name, pair in pairs.items()],
            ),
            figures([one for pair in pairs.values() for one in pair]),
        ],
        [f"{large.app.name}: {large.app.versions}."],
    )


@contextmanager
def side(stage: Stage, count: int) -> Iterator[Side]:
    with documents_console_data.filed(stage, count) as filed:
        env = servers.novara_env(filed)
        cookies, document = worker.ask("documents_console_worker", env=env)
        with servers.novara(filed) as app:
            yield Side(app, cookies, document)


def race(session: Session, who: str, page: str, sides: tuple[Side, Side]) -> list[Series]:
    visits = [side.visit(who, page) for side in sides]
    lengths = [len(try_once(visit)) for visit in visits]
    print(f"  {page}, {who}: answers of {lengths[0]:,} and {lengths[1]:,} bytes", flush=True)
    return side_by_side(
        [
            client_of(side.app, visit, f"{page}, {who}, {size}", connections=1)
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
