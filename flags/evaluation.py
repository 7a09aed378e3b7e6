"""From a flag and a context to an outcome. Pure; needs neither database nor clock.

`evaluate_feature_flag()` in SQL gives the same answer to every question; tests/flags hold both
together. Golden vectors pin the buckets for good: tests/golden/flags.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from flags.targeting import email_hash, meets
from flags.types import (
    BUCKETS,
    Context,
    Definition,
    Explanation,
    Outcome,
    Reason,
    Step,
)

NOT_FOUND_VERSION: Final = 0
FIRST_64_BITS: Final = struct.Struct(">Q24x").unpack


def bucket_of(salt: str, subject: str) -> int:
    """Algorithm 1: the first 8 bytes (big endian) of SHA-256("salt:subject"), modulo 100,000."""
    digest = sha256(f"{salt}:{subject}".encode()).digest()
    return int(FIRST_64_BITS(digest)[0] % BUCKETS)


class Flag:
    """A definition made ready for one environment; asking it costs about one hash."""

    __slots__ = (
        *("_bounds", "_conditions", "_denied", "_fixed", "_is_plain", "_outcomes", "_owners"),
        *("_prefix", "_salt", "_whole", "asks_more_than_the_key", "asks_who", "definition", "key"),
        *("names_people", "version"),
    )

    def __init__(self, definition: Definition, version: int, environment: str) -> None:
        self.definition, self.version, self.key = definition, version, definition.key
        self._salt, self._prefix = definition.salt, f"{definition.salt}:"
        self._outcomes: dict[tuple[str, Reason], Outcome] = {}
        self._denied = _Listed(definition, is_enabled=False)
        self._conditions = tuple(definition.conditions)
        ranges = sorted(
            (start, end, one.name) for one in definition.variants for start, end in one.ranges
        )
        # Gaps are written out, so that one search finds the outcome of a bucket.
        self._bounds: list[int] = []
        self._owners: list[Outcome] = []
        at = 0
        for start, end, name in ranges:
            if start > at:
                self._add_range(at, None)
            self._add_range(start, name)
            at = end
        if at < BUCKETS:
            self._add_range(at, None)
        self._fixed = self._decide_for_all(environment)
        self._whole = self._of_whole()
        listed = _Listed(definition, is_enabled=True)
        # None: nobody is looked for on a list, and no other flag is asked.
        self.asks_who: _Listed | None = (
            listed if listed or self._denied or definition.prerequisites else None
        )

        self._is_plain = (
            self._fixed is None
            and self._whole is None
            and self.asks_who is None
            and not self._conditions
        )
        self.names_people = any(one.ids or one.emails for one in (self._denied, listed))
        # A clinic or an e-mail address; a prerequisite may ask for them, too.
        self.asks_more_than_the_key = bool(
            definition.conditions
            or definition.prerequisites
            or any(one.emails or one.tenants for one in (self._denied, listed))
        )

    def _add_range(self, start: int, name: str | None) -> None:
        self._bounds.append(start)
        self._owners.append(
            self._default(Reason.PERCENTAGE_OUT)
            if name is None
            else self._outcome(name, Reason.PERCENTAGE_IN)
        )

    def _outcome(self, name: str, reason: Reason) -> Outcome:
        key = (name, reason)
        if key not in self._outcomes:
            variant = self.definition.variant(name)
            value = variant.value if variant else None
            kind = self.definition.value_type
            self._outcomes[key] = Outcome(self.key, name, value, reason, self.version, kind)
        return self._outcomes[key]

    def _default(self, reason: Reason) -> Outcome:
        return self._outcome(self.definition.default_variant, reason)

    def _decide_for_all(self, environment: str) -> Outcome | None:
        if not self.definition.is_enabled:
            return self._default(Reason.DISABLED)
        wanted = self.definition.environment_restrictions
        if wanted and environment not in wanted:
            return self._default(Reason.ENVIRONMENT)
        return None

    def _of_whole(self) -> Outcome | None:
        """Tell what no bucket is needed for: all have one variant, or none has any."""
        holders = [one for one in self.definition.variants if one.ranges]
        if not holders:
            return self._default(Reason.NOBODY)
        if len(holders) == 1 and holders[0].size == BUCKETS:
            return self._outcome(holders[0].name, Reason.EVERYBODY)
        return None

    @property
    def percentage(self) -> float:
        """Of 100 subjects on no list, how many get a variant other than the default."""
        return self.definition.percentage if self._fixed is None else 0.0

    def ask(self, context: Context, rule_set: "RuleSet") -> Outcome:
        # Most flags ask for nothing but the place in the rollout.
        if self._is_plain and (subject := context.targeting_key):
            digest = sha256((self._prefix + subject).encode()).digest()
            bucket = FIRST_64_BITS(digest)[0] % BUCKETS
            return self._owners[bisect_right(self._bounds, bucket) - 1]
        return self._ask(context, rule_set)

    def _ask(self, context: Context, rule_set: "RuleSet") -> Outcome:
        if self._fixed is not None:
            return self._fixed
        if self.asks_who is not None:
            found = self._by_list(context, self.asks_who, rule_set)
            if found is not None:
                return found
        if self._conditions and not self._meets(context, rule_set):
            return self._default(Reason.CONDITIONS)
        if self._whole is not None:
            return self._whole
        subject = context.targeting_key
        if not subject:
            return self._default(Reason.NO_SUBJECT)
        bucket = bucket_of(self._salt, subject)
        return self._owners[bisect_right(self._bounds, bucket) - 1]

    def _by_list(self, context: Context, enabled: "_Listed", rule_set: "RuleSet") -> Outcome | None:
        if self._denied and self._denied.has(context):
            return self._default(Reason.USER_DISABLED)
        for prerequisite in self.definition.prerequisites:
            if rule_set.ask(prerequisite.key, context).variant not in prerequisite.variants:
                return self._default(Reason.PREREQUISITE)
        if enabled and enabled.has(context):
            return self._outcome(self.definition.allowed_variant, Reason.USER_ENABLED)
        return None

    def _meets(self, context: Context, rule_set: "RuleSet") -> bool:
        attributes = rule_set.attributes_of(context)
        return all(meets(condition, attributes) for condition in self._conditions)

    def explain(self, context: Context, rule_set: "RuleSet") -> Explanation:
        """Say the way to the outcome, check by check, in the words of the console."""
        outcome = self.ask(context, rule_set)
        subject = context.targeting_key
        bucket = bucket_of(self._salt, subject) if subject else None
        path: list[Step] = []
        for reasons, check in CHECKS:
            decisive = outcome.reason in reasons
            path.append(Step(check, decisive, WORDS[outcome.reason] if decisive else PASSED[check]))
            if decisive:
                break
        return Explanation(outcome, bucket, path)


CHECKS: Final = (
    ({Reason.DISABLED}, "switch"),
    ({Reason.ENVIRONMENT}, "environment"),
    ({Reason.USER_DISABLED}, "denied"),
    ({Reason.PREREQUISITE}, "prerequisites"),
    ({Reason.USER_ENABLED}, "allowed"),
    ({Reason.CONDITIONS}, "conditions"),
    (
        {
            *(Reason.EVERYBODY, Reason.NOBODY, Reason.NO_SUBJECT),
            *(Reason.PERCENTAGE_IN, Reason.PERCENTAGE_OUT),
        },
        "rollout",
    ),
)
PASSED: Final = {
    "switch": "The flag is switched on.",
    "environment": "The flag holds in this environment.",
    "denied": "On no list of those who never get it.",
    "prerequisites": "The flags that it needs are given.",
    "allowed": "On no list of those who always get it.",
    "conditions": "All conditions are met.",
}
WORDS: Final = {
    Reason.DISABLED: "The flag is switched off, for everybody.",
    Reason.ENVIRONMENT: "The flag does not hold in this environment.",
    Reason.USER_DISABLED: "On the list of those who never get it.",
    Reason.PREREQUISITE: "A flag that it needs gives another variant here.",
    Reason.USER_ENABLED: "On the list of those who always get it.",
    Reason.CONDITIONS: "A condition is not met, or what it asks for is not known.",
    Reason.EVERYBODY: "Everybody gets the same variant.",
    Reason.NOBODY: "The rollout is at 0 %.",
    Reason.NO_SUBJECT: "Nobody is named, so there is no place in the rollout.",
    Reason.PERCENTAGE_IN: "Inside the rollout.",
    Reason.PERCENTAGE_OUT: "Outside the rollout.",
}


class _Listed:
    """The lists of a flag on which somebody may be: always, or never."""

    __slots__ = ("emails", "ids", "salt", "tenants")

    def __init__(self, definition: Definition, *, is_enabled: bool) -> None:
        self.salt = definition.salt
        one = definition
        ids, emails, tenants = (
            (one.enabled_user_ids, one.enabled_user_emails, one.enabled_tenant_ids)
            if is_enabled
            else (one.disabled_user_ids, one.disabled_user_emails, one.disabled_tenant_ids)
        )
        self.ids = frozenset(map(str, ids))
        self.emails = frozenset(emails)
        self.tenants = frozenset(map(str, tenants))

    def __bool__(self) -> bool:
        return bool(self.ids or self.emails or self.tenants)

    def has(self, context: Context) -> bool:
        if self.tenants and context.tenant_id in self.tenants:
            return True
        if context.is_stranger:
            return False
        if context.targeting_key in self.ids:
            return True
        email = context.email if self.emails else None
        return bool(email) and email_hash(self.salt, str(email)) in self.emails


Asker = tuple[str | None, str | None, str | None, bool]


class RuleSet:
    """All flags of one version, for one environment."""

    __slots__ = ("_definitions", "answers", "environment", "flags", "names_people", "version")

    def __init__(
        self,
        definitions: Iterable[tuple[Definition, int]],
        *,
        version: int,
        environment: str,
    ) -> None:
        self._definitions = tuple(definitions)
        self.version, self.environment = version, environment
        # See services.evaluate_all.
        self.answers: dict[Asker, tuple[list[Outcome], list[Outcome | str | None]]] = {}
        self.flags: Mapping[str, Flag] = {
            one.key: Flag(one, number, environment) for one, number in self._definitions
        }
        self.names_people = any(flag.names_people for flag in self.flags.values())

    def of(self, environment: str) -> "RuleSet":
        """Give the same flags as another environment has them."""
        if environment == self.environment:
            return self
        return RuleSet(self._definitions, version=self.version, environment=environment)

    def ask(self, key: str, context: Context) -> Outcome:
        flag = self.flags.get(key)
        if flag is None:
            return Outcome(key, None, None, Reason.FLAG_NOT_FOUND, NOT_FOUND_VERSION)
        return flag.ask(context, self)

    def attributes_of(self, context: Context) -> Mapping[str, object]:
        """Give what conditions may ask for. What we know ourselves comes before what is told."""
        own = {"environment": self.environment}
        if context.tenant_id:
            own["tenant"] = context.tenant_id
        return context.attributes | own
