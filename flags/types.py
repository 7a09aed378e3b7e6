"""The words of feature flags: what a flag is, whom it is asked for, and what comes of it."""

import enum
import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

BUCKETS: Final = 100_000
# The only one so far; see evaluation.bucket_of.
ALGORITHM: Final = 1

# In Python the end of a text is also before its last line break.
# `$` alone would let a line feed pass at the end.
KEY_PATTERN: Final = r"^[a-z0-9][a-z0-9_.-]{0,99}$(?!\n)"
NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,49}$(?!\n)"

# In milliseconds: requests are counted by how long they took at most; the last ones took more.
BOUNDS: Final = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)

Scalar = str | bool | int | float


class ValueType(enum.StrEnum):
    BOOLEAN = "boolean"
    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    OBJECT = "object"


class Purpose(enum.StrEnum):
    """What a flag is for, and so how long it may stay as it is before it counts as stale."""

    RELEASE = "release"
    EXPERIMENT = "experiment"
    OPERATIONAL = "operational"
    PERMISSION = "permission"


class Operator(enum.StrEnum):
    ONE_OF = "one_of"
    NOT_ONE_OF = "not_one_of"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    AT_LEAST = "at_least"
    LESS_THAN = "less_than"
    VERSION_AT_LEAST = "version_at_least"
    VERSION_LESS_THAN = "version_less_than"


class Reason(enum.StrEnum):
    FLAG_NOT_FOUND = "flag_not_found"
    DISABLED = "disabled"
    ENVIRONMENT = "environment"
    USER_DISABLED = "user_disabled"
    PREREQUISITE = "prerequisite"
    USER_ENABLED = "user_enabled"
    CONDITIONS = "conditions"
    EVERYBODY = "everybody"
    NOBODY = "nobody"
    NO_SUBJECT = "no_subject"
    PERCENTAGE_IN = "percentage_in"
    PERCENTAGE_OUT = "percentage_out"
    ERROR_DEFAULT = "error_default"


class ChangeKind(enum.StrEnum):
    CREATE = "create"
    EDIT = "edit"
    KILL = "kill"
    RESTORE = "restore"
    RAMP = "ramp"
    REVERT = "revert"
    IMPORT = "import"
    DELETE = "delete"


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One of the values of a flag, and the buckets whose subjects get it: [start, end)."""

    name: Annotated[str, Meta(pattern=NAME_PATTERN)]
    value: Any
    ranges: list[tuple[int, int]] = []
    # What it had before it shrank; see allocation.
    given_up: list[tuple[int, int]] = []

    @property
    def size(self) -> int:
        return sum(end - start for start, end in self.ranges)

    @property
    def percentage(self) -> float:
        return self.size * 100 / BUCKETS


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an attribute of the context must be. A missing attribute meets no condition."""

    attribute: Annotated[str, Meta(min_length=1, max_length=100)]
    operator: Operator
    values: Annotated[list[Scalar], Meta(min_length=1, max_length=1000)]


class Prerequisite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another flag, and the variants of it that must be given for this one to go on."""

    key: str
    variants: Annotated[list[str], Meta(min_length=1)]


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that decides who gets what, and who looks after it. The form of import and export.

    E-mail addresses are kept as hashes alone; see targeting.email_hash.
    """

    key: Annotated[str, Meta(pattern=KEY_PATTERN)]
    description: Annotated[str, Meta(max_length=2000)] = ""
    is_enabled: bool = False
    value_type: ValueType = ValueType.BOOLEAN
    variants: Annotated[list[Variant], Meta(min_length=1, max_length=50)] = msgspec.field(
        default_factory=lambda: [Variant("on", value=True), Variant("off", value=False)]
    )
    default_variant: str = "off"
    allowed_variant: str = "on"
    enabled_user_ids: list[uuid.UUID] = []
    enabled_user_emails: list[str] = []
    enabled_tenant_ids: list[uuid.UUID] = []
    disabled_user_ids: list[uuid.UUID] = []
    disabled_user_emails: list[str] = []
    disabled_tenant_ids: list[uuid.UUID] = []
    environment_restrictions: list[str] = []
    conditions: Annotated[list[Condition], Meta(max_length=50)] = []
    prerequisites: Annotated[list[Prerequisite], Meta(max_length=20)] = []
    salt: Annotated[str, Meta(min_length=1, max_length=200)]
    algorithm: int = ALGORITHM
    owner: Annotated[str, Meta(max_length=200)] = ""
    purpose: Purpose = Purpose.RELEASE
    metadata: dict[str, Scalar] = {}
    record_all: bool = False
    # Percentage points; a change by more than that needs a second person. None: never.
    approval_above: float | None = None

    @property
    def percentage(self) -> float:
        return sum(variant.size for variant in self.variants) * 100 / BUCKETS

    def variant(self, name: str) -> Variant | None:
        return next((one for one in self.variants if one.name == name), None)


# The parts of a definition that have a column of the same name and form.
COLUMNS: Final = tuple(
    name for name in Definition.__struct_fields__ if name not in {"key", "variants"}
)


def definition_of(row: Mapping[str, Any]) -> Definition:
    """Read a row of feature_flags; its variants are text, as jsonb would make 1 of 1.0."""
    told = {name: row[name] for name in COLUMNS}
    told |= {"key": row["flag_name"], "variants": msgspec.json.decode(row["variants"])}
    return msgspec.convert(told, Definition)


class Context(msgspec.Struct, gc=False):
    """Whom a flag is asked for. `targeting_key` is a person's id, or what a server calls one."""

    targeting_key: str | None = None
    email: str | None = None
    tenant_id: str | None = None
    attributes: dict[str, Any] = {}
    # Somebody whom lists of people do not mean: a clinic's server names a person of another clinic.
    is_stranger: bool = False


class Outcome(msgspec.Struct, frozen=True, eq=False):
    """What a flag gives: one object for all subjects with the same outcome, so that it is cheap.

    `eq=False`: counted by identity.
    """

    key: str
    variant: str | None
    value: Any
    reason: Reason
    version: int
    value_type: ValueType | None = None


class Step(msgspec.Struct, frozen=True):
    """One check on the way to an outcome; the path of `explain`."""

    check: str
    is_decisive: bool
    detail: str


class Explanation(msgspec.Struct, frozen=True):
    outcome: Outcome
    bucket: int | None
    path: list[Step]


class RequestFigures(msgspec.Struct, frozen=True):
    """What became of requests; `durations` counts them by BOUNDS."""

    requests: int
    errors: int
    durations: list[int]

    @property
    def error_points(self) -> float:
        """Give how many of 100 requests failed on our side."""
        return self.errors * 100 / self.requests if self.requests else 0.0

    @property
    def p95(self) -> float | None:
        """Give the milliseconds within which 95 of 100 were answered, as near as bounds allow."""
        wanted, before, low = sum(self.durations) * 0.95, 0, 0
        for count, high in zip(self.durations, (*BOUNDS, 2 * BOUNDS[-1]), strict=True):
            if count and before + count >= wanted:
                return low + (high - low) * (wanted - before) / count
            before, low = before + count, high
        return None


class Comparison(msgspec.Struct, frozen=True):
    """The requests of people with a variant, and those of people with any other."""

    own: RequestFigures
    others: RequestFigures
