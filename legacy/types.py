"""The shapes of an old database as it is read, and of what is said about it."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Final

# Numbers with a fraction are Decimals, so that they come through exactly.
Value = None | bool | int | str | Decimal | dt.date | dt.datetime | list[Any] | dict[str, Any]


@dataclass(frozen=True)
class Unreadable:
    """In place of a value that has no place here; says why, and never what it was."""

    detail: str


@dataclass(frozen=True)
class Row:
    """A row of an old table. `key` is its id there, or a digest where it has none."""

    table: str
    key: str
    values: Mapping[str, Any]

    def get(self, column: str) -> Any:
        return self.values.get(column)


@dataclass(frozen=True)
class Person:
    """A person of an old database.

    `rank` orders people; `id` is the id they have here. `refs` are the texts by which rows name
    them: ids, and the e-mail address. A person with faults is not brought over.
    """

    rank: int
    id: uuid.UUID
    key: str
    table: str
    refs: tuple[str, ...]
    faults: tuple["Finding", ...] = ()


@dataclass(frozen=True)
class Finding:
    """A fault, a difference or a note: where it is and of what kind, never the value itself."""

    table: str
    key: str
    column: str
    detail: str

    def __str__(self) -> str:
        place = f"{self.table} {self.key}" + (f", {self.column}" if self.column else "")
        return f"{place}: {self.detail}"


# A broken database could fill any memory with findings; beyond this many they are counted.
MOST_FINDINGS: Final = 10_000


@dataclass
class Report:
    """What was found and done, in numbers and findings."""

    source: str
    people: dict[str, int] = field(
        default_factory=lambda: {"found": 0, "brought": 0, "already_here": 0, "refused": 0}
    )
    rows: dict[str, int] = field(default_factory=dict)
    fields_compared: int = 0
    faults: list[Finding] = field(default_factory=list)
    differences: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0
    not_listed: int = 0

    @property
    def is_clean(self) -> bool:
        return not self.faults and not self.differences

    def add_fault(self, finding: Finding) -> None:
        self._add(self.faults, finding)

    def add_difference(self, finding: Finding) -> None:
        self._add(self.differences, finding)

    def note(self, text: str) -> None:
        if len(self.notes) < MOST_FINDINGS:
            self.notes.append(text)
        else:
            self.not_listed += 1

    def count(self, table: str, rows: int) -> None:
        self.rows[table] = self.rows.get(table, 0) + rows

    def _add(self, findings: list[Finding], finding: Finding) -> None:
        if len(findings) < MOST_FINDINGS:
            findings.append(finding)
        else:
            self.not_listed += 1

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
