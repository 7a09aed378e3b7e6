"""Writes what the rules found: one insight for each occasion."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, Final

from django.db import connection
from django.db.models import Q

from core import exact_json
from core.gate import Person
from core.times import local_date
from insights import catalogue, generators, queries
from insights.models import Insight, InsightCursor, insight_id
from insights.types import Evidence, Facts, Finding

ALERTS: Final = ("support_needed:", "assessment_alert:")
SAFETY_ALERTS: Final = "safety_alert:"

# What an occasion has already is written again only where it says something else by now. It
# lives as long as it was given when it was new.
WRITE: Final = """
    INSERT INTO insights AS old
        (id, tenant_id, user_id, occasion, insight_type, category, priority, title, message, icon,
         confidence, action_label, action_type, data, evidence, trigger_type, local_date,
         created_at, updated_at, expires_at)
    SELECT i.id, %(tenant)s, %(user)s, i.occasion, i.insight_type, i.category, i.priority,
           i.title, i.message, i.icon, i.confidence, i.action_label, i.action_type, i.data,
           i.evidence, %(trigger)s, %(today)s, %(now)s, %(now)s, i.expires_at
      FROM jsonb_to_recordset(%(items)s::jsonb) AS i (
               id uuid, occasion text, insight_type text, category text, priority smallint,
               title text, message text, icon text, confidence double precision,
               action_label text, action_type text, data jsonb, evidence jsonb,
               expires_at timestamptz
           )
     ORDER BY i.occasion
        ON CONFLICT (user_id, occasion, tenant_id)
        DO UPDATE
       SET insight_type = excluded.insight_type,
           category = excluded.category,
           priority = excluded.priority,
           title = excluded.title,
           message = excluded.message,
           icon = excluded.icon,
           confidence = excluded.confidence,
           action_label = excluded.action_label,
           action_type = excluded.action_type,
           data = excluded.data,
           evidence = excluded.evidence,
           updated_at = excluded.updated_at,
           expires_at = old.created_at + (excluded.expires_at - excluded.created_at)
     WHERE (old.insight_type, old.title, old.message, old.data, old.evidence,
            old.expires_at - old.created_at)
           IS DISTINCT FROM
           (excluded.insight_type, excluded.title, excluded.message, excluded.data,
            excluded.evidence, excluded.expires_at - excluded.created_at)
"""


# Of two that work for a person at once, the later one must see what the earlier one saw, and more.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('insights of ' || %s, 0))"


def renew_safety(person: Person, *, trigger: Insight.Trigger, now: dt.datetime) -> None:
    """Write the safety alerts alone.

    In a unit of work of its own: what fails in any other rule must not take an alert back.
    """
    _lock(person.id)
    today = local_date(now, person.time_zone)
    facts = queries.screened(person, Facts(profile={}, today=today), now)
    _write_safety(person, facts, trigger=trigger, now=now)


def renew(person: Person, *, trigger: Insight.Trigger, now: dt.datetime) -> Facts:
    """Write everything that holds today of the person inside the gate. Safe to run twice.

    An alert whose reason was corrected away ends.
    """
    _lock(person.id)
    today = local_date(now, person.time_zone)
    facts = queries.screened(person, queries.facts(person, today), now)
    is_alerted = _write_safety(person, facts, trigger=trigger, now=now)
    daily = generators.daily(facts, is_alerted=is_alerted)
    # The insight of the day says it already.
    written = {daily.type, "safety_alert"}
    others = [finding for finding in generators.find_all(facts) if finding.type not in written]
    write(person, [daily, *others], trigger=trigger, today=today, now=now)
    standing = [finding.occasion for finding in generators.alerts(facts)]
    _end_alerts(person.id, except_for=standing, since=today - dt.timedelta(days=7), now=now)
    return facts


def _lock(user_id: uuid.UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [str(user_id)])


def _write_safety(
    person: Person, facts: Facts, *, trigger: Insight.Trigger, now: dt.datetime
) -> bool:
    """Tell whether any of them is shown by now."""
    found = generators.safety(facts)
    if not found:
        return False
    write(person, found, trigger=trigger, today=facts.today, now=now)
    occasions = [finding.occasion for finding in found]
    shown = Insight.objects.filter(user_id=person.id, occasion__in=occasions, expires_at__gt=now)
    return shown.exists()


def write(
    person: Person,
    findings: Sequence[Finding],
    *,
    trigger: Insight.Trigger,
    today: dt.date,
    now: dt.datetime,
) -> None:
    items = [_item(person.id, finding, now) for finding in findings]
    values: dict[str, Any] = {
        "tenant": person.tenant_id,
        "user": person.id,
        "trigger": trigger,
        "today": today,
        "now": now,
        "items": exact_json.encode(items),
    }
    with connection.cursor() as cursor:
        cursor.execute(WRITE, values)


def advance(position: str) -> None:
    """Note how far the log has been read; never backwards, whoever comes last."""
    InsightCursor.objects.filter(position__lt=position).update(position=position)


def _item(user_id: uuid.UUID, finding: Finding, now: dt.datetime) -> dict[str, Any]:
    text = catalogue.text_of(finding)
    return {
        "id": insight_id(user_id, finding.occasion),
        "occasion": finding.occasion,
        "insight_type": finding.type,
        "category": finding.category,
        "priority": finding.priority,
        "title": text.title,
        "message": text.message,
        "icon": text.icon,
        "confidence": finding.confidence,
        "action_label": text.action_label,
        "action_type": text.action_type,
        "data": dict(finding.values),
        "evidence": [_reference(evidence) for evidence in finding.evidence],
        "expires_at": now + finding.expires_after,
    }


def _reference(evidence: Evidence) -> dict[str, Any]:
    named = {"id": evidence.id, "date": evidence.date}
    return {"kind": evidence.kind} | {key: value for key, value in named.items() if value}


def _end_alerts(
    user_id: uuid.UUID, *, except_for: Sequence[str], since: dt.date, now: dt.datetime
) -> None:
    # What a standing safety alert rests on is looked at however long ago it was.
    is_alert = Q(occasion__startswith=SAFETY_ALERTS)
    for prefix in ALERTS:
        is_alert |= Q(occasion__startswith=prefix, local_date__gt=since)
    Insight.objects.filter(is_alert, user_id=user_id, expires_at__gt=now).exclude(
        occasion__in=list(except_for)
    ).update(expires_at=now, updated_at=now)
