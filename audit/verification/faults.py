"""What a verification looks at, and what it finds."""

import datetime as dt
import uuid
from dataclasses import dataclass, field
from typing import Final

from audit.sealing import EPOCH
from audit.types import HOUSE

EARLIEST: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
LATEST: Final = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Scope:
    """Links that were sealed from a time to another one; of one tenant, or of all."""

    tenant_id: uuid.UUID | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    @property
    def is_whole(self) -> bool:
        return self.since is None and self.until is None


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was sealed. `kind` is a stable word."""

    kind: str
    sentence: str
    tenant_id: uuid.UUID | None = None
    link: int | None = None
    entry_id: int | None = None
    at: dt.datetime | None = None


@dataclass(slots=True)
class Report:
    """What was looked at so far."""

    links: int = 0
    entries: int = 0
    erased: int = 0
    pruned: int = 0
    checkpoints: int = 0
    mirrored: int = 0
    not_mirrored: int = 0
    not_sealed: int = 0
    oldest_not_sealed: dt.datetime | None = None
    last_links: int = 0
    faults: int = 0
    notes: list[str] = field(default_factory=list)


def name_of(tenant: uuid.UUID) -> str:
    return "the whole house" if tenant == HOUSE else f"clinic {tenant}"


def instant(microseconds: int) -> dt.datetime:
    """Give a time of the database, which knows times that Python does not."""
    try:
        return EPOCH + dt.timedelta(microseconds=microseconds)
    except OverflowError:
        return LATEST if microseconds > 0 else EARLIEST


def when(instant_: dt.datetime) -> str:
    return instant_.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
