"""Medications, their doses and figures: values, without a database; and the doors' shapes."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec

TOLERANCE_MINUTES: Final = 60
# How late a dose may be taken and still be the one that was due.
LATEST: Final = dt.timedelta(hours=12)
# How far from the time it names a dose may be taken or reported.
FARTHEST: Final = dt.timedelta(days=3)
LONGEST_WINDOW: Final = 366
# What can have become of a scheduled dose that is over, or has a record.
OUTCOMES: Final = ("taken", "late", "partial", "missed", "skipped", "unknown")


@dataclass(frozen=True, slots=True)
class Regimen:
    """One version of how a medication is to be taken; see medications.models."""

    id: uuid.UUID
    version: int
    effective_from: dt.datetime
    status: str
    start_date: dt.date
    dosage: str | None = None
    end_date: dt.date | None = None
    as_needed: bool = False
    times_of_day: Sequence[dt.time] = ()
    every_n_days: int = 1
    tolerance_minutes: int = TOLERANCE_MINUTES
    reason: str | None = None
    created_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Medication:
    """A medication with all versions of its regimen, oldest first; there is at least one."""

    id: uuid.UUID
    medication_name: str
    medication_type: str | None
    notes: str | None
    created_at: dt.datetime
    updated_at: dt.datetime
    regimens: Sequence[Regimen]

    @property
    def newest(self) -> Regimen:
        return self.regimens[-1]


@dataclass(frozen=True, slots=True)
class Dose:
    """A dose that a person reported: taken, missed, skipped or partial."""

    event_id: uuid.UUID
    medication_id: uuid.UUID
    status: str
    occurred_at: dt.datetime
    local_date: dt.date
    scheduled_for: dt.datetime | None = None
    medication_name: str | None = None
    dose: str | None = None
    reason: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A time at which a dose is to be taken, and what became of it.

    `status` is taken, late, partial, missed, skipped, unknown (nothing was recorded, and it is
    over), due or upcoming. `local_date` and `local_time` are those of the regimen; in `time_zone`
    they are `scheduled_at`, unless the zone changed meanwhile.
    """

    medication_id: uuid.UUID
    regimen_id: uuid.UUID
    medication_name: str
    dosage: str | None
    scheduled_at: dt.datetime
    local_date: dt.date
    local_time: dt.time
    time_zone: str
    status: str
    event_id: uuid.UUID | None
    taken_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Adherence:
    """Doses counted. `late` is taken, but not within the tolerance; `pending` is not over yet.

    `scheduled` are those that are over or have a record. `extra` and `as_needed` were taken
    without having been scheduled. `rate` is taken / scheduled and `taken_rate` is
    (taken + late) / scheduled, in percent; None where nothing was scheduled.
    """

    scheduled: int = 0
    taken: int = 0
    late: int = 0
    partial: int = 0
    missed: int = 0
    skipped: int = 0
    unknown: int = 0
    pending: int = 0
    extra: int = 0
    as_needed: int = 0
    rate: Decimal | None = None
    taken_rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class MedicationAdherence:
    medication_id: uuid.UUID
    medication_name: str
    adherence: Adherence


@dataclass(frozen=True, slots=True)
class AdherenceReport:
    """`days` has every day of the window; `medications` those that had a dose in it."""

    overall: Adherence
    medications: Sequence[MedicationAdherence]
    days: Mapping[dt.date, Adherence]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a medication stands: the regimen in force, and the next one that is planned.

    `regimen` is the first to come where none has begun yet.
    """

    medication: Medication
    status: str
    regimen: Regimen
    planned: Regimen | None


# What the doors take and give.

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Kind = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
LongText = Annotated[str, msgspec.Meta(min_length=1, max_length=5000)]
ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
TimeOfDay = Annotated[
    str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["08:00"])
]
TimesOfDay = Annotated[list[TimeOfDay], msgspec.Meta(max_length=24)]
EveryDays = Annotated[int, msgspec.Meta(ge=1, le=366)]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=720)]
Instant = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
DoseStatus = Literal["taken", "missed", "skipped", "partial"]
Status = Literal["active", "on-hold", "completed", "stopped"]


class MedicationIn(msgspec.Struct, forbid_unknown_fields=True):
    """A medication and how it is to be taken.

    Either at `times_of_day` (in the person's time zone) every n days from `start_date` (default:
    the day of `effective_from`) till `end_date`, or `as_needed`. It holds from `effective_from`
    (default: now). A dose up to `tolerance_minutes` early or late is on time.
    """

    medication_name: Name
    medication_type: Kind | None = None
    notes: LongText | None = None
    dosage: ShortText | None = None
    as_needed: bool = False
    times_of_day: TimesOfDay = []
    every_n_days: EveryDays = 1
    start_date: dt.date | None = None
    end_date: dt.date | None = None
    tolerance_minutes: Minutes = TOLERANCE_MINUTES
    effective_from: Instant | None = None


class MedicationChanges(msgspec.Struct, forbid_unknown_fields=True):
    """What changes; the rest stays. What says how it is taken holds from `effective_from`."""

    medication_name: Name | msgspec.UnsetType = msgspec.UNSET
    medication_type: Kind | msgspec.UnsetType | None = msgspec.UNSET
    notes: LongText | msgspec.UnsetType | None = msgspec.UNSET
    dosage: ShortText | msgspec.UnsetType | None = msgspec.UNSET
    as_needed: bool | msgspec.UnsetType = msgspec.UNSET
    times_of_day: TimesOfDay | msgspec.UnsetType = msgspec.UNSET
    every_n_days: EveryDays | msgspec.UnsetType = msgspec.UNSET
    start_date: dt.date | msgspec.UnsetType = msgspec.UNSET
    end_date: dt.date | msgspec.UnsetType | None = msgspec.UNSET
    tolerance_minutes: Minutes | msgspec.UnsetType = msgspec.UNSET
    effective_from: Instant | None = None
    reason: ShortText | None = None


class ReasonIn(msgspec.Struct, forbid_unknown_fields=True):
    reason: ShortText | None = None


class TakenIn(msgspec.Struct, forbid_unknown_fields=True):
    """A dose. `taken_at` (default: now) and `scheduled_for` are RFC 3339 times.

    `scheduled_for` names the time of the schedule that it is for; without it, the nearest one
    counts. `client_event_id` makes a repeated call harmless.
    """

    taken_at: Instant | None = None
    scheduled_for: Instant | None = None
    dose: ShortText | None = None
    reason: ShortText | None = None
    note: LongText | None = None
    time_zone: Annotated[str, msgspec.Meta(examples=["Europe/Berlin"])] | None = None
    client_event_id: Name | None = None


class DoseIn(TakenIn, forbid_unknown_fields=True):
    """A dose; one that was missed or skipped has no `taken_at`."""

    status: DoseStatus = "taken"


class MedicationsQuery(msgspec.Struct, forbid_unknown_fields=True):
    status: Status | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    cursor: str | None = None


class WindowQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Local dates, both included."""

    first: dt.date | None = msgspec.field(default=None, name="from")
    last: dt.date | None = msgspec.field(default=None, name="to")


class RegimenOut(msgspec.Struct):
    """A version of how a medication is to be taken; it holds till any newer one does."""

    version: int
    status: Literal["active", "on-hold", "completed", "stopped", "entered-in-error"]
    effective_from: dt.datetime
    dosage: str | None
    as_needed: bool
    times_of_day: list[str]
    every_n_days: int
    start_date: dt.date
    end_date: dt.date | None
    tolerance_minutes: int
    reason: str | None
    created_at: dt.datetime


class MedicationOut(msgspec.Struct):
    """`regimen` is the one in force, or the first to come; `planned` is the next to follow it."""

    id: uuid.UUID
    medication_name: str
    medication_type: str | None
    notes: str | None
    status: Status
    regimen: RegimenOut
    planned: RegimenOut | None
    created_at: dt.datetime
    updated_at: dt.datetime


class MedicationsOut(msgspec.Struct):
    medications: list[MedicationOut]
    next: str | None


class MedicationHistoryOut(msgspec.Struct):
    """All versions, oldest first."""

    medication_id: uuid.UUID
    medication_name: str
    history: list[RegimenOut]


class DoseOut(msgspec.Struct):
    """`id` is that of its health event, which can be corrected and retracted there."""

    id: uuid.UUID
    medication_id: uuid.UUID
    medication_name: str | None
    status: DoseStatus
    occurred_at: dt.datetime
    local_date: dt.date
    taken_at: dt.datetime | None
    scheduled_for: dt.datetime | None
    dose: str | None
    reason: str | None
    note: str | None


class CountedDoseOut(DoseOut):
    """`outcome` is what the dose counts as, `scheduled_at` the time it counts for."""

    outcome: Literal[
        "taken", "late", "partial", "missed", "skipped", "extra", "as-needed", "unmatched"
    ]
    scheduled_at: dt.datetime | None


class SlotOut(msgspec.Struct):
    """A time at which a dose is to be taken, and what became of it.

    Without a record it is upcoming, due (within the tolerance), overdue (it can still be taken
    late), and in the end unknown.
    """

    medication_id: uuid.UUID
    medication_name: str
    dosage: str | None
    scheduled_at: dt.datetime
    local_date: dt.date
    local_time: str
    time_zone: str
    status: Literal[
        "taken", "late", "partial", "missed", "skipped", "unknown", "overdue", "due", "upcoming"
    ]
    event_id: uuid.UUID | None
    taken_at: dt.datetime | None


class DosesOut(msgspec.Struct):
    first: dt.date = msgspec.field(name="from")
    last: dt.date = msgspec.field(name="to")
    slots: list[SlotOut]
    doses: list[CountedDoseOut]


class ScheduleOut(msgspec.Struct):
    first: dt.date = msgspec.field(name="from")
    last: dt.date = msgspec.field(name="to")
    slots: list[SlotOut]


class AdherenceOut(msgspec.Struct):
    """Doses counted; `scheduled` are those that are over or have a record, the rest `pending`.

    `rate` is taken / scheduled, `taken_rate` (taken + late) / scheduled, in percent; null where
    nothing was scheduled. `extra` and `as_needed` were taken without having been scheduled.
    """

    scheduled: int
    taken: int
    late: int
    partial: int
    missed: int
    skipped: int
    unknown: int
    pending: int
    extra: int
    as_needed: int
    rate: float | None
    taken_rate: float | None


class MedicationAdherenceOut(AdherenceOut):
    medication_id: uuid.UUID
    medication_name: str


class DayAdherenceOut(AdherenceOut):
    date: dt.date


class AdherenceReportOut(msgspec.Struct):
    first: dt.date = msgspec.field(name="from")
    last: dt.date = msgspec.field(name="to")
    overall: AdherenceOut
    medications: list[MedicationAdherenceOut]
    days: list[DayAdherenceOut]
