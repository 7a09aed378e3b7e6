"""manage.py verify_migration: compare what stands here with the old service's database."""

from argparse import ArgumentParser
from typing import Any

from legacy import services
from legacy.management.reporting import ReportingCommand
from legacy.types import Report


class Command(ReportingCommand):
    help = (
        "Compare every column of every row of the old service's database with what stands here."
        " Nothing is written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from",
            dest="source",
            metavar="SOURCE",
            required=True,
            help="a postgresql:// address, an SQLite file or a folder of CSV files; only read",
        )
        self.add_report_argument(parser)

    def run(self, options: dict[str, Any]) -> Report:
        return services.verify(source=options["source"], progress=self.progress)
