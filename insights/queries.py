"""Questions about insights, asked as the person inside the gate."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models import F, Func, OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce, Lower
from django.db.models.lookups import LessThan

from accounts import queries as accounts
from assessments import queries as assessments
from assessments.instruments import BUILT_IN, plain_name
from core.errors import NotFound
from core.gate import Person
from core.times import known_zones, local_date
from health import queries as health
from health.models import HealthEvent
from insights.models import Insight, InsightCursor, InsightInteraction
from insights.types import Checkin, Event, Facts

CHECKIN_DAYS: Final = 60
EVENT_DAYS: Final = 8
# An assessment may come late, from a device that was away.
SCREENED_DAYS: Final = 60
# A client may be a zone ahead of the profile. Later days are slips, which the old service took.
AHEAD: Final = dt.timedelta(days=2)
# Of the event types, those that a rule looks at.
TELLING: Final = ("mood", "medication", "assessment")
# What is left of a mood that names a question about self-harm when only letters and digits are;
# generators.assessments then reads what was answered.
ABOUT_SELF_HARM: Final = "selfharmthoughts|442608|betteroffdead|phq9"
# Who has not checked in for so long gets no insight a day.
ACTIVE_DAYS: Final = 30

# A portion of people in the order of their ids, each looked up by index.
WITHOUT_DAILY: Final = """
    SELECT p.user_id,
           (SELECT u.is_active AND t.is_active
              FROM users u
              JOIN tenants t ON t.id = u.tenant_id
             WHERE u.id = p.user_id)
           AND (SELECT c.date_submitted
                  FROM daily_checkins c
                 WHERE c.user_id = p.user_id
                   AND c.deleted_at IS NULL
                 ORDER BY c.date_submitted DESC
                 LIMIT 1) > d.today - %(active_days)s
           AND (SELECT i.id
                  FROM insights i
                 WHERE i.user_id = p.user_id
                   AND i.occasion = 'daily:' || d.today
                 LIMIT 1) IS NULL
      FROM (SELECT user_id, timezone
              FROM user_profiles
             WHERE user_id > %(after)s
             ORDER BY user_id
             LIMIT %(portion)s) p
      LEFT JOIN unnest(%(zones)s::text[], %(days)s::date[]) AS d (zone, today)
             ON d.zone = p.timezone
     ORDER BY p.user_id
"""


@dataclass(frozen=True)
class Page:
    insights: list[Insight]
    next: tuple[int, dt.datetime, uuid.UUID] | None


class Row(Func):
    """Columns that are compared together: the index has them in this order."""

    template = "(%(expressions)s)"
    output_field = TextField()


def facts(person: Person, today: dt.date) -> Facts:
    """Gather what the rules look at; see insights.types.Facts."""
    last = today + AHEAD
    first = today - dt.timedelta(days=CHECKIN_DAYS)
    found = health.find_checkins_between(person.id, first, last)
    event_ids = health.event_ids_of_checkins(person.id, [checkin.id for checkin in found])
    noon = dt.datetime.combine(today, dt.time(12), dt.UTC)
    since = noon - dt.timedelta(days=EVENT_DAYS)
    events = health.find_events_between(person.id, since, noon + AHEAD, TELLING)
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


def screened(person: Person, facts: Facts, now: dt.datetime) -> Facts:
    """Add what the rule of safety alerts looks at."""
    noon = dt.datetime.combine(facts.today, dt.time(12), dt.UTC)
    first, last = noon - dt.timedelta(days=SCREENED_DAYS), noon + AHEAD
    found = health.find_events_between(person.id, first, last, ("assessment",))
    events = [_as_fact(event) for event in found]
    others = _grounds_of_alerts(person.id, now) | _moods_about_self_harm(person.id, first, last)
    events += _current(person.id, others - {event.id for event in events})
    names = {plain_name(name) for event in events for name in _instruments(event)}
    unknown = names - BUILT_IN.keys()
    own = assessments.safety_items(person.tenant_id, unknown) if unknown else {}
    return dataclasses.replace(facts, screened=events, safety_items=own)


def _instruments(event: Event) -> Iterator[str]:
    """Tell what the event says that was answered."""
    for name in (event.event_subtype, event.data.get("instrument")):
        if event.event_type == "assessment" and isinstance(name, str):
            yield name


def standing_safety_alerts(user_id: uuid.UUID, now: dt.datetime) -> QuerySet[Insight]:
    return Insight.objects.filter(user_id=user_id, expires_at__gt=now, insight_type="safety_alert")


def _grounds_of_alerts(user_id: uuid.UUID, now: dt.datetime) -> set[uuid.UUID]:
    """Name the events that safety alerts rest on that still stand, however old they are."""
    standing = standing_safety_alerts(user_id, now).values_list("evidence", flat=True)
    return {uuid.UUID(each["id"]) for evidence in standing for each in evidence}


def _moods_about_self_harm(
    user_id: uuid.UUID, first: dt.datetime, last: dt.datetime
) -> set[uuid.UUID]:
    """Name the moods, the daily form's too, of which any version has a key of such a question."""
    said = Func(
        Lower(Cast("event_data", TextField())),
        *map(Value, ("[^a-z0-9]", "", "g")),
        function="regexp_replace",
        output_field=TextField(),
    )
    moods = HealthEvent.objects.filter(
        user_id=user_id, event_type="mood", occurred_at__range=(first, last)
    )
    named = moods.annotate(said=said).filter(said__regex=ABOUT_SELF_HARM)
    return {event.root_id for event in named}


def _current(user_id: uuid.UUID, event_ids: Collection[uuid.UUID]) -> Iterator[Event]:
    """Read events as they stand now, but for those that were taken back."""
    own = HealthEvent.objects.filter(user_id=user_id)
    versions = own.filter(related_event_id__in=event_ids).order_by("version")
    newest = {event.root_id: event for event in (*own.filter(id__in=event_ids), *versions)}
    for event in newest.values():
        if event.status != HealthEvent.Status.ENTERED_IN_ERROR:
            yield _as_fact(event)


def insights(user_id: uuid.UUID) -> QuerySet[Insight]:
    """A person's insights, each with `is_viewed` and `is_dismissed`."""
    return with_marks(Insight.objects.filter(user_id=user_id))


def with_marks(found: QuerySet[Insight]) -> QuerySet[Insight]:
    return found.annotate(is_viewed=_has("viewed"), is_dismissed=_has("dismissed"))


def _has(action: str) -> Coalesce:
    """Tell of an insight whether its person did this with it.

    A single value, not EXISTS: for that Postgres would gather all that the person ever did.
    """
    found = InsightInteraction.objects.filter(
        user_id=OuterRef("user_id"), insight_id=OuterRef("id"), action=action
    )
    return Coalesce(Subquery(found.order_by().values(done=Value(True))[:1]), False)  # noqa: FBT003  An argument of SQL.


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
    wanted = {
        "category": category,
        "insight_type": insight_type,
        "is_viewed": is_viewed,
        "is_dismissed": None if with_all else False,
    }
    found = found.filter(**{name: value for name, value in wanted.items() if value is not None})
    if not with_all:
        found = found.filter(expires_at__gt=now)
    if before:
        place = Row(F("priority"), F("created_at"), F("id"))
        found = found.filter(LessThan(place, Row(*map(Value, before))))
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


def people_without_daily_insight(now: dt.datetime, *, portion: int) -> Iterator[uuid.UUID]:
    """Find people whose local day has no insight yet, among those who check in."""
    # The days come from here: rows are written by them, and the server may know other zones.
    zones = sorted(known_zones())
    values: dict[str, Any] = {
        "zones": zones,
        "days": [local_date(now, zone) for zone in zones],
        "active_days": ACTIVE_DAYS,
        "portion": portion,
    }
    people: list[tuple[uuid.UUID, bool | None]] = [(uuid.UUID(int=0), False)]
    while people:
        with connection.cursor() as cursor:
            cursor.execute(WITHOUT_DAILY, values | {"after": people[-1][0]})
            people = cursor.fetchall()
        yield from (user_id for user_id, has_none in people if has_none)
