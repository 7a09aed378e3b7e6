"""Reads the log on and makes alerts of it: one for each rule and group, while it goes on.

What is looked at is committed and complete: entries of transactions below the snapshot's xmin,
which no time and no id can say. An entry may come long after others that happened later, so each
new one is put into all windows that it lies in.
"""

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple, TypeAlias

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max

from audit.models import AuditAlert, AuditAlertCursor, AuditAlertRule
from audit.types import HOUSE, AlertStatus, GroupBy
from audit.windows import Happening, episodes, marked

# At most so many entries in one turn, and all of the last one's transaction.
PORTION: Final = 20_000
# Rows that are fetched, and alerts that are written, at once.
AT_ONCE: Final = 1_000
# Which column of a happening says when it was.
AT: Final = 3
GROWING: Final = ("id", "entry_count", "first_entry_id", "last_entry_id", "first_at", "last_at")

LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('audit alerts', 0))"

NEXT_POSITION: Final = """
    SELECT ceiling::text,
           (SELECT tx_id::text
              FROM audit_logs
             WHERE tx_id >= %(position)s::xid8
               AND tx_id < ceiling
             ORDER BY tx_id
            OFFSET %(portion)s
             LIMIT 1)
      FROM pg_snapshot_xmin(pg_current_snapshot()) ceiling
"""

# What of an entry must be the same. What lies across clinics is counted across all of them; its
# alert is then one of the house.
ACROSS: Final = f"'{HOUSE}'::uuid"
# Commands and SQL are nobody, and are told apart by their door.
ACTOR: Final = """
    CASE WHEN actor_id IS NULL AND actor_kind IN ('system', 'database')
         THEN actor_kind || ' ' || source ELSE actor_id::text END
"""
GROUPS: Final = {
    GroupBy.ACTOR: (
        f"CASE WHEN actor_kind IN ('person', 'staff') THEN tenant_id ELSE {ACROSS} END",
        ACTOR,
    ),
    GroupBy.SUBJECT: ("tenant_id", "subject_id::text"),
    GroupBy.OBJECT: ("tenant_id", "nullif(object_id, '')"),
    GroupBy.TENANT: ("tenant_id", "tenant_id::text"),
    GroupBy.NETWORK: (ACROSS, "network"),
    GroupBy.EVERYTHING: (ACROSS, "'all'"),
}

# The entries that a rule counts.
COUNTED: Final = """
       is_notable
   AND event = ANY (%(events)s)
   AND (%(outcome)s = '' OR outcome = %(outcome)s)
   AND (cardinality(%(kinds)s::text[]) = 0 OR actor_kind = ANY (%(kinds)s))
"""

TOUCHED: Final = """
    SELECT {tenant}, {key}, min(recorded_at), max(recorded_at)
      FROM audit_logs
     WHERE tx_id >= %(position)s::xid8
       AND tx_id < %(next)s::xid8
       AND {counted}
       AND {key} IS NOT NULL
     GROUP BY 1, 2
"""

# Of all groups that have enough of them at once, each group's in a row. No join: with figures of
# yesterday the planner takes hours of today for empty, and would go through all groups for each
# entry. And the position last, as an index of it would lead through the whole log.
HAPPENINGS: Final = """
    SELECT tenant, key, id, recorded_at, subject_id, object_count, tx_id >= %(position)s::xid8
      FROM (SELECT {tenant} AS tenant, {key} AS key, id, recorded_at, subject_id, object_count,
                   tx_id,
                   sum(CASE WHEN %(counts)s = 'objects' THEN object_count ELSE 1 END)
                       OVER (PARTITION BY {tenant}, {key}) AS most
              FROM audit_logs
             WHERE {counted}
               AND recorded_at > %(since)s
               AND recorded_at <= %(until)s
               AND {key} = ANY (%(keys)s)) found
     WHERE most >= %(threshold)s
       AND tx_id < %(next)s::xid8
     ORDER BY tenant, key, recorded_at, id
"""

GROW: Final = """
    UPDATE audit_alerts a
       SET entry_count = g.entry_count, first_entry_id = g.first_entry_id,
           last_entry_id = g.last_entry_id, first_at = g.first_at, last_at = g.last_at
      FROM unnest(%s::uuid[], %s::integer[], %s::bigint[], %s::bigint[], %s::timestamptz[],
                  %s::timestamptz[])
           AS g (id, entry_count, first_entry_id, last_entry_id, first_at, last_at)
     WHERE a.id = g.id
"""

REPLAYED: Final = """
    SELECT {tenant}, {key}, id, recorded_at, subject_id, object_count
      FROM audit_logs
     WHERE {counted}
       AND recorded_at > %(since)s
       AND {key} IS NOT NULL
     ORDER BY recorded_at, id
     LIMIT %(most)s
"""


class Group(NamedTuple):
    """What is counted together."""

    tenant_id: uuid.UUID
    key: str


class Span(NamedTuple):
    """When the new entries of a group happened."""

    first_at: dt.datetime
    last_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Find:
    """New entries of a group, with others so many that they are worth an alert."""

    rule: AuditAlertRule
    group: Group
    marks: Sequence[Happening]

    @property
    def of(self) -> "Of":
        return self.rule.id, *self.group


# What there is one unresolved alert of: rule, tenant, group.
Of: TypeAlias = tuple[uuid.UUID, uuid.UUID, str]


def look(now: dt.datetime) -> int:
    """Look at what is new in the log, and give the number of alerts that were opened or grew.

    One at a time: who finds another one at work leaves it to them. All that is read is read before
    the first write, as from there on the sealer and all other readers of the log wait for the end.
    """
    with transaction.atomic():
        ((is_alone,),) = _rows(LOCK, {})
        position = AuditAlertCursor.objects.values_list("position", flat=True).first()
        if not is_alone or position is None:
            return 0
        following = _next(position)
        if following is None:
            return 0
        span = {"position": position, "next": following}
        rules = AuditAlertRule.objects.filter(is_enabled=True)
        finds = [find for rule in rules for find in _finds(rule, span)]
        # The one before may have left its turn meanwhile.
        if not AuditAlertCursor.objects.filter(position=position).update(position=following):
            return 0
        return _tell(finds, now) if finds else 0


def _next(position: str) -> str | None:
    """Give where the next portion ends; None: nothing more is complete."""
    values = {"position": position, "portion": PORTION}
    ((ceiling, cut),) = _rows(NEXT_POSITION, values)
    if int(ceiling) <= int(position):
        return None
    if cut is None:
        return str(ceiling)
    # A transaction that is a portion by itself is read whole.
    return str(max(int(cut), int(position) + 1))


def _finds(rule: AuditAlertRule, span: dict[str, str]) -> Iterator[Find]:
    """Give the groups of a rule that new entries have made too full."""
    values = _counted(rule) | span
    rows = _rows(_of(rule, TOUCHED), values)
    touched = {Group(*row[:2]): Span(*row[2:]) for row in rows}
    if not touched:
        return
    # Twice the window: whether an entry at the edge counted before depends on those before it.
    around = 2 * rule.window
    values |= {
        "keys": list({group.key for group in touched}),
        "since": min(each.first_at for each in touched.values()) - around,
        "until": max(each.last_at for each in touched.values()) + around,
        "counts": rule.counts,
        "threshold": rule.threshold,
    }
    for group, entries in groupby(_stream(_of(rule, HAPPENINGS), values), lambda row: row[:2]):
        new = touched.get(Group(*group))
        if new is None:
            continue
        happenings = [
            Happening(*row[2:])
            for row in entries
            if new.first_at - around < row[AT] <= new.last_at + around
        ]
        marks = _marked(rule, happenings)
        # What an alert that was resolved takes away later leaves no more than there is here.
        if any(one.is_new for one in marks):
            yield Find(rule, Group(*group), marks)


def _tell(finds: Sequence[Find], now: dt.datetime) -> int:
    """Open an alert for each find, or let the one that is not resolved grow."""
    same = AuditAlert.objects.filter(
        rule_id__in={find.rule.id for find in finds},
        group_key__in={find.group.key for find in finds},
    )
    # First these, with their locks: who resolves one meanwhile is seen by the question after. In
    # the order of their keys, as who decides about many locks them.
    locked = same.exclude(status=AlertStatus.RESOLVED).select_for_update(no_key=True).order_by("id")
    unresolved = {(each.rule_id, each.tenant_id, each.group_key): each for each in locked}
    resolved = same.filter(status=AlertStatus.RESOLVED, resolved_at__isnull=False).order_by()
    kinds = resolved.values_list("rule_id", "tenant_id", "group_key")
    ended = {(*of,): at for *of, at in kinds.annotate(Max("resolved_at"))}
    opened, grown = [], []
    for find in finds:
        marks, new = _left_of(find, ended.get(find.of))
        if not new:
            continue
        alert = unresolved.get(find.of)
        if alert is None:
            opened.append(_opened(find, marks, now))
        else:
            _grow(alert, marks, new)
            grown.append(alert)
    AuditAlert.objects.bulk_create(opened, batch_size=AT_ONCE)
    if grown:
        with connection.cursor() as cursor:
            cursor.execute(GROW, [[getattr(each, name) for each in grown] for name in GROWING])
    return len(opened) + len(grown)


def _left_of(find: Find, resolved_at: dt.datetime | None) -> tuple[list[Happening], int]:
    """Give what counts after the alert before and its cool-down, and by how much that is more."""
    rule, counted = find.rule, find.marks
    if resolved_at is not None:
        counted = [one for one in counted if one.at > resolved_at + rule.cool_down]
    marks = _marked(rule, counted)
    return marks, len(marks) - len(_marked(rule, [one for one in counted if not one.is_new]))


def _grow(alert: AuditAlert, marks: Sequence[Happening], more: int) -> None:
    ids = [one.id for one in marks]
    alert.entry_count += more
    alert.first_entry_id = min(alert.first_entry_id, *ids)
    alert.last_entry_id = max(alert.last_entry_id, *ids)
    alert.first_at = min(alert.first_at, marks[0].at)
    alert.last_at = max(alert.last_at, marks[-1].at)


def _opened(find: Find, marks: Sequence[Happening], now: dt.datetime) -> AuditAlert:
    rule, ids = find.rule, [one.id for one in marks]
    return AuditAlert(
        tenant_id=find.group.tenant_id,
        rule_id=rule.id,
        rule_name=rule.name,
        severity=rule.severity,
        group_by=rule.group_by,
        group_key=find.group.key,
        entry_count=len(marks),
        first_entry_id=min(ids),
        last_entry_id=max(ids),
        first_at=marks[0].at,
        last_at=marks[-1].at,
        mail_due_at=now if rule.notify and settings.SENDS_MAIL else None,
    )


def _marked(rule: AuditAlertRule, happenings: Sequence[Happening]) -> list[Happening]:
    return marked(happenings, counts=rule.counts, threshold=rule.threshold, window=rule.window)


# What a rule would have done


@dataclass(frozen=True, slots=True)
class Replay:
    """What a rule would have made of some days, had each alert been resolved when it ended."""

    alerts: int
    groups: int
    counted: int
    is_whole: bool


MOST_REPLAYED: Final = 200_000


def replay(rule: AuditAlertRule, since: dt.datetime) -> Replay:
    """Tell how many alerts a rule, saved or not, would have made since a time."""
    values = _counted(rule) | {"since": since, "most": MOST_REPLAYED + 1}
    groups: dict[tuple[uuid.UUID, str], list[Happening]] = {}
    rows = _rows(_of(rule, REPLAYED), values)
    for tenant_id, key, *entry in rows[:MOST_REPLAYED]:
        groups.setdefault((tenant_id, key), []).append(Happening(*entry))
    pause = max(rule.cool_down, rule.window)
    found = [episodes(_marked(rule, each), pause=pause) for each in groups.values()]
    return Replay(
        alerts=sum(found),
        groups=sum(1 for each in found if each),
        counted=min(len(rows), MOST_REPLAYED),
        is_whole=len(rows) <= MOST_REPLAYED,
    )


def _of(rule: AuditAlertRule, sql: str) -> str:
    tenant, key = GROUPS[GroupBy(rule.group_by)]
    return sql.format(tenant=tenant, key=key, counted=COUNTED)


def _counted(rule: AuditAlertRule) -> dict[str, Any]:
    return {
        "events": list(rule.events),
        "outcome": rule.outcome,
        "kinds": list(rule.actor_kinds),
    }


def _rows(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _stream(sql: str, values: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Give rows as they come, without keeping them."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, values)
        while rows := cursor.fetchmany(AT_ONCE):
            yield from rows
