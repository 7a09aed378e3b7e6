"""One run of the benchmarks: the servers that stand, the people, and how long to measure."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import data, load, servers
from tests.benchmarks.data import Person
from tests.benchmarks.servers import App, Stage

PEOPLE_WITH_TOKENS = 9


@dataclass(frozen=True)
class Session:
    stage: Stage
    apps: Mapping[str, App]
    # The first one only reads, so that the length of their history stays as it was made.
    people: Sequence[Person]
    postmaster: int | None
    rounds: int
    seconds: float
    # Of the large database, where one is used.
    events: int
    notes: Sequence[str]
    # For parsing: a file, and an interpreter that has markitdown.
    pdf: Path | None = None
    markitdown: Path | None = None

    @property
    def novara(self) -> App:
        return self.apps["novara"]

    @property
    def reader(self) -> Person:
        return self.people[0]

    def writers(self) -> list[str]:
        return [person.token for person in self.people[1:]]

    def setting(self) -> str:
        """The sentence that every report begins with."""
        return (
            f"{servers.describe(self.stage)}; {os.cpu_count()} cores, shared by servers and load;"
            f" load from {load.generator_name()}; {self.rounds} interleaved rounds of"
            f" {self.seconds:g} s; medians, with the lowest and highest round in brackets."
        )


@contextmanager
def session(
    names: Sequence[str],
    *,
    rounds: int,
    seconds: float,
    threads: int,
    events: int = 100_000,
    data_folder: Path | None = None,
    pdf: Path | None = None,
    markitdown: Path | None = None,
) -> Iterator[Session]:
    """Start what these apps need, fill the tables, and end everything in the end."""
    with ExitStack() as stack:
        print("Starting Postgres, Valkey and the apps …", flush=True)
        stage = stack.enter_context(servers.stage(threads, data_folder))
        names, notes = _without_express_if_need_be(names)
        apps = {name: stack.enter_context(servers.APPS[name](stage)) for name in names}
        people = data.make_people(stage, apps.get("novara"), PEOPLE_WITH_TOKENS)
        yield Session(
            stage,
            apps,
            people,
            servers.postmaster(stage),
            rounds,
            seconds,
            events,
            notes,
            pdf,
            markitdown,
        )


def _without_express_if_need_be(names: Sequence[str]) -> tuple[list[str], list[str]]:
    obstacle = servers.why_not_express() if "express" in names else None
    if obstacle is None:
        return list(names), []
    print(obstacle, flush=True)
    return [name for name in names if name != "express"], [obstacle]
