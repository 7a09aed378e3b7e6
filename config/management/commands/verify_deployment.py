"""manage.py verify_deployment: is this server, wherever it runs, a Novara that works?"""

import sys
import textwrap
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from pathlib import Path
from typing import Any, Final

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.deployment import cleanup, run
from config.deployment.checks import CHECKS
from config.deployment.client import Server, Unreachable

WIDTH: Final = 80
UNUSABLE: Final = 2
STOPPED: Final = 130
LONGEST_WAIT: Final = 600


def seconds(text: str) -> float:
    number = float(text)
    if not 0 < number <= LONGEST_WAIT:
        raise ArgumentTypeError(f"must be above 0, and at most {LONGEST_WAIT}")
    return number


class Command(BaseCommand):
    help = (
        "Check a running server over HTTP, as its clients see it, with two throw-away people."
        " Needs its JWT_SECRET, and not its database. Exit code: 0 all passed, 1 something"
        " failed, 2 not reachable or wrong usage."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", required=True, help="such as https://api.example.org")
        parser.add_argument(
            "--jwt-secret-file",
            type=Path,
            help="a file with the server's JWT_SECRET; default: the one of these settings",
        )
        parser.add_argument(
            "--origin",
            default=settings.CORS_ALLOWED_ORIGINS[-1],
            help="the web client's origin; default: %(default)s",
        )
        parser.add_argument(
            "--timeout", type=seconds, default=10, help="seconds for each call; default: 10"
        )
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")

    def handle(self, *_: Any, **options: Any) -> None:
        visit = self._visit(options)
        self.stdout.write(f"Checking {visit.server.base}")
        started = time.monotonic()
        outcomes: list[run.Outcome] = []
        try:
            for outcome in run.run(CHECKS, visit):
                self._show(outcome, is_first=not outcomes or outcomes[-1].group != outcome.group)
                outcomes.append(outcome)
        except KeyboardInterrupt:
            raise CommandError("Stopped.", returncode=STOPPED) from None
        finally:
            left = cleanup.erase(visit.left_behind)
            self._show_left(visit.left_behind, left)
        counts = Counter(outcome.result for outcome in outcomes)
        seconds = round(time.monotonic() - started, 1)
        if options["json"]:
            report = {
                "url": visit.server.base,
                "passed": counts["ok"],
                "failed": counts["FAILED"],
                "skipped": counts["skipped"],
                "seconds": seconds,
                "left_behind": left,
                "checks": outcomes,
            }
            options["json"].write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
        totals = f"{counts['ok']} passed, {counts['FAILED']} failed, {counts['skipped']} skipped"
        style = self.style.ERROR if counts["FAILED"] else self.style.SUCCESS
        self.stdout.write(style(f"{totals}, in {seconds} s."))
        if counts["FAILED"]:
            sys.exit(1)

    def _visit(self, options: dict[str, Any]) -> run.Visit:
        """Refuse with exit code 2 what cannot be checked at all."""
        try:
            server = Server(options["url"], options["timeout"])
            secret = settings.JWT_SECRET
            if options["jwt_secret_file"]:
                secret = options["jwt_secret_file"].read_text().strip()
            if options["json"]:
                options["json"].touch()
            server.reach()
        except (OSError, ValueError, Unreachable) as error:
            raise CommandError(str(error), returncode=UNUSABLE) from error
        return run.Visit(server, secret, options["origin"])

    def _show(self, outcome: run.Outcome, *, is_first: bool) -> None:
        if is_first:
            self.stdout.write(f"\n{outcome.group}")
        style = {"ok": self.style.SUCCESS, "FAILED": self.style.ERROR}.get(outcome.result, str)
        result = style(f"{outcome.result:<9}")
        took = "" if outcome.result == "skipped" else f"{outcome.ms:>8.0f} ms"
        self.stdout.write(f"  {outcome.check:<58}{result}{took}")
        if outcome.reason:
            lines = textwrap.wrap(outcome.reason, WIDTH - 6, break_on_hyphens=False)
            self.stdout.write(textwrap.indent("\n".join(lines), " " * 6))

    def _show_left(self, people: list[str], left: list[str]) -> None:
        if people and not left:
            self.stdout.write("\nThe throw-away people are erased.\n")
        if left:
            self.stdout.write(
                "\nThe throw-away people are in another database than these settings name."
                " Erase them\nwhere the server runs:\n"
            )
        for email in left:
            reason = "the check of the deployment is over"
            self.stdout.write(f"  manage.py erase_person {email} --yes --reason '{reason}'")
        self.stdout.write("")
