"""Tables for people: on the screen and, with --markdown, for docs/reference/performance.md."""

from collections.abc import Sequence
from dataclasses import dataclass, field

UNKNOWN = "n/a"


@dataclass(frozen=True)
class Table:
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Report:
    """What one benchmark found. `compared` says what with what, so that figures can be judged."""

    title: str
    compared: str
    tables: Sequence[Table]
    notes: Sequence[str] = field(default=())


def number(value: float | None, digits: int = 0) -> str:
    return UNKNOWN if value is None else f"{value:,.{digits}f}"


def as_text(report: Report) -> str:
    parts = [f"{report.title}\n{'=' * len(report.title)}\n{report.compared}"]
    parts += [_text_table(table) for table in report.tables]
    parts += [f"* {note}" for note in report.notes]
    return "\n\n".join(parts) + "\n"


def as_markdown(report: Report) -> str:
    parts = [f"## {report.title}", report.compared]
    parts += [_markdown_table(table) for table in report.tables]
    parts += ["\n".join(f"- {note}" for note in report.notes)] if report.notes else []
    return "\n\n".join(parts) + "\n"


def _text_table(table: Table) -> str:
    lines = [table.heads, *table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.heads))]

    def show(line: Sequence[str]) -> str:
        first, *rest = (
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        return "  ".join((first, *rest))

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([show(table.heads), rule, *map(show, table.rows)])


def _markdown_table(table: Table) -> str:
    def show(line: Sequence[str]) -> str:
        return f"| {' | '.join(line)} |"

    marks = ["---", *("---:" for _ in table.heads[1:])]
    return "\n".join([show(table.heads), show(marks), *map(show, table.rows)])
