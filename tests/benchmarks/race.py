"""What post_event and timeline share: the same request to every app, and the two tables."""

from collections.abc import Callable, Mapping, Sequence

from tests.benchmarks.load import Scenario
from tests.benchmarks.measure import Sample, Series, client_of, ratio, side_by_side
from tests.benchmarks.report import UNKNOWN, Table, number
from tests.benchmarks.servers import App
from tests.benchmarks.session import Session

Figure = Callable[[Sample], float | None]


def race(session: Session, scenario: Callable[[App], Scenario]) -> dict[str, Series]:
    contestants = [client_of(app, scenario(app)) for app in session.apps.values()]
    series = side_by_side(
        contestants,
        rounds=session.rounds,
        seconds=session.seconds,
        postmaster=session.postmaster,
    )
    return dict(zip(session.apps, series, strict=True))


def both_cpus(sample: Sample) -> float | None:
    if sample.app_us is None or sample.postgres_us is None:
        return None
    return sample.app_us + sample.postgres_us


def ratios(series: Mapping[str, Series], targets: Mapping[str, float]) -> Table:
    """The first app against each other one."""
    (_, first), *others = series.items()
    rows = []
    for name, other in others:
        target = f"≥ {targets[name]:g}" if first.name == "Novara" and name in targets else UNKNOWN
        figures: list[Figure] = [lambda s: s.per_second, lambda s: s.app_us, both_cpus]
        speed, app, both = (ratio(first, other, figure) for figure in figures)
        cells = (str(value) if value else UNKNOWN for value in (speed, app, both))
        rows.append((f"{first.name} / {other.name}", next(cells), target, *cells))
    heads = ("", "requests/s", "target", "app's CPU per request", "app's and Postgres' CPU")
    return Table(heads, rows)


def figures(series: Sequence[Series], unit: str = "request") -> Table:
    """For scale only: these depend on the machine and on who else uses it."""
    rows = [
        (
            one.name,
            number(one.middle(lambda s: s.app_us)),
            number(one.middle(lambda s: s.postgres_us)),
            number(one.middle(lambda s: s.load.p50_ms), 1),
            number(one.middle(lambda s: s.load.p99_ms), 1),
            number(one.middle(lambda s: s.per_second)),
        )
        for one in series
    ]
    cpu = (f"app CPU µs/{unit}", f"Postgres CPU µs/{unit}")
    return Table(("", *cpu, "p50 ms", "p99 ms", f"{unit}s/s"), rows)


def versions(session: Session, names: Sequence[str]) -> list[str]:
    return [f"{app.name}: {app.versions}." for name, app in session.apps.items() if name in names]
