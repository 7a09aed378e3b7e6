"""manage.py audit restored: tell the log that a backup took the database's place."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand

from audit import services
from audit.types import Category
from core import gate

HELP: Final = (
    "Tell the log that a backup was restored, so that verify knows why the mirror has checkpoints"
    " of a time that the database has not; it shows them as lost from then on, not as faults."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", required=True, help="what was restored, and why")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    with gate.as_system():
        services.record(
            event="database-restored",
            category=Category.SYSTEM,
            details={"reason": options["reason"]},
        )
    command.stdout.write("The log knows. `manage.py audit verify` shows what is lost.")
