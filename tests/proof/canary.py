"""Holes that are looked at over HTTP: that the canaries of the API and of the console do sing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from config.dev.processes import wait_until
from tests.house.catalog import rows
from tests.house.routes import api_routes
from tests.proof import database
from tests.proof.calls import Caller, Ledger
from tests.proof.console import Visitor
from tests.proof.findings import Mutation, Section
from tests.proof.fuzz import plain
from tests.proof.world import World, judge
from tests.web import WEB, answers, free_port, process

BROKER: Final = 9
UNFILTERED: Final = "tests.proof.unfiltered:application"


@dataclass(frozen=True)
class Opened:
    """Tables that are opened for a role, and who looks whether that shows."""

    what: str
    tables: tuple[str, ...]
    role: str
    is_console: bool = False


API: Final = (
    Opened("health_events is open to the API", ("health_events",), "novara_api"),
    Opened("documents is open to the API", ("documents",), "novara_api"),
    Opened("user_medications is open to the API", ("user_medications",), "novara_api"),
    Opened("insights is open to the API", ("insights",), "novara_api"),
    Opened("daily_checkins is open to the API", ("daily_checkins",), "novara_api"),
    Opened("user_profiles is open to the API", ("user_profiles",), "novara_api"),
)
CONSOLE: Final = (
    Opened("users is open to staff", ("users",), "novara_staff", is_console=True),
    Opened("documents is open to staff", ("documents",), "novara_staff", is_console=True),
)


def over_http(
    world: World, section: Section, folder: Path, *, is_quick: bool
) -> Iterator[Mutation]:
    """Holes in the policies under the API, and under a console without its own filter."""
    with server(folder, WEB) as url:
        shown = seen(world, url)
        section.expect(not shown, f"Without any hole the API shows something: {shown}")
        yield from _opened(world, section, API[:1] if is_quick else API, partial(seen, world, url))
    if is_quick:
        return
    command = tuple(UNFILTERED if one.endswith(":application") else one for one in WEB)
    with server(folder, command) as url:
        look = partial(seen_in_console, world, url)
        section.expect(
            not look(),
            "Without its own filter the console shows something that the policies should hide.",
        )
        yield from _opened(world, section, CONSOLE, look)


def _opened(
    world: World, section: Section, holes: Sequence[Opened], look: Callable[[], tuple[str, ...]]
) -> Iterator[Mutation]:
    """At least one must show over HTTP; where a query asks for its own as well, none can."""
    sung = 0
    for opened in holes:
        with open_to(opened):
            sights = look()
            faults = database.probe(world, opened.tables[0], opened.role)[1][:1]
        sung += bool(sights)
        told = "; nothing shows over HTTP, as the queries have a condition of their own"
        caught = sights or tuple(f"database: {one}{told}" for one in faults)
        beside = ", and the console has no filter" if opened.is_console else ""
        yield Mutation(f"{opened.what}{beside} (asked over HTTP)", "policy, over HTTP", caught)
    where = "the console" if holes[0].is_console else "the API"
    section.fact(f"Opened policies that showed in {where}", f"{sung} of {len(holes)}")
    section.expect(sung, f"No opened policy showed in {where}: this canary is dumb.")


@contextmanager
def server(folder: Path, command: tuple[str, ...]) -> Iterator[str]:
    port = free_port()
    log = folder / "logs" / f"mutated-{port}.log"
    with process(log, *command, "--port", str(port), broker=BROKER) as running:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: running.poll() is not None or answers(url), seconds=60)
        yield url


@contextmanager
def open_to(opened: Opened) -> Iterator[None]:
    """Committed, as the server has connections of its own."""
    for table in opened.tables:
        rows(f"CREATE POLICY hole ON {table} TO {opened.role} USING (true) WITH CHECK (true)")
    try:
        yield
    finally:
        for table in opened.tables:
            rows(f"DROP POLICY hole ON {table}")


def seen(world: World, url: str) -> tuple[str, ...]:
    """Read all that Alice can read, and what has an id of Charlie's or Bob's in its path."""
    ledger = Ledger(world.markers, kept=world.ledger.kept)
    alice = world.people["alice"]
    headers = {"Authorization": alice.caller.client.headers["Authorization"]}
    caller = Caller("alice", url, ledger, headers=headers)
    found = []
    for route in api_routes():
        if route.method != "GET":
            continue
        own = route.path(alice.ids)
        caller.call("GET", own)
        for victim in ("charlie", "bob") if route.parameters else ():
            path = route.path(world.people[victim].ids)
            asked = caller.call("GET", path)
            nothing = caller.call("GET", route.path(dict.fromkeys(alice.ids, NOBODY)))
            if plain(asked) != plain(nothing):
                found.append(f"API: {route} with an id of {victim} answers {asked.status_code}")
    caller.call("POST", "/api/v2/documents/search", {"query": "transfer Tuesday"})
    return tuple(found[:2]) + _judged(world, ledger, "API")


NOBODY: Final = "01a1ff00-0000-7000-8000-000000000000"


def seen_in_console(world: World, url: str) -> tuple[str, ...]:
    ledger = Ledger(world.markers, kept=world.ledger.kept)
    visited: Any = World(world.markers, ledger, url, people=world.people, tenants=world.tenants)
    visitor = Visitor(visited, world.people["anna"].user.email)
    for path in (
        *("/admin/", "/admin/accounts/user/", "/admin/documents/document/all/"),
        *("/admin/documents/document/", "/admin/documents/document/queue/"),
        *("/admin/health/healthevent/", "/admin/insights/insight/"),
    ):
        visitor.visit(path)
    for victim in ("charlie", "dora"):
        person = world.people[victim]
        visitor.visit(f"/admin/accounts/user/{person.user.pk}/change/")
        visitor.visit(f"/admin/documents/document/{person.ids['document_id']}/change/")
    return _judged(world, ledger, "console")


def _judged(world: World, ledger: Ledger, where: str) -> tuple[str, ...]:
    section = Section(where, "")
    judge(World(world.markers, ledger, "", people=world.people, tenants=world.tenants), section)
    return tuple(f"{where}: {one.what} at {one.how}" for one in section.findings[:2])
