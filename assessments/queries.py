"""Questions about questionnaires, asked as the person inside the gate."""

import datetime as dt
import uuid
import zoneinfo
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec
from django.db import connection
from django.db.models import Q, TextField, Value
from django.db.models.functions import Replace

from accounts import queries as accounts
from assessments import catalogue, definitions
from assessments.instruments import BUILT_IN, GAD7, PHQ4, PHQ9, aliases, plain_name
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

# The newest complete answer to each questionnaire, from whichever door: it has a total, or, where
# the server did not score it, all items. What was asked for is looked for among the newest
# assessments, so that a long history costs no more. Clients spell names in their own ways: what
# stands between letters and digits is nothing in a name of the house (PHQ-4 is phq4), and an
# underscore in one of a clinic.
NEWEST: Final = """
      WITH newest AS MATERIALIZED (
           SELECT e.*, e.source = 'assessment' AND e.schema_version >= 2 AS is_scored
             FROM health_events e
            WHERE e.user_id = %(user_id)s
              AND e.event_type = 'assessment'
              AND e.occurred_at <= %(until)s
            ORDER BY e.occurred_at DESC, e.id DESC
            LIMIT %(most)s
           )
    SELECT w.name, f.id, f.occurred_at, f.local_date, f.is_scored, f.event_data::text
      FROM jsonb_to_recordset(%(wanted)s::jsonb) AS w (name text, gap text, items text[])
     CROSS JOIN LATERAL (
           SELECT CASE WHEN e.related_event_id IS NULL THEN e.id ELSE e.related_event_id END AS id,
                  e.occurred_at, e.local_date, e.event_data, e.is_scored
             FROM newest e
            WHERE regexp_replace(lower(e.event_subtype), '[^a-z0-9]', w.gap, 'g') = w.name
              AND e.status <> 'entered-in-error'
              AND NOT EXISTS (SELECT
                                FROM health_events n
                               WHERE n.related_event_id =
                                     CASE WHEN e.related_event_id IS NULL
                                          THEN e.id ELSE e.related_event_id END
                                 AND n.version > e.version)
              AND (jsonb_typeof(e.event_data -> 'total_score') = 'number'
                   OR NOT e.is_scored
                  AND NOT EXISTS (SELECT
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


def get_instrument(person: Person, name: str, *, version: str | None = None) -> Instrument:
    """Find a questionnaire by its name, however it is spelled: the version that is asked now.

    A version that is named is found though another one, or none, is asked by now.
    """
    name = name_of(name)
    found = BUILT_IN.get(name) or _own(person, name, version)
    if found is None or version not in (None, found.version):
        raise _unknown(version)
    return found


def name_of(spelled: str) -> str:
    """Give the name of a questionnaire that may be spelled as phq-4, PHQ-4 or Sleep-Quality."""
    plain, own = plain_name(spelled), spelled.lower().replace("-", "_")
    if plain not in BUILT_IN and not definitions.NAME.fullmatch(own):
        raise _unknown()
    return plain if plain in BUILT_IN else own


def _own(person: Person, name: str, version: str | None) -> Instrument | None:
    rows = AssessmentDefinition.objects.filter(tenant_id=person.tenant_id, name=name)
    row = (rows.filter(version=version) if version else rows.filter(is_active=True)).first()
    return instrument_of(row) if row else None


def _unknown(version: str | None = None) -> NotFound:
    if version is None:
        return NotFound("There is no such assessment. GET /api/v2/assessments lists them.")
    detail = f"There is no version {version} of such an assessment."
    return NotFound(f"{detail} GET /api/v2/assessments lists what is asked now.")


def instrument_of(row: AssessmentDefinition) -> Instrument:
    return definitions.read(
        name=row.name, version=row.version, title=row.title, content=row.content
    )


def safety_items(
    tenant_id: uuid.UUID, names: Collection[str]
) -> dict[tuple[str, str | None], frozenset[str]]:
    """Tell under which names clients may send the safety items of a clinic's questionnaires.

    By the questionnaire's plain name and version, and by its name alone for those of all
    versions: what was answered counts, whichever version is asked by now, or none.
    """
    plain = Replace("name", Value("_"), Value(""), output_field=TextField())
    rows = AssessmentDefinition.objects.filter(tenant_id=tenant_id).annotate(plain=plain)
    found: dict[tuple[str, str | None], frozenset[str]] = {}
    for row in rows.filter(plain__in=names):
        instrument, name = instrument_of(row), plain_name(row.name)
        items = frozenset(
            alias
            for alias, link_id in aliases(instrument).items()
            if link_id in instrument.safety_items
        )
        found[name, instrument.version] = found.get((name, instrument.version), items) | items
        found[name, None] = found.get((name, None), items) | items
    return found


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
            "gap": "" if instrument.name in BUILT_IN else "_",
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
        rows = [(*row, msgspec.json.decode(data)) for *row, data in cursor.fetchall()]
    return {
        name: Completed(
            event_id=event_id,
            instrument=name,
            version=data.get("instrument_version"),
            completed_at=instant,
            local_date=day,
            **(_as_scored if is_scored else _as_sent)(by_name[name], data),
        )
        for name, event_id, instant, day, is_scored, data in rows
    }


def _as_scored(instrument: Instrument, data: Mapping[str, Any]) -> dict[str, Any]:
    """Say what the server said: another version of the questionnaire may count otherwise."""
    scores = data.get("sub_scores") or data
    return {
        "total": data["total_score"],
        "severity": data["severity"],
        "sub_scores": {sub.name: scores.get(sub.name) for sub in instrument.sub_scores},
    }


def _as_sent(instrument: Instrument, data: Mapping[str, Any]) -> dict[str, Any]:
    """Read what any client recorded. Where there are all items, they say more than a total."""
    total = _sum(data, (item.link_id for item in instrument.scored))
    if total is None:
        total = _whole(data.get("total_score"), instrument.highest)
    band = instrument.band(total)
    return {
        "total": total,
        "severity": band.severity if band else None,
        "sub_scores": {
            sub.name: _sub_score(data, sub.name, sub.items) for sub in instrument.sub_scores
        },
    }


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
