"""What is in a database: rows of each table, sequences, and every object with its rights.

Digests do not depend on the order of rows, on settings of the session, or on the name of the
login role, so that a database and its restored copy are equal where nothing is missing.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from django.db import connection
from psycopg import sql

FIXED: Final = (
    "SET LOCAL timezone TO 'UTC'; SET LOCAL datestyle TO 'ISO, YMD';"
    " SET LOCAL intervalstyle TO 'iso_8601'; SET LOCAL bytea_output TO 'hex';"
    " SET LOCAL extra_float_digits TO 1; SET LOCAL search_path TO public;"
    " SET LOCAL statement_timeout TO 0; SET LOCAL row_security TO off"
)
TABLES: Final = """
    SELECT c.relname
      FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace
       AND c.relkind = 'r'
     ORDER BY 1
"""
ROWS: Final = """
    SELECT count(*),
           coalesce(sum(('x' || encode(substr(sha256(convert_to(t::text, 'UTF8')), 1, 8), 'hex'))
                        ::bit(64)::bigint::numeric), 0)::text
      FROM {} t
"""
SEQUENCES: Final = """
    SELECT sequencename, coalesce(last_value, 0)
      FROM pg_sequences
     WHERE schemaname = 'public'
     ORDER BY 1
"""
# Who may do what, without the name of the login role, which may be another one.
RIGHTS: Final = """
    (SELECT string_agg(concat(CASE WHEN grantee = 0 THEN 'public'
                                   WHEN grantee = {owner} THEN 'owner'
                                   ELSE pg_get_userbyid(grantee) END,
                              ' ', privilege_type, ' ', is_grantable),
                       ', ' ORDER BY pg_get_userbyid(grantee), privilege_type)
       FROM aclexplode({rights}))
"""
OWNER: Final = """
    CASE WHEN pg_get_userbyid({0}) = current_user THEN 'login' ELSE pg_get_userbyid({0}) END
"""
FUNCTION_RIGHTS: Final = "coalesce(p.proacl, acldefault('f', p.proowner))"
TABLE_RIGHTS: Final = "coalesce(c.relacl, acldefault('r', c.relowner))"
FUNCTIONS: Final = f"""
    SELECT 'function ' || p.oid::regprocedure,
           concat(pg_get_functiondef(p.oid), {OWNER.format("p.proowner")},
                  {RIGHTS.format(owner="p.proowner", rights=FUNCTION_RIGHTS)})
      FROM pg_proc p
     WHERE p.pronamespace = 'public'::regnamespace
       AND p.prokind IN ('f', 'p')
"""
TRIGGERS: Final = """
    SELECT 'trigger ' || t.tgname || ' on ' || t.tgrelid::regclass,
           concat(pg_get_triggerdef(t.oid), t.tgenabled)
      FROM pg_trigger t
     WHERE NOT t.tgisinternal
"""
POLICIES: Final = """
    SELECT 'policy ' || p.policyname || ' on ' || p.tablename,
           concat(p.permissive, p.roles::text, p.cmd, p.qual, ' / ', p.with_check)
      FROM pg_policies p
"""
# Those of PostgreSQL 18 that say NOT NULL are told with the columns.
CONSTRAINTS: Final = """
    SELECT 'constraint ' || c.conname || ' on ' || c.conrelid::regclass,
           concat(pg_get_constraintdef(c.oid), c.convalidated)
      FROM pg_constraint c
     WHERE c.connamespace = 'public'::regnamespace
       AND c.contype NOT IN ('n', 't')
"""
INDEXES: Final = """
    SELECT 'index ' || i.indexrelid::regclass,
           concat(pg_get_indexdef(i.indexrelid), i.indisvalid)
      FROM pg_index i
      JOIN pg_class c ON c.oid = i.indexrelid
     WHERE c.relnamespace = 'public'::regnamespace
"""
RELATIONS: Final = f"""
    SELECT CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'S' THEN 'sequence ' WHEN 'c' THEN 'type '
                ELSE 'table ' END || c.relname,
           concat(c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relpersistence,
                  c.reloptions::text, {OWNER.format("c.relowner")},
                  CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END,
                  {RIGHTS.format(rights=TABLE_RIGHTS, owner="c.relowner")})
      FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace
       AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'c')
"""
COLUMNS: Final = f"""
    SELECT 'column ' || c.relname || '.' || a.attname,
           concat(format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
                  a.attgenerated, pg_get_expr(d.adbin, d.adrelid),
                  {RIGHTS.format(rights="a.attacl", owner="c.relowner")})
      FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE c.relnamespace = 'public'::regnamespace
       AND c.relkind IN ('r', 'p', 'v', 'm', 'c')
       AND a.attnum > 0
       AND NOT a.attisdropped
"""
SCHEMA: Final = f"""
    SELECT 'schema public', {RIGHTS.format(rights="n.nspacl", owner="n.nspowner")}
      FROM pg_namespace n
     WHERE n.oid = 'public'::regnamespace
"""
KINDS: Final = (
    *(FUNCTIONS, TRIGGERS, POLICIES, CONSTRAINTS),
    *(INDEXES, RELATIONS, COLUMNS, SCHEMA),
)
# A condition that was written out and read again has fewer parentheses.
DIGESTS: Final = f"""
    SELECT name,
           encode(sha256(convert_to(regexp_replace(coalesce(definition, ''), '[()\\s]+', '', 'g'),
                                    'UTF8')), 'hex')
      FROM ({" UNION ALL ".join(KINDS)}) AS objects (name, definition)
     ORDER BY 1
"""


class Rows(msgspec.Struct, frozen=True):
    count: int
    digest: str


class Inventory(msgspec.Struct, frozen=True):
    server: int
    tables: Mapping[str, Rows]
    sequences: Mapping[str, int]
    objects: Mapping[str, str]

    @property
    def row_count(self) -> int:
        return sum(rows.count for rows in self.tables.values())


def take() -> Inventory:
    """Go through the whole database, within the transaction that the caller has opened."""
    with connection.cursor() as cursor:
        cursor.execute(FIXED)
        names = [name for (name,) in _all(TABLES)]
        return Inventory(
            server=int(connection.connection.info.server_version) // 10_000,
            tables={name: _rows_of(name) for name in names},
            sequences=dict(_all(SEQUENCES)),
            objects=dict(_all(DIGESTS)),
        )


def differences(before: Inventory, now: Inventory) -> Iterator[str]:
    """Say in words, table by table and object by object, what is not as it was."""
    for name in sorted(before.tables.keys() | now.tables.keys()):
        was, found = before.tables.get(name), now.tables.get(name)
        if was is None or found is None:
            yield f"table {name}: {'was not there' if was is None else 'is missing'}"
        elif was.count != found.count:
            yield f"table {name}: {found.count:,} rows instead of {was.count:,}"
        elif was.digest != found.digest:
            yield f"table {name}: as many rows as before, of which some say something else"
    for kind, old, new in (
        ("sequence ", before.sequences, now.sequences),
        ("", before.objects, now.objects),
    ):
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                word = "is another" if name in old and name in new else "is missing"
                yield f"{kind}{name}: {word if name in old else 'was not there'}"


def _rows_of(table: str) -> Rows:
    ((count, digest),) = _all(sql.SQL(ROWS).format(sql.Identifier(table)))
    return Rows(count, digest)


def _all(query: str | sql.Composed) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        found: list[Any] = cursor.fetchall()
    return found
