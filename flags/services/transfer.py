"""Flags as a JSON document, out and in again, between installations or as a safe copy."""

import datetime as dt
import enum
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

import msgspec
from django.db import DataError, transaction

from core.errors import DomainError, FieldError, InvalidInput, invalid
from flags.models import FeatureFlag
from flags.services.changing import (
    Actor,
    FlagChanged,
    FlagNotFound,
    ReasonNeeded,
    all_locked,
    change_flag,
    create_flag,
)
from flags.types import ChangeKind, Definition

FORMAT: Final = "novara-flags/1"
MOST_FLAGS: Final = 2000
NOT_SEEN: Final = -1


class Effect(enum.StrEnum):
    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class Imported(msgspec.Struct, frozen=True):
    """What the import of one flag does. `base_version` is None where there was no such flag."""

    key: str
    effect: Effect
    base_version: int | None
    before: Definition | None
    after: Definition


class Document(msgspec.Struct, frozen=True, kw_only=True):
    format: str = FORMAT
    flags: list[Definition]


def export_flags(keys: Sequence[str] | None = None) -> bytes:
    """Write flags, or all of them, as JSON: sorted by key, addresses as hashes alone."""
    found = {flag.flag_name: flag.definition for flag in FeatureFlag.objects.all()}
    for key in keys or ():
        if key not in found:
            raise FlagNotFound(f"There is no flag {key}.")
    wanted = sorted(found if keys is None else set(keys))
    document = msgspec.json.encode(Document(flags=[found[key] for key in wanted]))
    return msgspec.json.format(document, indent=2) + b"\n"


def import_flags(
    *,
    document: bytes | str,
    actor: Actor,
    reason: str,
    now: dt.datetime,
    is_dry_run: bool = False,
    seen: Mapping[str, int | None] | None = None,
) -> list[Imported]:
    """Bring flags in, all or none, and say what became of each.

    With `seen`, the versions that a dry run found, nothing is done if one is another by now, or
    was not looked at.
    A dry run does everything and takes it back, so it finds every fault that there is.
    """
    if not reason.strip():
        raise ReasonNeeded.at("/reason", "reason: say why; it is the reason of every change.")
    items = _items(document)
    with transaction.atomic():
        found = _bring_in(items, actor, reason, now, seen)
        transaction.set_rollback(is_dry_run)
    return found


Item = tuple[int, Definition]


def _items(document: bytes | str) -> list[Item]:
    """Read the definitions with their places, sorted so that each comes after what it needs."""
    try:
        told = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidInput.at("", f"document: is not JSON: {error}.") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise InvalidInput.at("/format", f'format: must be "{FORMAT}".')
    if unknown := sorted(told.keys() - {"format", "flags"}):
        raise InvalidInput.at(f"/{unknown[0]}", f"{unknown[0]}: is not known here.")
    flags = told.get("flags")
    if not isinstance(flags, list) or not len(flags) <= MOST_FLAGS:
        raise InvalidInput.at("/flags", f"flags: must be a list of up to {MOST_FLAGS} flags.")
    return _sorted(_shaped(flags))


def _shaped(flags: list[Any]) -> list[Item]:
    items: list[Item] = []
    faults: list[FieldError] = []
    keys: dict[str, int] = {}
    for index, one in enumerate(flags):
        try:
            definition = msgspec.convert(one, Definition)
        except msgspec.ValidationError as error:
            faults += _placed(index, invalid(error))
            continue
        first = keys.setdefault(definition.key, index)
        if first != index:
            detail = f"{definition.key} stands at /flags/{first} already."
            faults.append(FieldError(detail, pointer=f"/flags/{index}/key"))
        items.append((index, definition))
    _raise(faults)
    return items


def _sorted(items: list[Item]) -> list[Item]:
    known = {flag.flag_name: flag.definition for flag in FeatureFlag.objects.all()}
    places = {definition.key: (index, definition) for index, definition in items}
    known |= {definition.key: definition for _, definition in items}
    needs = {key: {one.key for one in flag.prerequisites} for key, flag in known.items()}
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        way = " → ".join(reversed(error.args[1]))
        key = next((one for one in error.args[1] if one in places), "")
        pointer = f"/flags/{places[key][0]}/prerequisites" if key else "/flags"
        raise InvalidInput.at(
            pointer, f"prerequisites: flags wait for each other: {way}."
        ) from error
    return [places[key] for key in order if key in places]


def _bring_in(
    items: list[Item],
    actor: Actor,
    reason: str,
    now: dt.datetime,
    seen: Mapping[str, int | None] | None,
) -> list[Imported]:
    there = all_locked()
    done: list[tuple[int, Imported]] = []
    faults: list[FieldError] = []
    failed: set[str] = set()
    for index, definition in items:
        try:
            with transaction.atomic():
                before = there.get(definition.key)
                done.append((index, _put(before, definition, actor, reason, now, seen)))
        except DataError:
            failed.add(definition.key)
            detail = "has a character that cannot be stored."
            faults.append(FieldError(detail, pointer=f"/flags/{index}"))
        except DomainError as error:
            # Of what cannot come in, others need not complain too.
            missing = {f"/prerequisites/{place}/key" for place in _needs(definition, failed)}
            failed.add(definition.key)
            faults += _placed(index, error, missing)
    _raise(faults)
    return [one for _, one in sorted(done, key=lambda pair: pair[0])]


def _needs(definition: Definition, keys: set[str]) -> Iterator[int]:
    return (place for place, one in enumerate(definition.prerequisites) if one.key in keys)


def _put(
    flag: FeatureFlag | None,
    definition: Definition,
    actor: Actor,
    reason: str,
    now: dt.datetime,
    seen: Mapping[str, int | None] | None,
) -> Imported:
    version = flag.version if flag else None
    if seen is not None and seen.get(definition.key, NOT_SEEN) != version:
        raise FlagChanged(f"{definition.key} was changed meanwhile. Look at the import again.")
    if flag is None:
        create_flag(
            definition=definition, actor=actor, reason=reason, kind=ChangeKind.IMPORT, now=now
        )
        return Imported(definition.key, Effect.CREATED, None, None, definition)
    before = flag.definition
    changed = change_flag(
        definition=definition,
        base_version=version,
        actor=actor,
        reason=reason,
        kind=ChangeKind.IMPORT,
        now=now,
    )
    effect = Effect.UNCHANGED if changed.version == version else Effect.CHANGED
    return Imported(definition.key, effect, version, before, definition)


def _placed(
    index: int, error: DomainError, but: AbstractSet[str] = frozenset()
) -> list[FieldError]:
    """Give the faults of one flag with pointers into the whole document."""
    errors = error.errors or [FieldError(error.detail, pointer="")]
    return [
        FieldError(one.detail, pointer=f"/flags/{index}{one.pointer or ''}")
        for one in errors
        if one.pointer not in but
    ]


def _raise(faults: list[FieldError]) -> None:
    if not faults:
        return
    first = faults[0]
    rest = f" There are {len(faults) - 1} more faults." if len(faults) > 1 else ""
    raise InvalidInput(f"{first.pointer}: {first.detail}{rest}", faults)
