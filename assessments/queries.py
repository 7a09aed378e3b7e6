"""Questions about questionnaires, asked as the person inside the gate."""

import datetime as dt
import uuid
import zoneinfo
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from django.db import connection
from django.db.models import Q

from accounts import queries as accounts
from assessments import catalogue, definitions
from assessments.instruments import BUILT_IN, GAD7, PHQ4, PHQ9, plain_name
from assessments.models import AssessmentDefinition, AssessmentResponse
from assessments.types import PRESSING, Completed, Due, Instrument
from core import times
from core.errors import NotFound
from core.gate import Person

DAYS: Final = 14
DAYS_SOONER: Final = 7
# What a person must have filled in among their newest assessments, to be found.
MOST_LOOKED_AT: Final = 500
# How far a client's clock may be ahead of ours.
CLOCKS: Final = dt.timedelta(minutes=10)

# The newest complete answer to each questionnaire, from whichever door: it has a total, or all
# items. What was asked for is looked for among the newest assessments, so that a long history
# costs no more.
NEWEST: Final = """
      WITH newest AS MATERIALIZED (
           SELECT e.*
             FROM health_events e
            WHERE e.user_id = %(user_id)s
              AND e.event_type = 'assessment'
              AND e.occurred_at <= %(until)s
            ORDER BY e.occurred_at DESC, e.id DESC
            LIMIT %(most)s
           )
    SELECT w.name, f.id, f.occurred_at, f.local_date, f.event_data::text
      FROM jsonb_to_recordset(%(wanted)s::jsonb) AS w (name text, plain text, items text[])
     CROSS JOIN LATERAL (
           SELECT CASE WHEN e.related_event_id IS NULL THEN e.id ELSE e.related_event_id END AS id,
                  e.occurred_at, e.local_date, e.event_data
             FROM newest e
            WHERE regexp_replace(lower(e.event_subtype), '[^a-z0-9]', '', 'g') = w.plain
              AND e.status <> 'entered-in-error'
              AND NOT EXISTS (SELECT
                                FROM health_events n
                               WHERE n.related_event_id =
                                     CASE WHEN e.related_event_id IS NULL
                                          THEN e.id ELSE e.related_event_id END
                                 AND n.version > e.version)
              AND (jsonb_typeof(e.event_data -> 'total_score') = 'number'
                   OR NOT EXISTS (SELECT
                                    FROM unnest(w.items) AS i (name)
                                   WHERE jsonb_typeof(e.event_data -> i.name)
                                         IS DISTINCT FROM 'number'))
            ORDER BY e.occurred_at DESC, e.id DESC
            LIMIT 1
           ) f
"""


def instruments(person: Person) -> list[Instrument]:
    """List what the person can be asked: what is built in, then their clinic's own."""
    rows = AssessmentDefinition.objects.filter(tenant_id=person.tenant_id, is_active=True)
    return [*BUILT_IN.values(), *map(instrument_of, rows.order_by("name"))]


def get_instrument(person: Person, name: str) -> Instrument:
    """Find a questionnaire by its name, however it is spelled."""
    if built_in := BUILT_IN.get(plain_name(name)):
        return built_in
    own = name.lower().replace("-", "_")
    if definitions.NAME.fullmatch(own):
        rows = AssessmentDefinition.objects.filter(tenant_id=person.tenant_id, is_active=True)
        if row := rows.filter(name=own).first():
            return instrument_of(row)
    raise NotFound("There is no such assessment. GET /api/v2/assessments lists them.")


def instrument_of(row: AssessmentDefinition) -> Instrument:
    return definitions.read(
        name=row.name, version=row.version, title=row.title, content=row.content
    )


def safety_items(tenant_id: uuid.UUID) -> dict[str, frozenset[str]]:
    """Tell the safety items of each questionnaire that a clinic made and uses, by its name."""
    rows = AssessmentDefinition.objects.filter(tenant_id=tenant_id, is_active=True)
    return {row.name: instrument_of(row).safety_items for row in rows}


def newest_completed(
    person: Person, asked: Iterable[Instrument], *, now: dt.datetime
) -> dict[str, Completed]:
    """Find the newest complete answer to each of these questionnaires, by their names.

    One that is dated ahead must not hide what is answered till then.
    """
    by_name = {instrument.name: instrument for instrument in asked}
    wanted = [
        {
            "name": instrument.name,
            "plain": plain_name(instrument.name),
            "items": [item.link_id for item in instrument.scored],
        }
        for instrument in by_name.values()
    ]
    values: dict[str, Any] = {
        "user_id": person.id,
        "most": MOST_LOOKED_AT,
        "until": now + CLOCKS,
        "wanted": msgspec.json.encode(wanted).decode(),
    }
    with connection.cursor() as cursor:
        cursor.execute(NEWEST, values)
        rows = cursor.fetchall()
    return {
        name: _completed(by_name[name], event_id, instant, day, msgspec.json.decode(data))
        for name, event_id, instant, day, data in rows
    }


def _completed(
    instrument: Instrument,
    event_id: uuid.UUID,
    instant: dt.datetime,
    day: dt.date,
    data: Mapping[str, Any],
) -> Completed:
    """Read what any client recorded. Where there are all items, they say more than a total."""
    total = _sum(data, (item.link_id for item in instrument.scored))
    if total is None:
        total = _whole(data.get("total_score"), instrument.highest)
    band = instrument.band(total)
    return Completed(
        event_id=event_id,
        instrument=instrument.name,
        version=data.get("instrument_version"),
        completed_at=instant,
        local_date=day,
        total=total,
        severity=band.severity if band else None,
        sub_scores={
            sub.name: _sub_score(data, sub.name, sub.items) for sub in instrument.sub_scores
        },
    )


def _sub_score(data: Mapping[str, Any], name: str, items: tuple[str, ...]) -> int | None:
    summed = _sum(data, items)
    return summed if summed is not None else _whole(data.get(name), 3 * len(items))


def _sum(data: Mapping[str, Any], items: Iterable[str]) -> int | None:
    weights = [_whole(data.get(name), 1000) for name in items]
    known = [weight for weight in weights if weight is not None]
    return sum(known) if len(known) == len(weights) else None


def _whole(value: object, highest: int) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= highest else None


# When the next one is due


def find_due(person: Person, *, now: dt.datetime) -> list[Due]:
    """Tell when which questionnaire is asked next, the earliest first.

    PHQ-4: once the onboarding is complete, then 14 days after the last one, 7 when that was
    moderate or severe. PHQ-9 and GAD-7: when PHQ-4's part about them is 3 or more, and as long
    as their own last score is moderate or higher. Days are those of the person's zone.
    """
    last = newest_completed(person, BUILT_IN.values(), now=now)
    return due_of(accounts.profile(person.id), last, zone=person.time_zone, now=now)


def due_of(
    profile: Mapping[str, Any], last: Mapping[str, Completed], *, zone: str, now: dt.datetime
) -> list[Due]:
    screen = last.get(PHQ4.name)
    found = [_screen_due(profile, screen, zone=zone, now=now)]
    for instrument in (PHQ9, GAD7):
        due = _follow_up_due(instrument, screen, last.get(instrument.name), zone=zone, now=now)
        found += [due] if due else []
    return sorted(found, key=lambda due: (due.due_at, due.instrument))


def _screen_due(
    profile: Mapping[str, Any], last: Completed | None, *, zone: str, now: dt.datetime
) -> Due:
    if last:
        return _again(PHQ4, last, zone=zone, now=now)
    signed_up: dt.datetime = profile["created_at"]
    due_at = signed_up
    if not profile["baseline_completed"]:
        # The onboarding is not interrupted: the day after is early enough.
        due_at = _begins(times.local_date(signed_up, zone) + dt.timedelta(days=1), zone)
    return _due(PHQ4, due_at, catalogue.AFTER_ONBOARDING, last=None, now=now)


def _follow_up_due(
    instrument: Instrument,
    screen: Completed | None,
    last: Completed | None,
    *,
    zone: str,
    now: dt.datetime,
) -> Due | None:
    if screen and _is_offered(instrument, screen) and _is_before(last, screen):
        day = screen.local_date
        reason = catalogue.AFTER_SCREEN.format(date=f"{day:%B} {day.day}")
        return _due(instrument, screen.completed_at, reason, last=last, now=now)
    if last and last.severity in PRESSING:
        return _again(instrument, last, zone=zone, now=now)
    return None


def _is_before(last: Completed | None, screen: Completed) -> bool:
    return last is None or last.completed_at < screen.completed_at


def _is_offered(instrument: Instrument, screen: Completed) -> bool:
    return instrument.name in offered(PHQ4, screen.sub_scores)


def offered(instrument: Instrument, scores: Mapping[str, int | None]) -> list[str]:
    """Name what is worth asking after these scores."""
    return [
        sub.offers
        for sub in instrument.sub_scores
        if sub.offers and sub.cut_off is not None and (scores.get(sub.name) or 0) >= sub.cut_off
    ]


def _again(instrument: Instrument, last: Completed, *, zone: str, now: dt.datetime) -> Due:
    is_pressing = last.severity in PRESSING
    days = DAYS_SOONER if is_pressing else DAYS
    due_at = _begins(last.local_date + dt.timedelta(days=days), zone)
    words = catalogue.SOONER if is_pressing else catalogue.AGAIN
    return _due(instrument, due_at, words.format(days=days), last=last, now=now)


def _begins(day: dt.date, zone: str) -> dt.datetime:
    """Tell when a day begins: at midnight, or where the clocks skip that, when they go on."""
    midnight = dt.datetime.combine(day, dt.time(), zoneinfo.ZoneInfo(zone))
    return midnight.astimezone(dt.UTC)


def _due(
    instrument: Instrument,
    due_at: dt.datetime,
    reason: str,
    *,
    last: Completed | None,
    now: dt.datetime,
) -> Due:
    return Due(
        instrument=instrument.name,
        title=instrument.title,
        due_at=due_at,
        is_due=due_at <= now,
        reason=reason,
        last_completed_at=last.completed_at if last else None,
        last_score=last.total if last else None,
        last_severity=last.severity if last else None,
    )


# What was completed


def responses(
    person: Person, name: str, *, before: tuple[dt.datetime, uuid.UUID] | None, limit: int
) -> list[AssessmentResponse]:
    """Give completed questionnaires, newest first."""
    found = AssessmentResponse.objects.filter(user_id=person.id, assessment_name=name)
    if before:
        instant, response_id = before
        found = found.filter(
            Q(completed_at__lt=instant) | Q(completed_at=instant, id__lt=response_id)
        )
    return list(found.order_by("-completed_at", "-id")[:limit])
