"""manage.py restore_backup: an empty database becomes what a backup holds, ready to be used."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from config.restoring import archive


class Command(BaseCommand):
    help = (
        "Restore a backup into the empty database of DATABASE_URL, move the server's transaction"
        " counter past it, and verify all of it. Ends with 1 if anything differs."
    )
    # The tables that the checks ask are only being made.
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="a backup made by back_up")
        parser.add_argument(
            "--jobs", type=int, default=os.cpu_count() or 1, help="tables at a time (all cores)"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        folder = options["folder"]
        try:
            archive.restore(folder, jobs=options["jobs"])
        except (archive.ArchiveError, OSError, DatabaseError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write("The database is restored.")
        call_command("adopt_restored_database", stdout=self.stdout, stderr=self.stderr)
        call_command("verify_restore", folder, stdout=self.stdout, stderr=self.stderr)
