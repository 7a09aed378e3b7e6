"""Holes made on purpose, one at a time, in a copy of the database: each must be seen.

A hole is made inside a transaction that is rolled back. What looks at it afterwards is the same as
in the rest of the proof: the catalog's tests, the database by itself, the filter of the console,
and for some holes the API and the console over HTTP.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.contrib import admin
from django.db import Error
from django.http import HttpRequest

from config.dev.progress import say
from core.admin import ConsoleAdmin, ForSuperusers
from tests.house import test_catalog as catalog
from tests.house.catalog import ROW_SECURITY, names, rows
from tests.house.scratch import scratch_database
from tests.proof import canary, database
from tests.proof.database import rolled_back
from tests.proof.findings import Mutation, Proof, Section
from tests.proof.world import NORTH, World

WIDER: Final = "{tenant} = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)"
# What a quick run takes of the many.
QUICK: Final = 24


@dataclass(frozen=True)
class Hole:
    what: str
    kind: str
    # What is done, and the tables or views that are looked at afterwards.
    statements: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    # Whose policy it is; all roles look where it is nobody's alone.
    role: str = ""


def mutate(world: World, proof: Proof, section: Section, url: str, folder: Path) -> None:
    # What an approved form looks like in the catalog is the same whatever hole there is.
    with (
        _replaced(catalog, "deparsed", cache(catalog.deparsed)),
        scratch_database(is_copy=True, url=url),
    ):
        holes = list(plan())
        section.fact("Holes that can be made", len(holes) + len(FILTERS))
        before = _control(world, section, holes)
        if proof.is_quick:
            holes = _some(holes, world.markers.seed)
        for number, hole in enumerate(holes, 1):
            # What a check says without any hole, too, has not seen this one.
            caught = tuple(one for one in look(world, hole) if one not in before)
            _note(proof, section, Mutation(hole.what, hole.kind, caught))
            if number % 50 == 0:
                say(f"    {number} of {len(holes)} holes")
        for what, change in FILTERS.items():
            with change():
                caught = tuple(one for one in console_filter(world) if one not in before)
            _note(proof, section, Mutation(what, "filter of the console", caught))
        for mutation in canary.over_http(world, section, folder, is_quick=proof.is_quick):
            _note(proof, section, mutation)


def _note(proof: Proof, section: Section, mutation: Mutation) -> None:
    proof.mutations.append(mutation)
    section.expect(mutation.is_caught, f"Nobody saw this: {mutation.what}")


def _control(world: World, section: Section, holes: list[Hole]) -> set[str]:
    """Without a hole nothing is seen: otherwise what is caught would mean nothing."""
    tables = tuple(sorted({table for hole in holes for table in hole.tables}))
    views = tuple(sorted({view for hole in holes for view in hole.views}))
    seen = list(look(world, Hole("nothing", "control", (), tables, views)))
    section.expect(not seen, f"Without any hole the checks saw: {seen[:3]}")
    shown = console_filter(world)
    section.expect(not shown, f"Without any hole the console's filter shows: {shown[:3]}")
    return {*seen, *shown}


def _some(holes: list[Hole], seed: int) -> list[Hole]:
    """One of each kind, and more of all."""
    dice = random.Random(seed)  # noqa: S311  Reproducible on purpose.
    dice.shuffle(holes)
    kinds = {hole.kind: hole for hole in reversed(holes)}
    rest = [hole for hole in holes if hole not in kinds.values()]
    return [*kinds.values(), *rest[: max(0, QUICK - len(kinds))]]


# The holes


def plan() -> Iterator[Hole]:
    yield from _policies()
    for table in sorted(names(ROW_SECURITY)):
        statement = f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"
        yield Hole(
            f"Row security of {table} is switched off", "row security", (statement,), (table,)
        )
    for view in database.views():
        statement = f"ALTER VIEW {view} SET (security_invoker = false)"
        yield Hole(
            f"The view {view} reads with the rights of its owner", "view", (statement,), (), (view,)
        )
    yield from _rights()


def _policies() -> Iterator[Hole]:
    policies = rows(
        "SELECT tablename, policyname, roles[1]::text, cmd, qual, with_check FROM pg_policies"
        " ORDER BY 1, 2"
    )
    for table, policy, role, command, using, check in policies:
        named = f"{table}, policy {policy} ({role}, {command})"
        alter = f"ALTER POLICY {policy} ON {table}"
        yield Hole(
            f"{named} is dropped",
            "policy dropped",
            (f"DROP POLICY {policy} ON {table}",),
            (table,),
            (),
            role,
        )
        opened = _clauses(using and "true", check and "true")
        if {using, check} - {None, "true"}:
            yield Hole(
                f"{named} is opened", "policy opened", (f"{alter} {opened}",), (table,), (), role
            )
        else:
            closed = _clauses(using and "false", check and "false")
            yield Hole(
                f"{named} is closed", "policy closed", (f"{alter} {closed}",), (table,), (), role
            )
        if check not in {None, "true", "false"} and using is not None:
            yield Hole(
                f"{named} lets anything be written", "policy's check opened",
                (f"{alter} WITH CHECK (true)",), (table,), (), role,
            )  # fmt: skip
        if "app.user_id" in (using or ""):
            wider = WIDER.format(tenant=catalog.TENANT_KEY.get(table, "tenant_id"))
            yield Hole(
                f"{named} is for the whole clinic", "policy widened to the clinic",
                (f"{alter} {_clauses(wider, check and wider)}",), (table,), (), role,
            )  # fmt: skip


def _clauses(using: str | None, check: str | None) -> str:
    told = [f"USING ({using})"] if using else []
    return " ".join([*told, f"WITH CHECK ({check})"] if check else told)


def _rights() -> Iterator[Hole]:
    given = {
        "novara_api may read the keys of servers": "GRANT SELECT ON api_keys TO novara_api",
        "novara_api may read the lists of flags": "GRANT SELECT ON feature_flags TO novara_api",
        "novara_api may read passwords": "GRANT SELECT (password) ON users TO novara_api",
        "novara_api may empty the log": "GRANT TRUNCATE ON health_events TO novara_api",
        "novara_api may open the gate": "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO novara_api",
        "novara_staff may read sessions": "GRANT SELECT ON django_session TO novara_staff",
        "novara_staff may change health data": "GRANT UPDATE ON health_events TO novara_staff",
        "everybody may read people": "GRANT SELECT ON users TO PUBLIC",
    }
    for what, statement in given.items():
        yield Hole(what, "right given", (statement,))
    yield Hole(
        "A second policy opens health_events", "policy added",
        ("CREATE POLICY another ON health_events TO novara_api USING (true)",), ("health_events",),
    )  # fmt: skip
    yield Hole(
        "A new table without row security", "table added",
        ("CREATE TABLE diaries (id uuid, tenant_id uuid, user_id uuid, page text)",),
    )  # fmt: skip
    yield Hole(
        "A materialized view of everybody's events", "view added",
        ("CREATE MATERIALIZED VIEW everything AS SELECT * FROM health_events",),
    )  # fmt: skip
    yield Hole(
        "A key without the clinic in it", "key added",
        ("CREATE UNIQUE INDEX alone ON user_medications (id)",),
    )  # fmt: skip
    yield Hole(
        "A reference that could cross clinics", "reference added",
        (
            "CREATE UNIQUE INDEX documents_alone ON documents (id)",
            "ALTER TABLE document_texts ADD FOREIGN KEY (document_id) REFERENCES documents (id)",
        ),
    )  # fmt: skip


# Who looks


def look(world: World, hole: Hole) -> Iterator[str]:
    """Make the hole; name each check that sees it."""
    with rolled_back():
        for statement in hole.statements:
            rows(statement)
        for table in hole.tables:
            _, faults = database.probe(world, table, hole.role)
            if faults:
                yield f"database: {faults[0]}"
        for view in hole.views:
            _, faults = database.probe_view(world, view)
            if faults:
                yield f"database: {faults[0]}"
        yield from catalog_faults()


def catalog_tests() -> list[Callable[[Any], None]]:
    """The tests of tests/house/test_catalog.py that need nothing but the database."""
    found = []
    for name, test in vars(catalog).items():
        arguments = getattr(test, "__code__", None)
        if name.startswith("test_") and arguments:
            taken = arguments.co_varnames[: arguments.co_argcount]
            if taken == ("db",) and name != "test_notices_a_new_table":
                found.append(test)
    return found


def catalog_faults() -> Iterator[str]:
    for test in catalog_tests():
        try:
            with rolled_back():
                test(None)
        except (AssertionError, Error):
            yield f"catalog: {test.__name__.removeprefix('test_').replace('_', ' ')}"


# The filter of the console, without the policies beside it


def console_filter(world: World) -> list[str]:
    """As the owner, for whom no policy holds, staff are shown rows of their own clinic alone."""
    request = HttpRequest()
    request.user = world.people["anna"].user
    clinic = world.tenants[NORTH].pk
    faults = []
    for model, page in admin.site._registry.items():
        name = f"console, {model._meta.verbose_name_plural}"
        key = "tenant_id" if any(f.attname == "tenant_id" for f in model._meta.fields) else None
        key = "id" if model._meta.db_table == "tenants" else key
        if not page.has_view_permission(request):
            continue
        shown = page.get_queryset(request)
        # A view reads by the rights of its owner here, so it is filtered like a table.
        if key is None:
            if shown.exists():
                faults.append(f"{name}: staff see rows of the whole house")
            continue
        if (foreign := shown.exclude(**{key: clinic})).exists():
            faults.append(f"{name}: {foreign.count()} rows of another clinic")
        other = model._base_manager.exclude(**{key: clinic}).first()
        if other is not None and page.has_change_permission(request, other):
            faults.append(f"{name}: a row of another clinic may be changed")
        if other is not None and page.has_view_permission(request, other):
            faults.append(f"{name}: a row of another clinic may be seen")
    return faults


@contextmanager
def unfiltered() -> Iterator[None]:
    def everything(self: Any, request: HttpRequest) -> Any:
        return super(ConsoleAdmin, self).get_queryset(request)

    with _replaced(ConsoleAdmin, "get_queryset", everything):
        yield


@contextmanager
def in_reach() -> Iterator[None]:
    with _replaced(ConsoleAdmin, "is_within_reach", staticmethod(lambda *_: True)):
        yield


@contextmanager
def for_all() -> Iterator[None]:
    with _replaced(ForSuperusers, "is_within_reach", staticmethod(lambda *_: True)):
        yield


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


FILTERS: Final = {
    "Lists of the console show rows of every clinic": unfiltered,
    "Rows of every clinic are within reach of staff": in_reach,
    "Pages of the whole house are open to staff": for_all,
}
