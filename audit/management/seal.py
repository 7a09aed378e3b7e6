"""manage.py audit seal: seal and sign now, without waiting for the workers."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand
from django.utils import timezone

from audit import checkpoints, sealing

HELP: Final = "Seal what was written, sign the chains and copy the checkpoint, as workers do."


def add_arguments(parser: ArgumentParser) -> None:
    """It takes none."""


def run(command: BaseCommand, _options: dict[str, Any]) -> None:
    entries = 0
    while sealed := sealing.seal():
        entries += sealed
    checkpoints.write(now=timezone.now())
    copied = checkpoints.mirror()
    command.stdout.write(f"{entries:,} entries sealed, {copied:,} checkpoints copied.")
