"""Who gains and who loses by a change, before it is made.

The same evaluation as everywhere, asked twice for each person: so what is previewed is what comes.
"""

import enum
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final, NamedTuple

import msgspec
from django.conf import settings
from django.db import models, transaction
from django.db.models.functions import Cast

from accounts.models import User
from flags.evaluation import RuleSet
from flags.models import FeatureFlag, FlagRuleSet
from flags.types import Condition, Context, Definition, Outcome, Reason, ValueType

# A preview looks at this many people at most, the newest ones.
MOST_PEOPLE: Final = 200_000
CHUNK: Final = 5_000
# What we know of everybody ourselves; all else only their apps tell.
OWN_ATTRIBUTES: Final = frozenset({"tenant", "environment"})


class Person(NamedTuple):
    id: str
    email: str
    tenant_id: str


class Effect(enum.Enum):
    NONE = 0
    GAINED = 1
    LOST = 2
    # Another variant, or another value of the same one.
    MOVED = 3


@dataclass(slots=True)
class Changes:
    """What becomes of one flag. Under unknown attributes somebody may both gain and lose."""

    key: str
    before: Counter[str | None] = field(default_factory=Counter)
    after: Counter[str | None] = field(default_factory=Counter)
    people: dict[Effect, list[Person]] = field(
        default_factory=lambda: {effect: [] for effect in Effect if effect != Effect.NONE}
    )

    @property
    def gained(self) -> list[Person]:
        return self.people[Effect.GAINED]

    @property
    def lost(self) -> list[Person]:
        return self.people[Effect.LOST]

    @property
    def moved(self) -> list[Person]:
        return self.people[Effect.MOVED]

    @property
    def is_empty(self) -> bool:
        return not any(self.people.values())


@dataclass(frozen=True, slots=True)
class Preview:
    own: Changes
    # Of flags that need this one, as far as anything changes there.
    others: Sequence[Changes]
    people_count: int
    # What conditions ask for and only apps know. If there is any, the numbers are upper bounds.
    unknown_attributes: Sequence[str]


def preview(
    before: Definition | None,
    after: Definition | None,
    rule_set: RuleSet,
    people: Iterable[Person],
) -> Preview:
    """Compare what people get before and after; None stands for no such flag."""
    key = (before or after or _nothing()).key
    now, then = with_definition(rule_set, key, before), with_definition(rule_set, key, after)
    watched = [key, *_that_need(key, then)]
    unknown = _unknown_attributes(watched, (now, then))
    worlds = _worlds(before, after, (now, then)) if unknown else [(now, then)]
    found = {one: _Tally(one, worlds, rule_sets=(now, then)) for one in watched}
    tallies = list(found.values())
    count = 0
    for person in people:
        count += 1
        context = Context(person.id, person.email, person.tenant_id)
        for tally in tallies:
            tally.add(person, context)
    own = found.pop(key).changes()
    others = [changes for tally in found.values() if not (changes := tally.changes()).is_empty]
    return Preview(own, others, count, unknown)


def _nothing() -> Definition:
    raise ValueError("A preview needs a definition before or after.")


def with_definition(rule_set: RuleSet, key: str, definition: Definition | None) -> RuleSet:
    """Give the rule set with this definition in the place of the flag's own, or without it."""
    kept = {one.key: (one.definition, one.version) for one in rule_set.flags.values()}
    _, version = kept.pop(key, (None, 0))
    if definition is not None:
        kept[key] = (definition, version)
    return RuleSet(kept.values(), version=rule_set.version, environment=rule_set.environment)


class _Tally:
    """What becomes of one flag. Of outcomes there are few combinations, however many people."""

    def __init__(
        self,
        key: str,
        worlds: Sequence[tuple[RuleSet, RuleSet]],
        rule_sets: tuple[RuleSet, RuleSet],
    ) -> None:
        self._key, self._rule_sets = key, rule_sets
        asked = [rule_set for world in worlds for rule_set in world]
        self._asked = [(rule_set.flags.get(key), rule_set) for rule_set in asked]
        # One object, so that all who get it are counted together.
        self._missing = Outcome(key, None, None, Reason.FLAG_NOT_FOUND, 0)
        self._counts: Counter[tuple[Outcome, ...]] = Counter()
        self._effects: dict[tuple[Outcome, ...], set[Effect]] = {}
        self._people: dict[tuple[Outcome, ...], list[Person]] = {}

    def add(self, person: Person, context: Context) -> None:
        outcomes = tuple(
            [
                flag.ask(context, rule_set) if flag else self._missing
                for flag, rule_set in self._asked
            ]
        )
        effects = self._effects.get(outcomes)
        if effects is None:
            effects = self._effects[outcomes] = self._effects_of(outcomes)
            self._people[outcomes] = []
        self._counts[outcomes] += 1
        if effects:
            self._people[outcomes].append(person)

    def _effects_of(self, outcomes: Sequence[Outcome]) -> set[Effect]:
        pairs = zip(outcomes[::2], outcomes[1::2], strict=True)
        return {_effect(*pair, *self._rule_sets) for pair in pairs} - {Effect.NONE}

    def changes(self) -> Changes:
        made = Changes(self._key)
        for outcomes, number in self._counts.items():
            made.before[outcomes[0].variant] += number
            made.after[outcomes[1].variant] += number
            for effect in self._effects[outcomes]:
                made.people[effect] += self._people[outcomes]
        return made


def _effect(before: Outcome, after: Outcome, now: RuleSet, then: RuleSet) -> Effect:
    had, has = _has_it(before, now), _has_it(after, then)
    if had != has:
        return Effect.GAINED if has else Effect.LOST
    is_same = _are_same((before.variant, before.value), (after.variant, after.value))
    return Effect.NONE if is_same else Effect.MOVED


def _are_same(one: object, other: object) -> bool:
    """Compare as JSON: to Python 1 is true, and to clients it is another value."""
    return msgspec.json.encode(one) == msgspec.json.encode(other)


def _has_it(outcome: Outcome, rule_set: RuleSet) -> bool:
    """Tell whether somebody has a feature: true, or any variant but the default one."""
    if outcome.value_type == ValueType.BOOLEAN:
        return outcome.value is True
    flag = rule_set.flags.get(outcome.key)
    return flag is not None and outcome.variant != flag.definition.default_variant


def _that_need(key: str, rule_set: RuleSet) -> list[str]:
    """Find the flags that need this one, or need one that does."""
    found = [key]
    for one in found:
        found += [
            flag.key
            for flag in rule_set.flags.values()
            if flag.key not in found
            and any(each.key == one for each in flag.definition.prerequisites)
        ]
    return found[1:]


# What only apps know


def _unknown_attributes(watched: Iterable[str], rule_sets: Sequence[RuleSet]) -> list[str]:
    found: set[str] = set()
    for rule_set in rule_sets:
        asked = list(watched)
        for key in asked:
            flag = rule_set.flags.get(key)
            if flag is not None:
                found |= {one.attribute for one in flag.definition.conditions if not _is_own(one)}
                asked += {one.key for one in flag.definition.prerequisites} - set(asked)
    return sorted(found)


def _is_own(condition: Condition) -> bool:
    return condition.attribute in OWN_ATTRIBUTES


def _worlds(
    before: Definition | None, after: Definition | None, rule_sets: tuple[RuleSet, RuleSet]
) -> list[tuple[RuleSet, RuleSet]]:
    """Give what may be: apps meet the conditions, or they do not; the first is what is shown.

    Where a change leaves the conditions as they are, whoever meets them now meets them then.
    """
    now, then = rule_sets
    met = (_all_met(now), _all_met(then))
    if before and after and _are_same(before.conditions, after.conditions):
        return [met, (now, then)]
    return list(product((met[0], now), (met[1], then)))


def _all_met(rule_set: RuleSet) -> RuleSet:
    definitions = [
        (
            msgspec.structs.replace(
                one.definition,
                conditions=[each for each in one.definition.conditions if _is_own(each)],
            ),
            one.version,
        )
        for one in rule_set.flags.values()
    ]
    return RuleSet(definitions, version=rule_set.version, environment=rule_set.environment)


# Reading


def people(limit: int = MOST_PEOPLE) -> Iterator[Person]:
    """Stream those who can use the service, the newest first."""
    rows = User.objects.filter(is_active=True, tenant__is_active=True).order_by(
        "-created_at", "-id"
    )
    with transaction.atomic():
        found = rows.values_list(_text("id"), "email", _text("tenant_id"))[:limit]
        for row in found.iterator(chunk_size=CHUNK):
            yield Person(*row)


def _text(name: str) -> Cast:
    """Have Postgres write an id as flags know it: for so many, Python is slow at it."""
    return Cast(name, models.TextField())


def rule_set_now() -> RuleSet:
    """Read what the database says, not what this process has heard of it."""
    definitions = [(flag.definition, flag.version) for flag in FeatureFlag.objects.all()]
    version = FlagRuleSet.objects.get().version
    return RuleSet(definitions, version=version, environment=settings.ENVIRONMENT)


def by_clinic(changed: Iterable[Person]) -> Mapping[str, int]:
    return Counter(person.tenant_id for person in changed)
