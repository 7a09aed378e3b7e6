"""manage.py rebuild_metrics: compute the figures of people's days anew from the log."""

import uuid
from argparse import ArgumentParser
from contextlib import closing
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import DomainError
from core.management.progress import ProgressLine
from core.management.stopping import Stop, ending_at_a_signal
from health import metrics
from health.models import MetricRebuild


class Command(BaseCommand):
    help = (
        "Compute the figures of everybody's days anew from the event log, compare, and replace"
        " what differs. People may read and write meanwhile. It can be stopped at any time, and"
        " goes on where it stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--person", type=uuid.UUID, metavar="UUID", help="one person alone")
        which.add_argument(
            "--restart", action="store_true", help="begin anew where a run was stopped before"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            if options["person"]:
                days, changed = metrics.rebuild_person(options["person"])
                self.stdout.write(f"1 person: {_outcome(days, changed)}")
            else:
                self._rebuild(is_new=options["restart"])
        except DomainError as error:
            raise CommandError(error.detail) from error

    def _rebuild(self, *, is_new: bool) -> None:
        total = metrics.count_people()
        with ending_at_a_signal() as stop, closing(metrics.rebuild(is_new=is_new)) as runs:
            run = next(runs)
            line = ProgressLine(self.stderr, done=run.person_count)
            if run.person_count:
                self.stderr.write(f"Going on after {run.person_count:,} people.")
            while run.finished_at is None and stop.signal is None:
                run = next(runs)
                details = f"{run.day_count:,} days, {run.changed_count:,} stood otherwise"
                line.tell(run.person_count, total, details)
            line.clear()
        self._end(run, stop)

    def _end(self, run: MetricRebuild, stop: Stop) -> None:
        if run.finished_at is None:
            self.stderr.write(
                f"Stopped after {run.person_count:,} people. Run `manage.py rebuild_metrics`"
                " again to go on there, or with --restart to begin anew."
            )
            raise SystemExit(128 + (stop.signal or 0))
        self.stdout.write(
            f"{run.person_count:,} people: {_outcome(run.day_count, run.changed_count)}"
        )


def _outcome(days: int, changed: int) -> str:
    if not changed:
        return f"all of {days:,} days stood as the log says."
    return (
        f"of {days:,} days and their sums for clinics, {changed:,} stood otherwise than the log"
        " says, and were replaced."
    )
