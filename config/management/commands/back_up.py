"""manage.py back_up: the database as of one moment, into a folder."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from config.restoring import archive


class Command(BaseCommand):
    help = (
        "Dump the database into a new folder, with an inventory to verify what is restored from"
        " it. People may write meanwhile. Copy the files of documents afterwards."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="must not be there yet")

    def handle(self, *_: Any, **options: Any) -> None:
        started = time.monotonic()
        try:
            found = archive.back_up(options["folder"])
        except (archive.ArchiveError, OSError, DatabaseError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{len(found.tables)} tables with {found.row_count:,} rows are in {options['folder']}"
            f" ({time.monotonic() - started:.0f} s). Now copy the files of documents."
        )
