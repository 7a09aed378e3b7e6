"""A preview as its page shows it."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from flags.admin import looks, words
from flags.admin.words import Names
from flags.preview import MOST_PEOPLE, Changes, Person, Preview, by_clinic
from flags.services.changing import LARGE_STEP, largest_step, needs_approval
from flags.types import ChangeKind, Definition, ValueType

SAMPLE: Final = 10


def shown(
    found: Preview,
    before: Definition | None,
    after: Definition | None,
    clinics: Names,
    kind: ChangeKind = ChangeKind.EDIT,
) -> dict[str, Any]:
    step = largest_step(before, after) if before and after else 0.0
    waits_for = _what_waits(before, after, step, kind) if before and after else ""
    own = found.own
    gain, lose, move = _verbs(after)
    groups = [_group("gain", gain, own.gained, clinics)] if after else []
    groups.append(_group("lose", lose, own.lost, clinics))
    if after and own.moved:
        groups.append(_group("move", move, own.moved, clinics))
    return {
        "whom": _whom(found.people_count),
        "is_off": bool(after and not after.is_enabled),
        "is_certain": not found.unknown_attributes,
        "unknown": words.enumerate_words(list(found.unknown_attributes)),
        "variants": _variants(own),
        "groups": groups,
        "others": [{"key": one.key, "says": _sum_up(one)} for one in found.others],
        "changes": words.changes(before, after, clinics),
        # Other doors show them by themselves, and of a new flag all is a change.
        "shows_changes": before is not None and kind == ChangeKind.EDIT,
        "needs_reason": bool(waits_for) or (kind not in GIVE_A_REASON and step > LARGE_STEP),
        "waits_for": waits_for,
        "step": words.percent(step),
    }


# Going back says by itself what it is; who deletes is asked for a reason whatever the numbers.
GIVE_A_REASON: Final = {ChangeKind.REVERT, ChangeKind.DELETE}


def _what_waits(before: Definition, after: Definition, step: float, kind: ChangeKind) -> str:
    """Say what of a change a second person must agree to; nothing if it is carried out at once."""
    is_kill = after == msgspec.structs.replace(before, is_enabled=False)
    if (kind == ChangeKind.EDIT and is_kill) or not needs_approval(before, after):
        return ""
    if before.approval_above is not None and step > before.approval_above:
        return f"A change of {words.percent(step)}"
    return "Asking for a second person less often"


# For one, and for many.
Verb = tuple[str, str]
GAIN: Final = ("gains it", "gain it")
LOSE: Final = ("loses it", "lose it")
MOVE: Final = ("gets another variant", "get another variant")


DELETED: Final = (
    "has it now, and gets what is built into the program then",
    "have it now, and get what is built into the program then",
)


def _verbs(after: Definition | None) -> tuple[Verb, Verb, Verb]:
    if after is None:
        return GAIN, DELETED, MOVE
    if after.value_type == ValueType.BOOLEAN:
        return GAIN, LOSE, MOVE
    usual = f"“{after.default_variant}”"
    gain = (f"leaves {usual}", f"leave {usual}")
    return gain, (f"goes back to {usual}", f"go back to {usual}"), MOVE


def _whom(number: int) -> str:
    if number == MOST_PEOPLE:
        return f"the newest {number:,} people who can log in; there may be more"
    return f"all {number:,} people who can log in"


def _sum_up(changes: Changes) -> str:
    return words.enumerate_words(
        [
            f"{words.people(len(changed))} {verb[len(changed) != 1]}"
            for changed, verb in (
                (changes.gained, GAIN),
                (changes.lost, LOSE),
                (changes.moved, MOVE),
            )
            if changed
        ]
    )


def _variants(own: Changes) -> list[tuple[str, str, str]]:
    names = sorted({*own.before, *own.after}, key=str)
    return [
        (name or "what is built in", f"{own.before[name]:,}", f"{own.after[name]:,}")
        for name in names
    ]


def _group(kind: str, verb: Verb, changed: Sequence[Person], clinics: Names) -> dict[str, Any]:
    each = sorted(by_clinic(changed).items(), key=lambda item: -item[1])
    sample = changed[:SAMPLE]
    looks.noted("records-listed", [(one.id, one.tenant_id) for one in sample])
    return {
        "kind": kind,
        "verb": verb[len(changed) != 1],
        "summary": f"Who {verb[0]}",
        "people": words.people(len(changed)),
        "is_empty": not changed,
        "clinics": [(clinics.get(clinic, "-"), f"{number:,}") for clinic, number in each],
        "sample": [(one.email, clinics.get(one.tenant_id, "-")) for one in sample],
        "rest": f"{len(changed) - SAMPLE:,}" if len(changed) > SAMPLE else "",
    }
