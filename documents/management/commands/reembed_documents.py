"""manage.py reembed_documents: vectors of the current model for documents that lack them."""

from argparse import ArgumentParser
from collections.abc import Generator
from contextlib import closing
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.management.progress import ProgressLine
from core.management.stopping import Stop, ending_at_a_signal
from documents import reembedding
from documents.failures import StepFailed
from documents.reembedding import Progress


class Command(BaseCommand):
    help = (
        "After a change of the embedding model: give documents vectors of the new one, beside the"
        " old. People search meanwhile, by words where vectors are missing. Each run can be ended"
        " at any time and begun again. Exit codes: 0 all done, 1 something is left, 130 or 143"
        " ended by a signal."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--drop-old",
            action="store_true",
            help="instead, drop the vectors of other models where all of the current are there",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        is_drop: bool = options["drop_old"]
        runs = reembedding.drop_old() if is_drop else reembedding.reembed()
        try:
            progress, stop = self._go(runs, "rows dropped" if is_drop else "vectors made")
        except StepFailed as failed:
            raise CommandError(f"{failed.detail} Run this again when that has changed.") from failed
        if stop.signal is not None:
            self.stderr.write("Ended before it was through. Run it again to go on there.")
            raise SystemExit(128 + stop.signal)
        if progress.left:
            self._tell_left(progress)
            raise SystemExit(1)

    def _go(self, runs: Generator[Progress], what: str) -> tuple[Progress, Stop]:
        line = ProgressLine(self.stderr)
        with ending_at_a_signal() as stop, closing(runs):
            for progress in runs:
                line.tell(progress.people, progress.total, f"{progress.vectors:,} {what}")
                if stop.signal is not None:
                    break
        line.clear()
        self.stdout.write(
            f"{progress.documents:,} documents of {progress.people:,} people:"
            f" {progress.vectors:,} {what}."
        )
        return progress, stop

    def _tell_left(self, progress: Progress) -> None:
        if progress.switched_off:
            self.stderr.write(f"{progress.switched_off:,} people are switched off, and left out.")
        for reason, count in progress.refusals.items():
            self.stderr.write(f"{count:,} people are left: {reason}")
