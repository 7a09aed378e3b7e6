"""The bookkeeping of a comparison: what was compared, what differs, what was seen."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from legacy.types import Finding, Report, Row
from legacy.verification import equality
from legacy.verification.here import Here

ABSENT: Final = object()
DIFFERS: Final = "differs from the source"


class Comparison:
    def __init__(self, here: Here, report: Report) -> None:
        self.here, self._report = here, report

    def field(self, row: Row, name: str, places: Sequence[Any], rule: equality.Rule) -> None:
        """Compare a column with the places that may hold its value; one must."""
        self._report.fields_compared += 1
        source = row.get(name)
        if not any(
            place is not ABSENT and (rule(source, place) or equality.verbatim(source, place))
            for place in places
        ):
            self.differs(row, name, DIFFERS)

    def count(self, columns: int) -> None:
        """Count columns that were compared, and are the same."""
        self._report.fields_compared += columns

    def same(self, row: Row, name: str, *, is_same: bool) -> None:
        self._report.fields_compared += 1
        if not is_same:
            self.differs(row, name, DIFFERS)

    def differs(self, row: Row, column: str, detail: str) -> None:
        self._report.add_difference(Finding(row.table, row.key, column, detail))

    def missing(self, row: Row, detail: str = "is not here") -> None:
        self.differs(row, "", detail)

    def too_much(self, table: str, key: object, column: str = "") -> None:
        detail = "stands here, and is not in the source"
        self._report.add_difference(Finding(table, str(key), column, detail))

    def note(self, text: str) -> None:
        self._report.note(text)

    def has_record(self, row: Row) -> bool:
        return (row.table, row.key) in self.here.records

    def record(self, row: Row) -> None:
        """Compare a row with the record that keeps it word for word."""
        content = self.here.records.get((row.table, row.key))
        if content is None:
            self.missing(row)
        else:
            self.of_record(row, content, self._report)

    @staticmethod
    def of_record(row: Row, content: Mapping[str, Any], report: Report) -> None:
        for name, value in row.values.items():
            report.fields_compared += 1
            if name not in content or not equality.verbatim(value, content[name]):
                report.add_difference(Finding(row.table, row.key, name, DIFFERS))
        for name in content.keys() - row.values.keys():
            detail = "stands here, and is not in the source"
            report.add_difference(Finding(row.table, row.key, name, detail))

    def finish_records(self, rows: Mapping[str, Sequence[Row]]) -> None:
        known = {(row.table, row.key) for found in rows.values() for row in found}
        for table, key in self.here.records.keys() - known:
            self.too_much(table, key)
