"""The database by itself: what each role sees and changes of each table, whatever rights it has.

Each table is probed with all rights granted and its triggers off, inside a transaction that is
rolled back, so that it is the policies alone that hold. What should be seen is what the approved
form of the policy (tests/house/test_catalog.py) says when its owner evaluates it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from django.db import Error, ProgrammingError, connection, transaction

from tests.house.catalog import ROW_SECURITY, names, rows
from tests.house.test_catalog import PERSON_KEY, POLICIES, TENANT_KEY
from tests.proof.world import NORTH, SOUTH, World

# Roles of pages of the console, which see one clinic.
CONSOLE: Final = sorted({role for _, role, _ in POLICIES} & {"novara_staff", "novara_support"})
REFUSED: Final = "42501"
COMMANDS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
# Which of a policy's two forms decides about a row that is there, and about one that is made.
USING, CHECK = 0, 1


@dataclass(frozen=True)
class Context:
    """Somebody whom the settings of the gate name."""

    role: str
    name: str
    tenant_id: str = ""
    user_id: str = ""


@dataclass(frozen=True)
class Sample:
    """One row of a table, whose it is, and how it is found again."""

    owner: str
    row: str
    key: str


def contexts(world: World) -> list[Context]:
    clinics = {name: str(tenant.pk) for name, tenant in world.tenants.items()}
    people = [
        Context("novara_api", name, str(one.user.tenant_id), str(one.user.pk))
        for name, one in world.people.items()
        if name in {"alice", "bob", "charlie"}
    ]
    return [
        Context("novara_api", "nobody"),
        # Half of a person is nobody.
        Context("novara_api", "Charlie with North's clinic", clinics[NORTH], people[2].user_id),
        *people,
        *(Context(role, "nobody") for role in CONSOLE),
        *(
            Context(role, f"staff of {name}", key)
            for role in CONSOLE
            for name, key in clinics.items()
        ),
        *(Context(role, "itself") for role in roles() - {"novara_api", *CONSOLE}),
    ]


def roles() -> set[str]:
    return {role for _, role, _ in POLICIES}


@contextmanager
def rolled_back() -> Iterator[None]:
    """Whatever is done within is undone; a savepoint inside of another one."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def tables() -> list[str]:
    return sorted(names(ROW_SECURITY) | {table for table, _, _ in POLICIES})


def probe(world: World, table: str, role: str = "") -> tuple[int, list[str]]:
    """Tell how much was tried of a table, and what was not as it should be."""
    faults: list[str] = []
    tried = 0
    with rolled_back():
        key = _key_of(table)
        samples = _samples(world, table, key)
        _open(table)
        for context in contexts(world):
            if role and context.role != role:
                continue
            for fault in _asked(world, table, key, samples, context):
                tried += 1
                if fault:
                    faults.append(f"{table}, {context.role} as {context.name}: {fault}")
    return tried, faults


def _open(table: str) -> None:
    """Give every right and take the triggers away: the policies are to hold by themselves."""
    for role in roles():
        rows(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}")
    rows(f"ALTER TABLE {table} DISABLE TRIGGER USER")


def _key_of(table: str) -> str:
    ((columns,),) = rows(
        "SELECT array_agg(quote_ident(a.attname) ORDER BY a.attnum) FROM pg_index i"
        "  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)"
        " WHERE i.indrelid = %s::regclass AND i.indisprimary",
        [table],
    )
    return "ROW(" + ", ".join(columns or ["ctid"]) + ")::text"


def _samples(world: World, table: str, key: str) -> list[Sample]:
    """A row of each person and clinic, or any rows where there are no owners."""
    found = []
    columns = names(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table]
    )
    user, tenant = PERSON_KEY.get(table, "user_id"), TENANT_KEY.get(table, "tenant_id")
    wanted = [(name, user, world.people[name].user.pk) for name in ("alice", "bob", "charlie")]
    wanted += [(name, tenant, one.pk) for name, one in world.tenants.items()]
    for name, column, value in wanted:
        if column in columns:
            for row, row_key in rows(
                f"SELECT to_jsonb(t)::text, {key} FROM {table} t WHERE {column} = %s LIMIT 1",
                [value],
            ):
                found.append(Sample(name, row, row_key))
    if not found:
        listed = rows(f"SELECT to_jsonb(t)::text, {key} FROM {table} t LIMIT 1")
        found = [Sample("nobody", row, row_key) for row, row_key in listed]
    return found


def _asked(
    world: World, table: str, key: str, samples: list[Sample], context: Context
) -> Iterator[str]:
    """One text for each try; empty where all is well."""
    with rolled_back():
        _settings(context)
        form = _form(table, context.role, "SELECT", USING)
        should = names(f"SELECT {key} FROM {table} t WHERE {form}")
        may = {
            (sample, command): _holds(table, key, sample, _form(table, context.role, command, side))
            for sample in samples
            for command, side in (("INSERT", CHECK), ("UPDATE", USING), ("DELETE", USING))
        }
        rows(f"SET LOCAL ROLE {context.role}")
        seen = names(f"SELECT {key} FROM {table}")
        yield _told(seen, should)
        for (sample, command), is_allowed in may.items():
            # A row that cannot be seen cannot be changed either.
            is_right = is_allowed and (command == "INSERT" or sample.key in should)
            did = _try(table, key, sample, command)
            if did == is_right:
                yield ""
            else:
                verb = "can" if did else "cannot"
                yield f"{verb} {command} a row of {sample.owner}"
        yield from _moves(world, table, key, samples, context)


def _told(seen: set[str], should: set[str]) -> str:
    if seen == should:
        return ""
    more, less = len(seen - should), len(should - seen)
    return f"sees {more} rows too many and {less} too few"


def _moves(
    world: World, table: str, key: str, samples: list[Sample], context: Context
) -> Iterator[str]:
    """One's own row must not become a row of South."""
    own = next((one for one in samples if one.owner == context.name), None)
    form = _form(table, context.role, "UPDATE", CHECK)
    if own is None or not context.tenant_id or form in {"true", "false"}:
        return
    column = TENANT_KEY.get(table, "tenant_id")
    other = NORTH if context.tenant_id == str(world.tenants[SOUTH].pk) else SOUTH
    target = world.tenants[other].pk
    code = _code(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", [target, own.key])
    yield "" if code == REFUSED else f"can give a row to {other} ({code or 'done'})"


def _settings(context: Context) -> None:
    rows(
        "SELECT set_config('app.tenant_id', %s, true), set_config('app.user_id', %s, true)",
        [context.tenant_id, context.user_id],
    )


def _form(table: str, role: str, command: str, side: int) -> str:
    """Say the approved form for a command; without a policy, no row."""
    forms = POLICIES.get((table, role, command)) or POLICIES.get((table, role, "ALL"))
    form = forms[side] if forms else None
    if form is None:
        return "false"
    return form.format(
        tenant=TENANT_KEY.get(table, "tenant_id"), person=PERSON_KEY.get(table, "user_id")
    )


def _holds(table: str, key: str, sample: Sample, form: str) -> bool:
    ((holds,),) = rows(
        f"SELECT count(*) FROM {table} t WHERE {key} = %s AND ({form})", [sample.key]
    )
    return bool(holds)


def _try(table: str, key: str, sample: Sample, command: str) -> bool:
    """Whether the policies let it pass; what fails for another reason has passed them."""
    if command == "INSERT":
        columns = ", ".join(_written(table))
        # The very row that is there: what lets it pass runs into its key.
        statement = (
            f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE"
            f" SELECT {columns} FROM jsonb_populate_record(NULL::{table}, %s)"
        )
        return _code(statement, [sample.row]) != REFUSED
    column = _written(table)[0]
    statement = {
        "UPDATE": f"UPDATE {table} SET {column} = {column} WHERE {key} = %s",
        "DELETE": f"DELETE FROM {table} WHERE {key} = %s",
    }[command]
    return _code(statement, [sample.key]) != "none"


def _code(statement: str, values: list[Any]) -> str:
    """Give the code of the error; "none" where no row was touched, empty where it was done."""
    try:
        with rolled_back(), connection.cursor() as cursor:
            cursor.execute(statement, values)
            return "" if cursor.rowcount else "none"
    except Error as error:
        cause = error.__cause__
        return (cause.sqlstate or "?") if isinstance(cause, psycopg.Error) else "?"


_columns: dict[str, list[str]] = {}


def _written(table: str) -> list[str]:
    """Columns that are not computed."""
    if table not in _columns:
        _columns[table] = [
            name
            for (name,) in rows(
                "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = %s::regclass"
                "   AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
                [table],
            )
        ]
    return _columns[table]


# Views


def views() -> list[str]:
    return sorted(names("SELECT viewname FROM pg_views WHERE schemaname = 'public'"))


def probe_view(world: World, view: str) -> tuple[int, list[str]]:
    """A view shows what the tables behind it show to whoever looks, and nothing more."""
    faults, tried = [], 0
    columns = names(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s", [view]
    )
    with rolled_back():
        for role in ("novara_api", *CONSOLE):
            rows(f"GRANT SELECT ON {view} TO {role}")
            for table in tables():
                rows(f"GRANT SELECT ON {table} TO {role}")
        for context in contexts(world):
            if context.name == "itself":
                continue
            with rolled_back():
                _settings(context)
                rows(f"SET LOCAL ROLE {context.role}")
                seen = _seen(view)
            tried += 1
            fault = _foreign(seen, columns, context)
            if fault:
                faults.append(f"{view}, {context.role} as {context.name}: {fault}")
    return tried, faults


def _seen(view: str) -> list[str]:
    """Nothing, where the role may not even call what the view is made of."""
    try:
        with transaction.atomic():
            return [row for (row,) in rows(f"SELECT to_jsonb(v)::text FROM {view} v")]
    except ProgrammingError as error:
        if getattr(error.__cause__, "sqlstate", "") != REFUSED:
            raise
        return []


def _foreign(seen: list[str], columns: set[str], context: Context) -> str:
    found = [json.loads(row) for row in seen]
    # Sums over no rows are zeros, not rows of somebody.
    if not context.tenant_id or context.name.startswith("Charlie with"):
        found = [
            row
            for row in found
            if any(value not in (None, 0, "", [], {}) for value in row.values())
        ]
        return f"shows {len(found)} rows" if found else ""
    for column, mine in (("tenant_id", context.tenant_id), ("user_id", context.user_id)):
        if mine and column in columns:
            foreign = [row for row in found if row[column] not in (mine, None)]
            if foreign:
                return f"shows {len(foreign)} rows of somebody else"
    return ""
