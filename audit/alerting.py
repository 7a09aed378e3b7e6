"""Reads the log on and makes alerts of it: one for each rule and group, while it goes on.

What is looked at is committed and complete: entries of transactions below the snapshot's xmin,
which no time and no id can say. An entry may come long after others that happened later, so each
new one is put into all windows that it lies in.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction

from audit.models import AuditAlert, AuditAlertCursor, AuditAlertRule
from audit.types import HOUSE, AlertStatus, GroupBy
from audit.windows import Happening, episodes, marked

# At most so many entries in one turn, and all of the last one's transaction.
PORTION: Final = 20_000

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
GROUPS: Final = {
    GroupBy.ACTOR: (
        f"CASE WHEN actor_kind IN ('person', 'staff') THEN tenant_id ELSE {ACROSS} END",
        "actor_id::text",
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

HAPPENINGS: Final = """
    SELECT id, recorded_at, subject_id, object_count, tx_id >= %(position)s::xid8
      FROM audit_logs
     WHERE {counted}
       AND recorded_at > %(since)s
       AND recorded_at <= %(until)s
       AND tx_id < %(next)s::xid8
       AND {tenant} = %(tenant)s
       AND {key} = %(key)s
     ORDER BY recorded_at, id
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


@dataclass(frozen=True, slots=True)
class Group:
    """What is counted together, and when its new entries happened."""

    tenant_id: uuid.UUID
    key: str
    first_at: dt.datetime
    last_at: dt.datetime


def look(now: dt.datetime) -> int:
    """Look at what is new in the log, and give the number of alerts that were opened or grew.

    One at a time: who finds another one at work leaves it to them.
    """
    with transaction.atomic():
        cursor = AuditAlertCursor.objects.select_for_update(skip_locked=True).first()
        if cursor is None:
            return 0
        position = cursor.position
        following = _next(position)
        if following is None:
            return 0
        rules = AuditAlertRule.objects.filter(is_enabled=True)
        changed = sum(_apply(rule, position, following, now) for rule in rules)
        AuditAlertCursor.objects.filter(position__lt=following).update(position=following)
        return changed


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


def _apply(rule: AuditAlertRule, position: str, following: str, now: dt.datetime) -> int:
    span = {"position": position, "next": following}
    rows = _rows(_of(rule, TOUCHED), _counted(rule) | span)
    return sum(_look_at(rule, Group(*row), span, now) for row in rows)


def _look_at(rule: AuditAlertRule, group: Group, span: dict[str, str], now: dt.datetime) -> bool:
    """Open an alert for a group, or let the one that is not resolved grow."""
    same = AuditAlert.objects.filter(
        rule_id=rule.id, group_key=group.key, tenant_id=group.tenant_id
    )
    # First this one, with its lock: who resolves it meanwhile is seen by the question after.
    unresolved = same.exclude(status=AlertStatus.RESOLVED).select_for_update(no_key=True).first()
    resolved = same.filter(status=AlertStatus.RESOLVED).order_by("-resolved_at").first()
    # Twice the window: whether an entry at the edge counted before depends on those before it.
    since = group.first_at - 2 * rule.window
    if resolved and resolved.resolved_at:
        since = max(since, resolved.resolved_at + rule.cool_down)
    counted = _happenings(rule, group, span, since)
    marks = _marked(rule, counted)
    grown = len(marks) - len(_marked(rule, [one for one in counted if not one.is_new]))
    if grown == 0:
        return False
    if unresolved is None:
        _open(rule, group, marks, now)
        return True
    ids = [one.id for one in marks]
    unresolved.entry_count += grown
    unresolved.first_entry_id = min(unresolved.first_entry_id, *ids)
    unresolved.last_entry_id = max(unresolved.last_entry_id, *ids)
    unresolved.first_at = min(unresolved.first_at, marks[0].at)
    unresolved.last_at = max(unresolved.last_at, marks[-1].at)
    unresolved.save(
        update_fields=["entry_count", "first_entry_id", "last_entry_id", "first_at", "last_at"]
    )
    return True


def _open(
    rule: AuditAlertRule, group: Group, marks: Sequence[Happening], now: dt.datetime
) -> AuditAlert:
    ids = [one.id for one in marks]
    return AuditAlert.objects.create(
        tenant_id=group.tenant_id,
        rule_id=rule.id,
        rule_name=rule.name,
        severity=rule.severity,
        group_by=rule.group_by,
        group_key=group.key,
        entry_count=len(marks),
        first_entry_id=min(ids),
        last_entry_id=max(ids),
        first_at=marks[0].at,
        last_at=marks[-1].at,
        mail_due_at=now if rule.notify and settings.SENDS_MAIL else None,
    )


def _happenings(
    rule: AuditAlertRule, group: Group, span: dict[str, str], since: dt.datetime
) -> list[Happening]:
    values = _counted(rule) | span
    values |= {
        "tenant": group.tenant_id,
        "key": group.key,
        "since": since,
        "until": group.last_at + 2 * rule.window,
    }
    return [Happening(*row) for row in _rows(_of(rule, HAPPENINGS), values)]


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
