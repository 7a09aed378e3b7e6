"""Flags said in words: what holds now, and what a change changed."""

import datetime as dt
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from core.admin import capital
from core.errors import FieldError, InvalidInput
from flags import stale
from flags.targeting import TEXTS
from flags.types import (
    BUCKETS,
    ChangeKind,
    Condition,
    Definition,
    Explanation,
    Operator,
    Prerequisite,
    Purpose,
    Reason,
    Scalar,
    ValueType,
    Variant,
)

Names = Mapping[str, str]
# Ids, hashes of addresses, and ids of clinics.
PeopleAndClinics = tuple[Sequence[uuid.UUID], Sequence[str], Sequence[uuid.UUID]]

OPERATORS: Final = {
    Operator.ONE_OF: "is one of",
    Operator.NOT_ONE_OF: "is none of",
    Operator.STARTS_WITH: "starts with",
    Operator.ENDS_WITH: "ends with",
    Operator.AT_LEAST: "is a number of at least",
    Operator.LESS_THAN: "is a number below",
    Operator.VERSION_AT_LEAST: "is a version from",
    Operator.VERSION_LESS_THAN: "is a version before",
}
VERSIONS: Final = {Operator.VERSION_AT_LEAST, Operator.VERSION_LESS_THAN}
SAID: Final = OPERATORS | {
    Operator.AT_LEAST: "is at least",
    Operator.LESS_THAN: "is less than",
    Operator.VERSION_AT_LEAST: "is at least",
    Operator.VERSION_LESS_THAN: "is before",
}
PURPOSES: Final = {
    Purpose.RELEASE: "Release: a new feature reaches people step by step",
    Purpose.EXPERIMENT: "Experiment: variants are compared",
    Purpose.OPERATIONAL: "Operational: a switch for when something is overloaded or fails",
    Purpose.PERMISSION: "Permission: some have it for good, others never",
}
LIFETIMES: Final = (
    f"unchanged for {stale.LIFETIMES[Purpose.RELEASE]} days, an operational one for"
    f" {stale.LIFETIMES[Purpose.OPERATIONAL]}, while everybody got the same or nobody asked for it;"
    " a permission never is"
)
VALUE_TYPES: Final = {
    ValueType.BOOLEAN: "on or off",
    ValueType.STRING: "text",
    ValueType.INTEGER: "whole number",
    ValueType.FLOAT: "number",
    ValueType.OBJECT: "JSON object",
}
KINDS: Final = {
    ChangeKind.CREATE: "Made",
    ChangeKind.EDIT: "Changed",
    ChangeKind.KILL: "Switched off",
    ChangeKind.RESTORE: "Switched on",
    ChangeKind.RAMP: "Step of a ramp",
    ChangeKind.REVERT: "Reverted",
    ChangeKind.IMPORT: "Imported",
    ChangeKind.DELETE: "Deleted",
}


def say_fault(fault: FieldError) -> str:
    """Say a fault beside what it is about, so without its pointer."""
    name = (fault.pointer or "").strip("/")
    bare = fault.detail.removeprefix(f"{name}: ")
    # Otherwise it is a sentence already, and may begin with the name of a flag.
    return capital(bare) if bare != fault.detail else bare


def percent(value: float) -> str:
    return f"{value:.6g} %"


def count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def people(number: int) -> str:
    return count(number, "person", "people")


def enumerate_words(words: Sequence[str], last: str = "and") -> str:
    if len(words) < 2:  # noqa: PLR2004
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


# Values of conditions, as people type them

PLAIN: Final = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^,"]*)\s*(?:,|\Z)')
WHOLE: Final = 100
NUMBER: Final = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)


def say_values(condition: Condition) -> str:
    """Say the values of a condition as its row takes them."""
    return ", ".join(say_value(one, is_text=are_texts(condition)) for one in condition.values)


def are_texts(condition: Condition) -> bool:
    return condition.operator in TEXTS or condition.operator in VERSIONS


def say_value(value: Scalar, *, is_text: bool = False) -> str:
    """Say a value so that `read_values` reads the same: a text that looks otherwise is quoted."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    is_plain = bool(value) and value == value.strip() and not set(value) & set(',"')
    if is_plain and (is_text or read_value(value) == value):
        return value
    return json.dumps(value, ensure_ascii=False)


def read_values(text: str, *, are_texts: bool = False) -> list[Scalar]:
    found: list[Scalar] = []
    at = 0
    while at < len(text):
        match = PLAIN.match(text, at)
        if match is None:
            raise InvalidInput(
                "Put commas between the values, and a value with a comma in it in quotes."
            )
        word = match[1].strip()
        if word:
            found.append(_unquoted(word) if are_texts else read_value(word))
        at = match.end()
    return found


def read_value(word: str) -> Scalar:
    if word in {"true", "false"}:
        return word == "true"
    if NUMBER.fullmatch(word):
        return float(word) if "." in word else int(word)
    return _unquoted(word)


def _unquoted(word: str) -> str:
    if not word.startswith('"'):
        return word
    try:
        return str(json.loads(word))
    except ValueError:
        return word


# What holds


def state_of(definition: Definition) -> tuple[str, str]:
    """Give the kind of a pill and its words."""
    if not definition.is_enabled:
        return "entered-in-error", "Off"
    has_lists = bool(
        definition.enabled_user_ids
        or definition.enabled_user_emails
        or definition.enabled_tenant_ids
    )
    if not definition.percentage:
        return ("waiting", "Partly") if has_lists else ("replaced", "On for nobody")
    return ("final", "On") if is_for_everybody(definition) else ("waiting", "Partly")


def is_for_everybody(definition: Definition) -> bool:
    """Tell whether nothing stands between anybody and the feature."""
    is_limited = (
        definition.conditions
        or definition.prerequisites
        or definition.environment_restrictions
        or definition.disabled_user_ids
        or definition.disabled_user_emails
        or definition.disabled_tenant_ids
    )
    return definition.percentage == WHOLE and not is_limited


def summary(definition: Definition, clinics: Names) -> list[str]:
    """Say in sentences who gets what."""
    said = [_who(definition, clinics)]
    if definition.prerequisites:
        needs = enumerate_words([say_prerequisite(one) for one in definition.prerequisites])
        said.append(f"Only where {needs}.")
    if definition.environment_restrictions:
        where = enumerate_words(definition.environment_restrictions, "or")
        said.append(f"Only in the environment {where}.")
    if always := _listed(definition, clinics, is_enabled=True):
        what = (
            "" if definition.value_type == ValueType.BOOLEAN else f" “{definition.allowed_variant}”"
        )
        said.append(f"Always{what}: {always}.")
    if never := _listed(definition, clinics, is_enabled=False):
        said.append(f"Never: {never}.")
    return said


def _who(definition: Definition, clinics: Names) -> str:
    default = f"“{definition.default_variant}”"
    simple = simple_variant(definition)
    if not definition.is_enabled:
        what = "nobody has it" if simple else f"everybody gets {default}"
        return f"Switched off: {what}, whatever else is set."
    whose = _whose(definition.conditions, clinics)
    if simple:
        is_limited = bool(definition.conditions)
        return _say_share(definition.percentage, whose, is_limited=is_limited)
    shares = [
        f"“{one.name}” for {percent(one.percentage)}" for one in definition.variants if one.size
    ]
    if not shares:
        return f"Everybody gets {default}."
    if rest := WHOLE - definition.percentage:
        shares.append(f"{default} for the other {percent(rest)}")
    return f"Of the people{whose}: {enumerate_words(shares)}."


def _say_share(share: float, whose: str, *, is_limited: bool) -> str:
    if not share:
        return "Nobody gets it."
    if share == WHOLE:
        return f"Everybody{whose if is_limited else ''} gets it."
    return f"{percent(share)} of the people{whose} get it."


def _whose(conditions: Sequence[Condition], clinics: Names) -> str:
    only = clinics_of(conditions)
    where = " of all clinics"
    if only is not None:
        where = " of " + enumerate_words(
            [clinics.get(one, "a clinic that is gone") for one in only]
        )
        conditions = conditions[1:]
    if not conditions:
        return where
    return f"{where} whose {enumerate_words([say_condition(one, clinics) for one in conditions])}"


def clinics_of(conditions: Sequence[Condition]) -> list[str] | None:
    """Give the clinics to which a flag is limited: a condition that stands first."""
    if not conditions:
        return None
    first = conditions[0]
    if first.attribute != "tenant" or first.operator != Operator.ONE_OF:
        return None
    found = [str(one) for one in first.values]
    return found if all(map(_is_uuid, found)) else None


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def say_condition(condition: Condition, clinics: Names) -> str:
    is_text = are_texts(condition)
    values = [
        clinics.get(str(one), str(one))
        if condition.attribute == "tenant"
        else say_value(one, is_text=is_text)
        for one in condition.values
    ]
    operator = SAID[condition.operator]
    if len(values) == 1:
        operator = {"is one of": "is", "is none of": "is not"}.get(operator, operator)
    attribute = "clinic" if condition.attribute == "tenant" else condition.attribute
    return f"{attribute} {operator} {enumerate_words(values, 'or')}"


def say_known(value: Any, attribute: str, clinics: Names) -> str:
    if attribute == "tenant":
        return clinics.get(str(value), str(value))
    return say_value(value) if isinstance(value, str | bool | int | float) else "of another kind"


def say_prerequisite(prerequisite: Prerequisite) -> str:
    wanted = enumerate_words([f"“{name}”" for name in prerequisite.variants], "or")
    return f"{prerequisite.key} gives {wanted}"


def _listed(definition: Definition, clinics: Names, *, is_enabled: bool) -> str:
    ids, emails, tenants = list_of(definition, is_enabled=is_enabled)
    parts = []
    if number := len(ids) + len(emails):
        parts.append(people(number))
    if tenants:
        noun = "clinic" if len(tenants) == 1 else "clinics"
        parts.append(f"{noun} {enumerate_words(say_clinics(tenants, clinics))}")
    return enumerate_words(parts)


def list_of(definition: Definition, *, is_enabled: bool) -> PeopleAndClinics:
    one = definition
    if is_enabled:
        return one.enabled_user_ids, one.enabled_user_emails, one.enabled_tenant_ids
    return one.disabled_user_ids, one.disabled_user_emails, one.disabled_tenant_ids


def say_clinics(ids: Iterable[object], clinics: Names) -> list[str]:
    return [clinics.get(str(one), "a clinic that is gone") for one in ids]


def simple_variant(definition: Definition) -> str | None:
    """Give the one variant whose percentage is the rollout: of a boolean, the one that is true."""
    if definition.value_type != ValueType.BOOLEAN or len(definition.variants) != 2:  # noqa: PLR2004
        return None
    on, off = sorted(definition.variants, key=lambda one: one.value is not True)
    is_usual = on.value is True and off.value is False and not off.ranges
    is_usual = is_usual and definition.default_variant == off.name
    return on.name if is_usual and definition.allowed_variant == on.name else None


# Why


def say_outcome(who: str, explanation: Explanation) -> str:
    outcome = explanation.outcome
    has = f"gets “{outcome.variant}”"
    if outcome.value_type == ValueType.BOOLEAN:
        has = "has it" if outcome.value else "does not have it"
    why = explanation.path[-1].detail
    return f"{who} {has}: {why[:1].lower()}{why[1:]}"


def say_bucket(bucket: int | None, definition: Definition) -> str | None:
    if bucket is None:
        return None
    place = f"Place {bucket + 1:,} of {BUCKETS:,}"
    reach = [
        f"{'the rollout' if simple_variant(definition) else f'“{one.name}”'} {_places(one)}"
        for one in definition.variants
        if one.ranges
    ]
    return f"{place}; {'; '.join(reach) or 'the rollout is at 0 %'}."


def _places(variant: Variant) -> str:
    if variant.ranges[0][0] == 0 and len(variant.ranges) == 1:
        return f"reaches to {variant.ranges[0][1]:,}"
    parts = [f"{start + 1:,} to {end:,}" for start, end in variant.ranges]
    return f"has the places {enumerate_words(parts)}"


DECIDED_BY_PLACE: Final = {Reason.PERCENTAGE_IN, Reason.PERCENTAGE_OUT}


# What a change changed


class Change(NamedTuple):
    label: str
    before: str
    after: str


def changes(before: Definition | None, after: Definition | None, clinics: Names) -> list[Change]:
    """Say what differs, field by field. Addresses are counted, their hashes say nothing."""
    found = _changed_variants(before, after)
    found += [
        Change(
            label, say(before, clinics) if before else "-", say(after, clinics) if after else "-"
        )
        for label, say in FIELDS
    ]
    found += _changed_lists(before, after)
    return [one for one in found if one.before != one.after]


Say = Callable[[Definition, Names], str]
NOTHING: Final = "none"


def _lines(said: Iterable[str]) -> str:
    return "\n".join(said) or NOTHING


FIELDS: Final[Sequence[tuple[str, Say]]] = (
    ("Switch", lambda one, _: "on" if one.is_enabled else "off"),
    ("Description", lambda one, _: one.description or NOTHING),
    ("Gives", lambda one, _: VALUE_TYPES[one.value_type]),
    ("Default variant", lambda one, _: one.default_variant),
    ("Variant of those who always get it", lambda one, _: one.allowed_variant),
    (
        "Conditions",
        lambda one, names: _lines(say_condition(each, names) for each in one.conditions),
    ),
    ("Needs", lambda one, _: _lines(map(say_prerequisite, one.prerequisites))),
    ("Always: clinics", lambda one, names: _lines(say_clinics(one.enabled_tenant_ids, names))),
    ("Never: clinics", lambda one, names: _lines(say_clinics(one.disabled_tenant_ids, names))),
    ("Environments", lambda one, _: ", ".join(one.environment_restrictions) or "all"),
    ("Owner", lambda one, _: one.owner or NOTHING),
    ("Purpose", lambda one, _: one.purpose.value),
    ("Every evaluation is kept", lambda one, _: "yes" if one.record_all else "no"),
    (
        "A second person is needed",
        lambda one, _: (
            "never"
            if one.approval_above is None
            else f"for changes above {one.approval_above:g} points"
        ),
    ),
    (
        "Notes for programs",
        lambda one, _: _lines(f"{key}: {say_value(value)}" for key, value in one.metadata.items()),
    ),
    ("Draw", lambda one, _: f"{one.salt}, algorithm {one.algorithm}"),
)


def _changed_variants(before: Definition | None, after: Definition | None) -> list[Change]:
    old, new = (
        {one.name: one for one in (each.variants if each else ())} for each in (before, after)
    )
    simple = after and simple_variant(after)
    found = []
    for name in dict.fromkeys((*old, *new)):
        label = "Share of people" if name == simple else f"Variant “{name}”"
        found.append(
            Change(
                label,
                _say_variant(old.get(name), with_value=not simple),
                _say_variant(new.get(name), with_value=not simple),
            )
        )
    return found


def _say_variant(variant: Variant | None, *, with_value: bool) -> str:
    if variant is None:
        return "-"
    share = percent(variant.percentage)
    return f"{share}, value {say_variant_value(variant.value)}" if with_value else share


def say_variant_value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _changed_lists(before: Definition | None, after: Definition | None) -> list[Change]:
    found = []
    for label, ids, emails in (
        ("Always: people", "enabled_user_ids", "enabled_user_emails"),
        ("Never: people", "disabled_user_ids", "disabled_user_emails"),
    ):
        old, new = (_members(each, ids, emails) for each in (before, after))
        added, removed = len(new - old), len(old - new)
        if added or removed:
            parts = [f"{added:,} added"] * bool(added) + [f"{removed:,} taken off"] * bool(removed)
            found.append(
                Change(label, people(len(old)), f"{people(len(new))} ({', '.join(parts)})")
            )
    return found


def _members(definition: Definition | None, *fields: str) -> set[str]:
    if definition is None:
        return set()
    return {str(one) for field in fields for one in getattr(definition, field)}


def second_after(instant: dt.datetime) -> str:
    """Say an instant as the field of the explanation takes it, never earlier than it was."""
    up = dt.timedelta(seconds=1) if instant.microsecond else dt.timedelta()
    return (instant.astimezone(dt.UTC) + up).strftime("%Y-%m-%dT%H:%M:%S")
