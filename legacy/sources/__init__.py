"""Old databases, each read as the same kind of rows. They are only read, never written to."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from legacy.sources.errors import SourceError
from legacy.sources.lite import SqliteSource, csv_source
from legacy.sources.postgres import PostgresSource
from legacy.types import Row

__all__ = ["Source", "SourceError", "open_source"]


class Source(Protocol):
    """An old database, as it stood at one moment.

    `label` names it without its password. Rows of people come in the order of the ranks that
    `know` was given, so that one person at a time is in memory.
    Where `has_only_texts`, numbers are texts and lists may be texts with commas.
    """

    label: str
    has_only_texts: bool

    def tables(self) -> Mapping[str, Sequence[str]]:
        """Give every table with its columns."""
        ...

    def rows(self, table: str, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Give every row of a table (or only these of its columns)."""
        ...

    def know(self, refs: Sequence[tuple[str, int]]) -> None:
        """Learn the texts by which rows name people, and whose rank each one is."""
        ...

    def rows_of_people(self, table: str, columns: Sequence[str]) -> Iterator[tuple[int, Row]]:
        """Give the rows that name a known person, in order of rank.

        The first of the columns that is not NULL tells whose a row is.
        """
        ...

    def other_rows(self, table: str, columns: Sequence[str]) -> Iterator[Row]:
        """Give the rows that name nobody known."""
        ...


@contextmanager
def open_source(text: str) -> Iterator[Source]:
    """Open a Postgres address, an SQLite file or a folder of CSV files, told apart by itself."""
    opened: PostgresSource | SqliteSource
    if text.startswith(("postgres://", "postgresql://")):
        opened = PostgresSource(text)
    else:
        path = Path(text)
        if not path.exists():
            raise SourceError(
                "The source is neither a postgresql:// address nor an existing file or folder."
            )
        opened = csv_source(path) if path.is_dir() else SqliteSource(path)
    try:
        yield opened
    finally:
        opened.close()
