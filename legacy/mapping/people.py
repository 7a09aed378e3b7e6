"""Accounts: which rows are one person, and where each of their columns goes."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from accounts.types import DEFAULT_TIME_ZONE
from legacy.mapping import values
from legacy.types import Finding, Person, Row, Unreadable

# The tables of accounts; where they differ, what stands first is the newer service's.
USERS: Final = ("users", "users_v1")
PROFILES: Final = "user_profiles"
TWICE: Final = "is the address of two people, or differs in upper and lower case only"
LONGEST_EMAIL: Final = 254
LONGEST_NICKNAME: Final = 100
# Of accounts without a date, so that tokens that people hold go on working.
LONG_AGO: Final = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


def identify(rows: Iterable[Row]) -> list[Person]:
    """Find the people of the users' rows (of both generations, the newer first).

    A row of the older generation with the same id or address is the same person.
    """
    return _Register().people(rows)


class _Found:
    def __init__(self, row: Row) -> None:
        self.row = row
        self.emails: set[str] = set()
        self.refs: list[str] = []
        self.faults: list[Finding] = []


class _Register:
    def __init__(self) -> None:
        self._found: list[_Found] = []
        self._by_email: dict[str, _Found] = {}
        self._by_key: dict[str, _Found] = {}

    def people(self, rows: Iterable[Row]) -> list[Person]:
        for row in rows:
            self._add(row)
        return [
            Person(
                rank=rank,
                id=values.our_id(found.row.table, found.row.key),
                key=found.row.key,
                table=found.row.table,
                refs=tuple(found.refs),
                faults=tuple(found.faults),
            )
            for rank, found in enumerate(self._found)
        ]

    def _add(self, row: Row) -> None:
        email = address(row.get("email"))
        known = self._same_person(row, email)
        found = known or _Found(row)
        if known is None:
            self._found.append(found)
        if fault := self._fault(row, email):
            found.faults.append(fault)
        elif email is not None:
            other = self._by_email.setdefault(email, found)
            if other is found:
                found.refs.append(email)
            else:
                _refuse_both(found, other, "email", TWICE)
        namesake = self._by_key.setdefault(row.key, found)
        if namesake is not found:
            _refuse_both(found, namesake, "id", "is the id of two people")
        if "id" in row.values:
            found.refs.append(str(row.get("id")))

    def _same_person(self, row: Row, email: str | None) -> _Found | None:
        found = self._by_key.get(row.key)
        if found is None and email is not None:
            found = self._by_email.get(email)
        return found if found is not None and found.row.table != row.table else None

    @staticmethod
    def _fault(row: Row, email: str | None) -> Finding | None:
        for name, value in row.values.items():
            if isinstance(value, Unreadable):
                return Finding(row.table, row.key, name, value.detail)
        if email is None:
            return Finding(row.table, row.key, "email", "is no e-mail address")
        if len(email) > LONGEST_EMAIL:
            return Finding(row.table, row.key, "email", f"has over {LONGEST_EMAIL} characters")
        return None


def _refuse_both(one: _Found, other: _Found, column: str, detail: str) -> None:
    for found in (one, other):
        found.faults.append(Finding(found.row.table, found.row.key, column, detail))


def address(value: Any) -> str | None:
    trimmed = value.strip().lower() if isinstance(value, str) else ""
    return trimmed or None


class Account:
    """The account and profile of a person, put together from all their rows."""

    def __init__(
        self, person: Person, rows: Sequence[Row], *, has_only_texts: bool, now: dt.datetime
    ) -> None:
        self._has_only_texts = has_only_texts
        self._rows = sorted(rows, key=_age)
        self.extra: dict[str, Any] = {}
        self.created_at = self._created_at(now)
        self.profile: dict[str, Any] = {}
        for name, column in COLUMNS.items():
            self.profile[name] = self._choose(name, column)
        self.zone: str = self.profile["timezone"]
        self.email = self._email()
        self.is_active = self._is_active()
        self.updated_at = self._time("updated_at") or self.created_at
        self._keep_rest(person)

    @property
    def user(self) -> dict[str, Any]:
        valid_from = self.created_at if self._time("created_at") else LONG_AGO
        return {
            "email": self.email,
            "is_active": self.is_active,
            "created_at": self.created_at,
            "tokens_valid_from": valid_from,
        }

    def _choose(self, name: str, column: "_Column") -> Any:
        """Take the newer service's value, unless it is but a default and the older one's is not.

        The move from the older to the newer service left defaults where it lost what was there.
        """
        chosen = column.default
        given = [row for row in self._rows if name in row.values]
        for row in given:
            value = column.read(row.get(name))
            if column.holds(value) and value not in (None, column.default):
                chosen = value
                break
        for row in given:
            if not _equal(row.get(name), chosen) and not (
                row.get(name) is None and chosen == column.default and column.is_nullable
            ):
                self._keep(row, name)
        return chosen

    def _email(self) -> str:
        email = ""
        for row in self._rows:
            if "email" in row.values and row.table in USERS:
                email = email or address(row.get("email")) or ""
                if row.get("email") != email:
                    self._keep(row, "email")
        return email

    def _is_active(self) -> bool:
        given = [row for row in self._rows if row.get("status") is not None]
        for row in given:
            if row.get("status") != "active":
                self._keep(row, "status")
        return not given or given[0].get("status") == "active"

    def _created_at(self, now: dt.datetime) -> dt.datetime:
        return self._time("created_at") or self._time("updated_at") or now

    def _time(self, name: str) -> dt.datetime | None:
        times = (values.instant(row.get(name)) for row in self._rows)
        return next((time for time in times if time is not None), None)

    def _keep_rest(self, person: Person) -> None:
        times = {"created_at": self.created_at, "updated_at": self.updated_at}
        for row in self._rows:
            for name, value in row.values.items():
                if name in times:
                    is_placed = value is None or values.instant(value) == times[name]
                elif name in {"id", "user_id"}:
                    is_placed = value is None or str(value).lower() == str(person.id)
                elif name == "email":
                    is_placed = value is None or row.table in USERS
                else:
                    is_placed = name in COLUMNS or name == "status"
                if not is_placed and name in PLACES:
                    self._keep(row, name)
                elif not is_placed:
                    self._put(row, name, value)

    def _put(self, row: Row, name: str, value: Any) -> None:
        free = values.number_of(value) if self._has_only_texts else values.as_json(value)
        key = name if name not in TAKEN and not name.startswith("legacy_") else f"legacy_{name}"
        if key in self.extra and self.extra[key] != free:
            key = f"{_prefix(row)}{name}"
        self.extra[key] = free

    def _keep(self, row: Row, name: str) -> None:
        """Keep what stands in the row word for word, beside what it became."""
        value = row.get(name)
        called = "id" if name == "user_id" else name
        key = f"legacy_{called}" if row.table != "users_v1" else f"legacy_v1_{called}"
        if key in self.extra and self.extra[key] != values.as_json(value):
            key = f"{_prefix(row)}{name}"
        self.extra[key] = values.as_json(value)


def _age(row: Row) -> int:
    return {PROFILES: 0, "users": 1, "users_v1": 2}[row.table]


def _prefix(row: Row) -> str:
    return {"users": "legacy_users_", PROFILES: "legacy_profile_", "users_v1": "legacy_v1_"}[
        row.table
    ]


class _Column:
    def __init__(
        self,
        read: Callable[[Any], Any],
        holds: Callable[[Any], bool],
        default: Any,
    ) -> None:
        self.read, self.holds, self.default = read, holds, default
        self.is_nullable = default is None or default == ""


def _is_score(value: Any) -> bool:
    return type(value) is int and 1 <= value <= 10  # noqa: PLR2004


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_time(value: Any) -> bool:
    return isinstance(value, dt.datetime)


def _is_nickname(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_NICKNAME


COLUMNS: Final[Mapping[str, _Column]] = {
    "nickname": _Column(values.same, _is_nickname, ""),
    "timezone": _Column(values.zone, _is_text, DEFAULT_TIME_ZONE),
    "email_opt_in": _Column(values.flag, _is_flag, default=True),
    "confidence_meds": _Column(values.whole, _is_score, 5),
    "confidence_costs": _Column(values.whole, _is_score, 5),
    "confidence_overall": _Column(values.whole, _is_score, 5),
    "primary_need": _Column(values.same, _is_text, None),
    "cycle_stage": _Column(values.same, _is_text, None),
    "cycle_stage_updated": _Column(values.instant, _is_time, None),
    "top_concern": _Column(values.same, _is_text, None),
    "medication_status": _Column(values.same, _is_text, None),
    "medication_status_updated": _Column(values.instant, _is_time, None),
    "onboarding_path": _Column(values.same, _is_text, None),
    "baseline_completed": _Column(values.flag, _is_flag, default=False),
}
PLACES: Final = frozenset({"id", "user_id", "email", "created_at", "updated_at"})
# Names that a further answer must not have, as they are somebody else's.
TAKEN: Final = frozenset(
    {
        *COLUMNS,
        *("id", "user_id", "userId", "tenant_id", "email", "password", "token", "status"),
        *("created_at", "updated_at", "is_staff", "is_superuser", "is_active", "success"),
    }
)


def _equal(source: Any, chosen: Any) -> bool:
    if isinstance(chosen, bool):
        return values.flag(source) is chosen
    if isinstance(chosen, dt.datetime):
        return values.instant(source) == chosen
    if isinstance(chosen, int):
        return type(values.whole(source)) is int and bool(values.whole(source) == chosen)
    return bool(source == chosen)
