"""One run of the proof: its parts in their order, on an installation that runs."""

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings
from django.db import connection

from accounts.models import User
from config.dev.progress import say
from tests.proof import (
    console,
    database,
    doors,
    fuzz,
    mutations,
    places,
    poisoning,
    report,
    streams,
    world,
)
from tests.proof.calls import Ledger
from tests.proof.findings import Proof, Section
from tests.proof.installation import Installation
from tests.proof.markers import Markers
from tests.proof.world import World


class Session:
    def __init__(self, running: Installation, options: argparse.Namespace) -> None:
        markers = Markers(options.seed)
        self.running = running
        self.is_logging_by_default = options.postgres_defaults
        self.proof = Proof(options.seed, options.quick, options.only is None)
        self.world = World(markers, Ledger(markers), running.web, options.quick)
        self.ear = places.Ear()

    def run(self, names: list[str] | None) -> None:
        for part in PARTS:
            if names is None or part == fill or part.__name__ in names:
                part(self)

    @contextmanager
    def watched(self, name: str, promise: str, *still: str) -> Iterator[Section]:
        """A part with callers: what they saw is judged, and who is still must keep all rows."""
        ledger = self.world.ledger
        ledger.sights.clear()
        ledger.failures.clear()
        before = world.rows_of(self.world, *still)
        with self.proof.section(name, promise) as section:
            yield section
            world.judge(self.world, section)
            for table, then in world.rows_of(self.world, *still).items():
                whose = " or ".join(still)
                section.expect(then == before[table], f"{table}: rows of {whose} have changed")
            for failure in ledger.failures[:10]:
                section.expect(
                    False, "An answer that nobody foresaw", f"{failure.caller}: {failure.request}"
                )


def fill(session: Session) -> None:
    promise = "Every table of somebody has rows of both clinics, and their texts are markers."
    with session.proof.section("The two clinics", promise) as section:
        world.fill(session.world)
        world.settle()
        # From here on nothing happens by itself.
        session.running.stop("beat")
        world.add_jobs(session.world)
        world.see_to(session.world)
        world.add_missing(session.world)
        world.coverage(session.world, section)
        if session.is_logging_by_default:
            places.log_as_by_default()
        markers = [one for one in session.world.markers.known.values() if one.kind == "marker"]
        session.proof.world = [
            (f"{len(markers):,}", "markers written"),
            (f"{len(world.owners(session.world)):,}", "ids of their rows"),
        ]


def look(session: Session) -> None:
    promise = "Everybody reads all they can, before anybody has sent an id that is not theirs."
    with session.watched("Reading", promise, "charlie", "sven") as section:
        fuzz.look(session.world, section)


def ask(session: Session) -> None:
    promise = (
        "Every path and method, with ids of others in paths, questions, bodies and headers, and"
        " with everything that is wrong: no answer tells of them, and each is that of an unknown id."
    )
    with session.watched("The API", promise, "charlie", "sven") as section:
        fuzz.fuzz(session.world, section, is_quick=session.proof.is_quick)


def stream(session: Session) -> None:
    promise = "Event streams, tickets and signed links tell and open nothing of anybody else."
    with session.watched("Streams and links", promise, "dora", "sven") as section:
        streams.tickets(session.world, section)
        streams.listen(session.world, section, session.running.stream)
        world.wait_for_documents()


def visit(session: Session) -> None:
    promise = (
        "Staff of North at every page of the console, with rows of South in paths, filters,"
        " searches and mixed selections."
    )
    # Some calls of the API have changed it.
    world.restore_password(session.world, "anna")
    with session.watched("The console", promise, "charlie", "dora", "sven") as section:
        console.walk(session.world, section, is_quick=session.proof.is_quick)
    # Its actions switched people of North off.
    User.objects.filter(is_active=False, is_staff=False).exclude(email__contains="switched").update(
        is_active=True
    )
    for name in session.world.people:
        session.world.renew(name)


def side_doors(session: Session) -> None:
    promise = (
        "Tasks, commands, cursors, keys of repeated calls, batches, webhooks, equal files,"
        " rankings and wrong passwords."
    )
    with session.watched("Side doors", promise, "dora", "sven") as section:
        doors.try_all(session.world, section, is_quick=session.proof.is_quick)


def poison(session: Session) -> None:
    promise = "A connection that was left in any way shows no row, until somebody enters the gate."
    ledger = session.world.ledger
    ledger.sights.clear()
    with session.proof.section("Poisoned connections", promise) as section:
        poisoning.poison(session.world, section, is_quick=session.proof.is_quick)
        world.judge(session.world, section)


def policies(session: Session) -> None:
    promise = (
        "With every right and no trigger, each role sees and changes the rows that its policies"
        " name: every table, by SELECT, INSERT, UPDATE and DELETE, as everybody."
    )
    with session.proof.section("The database by itself", promise) as section:
        tables, views = database.tables(), database.views()
        for names, probe in ((tables, database.probe), (views, database.probe_view)):
            for name in names:
                tried, faults = probe(session.world, name)
                section.tried += tried
                for fault in faults:
                    section.found(fault, f"tests.proof.database.{probe.__name__}")
        section.fact("Tables with row security", len(tables))
        section.fact("Views", len(views))
        for fault in mutations.console_filter(session.world):
            section.found(fault, "tests.proof.mutations.console_filter")


def catalog(session: Session) -> None:
    promise = "The tests of tests/house/test_catalog.py, against this very database."
    with session.proof.section("The catalog", promise) as section:
        section.tried += len(mutations.catalog_tests())
        for fault in mutations.catalog_faults():
            section.found(fault, "tests/house/test_catalog.py")


def search(session: Session) -> None:
    promise = "No marker and no token in logs, Valkey, metrics, titles, folders or statistics."
    with session.proof.section("Where nothing may lie", promise) as section:
        places.search(session.world, section, session.running, session.ear)


def mutate(session: Session) -> None:
    promise = "Each guard that is taken away is missed by a check."
    # They would be in the way of copying the database.
    session.running.stop_all()
    connection.close()
    with session.proof.section("Holes made on purpose", promise) as section:
        mutations.mutate(session.world, session.proof, section, address(), session.running.folder)


PARTS: Final[tuple[Callable[[Session], None], ...]] = (
    *(fill, look, ask, stream, visit, side_doors, poison),
    # What the proof itself asks of the database from here on is in the log, too.
    *(search, policies, catalog, mutate),
)


def address() -> str:
    """The database's address, for connections beside Django's."""
    known = settings.DATABASES["default"]
    parts = {
        "dbname": known["NAME"],
        "user": known["USER"],
        "host": known["HOST"] or known["OPTIONS"].get("host", ""),
    }
    return " ".join(f"{name}={value}" for name, value in parts.items() if value)


def run(running: Installation, options: argparse.Namespace) -> int:
    started = time.monotonic()
    session = Session(running, options)
    say(f"  Seed {options.seed}")
    try:
        session.run(options.only)
    finally:
        session.proof.seconds = time.monotonic() - started
        report.write(session.proof, options.report)
        say(f"\n{report.verdict(session.proof)}\n  {options.report}")
    return 0 if session.proof.holds else 1
