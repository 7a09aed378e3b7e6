"""What the commands have in common: progress on stderr, the report, exit codes."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

import msgspec
from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from core.management.progress import ProgressLine
from legacy.sources import SourceError
from legacy.types import Report

LISTED: Final = 50
FAULTS_FOUND, WRONG_USAGE = 1, 2


class ReportingCommand(BaseCommand):
    def add_report_argument(self, parser: ArgumentParser) -> None:
        parser.add_argument("--report", metavar="FILE", help="write the report as JSON, too")

    def run(self, options: dict[str, Any]) -> Report:
        raise NotImplementedError

    def handle(self, *_: Any, **options: Any) -> None:
        self._line = ProgressLine(self.stderr)
        path = options["report"]
        if path and not Path(path).absolute().parent.is_dir():
            raise self.wrong_usage("The folder of --report does not exist.")
        try:
            report = self.run(options)
        except SourceError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from None
        except DomainError as error:
            raise CommandError(error.detail, returncode=FAULTS_FOUND) from None
        finally:
            self._line.clear()
        if path:
            text = msgspec.json.format(msgspec.json.encode(report.as_json()), indent=2)
            Path(path).write_bytes(text + b"\n")
        self._show(report)
        if not report.is_clean:
            raise SystemExit(FAULTS_FOUND)

    @staticmethod
    def wrong_usage(text: str) -> CommandError:
        return CommandError(text, returncode=WRONG_USAGE)

    def progress(self, done: int, total: int, rows: int) -> None:
        self._line.tell(done, total, rows=rows)

    def _show(self, report: Report) -> None:
        if report.source:
            self.stdout.write(f"Source: {report.source}")
        people = (f"{count:,} {what.replace('_', ' ')}" for what, count in report.people.items())
        self.stdout.write(f"People: {', '.join(people)}.")
        for table, rows in sorted(report.rows.items()):
            self.stdout.write(f"  {table:<28}{rows:>10,} rows")
        done = f"{report.fields_compared:,} fields compared" if report.fields_compared else "Done"
        self.stdout.write(f"{done} in {report.seconds:.1f} s.")
        self._list("Faults", [str(finding) for finding in report.faults])
        self._list("Differences", [str(finding) for finding in report.differences])
        self._list("Notes", report.notes)
        if report.not_listed:
            self.stdout.write(f"{report.not_listed:,} more were found and are not listed.")

    def _list(self, heading: str, lines: list[str]) -> None:
        if lines:
            self.stdout.write(f"{heading} ({len(lines):,}):")
        for line in lines[:LISTED]:
            self.stdout.write(f"  {line}")
        if len(lines) > LISTED:
            self.stdout.write(f"  … and {len(lines) - LISTED:,} more; --report has all.")
