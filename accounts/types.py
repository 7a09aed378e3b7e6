"""The words of a person's journey, as the old clients know them, and of servers' keys."""

import datetime as dt
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

CYCLE_STAGES: Final = (
    "considering",
    "ivf_prep",
    "stimulation",
    "retrieval",
    "transfer",
    "tww",
    "pregnant",
    "between_cycles",
)

MEDICATION_STATUSES: Final = (
    "taking",
    "starting_soon",
    "not_taking",
    "between_cycles",
    "finished_treatment",
    "pregnancy_support",
)

# What a stage says about medication, until the person says otherwise.
MEDICATION_STATUS_OF_STAGE: Final = {
    "considering": "not_taking",
    "ivf_prep": "starting_soon",
    "stimulation": "taking",
    "retrieval": "taking",
    "transfer": "taking",
    "tww": "taking",
    "pregnant": "pregnancy_support",
    "between_cycles": "between_cycles",
}

DEFAULT_TIME_ZONE: Final = "America/Los_Angeles"


@dataclass(frozen=True, slots=True)
class ZonePeriod:
    """The time zone of a person `until` it was changed; None: it is the one of now."""

    time_zone: str
    until: dt.datetime | None


class ApiScope(StrEnum):
    """What the server that has a key may do."""

    EVALUATE_FLAGS = "flags:evaluate"
    EXPLAIN_FLAGS = "flags:explain"


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The server that has sent a key. Without a tenant it is one of the house's own."""

    id: uuid.UUID
    tenant_id: uuid.UUID | None
    scopes: frozenset[str]
    environment: str
