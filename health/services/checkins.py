"""The daily check-in of old clients: submitted, listed, changed, deleted."""

import datetime as dt
import re
import uuid
from typing import Any, Final

from accounts import services as accounts
from accounts.types import CYCLE_STAGES
from core import times
from core.depth import check_depth
from core.errors import DomainError, InvalidInput, NotFound
from core.gate import Claims, Person
from core.models import uuid7, uuid7s
from health import checkin_rows, checkins, queries, storage
from health.models import DailyCheckin
from health.queries import Checkin
from health.services.modes import keeps_events


class AlreadyCheckedIn(DomainError):
    status = 409
    code = "already-submitted"


DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def submit_checkin(
    *, claims: Claims, form: checkins.Form, now: dt.datetime, is_enhanced: bool = False
) -> Checkin:
    """Record the day's check-in: 1 to 6 events with one correlation id, which is its id."""
    content = _checked_form(form, now)
    has_events = keeps_events(claims)
    item = _new_checkin(content, now, is_enhanced=is_enhanced, has_events=has_events)
    user_id, submitted = checkin_rows.submit(claims, item)
    return _submitted(item, user_id, submitted, content, now)


def submit_enhanced_checkin(*, person: Person, form: checkins.Form, now: dt.datetime) -> Checkin:
    """Record the long form, which may also move the person to another stage of the cycle."""
    content = _checked_form(form, now)
    has_events = storage.keeps_events(person.id)
    item = _new_checkin(content, now, is_enhanced=True, has_events=has_events)
    checkin = _submitted(item, person.id, checkin_rows.add(person, item), content, now)
    stage = form.get("cycle_stage_update")
    if isinstance(stage, str) and stage in CYCLE_STAGES:
        accounts.update_cycle_stage(person=person, stage=stage, now=now)
    return checkin


def list_checkins(*, claims: Claims, limit: int) -> list[bytes]:
    """Give the newest check-ins, each as the JSON that V1 shows."""
    return checkin_rows.newest(claims, limit)


def _new_checkin(
    content: checkins.Form, now: dt.datetime, *, is_enhanced: bool, has_events: bool
) -> dict[str, Any]:
    """Put together what add_checkin_v*.sql takes, which finds the day's place in time itself."""
    said = {key: value for key, value in content.items() if key != "date_submitted"}
    row = checkins.to_row(said) | {"id": uuid7(), "is_enhanced": is_enhanced}
    item = {"now": now, "date": content.get("date_submitted"), "row": row}
    if not has_events:
        return item
    parts = checkins.to_events(said, is_enhanced=is_enhanced)
    return item | {
        "events": [
            {
                "id": event_id,
                "event_type": part.event_type,
                "event_subtype": part.subtype,
                "event_data": part.data,
            }
            for event_id, part in zip(uuid7s(len(parts)), parts, strict=True)
        ]
    }


def _submitted(
    item: dict[str, Any],
    user_id: uuid.UUID,
    submitted: checkin_rows.Submitted,
    content: checkins.Form,
    now: dt.datetime,
) -> Checkin:
    if submitted.outcome == "exists":
        raise AlreadyCheckedIn(
            "A check-in for this date was already submitted. Update it instead.",
            extra={"existing_checkin": submitted.existing},
        )
    said = {key: value for key, value in content.items() if key != "date_submitted"}
    return Checkin(item["row"]["id"], user_id, submitted.date, now, said)


def update_checkin(
    *, person: Person, checkin_id: uuid.UUID, form: checkins.Form, now: dt.datetime
) -> Checkin:
    """Merge the keys sent into a check-in; what is not sent stays as it was."""
    row = _locked(person, checkin_id)
    changes = _checked_form(form, now, is_partial=True)
    date = changes.pop("date_submitted", None) or row.date_submitted
    columns = checkins.to_row(checkin_rows.form_of(row) | changes)
    if date == row.date_submitted:
        checkin_rows.save(row, columns, now=now)
    elif not checkin_rows.move(row, columns | _when(date, person, now), now=now):
        raise AlreadyCheckedIn(
            "A check-in for that date was already submitted.",
            extra={"existing_checkin": _summary(person, date)},
        )
    if storage.keeps_events(person.id):
        checkin_rows.write_events(row)
    return queries.read_checkins([row])[0]


def delete_checkin(*, person: Person, checkin_id: uuid.UUID, now: dt.datetime) -> None:
    """Delete a check-in: its events are retracted, and its day is free again."""
    row = _locked(person, checkin_id)
    checkin_rows.save(row, {"deleted_at": now}, now=now)
    if storage.keeps_events(person.id):
        checkin_rows.write_events(row)


def today(person: Person, now: dt.datetime) -> dt.date:
    return times.local_date(now, person.time_zone)


def _summary_of(checkin: Checkin) -> dict[str, Any]:
    return {
        "id": checkin.id,
        "mood_today": checkin.form.get("mood_today"),
        "confidence_today": checkin.form.get("confidence_today"),
        "date_submitted": checkin.date,
    }


def _summary(person: Person, date: dt.date) -> dict[str, Any] | None:
    existing = queries.find_checkin_on(person.id, date)
    return _summary_of(existing) if existing else None


def _locked(person: Person, checkin_id: uuid.UUID) -> DailyCheckin:
    row = checkin_rows.lock(checkin_id)
    if row is None:
        raise NotFound("Check-in not found")
    if storage.keeps_events(person.id) and row.revision > row.events_revision:
        checkin_rows.write_events(row)
    return row


def _when(date: dt.date, person: Person, now: dt.datetime) -> dict[str, Any]:
    """Place a check-in in time: now if it is about today, else noon of its day.

    A client may be a zone ahead of the profile; then the date it states counts, and the offset
    is unknown.
    """
    zone = person.time_zone
    if date == times.local_date(now, zone):
        instant, is_exact = now, True
    else:
        instant, is_exact = min(now, times.noon(date, zone)), False
    return {
        "date_submitted": date,
        "occurred_at": instant,
        "utc_offset_minutes": times.utc_offset_minutes(instant, zone) if is_exact else None,
        "time_zone": zone if is_exact else None,
    }


def _checked_form(
    form: checkins.Form, now: dt.datetime, *, is_partial: bool = False
) -> checkins.Form:
    """Check the mood, the confidence and the date; every other key is kept as it is."""
    content = {key: value for key, value in form.items() if key not in checkins.RESERVED}
    for key, value in content.items():
        check_depth(value, f"/{key}")
    if not is_partial and "mood_today" not in content:
        moods = content.get("moods")
        if isinstance(moods, list) and moods and all(isinstance(mood, str) for mood in moods):
            content["mood_today"] = ",".join(moods)
    if "mood_today" in content or not is_partial:
        mood = content.get("mood_today")
        if not isinstance(mood, str) or not mood.strip():
            raise InvalidInput.at("/mood_today", "mood_today is required: a text.")
    if "confidence_today" in content or not is_partial:
        content["confidence_today"] = _confidence(content.get("confidence_today"))
    if content.get("date_submitted") is None:
        content.pop("date_submitted", None)
    else:
        content["date_submitted"] = _date(content["date_submitted"], now)
    return content


def _confidence(value: object) -> int:
    """Accept 1 to 10, also as a text of digits, as the old service did."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value.strip()) <= 2:  # noqa: PLR2004
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not 1 <= value <= 10:  # noqa: PLR2004
        raise InvalidInput.at(
            "/confidence_today", "confidence_today is required: a whole number from 1 to 10."
        )
    return value


def _date(value: object, now: dt.datetime) -> dt.date:
    advice = "date_submitted must be a date: YYYY-MM-DD."
    if not isinstance(value, str):
        raise InvalidInput.at("/date_submitted", advice)
    try:
        date = dt.date.fromisoformat(value) if DATE.fullmatch(value) else None
    except ValueError:
        date = None
    if date is None:
        raise InvalidInput.at("/date_submitted", advice)
    # Somewhere on earth it may be tomorrow already (UTC+14).
    if date > (now.astimezone(dt.UTC) + dt.timedelta(hours=14)).date():
        raise InvalidInput.at("/date_submitted", "date_submitted lies in the future.")
    if date < times.EARLIEST.date():
        raise InvalidInput.at("/date_submitted", "date_submitted lies before 1900.")
    return date
