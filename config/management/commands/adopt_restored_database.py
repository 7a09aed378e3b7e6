"""manage.py adopt_restored_database: a server counts on where the one of the backup stood."""

import time
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from config.restoring import positions
from config.restoring.positions import Positions
from core.management.stopping import ending_at_a_signal

# In seconds, between two lines of progress.
TOLD_EVERY: Final = 5


class Command(BaseCommand):
    help = (
        "Move the transaction counter of this server past the positions that the database brought"
        " from another one (pg_restore). Until then readers of the log would be blind: no insight,"
        " no alert, no seal of the audit log. With Novara stopped. A second run changes nothing;"
        " one that was ended goes on."
    )
    requires_system_checks: list[str] = []

    def handle(self, *_: Any, **__: Any) -> None:
        found = positions.look(closely=True)
        if not found.missing:
            self.stdout.write(
                f"The counter stands at {found.counter:,}, past the highest stored position"
                f" ({found.highest:,}): nothing is to be done."
            )
            return
        if others := positions.others():
            raise CommandError(
                f"{others} others are connected to this database. End Novara first: what"
                " they record now would never be read."
            )
        self._refuse_too_far(found)
        self._move(found)

    def _refuse_too_far(self, found: Positions) -> None:
        if found.missing <= positions.room():
            return
        raise CommandError(
            f"The counter is {found.missing:,} transactions behind, which is more than the server"
            " can use up before its rows are frozen. On a server of your own: stop it, run"
            f" `pg_resetwal --epoch={found.next_epoch} --pgdata=…` as its user, and start it: that"
            " is done at once. On a managed one: restore a physical backup or snapshot, which"
            " keeps the counter."
        )

    def _move(self, found: Positions) -> None:
        total, done = found.missing, 0
        started = told = time.monotonic()
        with ending_at_a_signal() as stop:
            while done < total:
                done += positions.burn(total - done)
                if stop.signal:
                    raise CommandError(f"Ended after {done:,} of {total:,}. Run it again.")
                now = time.monotonic()
                if now - told > TOLD_EVERY:
                    told, left = now, (total - done) * (now - started) / done
                    self.stderr.write(f"{done:,} of {total:,} transactions, {left:.0f} s left")
        after = positions.look(closely=True)
        if after.missing:
            raise CommandError(f"The counter is still {after.missing:,} behind: run it again.")
        self.stdout.write(
            f"The counter was moved by {total:,} transactions in {time.monotonic() - started:.1f} s"
            f", past the highest stored position ({after.highest:,}). Novara may start."
        )
