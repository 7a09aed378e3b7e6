"""Old SQLite files; and folders of CSV files, which are read through a private SQLite database."""

import csv
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from legacy.sources.errors import SourceError
from legacy.sources.keys import Keys
from legacy.sources.values import exact_number, read_text
from legacy.types import Row, Unreadable

HEADER: Final = b"SQLite format 3\x00"
# As long as a cell of a CSV file may be.
LONGEST_CELL: Final = 100 * 1024 * 1024
TABLES: Final = """
    SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%'
    ESCAPE '\\' ORDER BY name
"""


class SqliteSource:
    has_only_texts = False

    def __init__(self, path: Path) -> None:
        self.label = path.name
        with path.open("rb") as file:
            if file.read(len(HEADER)) != HEADER:
                raise SourceError("The source is a file, but no SQLite database.")
        address = f"file:{quote(str(path.resolve()))}?mode=ro"
        try:
            self._connection = sqlite3.connect(address, uri=True, isolation_level=None)
            self._begin()
        except sqlite3.Error as error:
            raise SourceError(f"The SQLite source cannot be read ({_kind(error)}).") from None

    def _begin(self) -> None:
        # Reads see one moment, whoever writes meanwhile.
        self._connection.text_factory = read_text
        self._connection.execute("PRAGMA temp_store = FILE")
        self._connection.execute(
            "CREATE TEMP TABLE people (ref TEXT PRIMARY KEY, rank INTEGER) WITHOUT ROWID"
        )
        self._connection.execute("BEGIN")
        self._names: dict[str, str] = {}
        self._tables: dict[str, list[tuple[str, str]]] = {}
        self._primary: dict[str, list[str]] = {}
        for (name,) in self._connection.execute(TABLES).fetchall():
            info = self._connection.execute("SELECT * FROM pragma_table_info(?)", [name]).fetchall()
            table = plain(name)
            self._names[table] = name
            self._tables[table] = [(plain(str(column[1])), str(column[1])) for column in info]
            keys = sorted((column[5], plain(str(column[1]))) for column in info if column[5])
            self._primary[table] = [column for _, column in keys]

    def close(self) -> None:
        self._connection.close()

    def tables(self) -> Mapping[str, Sequence[str]]:
        return {table: [name for name, _ in columns] for table, columns in self._tables.items()}

    def rows(self, table: str, columns: Sequence[str] | None = None) -> Iterator[Row]:
        for _, row in self._select(table, "", "t.rowid", columns):
            yield row

    def know(self, refs: Sequence[tuple[str, int]]) -> None:
        self._connection.executemany("INSERT OR IGNORE INTO temp.people VALUES (?, ?)", refs)

    def rows_of_people(self, table: str, columns: Sequence[str]) -> Iterator[tuple[int, Row]]:
        join = f"JOIN temp.people p ON p.ref = {self._ref(table, columns)}"
        return self._select(table, join, "p.rank")

    def other_rows(self, table: str, columns: Sequence[str]) -> Iterator[Row]:
        join = f"LEFT JOIN temp.people p ON p.ref = {self._ref(table, columns)}"
        for _, row in self._select(table, f"{join} WHERE p.ref IS NULL", "1"):
            yield row

    def _ref(self, table: str, columns: Sequence[str]) -> str:
        real = dict(self._tables[table])
        texts = [
            f"lower(trim({text}))" if column == "email" else text
            for column in columns
            for text in [f"CAST(t.{_quoted(real[column])} AS TEXT)"]
        ]
        return texts[0] if len(texts) == 1 else f"coalesce({', '.join(texts)})"

    def _select(
        self, table: str, joined: str, order: str, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[int, Row]]:
        chosen = [
            (name, real) for name, real in self._tables[table] if columns is None or name in columns
        ]
        names = [name for name, _ in chosen]
        keys = Keys(table.removesuffix("_v1"), names, self._primary[table])
        listed = ", ".join(f"t.{_quoted(real)}" for _, real in chosen)
        order_by = "" if order == "t.rowid" else f"ORDER BY {order}"
        rank = "0" if order == "t.rowid" else order
        statement = (
            f"SELECT {rank}, {listed} FROM main.{_quoted(self._names[table])} t {joined} {order_by}"
        )
        try:
            with closing(self._connection.cursor()) as cursor:
                for record in cursor.execute(statement):
                    read = (self._read(value) for value in record[1:])
                    values = dict(zip(names, read, strict=True))
                    yield record[0], Row(table, keys.of(values), values)
        except sqlite3.Error as error:
            detail = f"The table {table} cannot be read ({_kind(error)})."
            raise SourceError(detail) from None

    def _read(self, value: Any) -> Any:
        if isinstance(value, bytes):
            return rf"\x{value.hex()}"
        if isinstance(value, float):
            try:
                return exact_number(repr(value))
            except ValueError:  # Infinity
                return repr(value)
        return value


class CsvSource(SqliteSource):
    """Every cell is a text; an empty one says nothing."""

    has_only_texts = True

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.label = folder.name
        self._connection = connection
        self._begin()

    def _read(self, value: Any) -> Any:
        if isinstance(value, bytes):
            return read_text(value)
        return value


def csv_source(folder: Path) -> CsvSource:
    """Read every CSV file into an SQLite database that only this process can see.

    It lies in an unnamed file, which is gone with the connection, so memory does not grow.
    """
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv")
    if not files:
        raise SourceError("The source is a folder without CSV files.")
    connection = sqlite3.connect("", isolation_level=None)
    csv.field_size_limit(LONGEST_CELL)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    for path in files:
        _load(connection, path)
    connection.execute("COMMIT")
    return CsvSource(folder, connection)


def _load(connection: sqlite3.Connection, path: Path) -> None:
    # Read as Latin-1, a byte is a character: what is no UTF-8 shows only in its own cell.
    with path.open(newline="", encoding="latin-1") as file:
        try:
            records = csv.reader(file)
            header = _header(next(records, []), path)
            table = plain(path.stem)
            connection.execute(f"CREATE TABLE {_quoted(table)} ({', '.join(map(_quoted, header))})")
            marks = ", ".join("?" * len(header))
            statement = f"INSERT INTO {_quoted(table)} VALUES ({marks})"
            for number, record in enumerate(filter(None, records), 1):
                if len(record) != len(header):
                    detail = f"Row {number} of {path.name} has not as many cells as the header."
                    raise SourceError(detail)
                connection.execute(statement, [_cell(cell) for cell in record])
        except (csv.Error, sqlite3.Error) as error:
            raise SourceError(f"{path.name} cannot be read ({_kind(error)}).") from None


def _header(cells: Sequence[str], path: Path) -> list[str]:
    header = [plain(cell.removeprefix("\xef\xbb\xbf")) for cell in cells]
    if not header or not all(header) or len(set(header)) < len(header):
        raise SourceError(f"{path.name} has no header with a name of its own for each column.")
    return header


def _cell(cell: str) -> str | bytes | None:
    """Give what can be compared as text, and as bytes what cannot be read."""
    if not cell:
        return None
    data = cell.encode("latin-1")
    text = read_text(data)
    return data if isinstance(text, Unreadable) else text


def plain(name: str) -> str:
    """Make "Daily Checkins" the name it has elsewhere: daily_checkins."""
    return re.sub(r"\s+", "_", name.strip()).lower()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _kind(error: Exception) -> str:
    return type(error).__name__
