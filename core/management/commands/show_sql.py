import difflib
from itertools import groupby
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core.sql import SqlFile, sql_files


class Command(BaseCommand):
    help = "Show the newest file of each SQL object, and what changed since the version before."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", default="", help="Only objects with this in a name.")

    def handle(self, *, name: str, **_options: Any) -> None:
        wanted = [file for file in sql_files() if name in file.name]
        for _, versions in groupby(wanted, key=lambda file: file[:3]):
            *older, newest = versions
            title = f"{newest.app_label}/sql/{newest.kind}/{newest.path.name}\n"
            self.stdout.write(self.style.MIGRATE_HEADING(title))
            self.stdout.write(newest.path.read_text())
            if older:
                self.stdout.write(difference(older[-1], newest))


def difference(before: SqlFile, after: SqlFile) -> str:
    lines = difflib.unified_diff(
        before.path.read_text().splitlines(),
        after.path.read_text().splitlines(),
        before.path.name,
        after.path.name,
        lineterm="",
    )
    return "\n".join(lines) + "\n"
