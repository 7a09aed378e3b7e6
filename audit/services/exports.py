"""Taking entries out of the log, which is itself an entry of it."""

import datetime as dt
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from django.db import transaction

from audit import exporting
from audit.exporting import Exported, Wanted
from audit.services.recording import record
from audit.types import HOUSE, Category
from core.errors import DomainError

# What a page of the console gives at once; the command has no such limits.
LONGEST_SPAN: Final = dt.timedelta(days=31)
MOST_AT_ONCE: Final = 1_000_000


class FileThere(DomainError):
    status = 409
    code = "file-exists"


class SpanTooLong(DomainError):
    code = "span-too-long"


@transaction.atomic
def export_log(*, out: BinaryIO, wanted: Wanted, now: dt.datetime) -> Exported:
    """Write what a page of the console hands out, and that it was; in the gate of the page."""
    if not dt.timedelta(0) < wanted.end - wanted.first <= LONGEST_SPAN:
        raise SpanTooLong(f"Choose a time of at most {LONGEST_SPAN.days} days.")
    exported = exporting.write(out, wanted, now=now, most=MOST_AT_ONCE)
    _record(wanted, exported)
    return exported


def export_to_file(
    *, target: Path, wanted: Wanted, now: dt.datetime, tell: Callable[[int], None]
) -> Exported:
    """Write a file that is whole or not there, readable for its owner alone."""
    if target.exists():
        raise FileThere(f"{target} is there already. Choose another name.")
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as out, transaction.atomic():
            exported = exporting.write(out, wanted, now=now, tell=tell)
            out.flush()
            os.fsync(out.fileno())
            _record(wanted, exported)
        # Only now: no export without its entry.
        Path(name).rename(target)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
    return exported


def _record(wanted: Wanted, exported: Exported) -> None:
    record(
        event="audit-exported",
        category=Category.ADMINISTRATION,
        tenant_id=wanted.tenant_id or HOUSE,
        object_type="audit_logs",
        object_count=exported.entries,
        details={
            "from": wanted.first.isoformat(),
            "to": wanted.end.isoformat(),
            "events": list(wanted.events),
            "sha256": exported.sha256,
        },
    )
