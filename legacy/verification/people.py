"""Compares an account and its profile."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from accounts.types import DEFAULT_TIME_ZONE
from core.times import LINKS
from legacy.mapping.values import our_id
from legacy.types import Person, Row
from legacy.verification import equality
from legacy.verification.comparison import Comparison

# Each column of a profile: when it is the same, and what stands here where it says nothing.
RULES: Final[Mapping[str, tuple[equality.Rule, Any]]] = {
    "nickname": (equality.text, ""),
    "timezone": (equality.text, DEFAULT_TIME_ZONE),
    "email_opt_in": (equality.flag, True),
    "confidence_meds": (equality.number, 5),
    "confidence_costs": (equality.number, 5),
    "confidence_overall": (equality.number, 5),
    "primary_need": (equality.text, None),
    "cycle_stage": (equality.text, None),
    "cycle_stage_updated": (equality.moment, None),
    "top_concern": (equality.text, None),
    "medication_status": (equality.text, None),
    "medication_status_updated": (equality.moment, None),
    "onboarding_path": (equality.text, None),
    "baseline_completed": (equality.flag, False),
}
# Columns with a place of their own, beside the profile's.
PLACED: Final = frozenset({"email", "status", "created_at", "updated_at"})
PREFIXES: Final = ("", "legacy_", "legacy_v1_", "legacy_users_", "legacy_profile_")


class AccountComparison:
    def __init__(self, comparison: Comparison) -> None:
        self._told, self._here = comparison, comparison.here
        self._explained: set[str] = set()

    def compare(self, person: Person, rows: Sequence[Row]) -> None:
        if self._here.is_profile_changed:
            self._told.note(f"users {person.key}: the profile was changed here since; not compared")
            return
        for row in rows:
            others = [other for other in rows if other is not row]
            for name, value in row.values.items():
                is_same = self._is_same(person, others, row.table, name, value)
                self._told.same(row, name, is_same=is_same)
        for name in self._here.extra.keys() - self._explained:
            self._told.too_much("users", person.key, name)

    def _is_same(
        self, person: Person, others: Sequence[Row], table: str, name: str, value: Any
    ) -> bool:
        kept = self._kept(name)
        is_kept = any(equality.verbatim(value, place) for place in kept)
        if name in RULES:
            return self._is_same_field(name, value, others, is_kept=is_kept)
        if name == "id" or (name == "user_id" and table == "user_profiles"):
            places = self._kept("id")
            is_kept = is_kept or any(equality.verbatim(value, place) for place in places)
            return value is None or our_id("users", str(value)) == person.id or is_kept
        if value is None:
            return all(place is None for place in kept) or bool(others)
        if name in PLACED:
            said = [value, *(other.get(name) for other in others)]
            return self._is_same_account(name, said, is_kept=is_kept)
        return is_kept or any(equality.anything(value, place) for place in kept)

    def _is_same_field(
        self, name: str, value: Any, others: Sequence[Row], *, is_kept: bool
    ) -> bool:
        """Let a value be kept elsewhere only if it gave way to the default or to another row's."""
        rule, default = RULES[name]
        place = getattr(self._here.profile, name)
        if value is not None and rule(value, place):
            return True
        gave_way = place == default or any(rule(other.get(name), place) for other in others)
        if name == "timezone" and isinstance(value, str):
            gave_way = gave_way or LINKS.get(value) == place
        return gave_way and (is_kept or value is None)

    def _is_same_account(self, name: str, said: Sequence[Any], *, is_kept: bool) -> bool:
        """Compare with what an account has, which is what one of the person's rows says.

        A spelling or time that is not exactly that must be kept, too.
        """
        profile = self._here.profile
        value = said[0]
        if name == "email":
            address = profile.user.email
            is_told = address in [str(email).strip().lower() for email in said]
            return is_told and (value == address or is_kept)
        if name == "status":
            active = [status == "active" for status in said if status is not None]
            return profile.user.is_active in active and (value == "active" or is_kept)
        place = profile.user.created_at if name == "created_at" else profile.updated_at
        is_told = any(equality.moment(time, place) for time in said)
        is_no_time = all(equality.instant(time) is None for time in said)
        return equality.moment(value, place) or (is_kept and (is_told or is_no_time))

    def _kept(self, name: str) -> list[Any]:
        keys = [f"{prefix}{name}" for prefix in PREFIXES]
        self._explained.update(keys)
        return [self._here.extra[key] for key in keys if key in self._here.extra]
