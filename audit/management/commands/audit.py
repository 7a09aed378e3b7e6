"""manage.py audit: verify and export the log, compare its counts, see how long it is kept."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand

from audit.management import aggregates, export, restored, retention, seal, verify

# Each action is a module with HELP, add_arguments and run.
ACTIONS: Final[dict[str, Any]] = {
    "verify": verify,
    "aggregates": aggregates,
    "retention": retention,
    "seal": seal,
    "export": export,
    "restored": restored,
}


class Command(BaseCommand):
    help = "Look after the audit log. docs/howto/audit.md says what to run when."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        for name, action in ACTIONS.items():
            action.add_arguments(
                actions.add_parser(name, help=action.HELP, description=action.HELP)
            )

    def handle(self, *_: Any, **options: Any) -> None:
        ACTIONS[options["action"]].run(self, options)
