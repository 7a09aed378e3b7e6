"""Charts of the console's home: figures in buckets of time, drawn as shapes of an inline SVG.

Pure. A bucket without figures is a gap, not a nought: nothing was counted yet. The newest bucket is
not over, and is drawn so.
"""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

# The drawing's units, which the page stretches.
WIDTH: Final = 10
BAR: Final = 8
HEIGHT: Final = 100
STEPS: Final = (1, 2, 2.5, 5, 10)
MARKS: Final = 4

Figures = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Period:
    """What the charts look back on. `step` is a day or an hour; the last bucket holds `now`."""

    key: str
    name: str
    step: dt.timedelta
    count: int

    def buckets(self, now: dt.datetime) -> list[dt.datetime]:
        """Give where each bucket begins (UTC), the one of now at the end."""
        last = now.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
        if self.is_daily:
            last = last.replace(hour=0)
        return [last - self.step * ago for ago in range(self.count - 1, -1, -1)]

    @property
    def is_daily(self) -> bool:
        return self.step == dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Series:
    """What is drawn: `kind` is the class of its color; `figures` has one for each bucket."""

    name: str
    kind: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar, from below."""

    kind: str
    top: float
    height: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """A place of the chart. `values` stand in the order of the series; None is not known."""

    begins_at: dt.datetime
    left: int
    values: Figures
    parts: Sequence[Part]
    is_known: bool
    is_running: bool
    is_marked: bool

    @property
    def told(self) -> list[str]:
        return ["no figure" if value is None else f"{value:,.0f}" for value in self.values]


@dataclass(frozen=True, slots=True)
class Line:
    kind: str
    path: str


@dataclass(frozen=True)
class Chart:
    """A chart with all that the page says of it. Without `buckets` there is nothing to show."""

    key: str
    title: str
    summary: str
    series: Sequence[Series]
    buckets: Sequence[Bucket] = ()
    lines: Sequence[Line] = ()
    most: float = 0
    unit: str = ""
    note: str = ""
    is_daily: bool = True
    width: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", WIDTH * len(self.buckets))


def bars(places: Sequence[dt.datetime], series: Sequence[Series]) -> tuple[list[Bucket], float]:
    """Stack the series on each other; give the buckets, and what the axis ends with."""
    columns = list(zip(*(one.figures for one in series), strict=True))
    most = ceiling(max((sum(filter(None, column)) for column in columns), default=0))
    found = []
    for place, (begins_at, column) in enumerate(zip(places, columns, strict=True)):
        found.append(_bucket(place, places, begins_at, column, _parts(series, column, most)))
    return found, most


def lines(
    places: Sequence[dt.datetime], series: Sequence[Series]
) -> tuple[list[Bucket], list[Line], float]:
    """Draw each series as a line that is interrupted where a figure is not known."""
    columns = list(zip(*(one.figures for one in series), strict=True))
    known = [value for column in columns for value in column if value is not None]
    most = ceiling(max(known, default=0))
    found = [
        _bucket(place, places, begins_at, column, ())
        for place, (begins_at, column) in enumerate(zip(places, columns, strict=True))
    ]
    return found, [Line(one.kind, _path(one.figures, most)) for one in series], most


def _bucket(
    place: int,
    places: Sequence[dt.datetime],
    begins_at: dt.datetime,
    column: Figures,
    parts: Sequence[Part],
) -> Bucket:
    every = max(len(places) // MARKS, 1)
    return Bucket(
        begins_at=begins_at,
        left=place * WIDTH,
        values=column,
        parts=parts,
        is_known=any(value is not None for value in column),
        is_running=place == len(places) - 1,
        is_marked=place % every == every - 1,
    )


def _parts(series: Sequence[Series], column: Figures, most: float) -> list[Part]:
    found, top = [], float(HEIGHT)
    for one, value in zip(series, column, strict=True):
        if value:
            # What is there is seen, however little it is.
            height = max(value / most * HEIGHT, 0.8)
            top -= height
            found.append(Part(one.kind, round(max(top, 0), 2), round(height, 2)))
    return found


def _path(figures: Figures, most: float) -> str:
    """A line of SVG; a figure alone between gaps is a point."""
    path, is_down = [], False
    for place, value in enumerate(figures):
        if value is None:
            is_down = False
            continue
        x, y = place * WIDTH + WIDTH / 2, round(HEIGHT - (value / most * HEIGHT if most else 0), 2)
        path.append(f"{'L' if is_down else 'M'}{x:g} {y:g}")
        if not is_down:
            path.append("h0.01")
        is_down = True
    return "".join(path)


def ceiling(value: float) -> float:
    """Give the next round number, for the end of an axis."""
    if value <= 0:
        return 0
    unit = 10.0 ** math.floor(math.log10(value))
    found = next(step * unit for step in STEPS if step * unit >= value * (1 - 1e-9))
    return max(found, 1) if float(value).is_integer() else found


def quantile(share: float, histogram: Sequence[int], bounds: Sequence[float]) -> float | None:
    """Estimate a quantile: evenly spread within a class; the open one says its lower bound."""
    total = sum(histogram)
    if not total:
        return None
    wanted, passed, lower = share * total, 0, 0.0
    for count, upper in zip(histogram, bounds, strict=False):
        if passed + count >= wanted and count:
            return lower + (upper - lower) * (wanted - passed) / count
        passed, lower = passed + count, float(upper)
    return lower


def spread(
    places: Sequence[dt.datetime],
    found: Mapping[dt.datetime, float],
    since: dt.datetime | None,
) -> list[float | None]:
    """Put figures into their buckets: nought where nothing was, None before anything was counted.

    `since` is when counting began; None if it has not.
    """
    if since is None:
        return [None] * len(places)
    first = next((place for place in reversed(places) if place <= since), places[0])
    return [found.get(place, 0) if place >= first else None for place in places]
