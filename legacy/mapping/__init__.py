"""Where each column of the old tables goes: from a person's old rows to a plan. Pure."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from legacy.mapping import checkins, events, insights, people, values
from legacy.mapping.checkins import Checkin
from legacy.mapping.events import Event
from legacy.mapping.insights import Insight
from legacy.mapping.people import Account
from legacy.types import Finding, Person, Row, Unreadable

# Tables whose rows have places of their own here; every other row is kept word for word.
PLACED: Final = frozenset(
    {
        *people.USERS,
        people.PROFILES,
        *checkins.TABLES,
        events.TABLE,
        *insights.TABLES,
        insights.INTERACTIONS,
    }
)

Rows = Mapping[str, Sequence[Row]]


@dataclass
class Plan:
    """Everything of a person, as it will stand here; or the faults for which it cannot."""

    account: Account
    checkins: list[Checkin] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    insights: list[Insight] = field(default_factory=list)
    interactions: list[Insight] = field(default_factory=list)
    records: list[Row] = field(default_factory=list)
    faults: list[Finding] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)


def person_columns(table: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Name the columns that tell whose a row is: the first that is not NULL does."""
    first = "id" if table in people.USERS else "user_id"
    return tuple(name for name in (first, "email") if name in columns)


def unreadable(rows: Iterable[Row]) -> list[Finding]:
    return [
        Finding(row.table, row.key, name, value.detail)
        for row in rows
        for name, value in row.values.items()
        if isinstance(value, Unreadable)
    ]


def make_plan(person: Person, rows: Rows, *, has_only_texts: bool, now: dt.datetime) -> Plan:
    own = [row for table in (*people.USERS, people.PROFILES) for row in rows.get(table, ())]
    faults = [*person.faults, *unreadable(row for found in rows.values() for row in found)]
    account = Account(person, own, has_only_texts=has_only_texts, now=now)
    plan = Plan(account, faults=list(dict.fromkeys(faults)))
    if not plan.faults:
        _Planner(plan, rows, has_only_texts=has_only_texts).fill()
    return plan


class _Planner:
    def __init__(self, plan: Plan, rows: Rows, *, has_only_texts: bool) -> None:
        self._plan, self._rows, self._has_only_texts = plan, rows, has_only_texts

    def fill(self) -> None:
        found = events.sort(self._rows.get(events.TABLE, ()))
        if found.duplicate_count:
            self._plan.notes["health_events: were there twice; kept as records"] += (
                found.duplicate_count
            )
        self._plan.records += found.records
        own_events = found.events + self._settle(self._from_rows(), found.checkins)
        self._add_events(own_events)
        self._add_insights()
        for table, rows in self._rows.items():
            if table not in PLACED:
                self._plan.records += rows

    def _from_rows(self) -> list[Checkin]:
        """Read the rows of the form. Two of one day in one table cannot both be right."""
        found: list[Checkin] = []
        for table in checkins.TABLES:
            days: set[dt.date] = set()
            for row in self._rows.get(table, ()):
                try:
                    checkin = checkins.from_row(row, has_only_texts=self._has_only_texts)
                except checkins.Refused as refusal:
                    self._plan.faults.append(refusal.finding)
                    continue
                if checkin.date in days:
                    detail = "is a second check-in of its day"
                    self._plan.faults.append(Finding(table, row.key, "date_submitted", detail))
                days.add(checkin.date)
                found.append(checkin)
        return found

    def _settle(self, from_rows: list[Checkin], from_events: list[Checkin]) -> list[Row]:
        """Merge what is the same check-in; of several on a day the newest stands.

        Gives the events of those that do not stand.
        """
        by_id: dict[uuid.UUID, Checkin] = {}
        for checkin in from_rows:
            if checkin.id in by_id:
                self._drop(checkin)
            else:
                by_id[checkin.id] = checkin
        for checkin in from_events:
            same = by_id.get(checkin.id) or by_id.get(checkin.event_ids["mood"])
            if same is not None and not same.event_ids:
                checkins.merge(same, checkin)
            else:
                by_id.setdefault(checkin.id, checkin)
        return self._choose(by_id.values())

    def _choose(self, found: Iterable[Checkin]) -> list[Row]:
        days: set[dt.date] = set()
        loose: list[Row] = []
        for checkin in checkins.in_order(list(found)):
            if checkin.date in days:
                loose += self._drop(checkin)
                continue
            days.add(checkin.date)
            self._plan.checkins.append(checkin)
            self._plan.records += [
                row
                for row in checkin.rows
                if row.table == events.TABLE and not events.is_told(row, checkin)
            ]
        return loose

    def _drop(self, checkin: Checkin) -> list[Row]:
        """Keep what does not stand as a check-in: its row as a record; give its events."""
        self._plan.notes[f"{checkin.table}: was not the newest of its day; kept beside it"] += 1
        self._plan.records += [row for row in checkin.rows if row.table != events.TABLE]
        return [row for row in checkin.rows if row.table == events.TABLE]

    def _add_events(self, rows: Sequence[Row]) -> None:
        for row in rows:
            event = events.event(row, self._plan.account.zone)
            if event is not None:
                self._plan.events.append(event)
            else:
                self._plan.notes["health_events: fit no event type here; kept as records"] += 1
            if event is None or not events.is_whole(row):
                self._plan.records.append(row)

    def _add_insights(self) -> None:
        account = self._plan.account
        known: set[uuid.UUID] = set()
        for table in insights.TABLES:
            for row in self._rows.get(table, ()):
                found = insights.insight(row, account.zone, account.created_at)
                if found.columns["id"] in known:
                    self._plan.notes[f"{table}: was there twice; kept as a record"] += 1
                    self._plan.records.append(row)
                    continue
                known.add(found.columns["id"])
                self._plan.insights.append(found)
        for row in self._rows.get(insights.INTERACTIONS, ()):
            self._plan.interactions.append(insights.interaction(row, known, account.created_at))


def content_of(row: Row) -> dict[str, Any]:
    """Give a row word for word, as JSON."""
    return {name: values.as_json(value) for name, value in row.values.items()}
