"""Questions about insights, asked as the person inside the gate."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts import queries as accounts
from core.errors import NotFound
from core.gate import Person
from core.times import known_zones, local_date
from health import queries as health
from health.models import HealthEvent
from insights.models import Insight, InsightCursor, InsightInteraction
from insights.types import Checkin, Event, Facts

CHECKIN_DAYS: Final = 60
EVENT_DAYS: Final = 8
# Of the event types, those that a rule looks at.
TELLING: Final = ("mood", "medication", "assessment")
# Who has not checked in for so long gets no insight a day.
ACTIVE_DAYS: Final = 30

WITHOUT_DAILY: Final = """
    SELECT p.user_id
      FROM user_profiles p
      JOIN users u ON u.id = p.user_id AND u.is_active
      JOIN tenants t ON t.id = u.tenant_id AND t.is_active
      JOIN unnest(%(zones)s::text[], %(days)s::date[]) AS d (zone, today) ON d.zone = p.timezone
     WHERE EXISTS (SELECT
                     FROM daily_checkins c
                    WHERE c.user_id = p.user_id
                      AND c.deleted_at IS NULL
                      AND c.date_submitted > d.today - %(active_days)s)
       AND NOT EXISTS (SELECT
                         FROM insights i
                        WHERE i.user_id = p.user_id
                          AND i.occasion = 'daily:' || d.today)
       AND p.user_id > %(after)s
     ORDER BY p.user_id
     LIMIT %(limit)s
"""


@dataclass(frozen=True)
class Page:
    insights: list[Insight]
    next: tuple[int, dt.datetime, uuid.UUID] | None


def facts(person: Person, today: dt.date) -> Facts:
    """Gather what the rules look at; see insights.types.Facts."""
    found = health.find_checkins_since(person.id, today - dt.timedelta(days=CHECKIN_DAYS))
    event_ids = health.event_ids_of_checkins(person.id, [checkin.id for checkin in found])
    noon = dt.datetime.combine(today, dt.time(12), dt.UTC)
    events = health.find_events_since(person.id, noon - dt.timedelta(days=EVENT_DAYS), TELLING)
    return Facts(
        profile=accounts.profile(person.id),
        today=today,
        checkins=[
            Checkin(
                checkin.id, checkin.date, checkin.created_at, checkin.form, event_ids[checkin.id]
            )
            for checkin in found
        ],
        events=[_as_fact(event) for event in events],
    )


def _as_fact(event: HealthEvent) -> Event:
    return Event(
        id=event.root_id,
        event_type=event.event_type,
        event_subtype=event.event_subtype,
        data=event.event_data,
        occurred_at=event.occurred_at,
        date=event.local_date,
    )


def insights(user_id: uuid.UUID) -> QuerySet[Insight]:
    """A person's insights, each with `is_viewed` and `is_dismissed`."""
    return with_marks(Insight.objects.filter(user_id=user_id))


def with_marks(found: QuerySet[Insight]) -> QuerySet[Insight]:
    return found.annotate(is_viewed=_has("viewed"), is_dismissed=_has("dismissed"))


def _has(action: str) -> Exists:
    return Exists(
        InsightInteraction.objects.filter(
            user_id=OuterRef("user_id"), insight_id=OuterRef("id"), action=action
        )
    )


def page(
    user_id: uuid.UUID,
    *,
    now: dt.datetime,
    category: str | None,
    insight_type: str | None,
    is_viewed: bool | None,
    with_all: bool,
    before: tuple[int, dt.datetime, uuid.UUID] | None,
    limit: int,
) -> Page:
    """Give a page by priority, then newest first; without `with_all`, only what still counts."""
    found = insights(user_id)
    wanted = {"category": category, "insight_type": insight_type, "is_viewed": is_viewed}
    found = found.filter(**{name: value for name, value in wanted.items() if value is not None})
    if not with_all:
        found = found.filter(Q(expires_at=None) | Q(expires_at__gt=now), ~_has("dismissed"))
    if before:
        priority, created_at, insight_id = before
        found = found.filter(
            Q(priority__lt=priority)
            | Q(priority=priority, created_at__lt=created_at)
            | Q(priority=priority, created_at=created_at, id__lt=insight_id)
        )
    rows = list(found.order_by("-priority", "-created_at", "-id")[: limit + 1])
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(rows[:limit], (last.priority, last.created_at, last.id) if last else None)


def newest(user_id: uuid.UUID, limit: int) -> list[Insight]:
    return list(insights(user_id).order_by("-created_at", "-id")[:limit])


def find_insight(user_id: uuid.UUID, insight_id: uuid.UUID) -> Insight | None:
    return insights(user_id).filter(id=insight_id).first()


def get_insight(user_id: uuid.UUID, insight_id: uuid.UUID) -> Insight:
    insight = find_insight(user_id, insight_id)
    if insight is None:
        raise NotFound("Insight not found.")
    return insight


def interactions(
    user_id: uuid.UUID, insight_id: uuid.UUID, limit: int = 50
) -> Sequence[InsightInteraction]:
    found = InsightInteraction.objects.filter(user_id=user_id, insight_id=insight_id)
    return list(found.order_by("-created_at", "-id")[:limit])


# For the system


def cursor_position() -> str:
    return InsightCursor.objects.get().position


def people_without_daily_insight(
    now: dt.datetime, *, after: uuid.UUID, limit: int
) -> list[uuid.UUID]:
    """Find people whose local day has no insight yet, among those who check in; by id."""
    # The days come from here: rows are written by them, and the server may know other zones.
    zones = sorted(known_zones())
    values: dict[str, Any] = {
        "zones": zones,
        "days": [local_date(now, zone) for zone in zones],
        "active_days": ACTIVE_DAYS,
        "after": after,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(WITHOUT_DAILY, values)
        return [user_id for (user_id,) in cursor.fetchall()]
