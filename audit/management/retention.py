"""manage.py audit retention: how long entries are kept, and what holds them longer."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand

from audit import pruning
from audit.models import AuditLegalHold, AuditRetention

HELP: Final = "Show how long entries are kept and which legal holds stand."


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--prune", action="store_true", help="delete now what is due, as happens each night"
    )


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    for row in AuditRetention.objects.order_by("category"):
        command.stdout.write(f"{row.category:<15} {row.days:,} days")
    command.stdout.write("system          for ever")
    for hold in AuditLegalHold.objects.filter(released_at__isnull=True).order_by("created_at"):
        who = f"person {hold.subject_id}" if hold.subject_id else "everybody"
        command.stdout.write(
            f"Held since {hold.created_at:%Y-%m-%d}: {who} of clinic {hold.tenant_id}:"
            f" {hold.reason}"
        )
    if options["prune"]:
        command.stdout.write(f"{pruning.prune():,} entries were deleted.")
