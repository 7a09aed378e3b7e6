"""manage.py document_keys: the keys under which texts and vectors of documents are sealed."""

import datetime as dt
import uuid
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from core.errors import DomainError
from core.management.progress import ProgressLine
from core.management.stopping import Stop, ending_at_a_signal
from documents.services import keys
from documents.services.keys import Progress

# What a run of each action counts, and what it says of those that are left.
WORDS: Final = {
    "rotate": ("keys made", ""),
    "reencrypt": (
        "rows sealed anew",
        "{} rows are left, held by other work. Run `manage.py document_keys reencrypt` again.",
    ),
    "retire": (
        "keys retired",
        "{} keys are still needed by rows: first run `manage.py document_keys reencrypt`.",
    ),
}


class Command(BaseCommand):
    help = (
        "Look at the keys of documents, rotate and retire them, seal rows anew, and wrap keys by"
        " another key of ENCRYPTION_KEYS. Each run can be ended at any time and begun again."
        " Exit codes: 0 all done, 1 something is left or refused, 2 wrong usage, 130 or 143 ended"
        " by a signal. docs/howto/document-keys.md says what to run when."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="how many keys there are, and what is wrong")
        listing.add_argument("--person", type=uuid.UUID, metavar="UUID", help="the keys of one")
        rotate = actions.add_parser("rotate", help="new keys for what is written from now on")
        who = rotate.add_mutually_exclusive_group(required=True)
        who.add_argument("--person", type=uuid.UUID, metavar="UUID", help="one person alone")
        who.add_argument("--all", action="store_true", help="everybody who has a key")
        rotate.add_argument(
            "--made-before",
            type=_moment,
            metavar="TIME",
            help="only keys older than this, 2026-11-02T14:30; so a run that was ended goes on",
        )
        for name, words in (
            ("reencrypt", "seal old rows with the active keys, and plain rows of who has the flag"),
            ("retire", "wipe rotated keys that no row needs any more"),
        ):
            one = actions.add_parser(name, help=words)
            one.add_argument("--person", type=uuid.UUID, metavar="UUID", help="one person alone")
        actions.add_parser("rewrap", help="wrap all keys by the first key of ENCRYPTION_KEYS")

    def handle(self, *_: Any, **options: Any) -> None:
        action, person = options["action"], options.get("person")
        now = timezone.now()
        try:
            if action == "list":
                self._list_one(person) if person else self._list()
            elif action == "rewrap":
                self._rewrap()
            elif action == "rotate":
                before = options["made_before"] or now
                runs = keys.rotate(user_id=person, made_before=before, now=now)
                who = f"--person {person}" if person else "--all"
                self._go(action, runs, f" {who} --made-before {before.isoformat()}")
            elif action == "reencrypt":
                self._go(action, keys.reencrypt(user_id=person))
            else:
                self._go(action, keys.retire(user_id=person, now=now))
        except DomainError as error:
            raise CommandError(error.detail) from error

    def _go(self, action: str, runs: Iterator[Progress], options: str = "") -> None:
        done, _ = WORDS[action]
        with ending_at_a_signal() as stop:
            line = ProgressLine(self.stderr)
            for run in runs:
                line.tell(run.people, run.total, f"{run.done:,} {done}")
                if stop.signal is not None:
                    break
            line.clear()
        if run.people < run.total:
            again = f"manage.py document_keys {action}{options}"
            self._say_stopped(f"after {run.done:,} {done}", again, stop)
        self.stdout.write(f"{_people(run.total)}: {run.done:,} {done}.")
        if faults := _faults_of(action, run):
            raise CommandError("\n".join(faults))

    def _say_stopped(self, where: str, again: str, stop: Stop) -> None:
        self.stderr.write(f"Stopped {where}. Run `{again}` to go on.")
        raise SystemExit(128 + (stop.signal or 0))

    def _rewrap(self) -> None:
        done = 0
        with ending_at_a_signal() as stop:
            for done in keys.rewrap():
                self.stderr.write(f"{done:,} keys wrapped anew")
                if stop.signal is not None:
                    self._say_stopped(
                        f"after {done:,} keys", "manage.py document_keys rewrap", stop
                    )
        self.stdout.write(f"{done:,} keys of people were wrapped anew.")
        if faults := keys.faults():
            raise CommandError("\n".join(faults))

    def _list(self) -> None:
        found = keys.overview()
        self.stdout.write(f"{'state':<10}{'keys':>12}{'rows':>14}")
        for state in ("active", "rotated", "retired", "plain"):
            self.stdout.write(
                f"{state:<10}{found.keys.get(state, 0):>12,}{found.rows.get(state, 0):>14,}"
            )
        for kek_id, count in found.wrapped_by.items():
            self.stdout.write(f"{count:,} keys are wrapped by {kek_id}.")
        if found.faults:
            raise CommandError("\n".join(found.faults))

    def _list_one(self, person: uuid.UUID) -> None:
        found, plain = keys.keys_of(user_id=person)
        self.stdout.write(f"{'version':<9}{'state':<10}{'made':<22}{'wrapped by':<20}{'rows':>8}")
        for key in found:
            made = f"{key.created_at:%Y-%m-%d %H:%M} UTC"
            self.stdout.write(
                f"{key.version:<9}{key.status:<10}{made:<22}{key.wrapped_by:<20}{key.row_count:>8,}"
            )
        self.stdout.write(f"{'none':<9}{'plain':<10}{'':<42}{plain:>8,}")


def _faults_of(action: str, run: Progress) -> list[str]:
    said = [f"{_people(count)}: {why}" for why, count in sorted(run.refusals.items())]
    if run.left:
        said.append(WORDS[action][1].format(f"{run.left:,}"))
    if run.switched_off:
        said.append(f"{_people(run.switched_off)} switched off: run this again when they are back.")
    return said


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def _moment(text: str) -> dt.datetime:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise ArgumentTypeError(f"{text!r} is no time: write it as 2026-11-02T14:30.")
    return moment if moment.tzinfo else timezone.make_aware(moment)
