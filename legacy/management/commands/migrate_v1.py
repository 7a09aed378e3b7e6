"""manage.py migrate_v1: bring the old service's database over."""

from argparse import ArgumentParser
from typing import Any

from legacy import services
from legacy.management.reporting import ReportingCommand
from legacy.types import Report


class Command(ReportingCommand):
    help = (
        "Bring the old service's data over: people, check-ins, events, insights and everything"
        " else, each person whole or not at all, and compare it field by field. It can be"
        " stopped and started again at any time. Without --from: write the events of all"
        " check-ins that still wait for them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from",
            dest="source",
            metavar="SOURCE",
            help="a postgresql:// address, an SQLite file or a folder of CSV files; only read",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be done, and change nothing"
        )
        parser.add_argument(
            "--undo",
            action="store_true",
            help="take back everyone who was brought over, if nobody has written since",
        )
        self.add_report_argument(parser)

    def run(self, options: dict[str, Any]) -> Report:
        source, is_dry_run = options["source"], options["dry_run"]
        if options["undo"]:
            if source:
                raise self.wrong_usage("--undo needs no --from: it takes back what was brought.")
            return services.undo(is_dry_run=is_dry_run, progress=self.progress)
        if source:
            return services.migrate(source=source, is_dry_run=is_dry_run, progress=self.progress)
        if is_dry_run:
            raise self.wrong_usage("--dry-run needs --from or --undo.")
        return services.write_waiting_events(progress=self.progress)
