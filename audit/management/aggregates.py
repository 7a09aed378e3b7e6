"""manage.py audit aggregates: the hourly counts, and whether the log still gives them."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand

from audit import verification

HELP: Final = (
    "Count the entries of each hour again, where retention has deleted none, and compare with what"
    " was counted when they were sealed. Ends with 1 if anything differs."
)
LISTED: Final = 50


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--verify", action="store_true", required=True, help="compare")


def run(command: BaseCommand, _options: dict[str, Any]) -> None:
    hours, figures, differences = verification.compare_aggregates()
    for one in differences[:LISTED]:
        command.stdout.write(
            f"{one.hour:%Y-%m-%d %H:%M}, {one.tenant_id}, {one.category} {one.event}"
            f" ({one.outcome}, {one.actor_kind}): {one.stored:,} entries of {one.stored_objects:,}"
            f" objects stored, {one.counted:,} of {one.counted_objects:,} in the log."
        )
    if len(differences) > LISTED:
        command.stdout.write(f"… and {len(differences) - LISTED:,} more.")
    if differences:
        command.stdout.write(f"{len(differences):,} of {figures:,} figures differ from the log.")
        raise SystemExit(1)
    command.stdout.write(f"{figures:,} figures of {hours:,} hours are what the log gives.")
