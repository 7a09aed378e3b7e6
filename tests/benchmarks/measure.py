"""Measuring apps side by side: short loads in turn, over several rounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.benchmarks import load, processes
from tests.benchmarks.servers import App

WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Sample:
    """One contestant, one round. CPU is None where the system does not tell.

    A unit is what the figures are per: a request, or an event where requests carry many.
    """

    load: load.Load
    units: int
    app_cpu: float | None
    postgres_cpu: float | None

    @property
    def per_second(self) -> float:
        return self.load.per_second * self.units

    @property
    def app_us(self) -> float | None:
        return self._microseconds(self.app_cpu)

    @property
    def postgres_us(self) -> float | None:
        return self._microseconds(self.postgres_cpu)

    def _microseconds(self, cpu: float | None) -> float | None:
        return None if cpu is None else cpu / (self.load.requests * self.units) * 1e6


@dataclass(frozen=True)
class Series:
    """All rounds of one contestant. Round n of all series ran next to each other."""

    name: str
    samples: Sequence[Sample]

    def middle(self, figure: Callable[[Sample], float | None]) -> float | None:
        known = [value for sample in self.samples if (value := figure(sample)) is not None]
        return median(known) if known else None


@dataclass(frozen=True)
class Ratio:
    middle: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.lowest:.2f} to {self.highest:.2f})"


def ratio(one: Series, other: Series, figure: Callable[[Sample], float | None]) -> Ratio | None:
    """The median over the rounds, each compared within itself: noise hits neighbors alike."""
    pairs = zip(map(figure, one.samples), map(figure, other.samples), strict=True)
    values = sorted(a / b for a, b in pairs if a is not None and b)
    return Ratio(median(values), values[0], values[-1]) if values else None


@dataclass(frozen=True)
class Contestant:
    """`measure` works for so many seconds and tells what it did and the CPU it took."""

    name: str
    measure: Callable[[float], tuple[load.Load, float | None]]
    units: int = 1


def client_of(
    app: App,
    scenario: load.Scenario,
    name: str = "",
    *,
    units: int = 1,
    connections: int = load.CONNECTIONS,
) -> Contestant:
    def measure(seconds: float) -> tuple[load.Load, float | None]:
        before = processes.cpu_seconds(app.pid)
        done = load.put_load(scenario, seconds=seconds, connections=connections)
        after = processes.cpu_seconds(app.pid)
        return done, None if before is None or after is None else after - before

    load.try_once(scenario)
    return Contestant(name or app.name, measure, units)


def side_by_side(
    contestants: Sequence[Contestant], *, rounds: int, seconds: float, postmaster: int | None
) -> list[Series]:
    """Each round measures everyone once; who begins changes from round to round."""
    samples: dict[str, list[Sample]] = {contestant.name: [] for contestant in contestants}
    for contestant in contestants:
        contestant.measure(WARM_UP_SECONDS)
    for number in range(rounds):
        shift = number % len(contestants)
        for contestant in (*contestants[shift:], *contestants[:shift]):
            sample = _sample(contestant, seconds, postmaster)
            samples[contestant.name].append(sample)
            print(
                f"  round {number + 1}/{rounds}  {contestant.name:<44}"
                f" {sample.per_second:10,.0f} /s",
                flush=True,
            )
    return [Series(name, values) for name, values in samples.items()]


def _sample(contestant: Contestant, seconds: float, postmaster: int | None) -> Sample:
    before = postmaster and processes.cpu_seconds(postmaster)
    done, app_cpu = contestant.measure(seconds)
    after = postmaster and processes.cpu_seconds(postmaster)
    postgres_cpu = None if before is None or after is None else after - before
    return Sample(done, contestant.units, app_cpu, postgres_cpu)
