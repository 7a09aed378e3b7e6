"""manage.py audit export: entries as lines of JSON, in a file that is whole or not there."""

import datetime as dt
import uuid
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from audit import queries
from audit.exporting import Wanted
from audit.services import exports
from core.errors import DomainError

TOLD_EVERY: Final = 100_000
HELP: Final = (
    "Write entries of a time into a file, one JSON object a line; the last line counts them and"
    " gives the SHA-256 of those before. The export is an entry itself. Ends with 0 when the file"
    " is there, with 1 when it is not, with 2 at wrong usage."
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="first", type=_time, required=True, metavar="TIME", help="from then on"
    )
    parser.add_argument("--to", dest="end", type=_time, metavar="TIME", help="before then (now)")
    parser.add_argument("--tenant", type=uuid.UUID, metavar="UUID", help="entries of one clinic")
    parser.add_argument(
        "--events", type=_words, default=(), metavar="EVENT,…", help="such as log-in,record-viewed"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")


def run(command: BaseCommand, options: dict[str, Any]) -> None:
    now = timezone.now()
    wanted = Wanted(
        first=options["first"],
        end=options["end"] or now,
        tenant_id=options["tenant"],
        events=options["events"],
    )
    if wanted.first >= wanted.end:
        raise CommandError("--to must be later than --from.", returncode=2)
    if wanted.tenant_id is not None and wanted.tenant_id not in queries.clinics():
        raise CommandError("--tenant: there is no such clinic.", returncode=2)
    try:
        exported = exports.export_to_file(
            target=options["output"],
            wanted=wanted,
            now=now,
            tell=lambda count: _tell(command, count),
        )
    except DomainError as error:
        raise CommandError(error.detail, returncode=1) from None
    except OSError as error:
        raise CommandError(f"The file can't be written: {error.strerror}.", returncode=1) from None
    command.stdout.write(
        f"{exported.entries:,} entries are in {options['output']}, SHA-256 {exported.sha256}."
    )


def _tell(command: BaseCommand, count: int) -> None:
    if count % TOLD_EVERY == 0:
        command.stderr.write(f"{count:,} entries")


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (word.strip() for word in text.split(","))))


def _time(text: str) -> dt.datetime:
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError("must be a day or a time, such as 2026-11-21T08:30Z") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)
