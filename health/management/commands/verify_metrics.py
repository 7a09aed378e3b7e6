"""manage.py verify_metrics: compare the figures of people's days with the log."""

import uuid
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from core.management.progress import ProgressLine
from health import metrics

LISTED: Final = 50


class Command(BaseCommand):
    help = (
        "Compare the figures of everybody's days with the event log, and the figures of clinics"
        " with their sums; change nothing. People may write meanwhile: days that wait to be"
        " computed are no faults. Ends with 1 if anything differs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--person", type=uuid.UUID, metavar="UUID", help="the days of one person alone"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        self._found = 0
        try:
            if options["person"]:
                people = 1
                self._name(metrics.verify_person(options["person"]))
            else:
                people = self._verify()
        except DomainError as error:
            raise CommandError(error.detail) from error
        if self._found > LISTED:
            self.stdout.write(f"… and {self._found - LISTED:,} more.")
        if self._found:
            self.stdout.write(
                f"{self._found:,} days of {people:,} people and their clinics differ from the log."
                " `manage.py rebuild_metrics` puts them right."
            )
            raise SystemExit(1)
        self.stdout.write(f"The figures of {people:,} people are what the log says.")

    def _verify(self) -> int:
        people, total = 0, metrics.count_people()
        line = ProgressLine(self.stderr)
        for portion in metrics.verify():
            people += portion.people
            line.tell(people, total, f"{self._found + len(portion.differences):,} days differ")
            if portion.differences:
                line.clear()
                self._name(portion.differences)
        line.clear()
        return people

    def _name(self, differences: Sequence[metrics.Difference]) -> None:
        for difference in differences[: max(0, LISTED - self._found)]:
            what = ", ".join(difference.columns)
            self.stdout.write(f"{difference.owner}, {difference.date}: {what}")
        self._found += len(differences)
