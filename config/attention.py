"""What needs somebody now: a row for each queue that is not empty, and each part that lags.

Asked in the gate of whoever looks, so that counts are those of their clinic. What concerns the
whole house is for superusers; what says something of people's health, not for support.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import redis
from django.db import connection
from django.db.models import Count, Min
from django.urls import reverse
from django.utils.html import format_html

from audit import staff_figures as audit_figures
from audit.models import AuditAlert
from audit.types import AlertStatus
from audit.types import Severity as AlertSeverity
from config.broker import broker_client
from config.restoring import positions
from documents import staff_figures
from documents.admin import words
from documents.staff_figures import Kind
from flags import queries as flag_queries
from flags.models import FeatureFlagRamp
from health import metrics
from insights.admin import is_acknowledged
from insights.models import SafetyAlert
from ratelimits.types import Mode

# The fold runs every few seconds, the sealer too.
LATE: Final = dt.timedelta(minutes=1)
VERY_LATE: Final = dt.timedelta(minutes=15)
# Beat sends about one a second; a worker that is there takes them at once.
MANY_TASKS: Final = 100
DAY: Final = dt.timedelta(days=1)
# Says which part is away.
READINESS: Final = "/readyz"
MOST: Final = 10_000
# Causes of failed documents that have a row of their own.
MOST_CAUSES: Final = 5

LIMITS: Final = f"""
    SELECT v.mode, sum(v.violation_count)::bigint, count(DISTINCT v.rule_name), max(v.last_at)
      FROM (SELECT mode, violation_count, rule_name, last_at
              FROM rate_limit_violations
             WHERE last_at > %s
             ORDER BY last_at DESC
             LIMIT {MOST}) v
     GROUP BY v.mode
"""


class Severity(IntEnum):
    """How soon; the names are the words of the page."""

    URGENT = 1
    SOON = 2
    NOTE = 3

    @property
    def word(self) -> str:
        return self.name.capitalize()


@dataclass(frozen=True, slots=True)
class Concern:
    """A row: how many of what, since when, and where to see to it."""

    severity: Severity
    title: str
    detail: str = ""
    count: int | None = None
    age: str = ""
    address: str = ""


def concerns(user: Any, now: dt.datetime) -> list[Concern]:
    """Give what needs somebody of this role, the most urgent first."""
    found = [*_documents(now)]
    if not user.is_support:
        found += [*_safety_alerts(now), *_audit_alerts(now)]
    if user.is_superuser:
        found += [*_limits(now), *_flags(now), *_fold(now), *_sealer(now)]
        found += [*_background(), *_restored()]
    return sorted(found, key=lambda one: one.severity)


def _documents(now: dt.datetime) -> Iterator[Concern]:
    groups = staff_figures.groups(acknowledged=False)
    failed = [one for one in groups if one.kind is Kind.FAILED]
    for one in (*(one for one in groups if one.kind is Kind.STUCK), *failed[:MOST_CAUSES]):
        cause = words.cause_of(one.kind, one.cause)
        is_stuck = one.kind is Kind.STUCK
        may_help = is_stuck or words.retry_of(one.cause) is words.Retry.MAY_HELP
        yield Concern(
            Severity.URGENT if is_stuck else Severity.SOON if may_help else Severity.NOTE,
            f"{'Stuck' if is_stuck else 'Failed'} documents: {cause.title}",
            "" if is_stuck else words.sentence(words.retry_of(one.cause)),
            one.count,
            format_html("oldest {}", words.ago(one.oldest_at, now)),
            reverse("admin:documents_document_group", args=[one.kind.value, one.cause]),
        )
    if others := failed[MOST_CAUSES:]:
        yield Concern(
            Severity.SOON,
            f"Failed documents of {len(others)} other causes",
            count=sum(one.count for one in others),
            age=format_html("oldest {}", words.ago(min(one.oldest_at for one in others), now)),
            address=reverse("admin:documents_document_queue"),
        )


def _safety_alerts(now: dt.datetime) -> Iterator[Concern]:
    # As the index of the queue says it.
    alerts = SafetyAlert.objects.filter(~is_acknowledged(), insight_type="safety_alert")
    found = alerts.aggregate(count=Count("id"), oldest=Min("created_at"))
    if found["count"]:
        yield Concern(
            Severity.URGENT,
            "Open safety alerts",
            "People whose answers say that they may not be safe.",
            found["count"],
            format_html("oldest {}", words.ago(found["oldest"], now)),
            f"{reverse('admin:insights_safetyalert_changelist')}?state=open",
        )


AUDIT_SEVERITY: Final = {
    AlertSeverity.CRITICAL.value: Severity.URGENT,
    AlertSeverity.WARNING.value: Severity.SOON,
    AlertSeverity.INFO.value: Severity.NOTE,
}


def _audit_alerts(now: dt.datetime) -> Iterator[Concern]:
    open_ones = AuditAlert.objects.filter(status=AlertStatus.OPEN).order_by()
    for row in open_ones.values("severity").annotate(count=Count("id"), oldest=Min("first_at")):
        severity = AUDIT_SEVERITY[row["severity"]]
        yield Concern(
            severity,
            f"Open audit alerts: {AlertSeverity(row['severity']).label.lower()}",
            "",
            row["count"],
            format_html("oldest {}", words.ago(row["oldest"], now)),
            f"{reverse('admin:audit_auditalert_changelist')}?state=open",
        )


def _limits(now: dt.datetime) -> Iterator[Concern]:
    for mode, count, rules, last_at in _rows(LIMITS, [now - DAY]):
        is_shadow = mode == Mode.SHADOW
        yield Concern(
            Severity.NOTE if is_shadow else Severity.SOON,
            f"Requests that limits {'would have ' if is_shadow else ''}refused in the last day",
            f"By {rules} {'rule' if rules == 1 else 'rules'}"
            f"{' in shadow mode' if is_shadow else ''}.",
            count,
            format_html("last {}", words.ago(last_at, now)),
            reverse("admin:ratelimits_ratelimitrule_refused"),
        )


def _flags(now: dt.datetime) -> Iterator[Concern]:
    paused = FeatureFlagRamp.objects.filter(state=FeatureFlagRamp.State.PAUSED)
    found = paused.aggregate(count=Count("id"), oldest=Min("updated_at"))
    if found["count"]:
        yield Concern(
            Severity.SOON,
            "Paused ramps of flags",
            "",
            found["count"],
            format_html("longest since {}", words.ago(found["oldest"], now)),
            reverse("admin:flags_featureflagramp_changelist"),
        )
    waiting = flag_queries.waiting_change_requests()
    found = waiting.aggregate(count=Count("id"), oldest=Min("created_at"))
    if found["count"]:
        yield Concern(
            Severity.SOON,
            "Changes of flags that wait for a second person",
            "",
            found["count"],
            format_html("oldest {}", words.ago(found["oldest"], now)),
            reverse("admin:flags_featureflagchangerequest_changelist"),
        )


def _fold(now: dt.datetime) -> Iterator[Concern]:
    backlog = metrics.backlog()
    lag = dt.timedelta(seconds=backlog.lag)
    if lag > LATE:
        yield Concern(
            _how_late(lag),
            "Changes of days that are not in the sums yet",
            "People's own figures are exact all the same. Look whether a worker runs.",
            backlog.marks,
            format_html("oldest {}", words.ago(now - lag, now)),
            _workers(),
        )


def _sealer(now: dt.datetime) -> Iterator[Concern]:
    state = audit_figures.sealer_state(now=now)
    lag = dt.timedelta(seconds=state.lag_seconds)
    if lag > LATE:
        yield Concern(
            _how_late(lag),
            "Entries of the audit log that are not sealed yet",
            "Until they are, nobody can show that they were not changed.",
            state.unsealed,
            format_html("oldest {}", words.ago(now - lag, now)),
            reverse("admin:audit_auditlog_changelist"),
        )


def _background() -> Iterator[Concern]:
    """Notice a broker that is away, and tasks that nobody takes."""
    try:
        with broker_client() as client:
            waiting = int(str(client.llen("default")))
    except redis.RedisError:
        yield Concern(
            Severity.URGENT,
            "The broker does not answer",
            "No task is woken: sums, alerts and documents wait. Look at the store of REDIS_URL.",
            address=READINESS,
        )
        return
    if waiting > MANY_TASKS:
        yield Concern(
            Severity.URGENT,
            "Tasks wait, and no worker takes them",
            "Sums, alerts and documents wait. Look whether a worker runs (queue “default”).",
            waiting,
            address=_workers(),
        )


def _restored() -> Iterator[Concern]:
    if why := positions.complaint():
        yield Concern(
            Severity.URGENT,
            "The database was restored and not adopted",
            f"{why}.",
            address=READINESS,
        )


def _workers() -> str:
    return f"{reverse('admin:documents_document_changelist')}#workers"


def _how_late(lag: dt.timedelta) -> Severity:
    return Severity.URGENT if lag > VERY_LATE else Severity.SOON


def _rows(query: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
