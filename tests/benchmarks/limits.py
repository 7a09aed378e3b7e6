"""What limits cost: a request counted, one refused, and one while the store is dead or hangs."""

from collections.abc import Sequence
from statistics import median, quantiles

from tests.benchmarks import data, servers, worker
from tests.benchmarks.race import versions
from tests.benchmarks.report import Report, Table, number
from tests.benchmarks.session import Session

APPS = ("novara",)
ADDED, CHEAPER, AWAY = "≤ 0.3 ms", "≥ 10", "≤ 20 ms"
OUTAGES = ("none", "flushed", "killed", "hung")
# Of each request: how long it took, and how much of that the process worked.
Walls = Sequence[tuple[float, float]]


def run(session: Session) -> Report:
    person, bodies = session.people[1], data.bodies(64)
    timeline = session.novara.paths["timeline"]
    event = session.novara.paths["event"]
    question = (person.token, timeline, event, bodies, session.rounds, session.seconds)
    found = worker.ask("limits_worker", *question, env=servers.novara_env(session.stage))
    rows, refused = [], []
    for what in (f"GET {timeline}", f"POST {event}"):
        off, off_cpu = middle(found[what, "off"])
        for way in ("2 rules", "3 rules"):
            wall, cpu = middle(found[what, way])
            added = (milliseconds(wall - off), ADDED, milliseconds(cpu - off_cpu))
            rows.append((f"{what}, {way}", *added, ratio(wall, off)))
        wall, cpu = middle(found[what, "refused"])
        figures = (milliseconds(wall), milliseconds(off))
        refused.append((what, ratio(off, wall), CHEAPER, ratio(off_cpu, cpu), *figures))
    return Report(
        "What limits cost",
        f"{session.setting()} Requests by WSGI within one process, one after another, in turns of"
        " 50. Rules are wide enough that nothing is refused, but where refusals are measured; then"
        " the caller's bucket is empty. During outages the rule lets everybody pass.",
        [
            Table(("", "added", "target", "of it CPU of the app", "counted / uncounted"), rows),
            Table(
                ("", "served / refused", "target", "CPU of the app", "refused", "served"), refused
            ),
            Table(
                ("the store is", "asking takes (p50)", "p99", "target", "CPU (p50)", "5xx"),
                [outage(name, found) for name in OUTAGES],
            ),
        ],
        versions(session, APPS),
    )


def outage(name: str, found: dict[tuple[str, str], Walls]) -> tuple[str, ...]:
    walls = found["outages", name]
    wall, cpu = middle(walls)
    slowest = quantiles([one for one, _ in walls], n=100)[98]
    told = (milliseconds(wall), milliseconds(slowest), AWAY, milliseconds(cpu))
    return ("there" if name == "none" else name, *told, str(found["failures", name]))


def middle(walls: Walls) -> tuple[float, float]:
    return median(wall for wall, _ in walls), median(cpu for _, cpu in walls)


def milliseconds(seconds: float) -> str:
    return f"{number(seconds * 1000, 3)} ms"


def ratio(one: float, other: float) -> str:
    return number(one / other, 2)
