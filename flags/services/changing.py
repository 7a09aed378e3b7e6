"""Changing flags: each change is a version, with who made it and why."""

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import msgspec
from django.db import transaction

from core.errors import DomainError, FieldError, InvalidInput, NotFound
from flags.models import FeatureFlag, FeatureFlagVersion, FlagRuleSet
from flags.targeting import fault_of_condition
from flags.types import ALGORITHM, BUCKETS, COLUMNS, ChangeKind, Definition, ValueType

# Percentage points that a change of a rollout may have without a reason.
LARGE_STEP: Final = 10.0
# As targeting.email_hash makes them.
HASH: Final = re.compile("[0-9a-f]{64}")
# Beyond it JavaScript has no exact whole numbers.
LARGEST_INTEGER: Final = 2**53 - 1
KINDS: Final = {
    ValueType.BOOLEAN: "true or false",
    ValueType.STRING: "a text",
    ValueType.INTEGER: "a whole number of at most 15 digits",
    ValueType.FLOAT: "a number",
    ValueType.OBJECT: "a JSON object",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes a flag, as the history shows it: an e-mail address of staff, or a process."""

    label: str


class FlagNotFound(NotFound):
    code = "flag-not-found"


class FlagExists(DomainError):
    status = 409
    code = "flag-exists"


class FlagChanged(DomainError):
    status = 409
    code = "flag-changed"
    retryable = True


class ReasonNeeded(InvalidInput):
    code = "reason-needed"


class ApprovalNeeded(DomainError):
    status = 409
    code = "approval-needed"


def create_flag(
    *,
    definition: Definition,
    actor: Actor,
    reason: str = "",
    kind: ChangeKind = ChangeKind.CREATE,
    now: dt.datetime,
) -> FeatureFlag:
    with transaction.atomic():
        if find_locked(definition.key) is not None:
            raise FlagExists(f"There is a flag {definition.key} already.")
        check(definition)
        # A key that was there once goes on with its numbers: its history is kept.
        newest = FeatureFlagVersion.objects.filter(flag_name=definition.key).first()
        number = newest.version + 1 if newest else 1
        flag = FeatureFlag(created_at=now, created_by=actor.label)
        _fill(flag, definition, number, actor, now)
        flag.save(force_insert=True)
        _note(definition, number, kind, reason, actor, now)
    return flag


def change_flag(
    *,
    definition: Definition,
    base_version: int | None,
    actor: Actor,
    reason: str = "",
    kind: ChangeKind = ChangeKind.EDIT,
    approved_by: Actor | None = None,
    now: dt.datetime,
) -> FeatureFlag:
    """Put a definition in the place of the one that the caller saw as `base_version`.

    Without a base version it is taken from whatever stands. What is the same already stays.
    """
    with transaction.atomic():
        flag = lock(definition.key)
        before = flag.definition
        _refuse_other_version(flag, base_version)
        # Compared as JSON: to Python 1.0 is 1, and to clients it is another type.
        if msgspec.json.encode(definition) == msgspec.json.encode(before):
            return flag
        if kind == ChangeKind.EDIT and definition == msgspec.structs.replace(
            before, is_enabled=False
        ):
            # By whatever button: switching off alone never waits for anybody.
            kind = ChangeKind.KILL
        if kind != ChangeKind.KILL:
            check(definition, before)
        if not reason.strip() and (points := largest_step(before, definition)) > LARGE_STEP:
            raise ReasonNeeded.at(
                "/reason",
                f"reason: say why. The change may move {points:g} of 100 people; above"
                f" {LARGE_STEP:g} a reason is needed.",
            )
        limit = before.approval_above
        if approved_by is None and kind in NEED_APPROVAL and needs_approval(before, definition):
            raise ApprovalNeeded(
                f"A change of {flag.flag_name} by more than {limit:g} points, or of that limit,"
                " needs a second person."
            )
        number = flag.version + 1
        _fill(flag, definition, number, actor, now)
        flag.save(force_update=True)
        _note(definition, number, kind, reason, actor, now)
    return flag


def _refuse_other_version(flag: FeatureFlag, base_version: int | None) -> None:
    if base_version is not None and base_version != flag.version:
        raise FlagChanged(
            f"{flag.flag_name} was changed meanwhile by {flag.updated_by or 'somebody'}."
            " Look at it again, then repeat your change."
        )


NEED_APPROVAL: Final = {ChangeKind.EDIT, ChangeKind.IMPORT, ChangeKind.REVERT, ChangeKind.RESTORE}


def needs_approval(before: Definition, after: Definition) -> bool:
    """Tell whether a change is beyond the flag's limit, or loosens the limit itself."""
    limit = before.approval_above
    if limit is None:
        return False
    is_loosened = after.approval_above is None or after.approval_above > limit
    return is_loosened or largest_step(before, after) > limit


# Whom they mean is not known here: it may be everybody. People named one by one are few.
OF_ANY_SIZE: Final = (
    *("allowed_variant", "conditions", "prerequisites", "environment_restrictions"),
    *("enabled_tenant_ids", "disabled_tenant_ids"),
)


def largest_step(before: Definition, after: Definition) -> float:
    """Give how many of 100 subjects, named on no list, may get something else afterwards."""
    if not before.is_enabled and not after.is_enabled:
        return 0.0
    one, other = (
        msgspec.json.encode([getattr(each, name) for name in OF_ANY_SIZE])
        for each in (before, after)
    )
    if one != other:
        return 100.0
    edges = sorted(
        {0, BUCKETS}
        | {
            edge
            for one in (*before.variants, *after.variants)
            for part in one.ranges
            for edge in part
        }
    )
    moved = 0
    for start, end in pairwise(edges):
        if _given(before, start) != _given(after, start):
            moved += end - start
    return moved * 100 / BUCKETS


def _given(definition: Definition, bucket: int) -> tuple[str, bytes]:
    for one in definition.variants if definition.is_enabled else ():
        if any(start <= bucket < end for start, end in one.ranges):
            return one.name, msgspec.json.encode(one.value)
    default = definition.variant(definition.default_variant)
    return definition.default_variant, msgspec.json.encode(default.value if default else None)


def kill_flag(*, key: str, actor: Actor, reason: str = "", now: dt.datetime) -> FeatureFlag:
    """Switch a flag off for everybody, whatever else holds. Nothing else of it changes."""
    return _switch(key, ChangeKind.KILL, actor, reason or "Switched off.", now)


def restore_flag(
    *, key: str, base_version: int | None = None, actor: Actor, reason: str = "", now: dt.datetime
) -> FeatureFlag:
    """Switch a flag on as the caller saw it."""
    return _switch(key, ChangeKind.RESTORE, actor, reason, now, base_version)


def _switch(
    key: str,
    kind: ChangeKind,
    actor: Actor,
    reason: str,
    now: dt.datetime,
    base_version: int | None = None,
) -> FeatureFlag:
    with transaction.atomic():
        definition = msgspec.structs.replace(
            lock(key).definition, is_enabled=kind == ChangeKind.RESTORE
        )
        return change_flag(
            definition=definition,
            base_version=base_version,
            actor=actor,
            reason=reason,
            kind=kind,
            now=now,
        )


def revert_flag(
    *, key: str, version: int, base_version: int | None, actor: Actor, reason: str = "",
    now: dt.datetime,
) -> FeatureFlag:  # fmt: skip
    """Make a flag again what it was at a version. This too is a new version."""
    old = FeatureFlagVersion.objects.filter(flag_name=key, version=version).first()
    if old is None or old.definition is None:
        raise FlagNotFound(f"{key} has no version {version} to go back to.")
    return change_flag(
        definition=old.definition,
        base_version=base_version,
        actor=actor,
        reason=reason or f"Back to version {version}.",
        kind=ChangeKind.REVERT,
        now=now,
    )


def delete_flag(
    *, key: str, base_version: int | None = None, actor: Actor, reason: str, now: dt.datetime
) -> None:
    """Remove a flag: whoever asks for it gets their own default. Its history stays."""
    if not reason.strip():
        raise ReasonNeeded.at("/reason", "reason: say why the flag is deleted.")
    with transaction.atomic():
        flag = lock(key)
        _refuse_other_version(flag, base_version)
        if flag.approval_above is not None:
            raise ApprovalNeeded(
                f"Large changes of {key} need a second person, and so does taking that away."
                " Take the limit out first, then delete the flag."
            )
        if users := [one.key for one in _related(flag.definition).values() if _needs(one, key)]:
            detail = f"{key}: is needed by {', '.join(users)}. Take the prerequisite out there."
            raise InvalidInput.at("/prerequisites", detail)
        flag.delete()
        _note(None, flag.version + 1, ChangeKind.DELETE, reason, actor, now, key=key)


def lock(key: str) -> FeatureFlag:
    flag = find_locked(key)
    if flag is None:
        raise FlagNotFound(f"There is no flag {key}.")
    return flag


def find_locked(key: str) -> FeatureFlag | None:
    """Read a flag that is about to change.

    Changes of all flags wait for each other: two at once could make a circle of prerequisites.
    """
    _lock_all()
    return FeatureFlag.objects.filter(flag_name=key).first()


def all_locked() -> dict[str, FeatureFlag]:
    """Read all flags, by key, when many are about to change."""
    _lock_all()
    return {flag.flag_name: flag for flag in FeatureFlag.objects.all()}


def _lock_all() -> None:
    FlagRuleSet.objects.select_for_update().get()


def _fill(
    flag: FeatureFlag, definition: Definition, number: int, actor: Actor, now: dt.datetime
) -> None:
    told: Mapping[str, Any] = msgspec.to_builtins(definition, builtin_types=())
    for name in COLUMNS:
        setattr(flag, name, told[name] if name in BUILTIN else getattr(definition, name))
    flag.flag_name = definition.key
    flag.variants = msgspec.json.encode(definition.variants).decode()
    flag.rollout_percentage = definition.percentage
    flag.version, flag.updated_at, flag.updated_by = number, now, actor.label


# Columns of JSON; the others take the values of the struct as they are.
BUILTIN: Final = frozenset({"conditions", "prerequisites"})


def _note(
    definition: Definition | None,
    number: int,
    kind: ChangeKind,
    reason: str,
    actor: Actor,
    now: dt.datetime,
    *,
    key: str = "",
) -> None:
    FeatureFlagVersion.objects.create(
        flag_name=definition.key if definition else key,
        version=number,
        definition_json=msgspec.json.encode(definition).decode() if definition else None,
        kind=kind,
        reason=reason.strip(),
        changed_by=actor.label,
        changed_at=now,
    )


def _related(definition: Definition) -> dict[str, Definition]:
    """Give the flags that need this one, and those it needs, also by way of others, by key."""
    needing = FeatureFlag.objects.filter(prerequisites__contains=[{"key": definition.key}])
    known = {flag.flag_name: flag.definition for flag in needing}
    asked: set[str] = set()
    wanted = {one.key for one in definition.prerequisites}
    while new := wanted - asked:
        asked |= new
        found = [flag.definition for flag in FeatureFlag.objects.filter(flag_name__in=new)]
        known |= {one.key: one for one in found}
        wanted = {one.key for each in found for one in each.prerequisites}
    return known


def _needs(definition: Definition, key: str) -> bool:
    return any(one.key == key for one in definition.prerequisites)


# Checks


def check(definition: Definition, before: Definition | None = None) -> None:
    """Refuse a definition that could not be evaluated, naming each field and the fix."""
    faults = [
        FieldError(f"{pointer.strip('/')}: {detail}", pointer=pointer)
        for pointer, detail in _faults(definition, before)
    ]
    if faults:
        raise InvalidInput(faults[0].detail, faults)


def _faults(definition: Definition, before: Definition | None) -> Iterable[tuple[str, str]]:
    yield from _faults_of_json(definition)
    yield from _faults_of_lists(definition)
    if (limit := definition.approval_above) is not None and not 0 <= limit <= 100:  # noqa: PLR2004
        yield "/approval_above", "must be from 0 to 100 percentage points."
    yield from _faults_of_variants(definition)
    names = {one.name for one in definition.variants}
    for field in ("default_variant", "allowed_variant"):
        if getattr(definition, field) not in names:
            yield f"/{field}", f"must be one of the variants: {', '.join(sorted(names))}."
    if before is not None and (before.salt, before.algorithm) != (
        definition.salt,
        definition.algorithm,
    ):
        yield "/salt", "cannot change: everybody would be drawn anew. Make a new flag."
    if definition.algorithm != ALGORITHM:
        yield "/algorithm", f"must be {ALGORITHM}, the only one there is."
    if before is not None and before.value_type != definition.value_type:
        yield "/value_type", "cannot change: clients rely on it. Make a new flag."
    yield from _faults_of_conditions(definition)
    yield from _faults_of_prerequisites(definition)


def _faults_of_lists(definition: Definition) -> Iterable[tuple[str, str]]:
    for field in ("enabled_user_emails", "disabled_user_emails"):
        if not all(HASH.fullmatch(one) for one in getattr(definition, field)):
            yield f"/{field}", "must be hashes of addresses (64 hexadecimal digits), not addresses."


def _faults_of_json(definition: Definition) -> Iterable[tuple[str, str]]:
    """Find what JSON, or jsonb, cannot keep: it would come back as null, or not be stored."""
    variants = definition.variants
    values = [(f"/variants/{index}/value", one.value) for index, one in enumerate(variants)]
    for pointer, value in [*values, ("/metadata", definition.metadata)]:
        if msgspec.json.decode(msgspec.json.encode(value)) != value:
            yield pointer, "must be JSON; its numbers must be finite."
    for name in definition.__struct_fields__:
        text = msgspec.json.encode(getattr(definition, name))
        if rb"\u0000" in text.replace(rb"\\", b""):
            yield f"/{name}", "must not contain the character NUL."


def _faults_of_variants(definition: Definition) -> Iterable[tuple[str, str]]:
    names = [one.name for one in definition.variants]
    if len(set(names)) < len(names):
        yield "/variants", "two variants have the same name."
    for index, one in enumerate(definition.variants):
        if not is_of_type(one.value, definition.value_type):
            wanted = KINDS[definition.value_type]
            yield f"/variants/{index}/value", f"must be {wanted}: see the flag's value_type."
    held = [part for one in definition.variants for part in one.ranges]
    if not all(map(_are_apart, [held, *(one.given_up for one in definition.variants)])):
        yield "/variants", f"ranges must lie within 0 to {BUCKETS} and not overlap."


def _are_apart(ranges: Iterable[tuple[int, int]]) -> bool:
    at = 0
    for start, end in sorted(ranges):
        if not at <= start < end <= BUCKETS:
            return False
        at = end
    return True


def is_of_type(value: Any, kind: ValueType) -> bool:
    """Tell whether a value is of a type, and one that every client can read."""
    if kind == ValueType.INTEGER:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and abs(value) <= LARGEST_INTEGER
    if kind == ValueType.FLOAT:
        return isinstance(value, float) and math.isfinite(value)
    return isinstance(value, {"boolean": bool, "string": str, "object": dict}[kind])


def _faults_of_conditions(definition: Definition) -> Iterable[tuple[str, str]]:
    for index, one in enumerate(definition.conditions):
        if fault := fault_of_condition(one):
            yield f"/conditions/{index}/values", fault


def _faults_of_prerequisites(definition: Definition) -> Iterable[tuple[str, str]]:
    known = _related(definition) | {definition.key: definition}
    for index, one in enumerate(definition.prerequisites):
        if one.key not in known:
            yield f"/prerequisites/{index}/key", f"there is no flag {one.key}."
            continue
        missing = [name for name in one.variants if known[one.key].variant(name) is None]
        if missing:
            yield f"/prerequisites/{index}/variants", f"{one.key} has no variant {missing[0]}."
    names = {one.name for one in definition.variants}
    for user in known.values():
        for wanted in user.prerequisites:
            gone = set(wanted.variants) - names if wanted.key == definition.key else set()
            if gone and user.key != definition.key:
                yield (
                    "/variants",
                    f"{user.key} needs the variant {min(gone)}. Change that flag first.",
                )
    if way := _cycle(definition.key, known):
        yield "/prerequisites", f"the flags would wait for each other: {' → '.join(way)}."


def _cycle(key: str, known: Mapping[str, Definition]) -> list[str]:
    """Find a way from a flag over its prerequisites back to itself."""
    ways = [[key]]
    seen = set()
    while ways:
        way = ways.pop()
        for one in known[way[-1]].prerequisites if way[-1] in known else ():
            if one.key == key:
                return [*way, key]
            if one.key not in seen:
                seen.add(one.key)
                ways.append([*way, one.key])
    return []
