"""An old Postgres database, read in one snapshot through server-side cursors."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict

from legacy.sources.errors import SourceError
from legacy.sources.keys import Keys
from legacy.sources.values import json_or_text, number_or_text, read_text
from legacy.types import Row, Unreadable

TABLES: Final = """
    SELECT c.relname::text, a.attname::text, t.typname::text, t.typcategory::text,
           coalesce(a.attnum = ANY (i.indkey), false)
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
     WHERE c.relkind IN ('r', 'p')
       AND NOT c.relispartition
       AND c.oid = to_regclass(quote_ident(c.relname))
       AND n.nspname = ANY (current_schemas(false))
     ORDER BY c.relname, a.attnum
"""
# A plan that gives the first rows soon walks the index of each person, where there is one.
SETTINGS: Final = """
    SET LOCAL cursor_tuple_fraction = 0.0001;
    SET LOCAL DateStyle = 'ISO, YMD';
    SET LOCAL IntervalStyle = 'postgres';
    SET LOCAL TimeZone = 'UTC';
    SET LOCAL extra_float_digits = 1;
    SET LOCAL bytea_output = 'hex';
    SET LOCAL row_security = off;
    SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0
"""
FETCHED: Final = 500
# Of Novara itself, not of the service before it.
OURS: Final = "legacy_imports"


class Raw(Loader):
    """Hands every value over as the bytes that the server sent."""

    def load(self, data: Any) -> bytes:
        return bytes(data)


def _moment(text: str) -> Any:
    """Read a time; one that Python has none for (infinity, years before Christ) stays a text."""
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return text


def _day(text: str) -> Any:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return text


READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    **dict.fromkeys(("int2", "int4", "int8"), int),
    **dict.fromkeys(("numeric", "float4", "float8"), number_or_text),
    **dict.fromkeys(("timestamp", "timestamptz"), _moment),
    **dict.fromkeys(("json", "jsonb"), json_or_text),
    "date": _day,
    "bool": "true".__eq__,
}


class Column:
    def __init__(self, name: str, type_name: str, category: str) -> None:
        self.name, self.type_name = name, type_name
        is_list = category == "A"
        self._read = json_or_text if is_list else READERS.get(type_name, str)
        # A list as JSON: its text form is harder to read, and the values are the same.
        form = "to_json(t.{0})::text" if is_list else "t.{0}::text"
        self.expression = sql.SQL(form).format(sql.Identifier(name))

    def read(self, data: bytes | None) -> Any:
        if data is None:
            return None
        text = read_text(data)
        return text if isinstance(text, Unreadable) else self._read(text)


class PostgresSource:
    has_only_texts = False

    def __init__(self, address: str) -> None:
        try:
            parts = conninfo_to_dict(address)
            self.label = f"postgresql://{parts.get('host', '')}/{parts.get('dbname', '')}"
            self._connection = psycopg.connect(address, connect_timeout=10)
            self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            self._connection.read_only = True
            self._connection.execute(SETTINGS)
            self._tables = self._read_tables()
        except (psycopg.Error, UnicodeError) as error:
            # The error's own text may quote the address with its password.
            raise SourceError(f"The Postgres source cannot be read ({_kind(error)}).") from None
        if OURS in self._tables:
            self.close()
            raise SourceError("The source is a database of Novara itself, not of the old service.")
        self._refs: list[tuple[str, int]] = []

    def close(self) -> None:
        self._connection.close()

    def tables(self) -> Mapping[str, Sequence[str]]:
        return {
            table: [column.name for column in columns]
            for table, (columns, _) in self._tables.items()
        }

    def rows(self, table: str, columns: Sequence[str] | None = None) -> Iterator[Row]:
        statement = sql.SQL("SELECT {columns} FROM {table} t")
        for _, row in self._select(statement, table, (), columns=columns):
            yield row

    def know(self, refs: Sequence[tuple[str, int]]) -> None:
        self._refs = list(refs)

    def rows_of_people(self, table: str, columns: Sequence[str]) -> Iterator[tuple[int, Row]]:
        statement = sql.SQL(
            "SELECT {columns}, p.rank::text"
            "  FROM unnest(%s::{type}[], %s::integer[]) AS p (ref, rank)"
            "  JOIN {table} t ON {ref} = p.ref"
            " ORDER BY p.rank"
        )
        for rank, row in self._select(statement, table, self._known(table, columns), refs=columns):
            yield int(rank), row

    def other_rows(self, table: str, columns: Sequence[str]) -> Iterator[Row]:
        statement = sql.SQL(
            "SELECT {columns}"
            "  FROM {table} t"
            " WHERE NOT EXISTS (SELECT"
            "                     FROM unnest(%s::{type}[], %s::integer[]) AS p (ref, rank)"
            "                    WHERE {ref} = p.ref)"
        )
        for _, row in self._select(statement, table, self._known(table, columns), refs=columns):
            yield row

    def _read_tables(self) -> dict[str, tuple[list[Column], list[str]]]:
        tables: dict[str, tuple[list[Column], list[str]]] = {}
        for table, name, type_name, category, is_key in self._connection.execute(TABLES):
            columns, keys = tables.setdefault(table, ([], []))
            columns.append(Column(name, type_name, category))
            if is_key:
                keys.append(name)
        return tables

    def _known(self, table: str, columns: Sequence[str]) -> tuple[list[str], list[int]]:
        """Give the refs that can stand in these columns at all."""
        kind = self._type_of_refs(table, columns)
        fitting = [(ref, rank) for ref, rank in self._refs if FITS[kind](ref)]
        return [ref for ref, _ in fitting], [rank for _, rank in fitting]

    def _type_of_refs(self, table: str, columns: Sequence[str]) -> str:
        """Compare as the column's own type, so that its index helps; several only as texts."""
        if len(columns) > 1:
            return "text"
        (name,) = columns
        found = next(column for column in self._tables[table][0] if column.name == name)
        return TYPES.get(found.type_name, "text")

    def _refs_of(self, kind: str, columns: Sequence[str]) -> sql.Composed:
        forms = [COMPARED["email" if name == "email" else kind] for name in columns]
        refs = [sql.SQL(f).format(sql.Identifier(n)) for f, n in zip(forms, columns, strict=True)]
        return sql.SQL("coalesce({})").format(sql.SQL(", ").join(refs)) if refs[1:] else refs[0]

    def _select(
        self,
        statement: sql.SQL,
        table: str,
        parameters: tuple[Any, ...],
        *,
        columns: Sequence[str] | None = None,
        refs: Sequence[str] = (),
    ) -> Iterator[tuple[Any, Row]]:
        every, primary = self._tables[table]
        chosen = [c for c in every if columns is None or c.name in columns]
        keys = Keys(table.removesuffix("_v1"), [c.name for c in chosen], primary)
        parts: dict[str, sql.Composable] = {
            "columns": sql.SQL(", ").join(column.expression for column in chosen),
            "table": sql.Identifier(table),
        }
        if refs:
            kind = self._type_of_refs(table, refs)
            parts["ref"], parts["type"] = self._refs_of(kind, refs), sql.SQL(kind)
        name = f"{table}-{id(parts)}"
        try:
            with self._connection.cursor(name) as cursor:
                cursor.itersize = FETCHED
                cursor.adapters.register_loader("text", Raw)
                cursor.execute(statement.format(**parts), parameters)
                for record in cursor:
                    values = {
                        column.name: column.read(data)
                        for column, data in zip(chosen, record, strict=False)
                    }
                    yield record[-1], Row(table, keys.of(values), values)
        except psycopg.Error as error:
            detail = f"The table {table} cannot be read ({_kind(error)})."
            raise SourceError(detail) from None


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


TYPES: Final = {"uuid": "uuid", **dict.fromkeys(("int2", "int4", "int8"), "bigint")}
FITS: Final[Mapping[str, Callable[[str], bool]]] = {
    "uuid": _is_uuid,
    "bigint": lambda ref: ref.isascii() and ref.isdecimal() and len(ref) < 19,  # noqa: PLR2004
    "text": lambda _ref: True,
}
COMPARED: Final = {
    "uuid": "t.{}",
    "bigint": "t.{}",
    "text": "t.{}::text",
    "email": "lower(btrim(t.{}::text))",
}


def _kind(error: Exception) -> str:
    state = getattr(error, "sqlstate", None)
    return type(error).__name__ + (f", SQLSTATE {state}" if state else "")
