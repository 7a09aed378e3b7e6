"""The day that a check-in or an event counts for: the person's local date when it happened."""

import datetime as dt
import time
from typing import Any

import msgspec
import pytest

from accounts.models import User
from core import times
from core.errors import InvalidInput
from core.gate import Claims
from health import queries, services
from health.models import DailyCheckin, HealthEvent
from health.types import EventIn, TimelineQuery
from tests.conftest import client_of
from tests.factories import make_user

# Wall clock times with the offset that holds there, most of them around nights on which
# summer time begins or ends.
MOMENTS = (
    ("America/Los_Angeles", "2025-01-15T23:30:00-08:00"),
    ("America/Los_Angeles", "2025-01-16T00:30:00-08:00"),
    ("America/Los_Angeles", "2025-03-08T23:30:00-08:00"),
    ("America/Los_Angeles", "2025-03-09T00:30:00-08:00"),
    ("America/Los_Angeles", "2025-03-09T23:30:00-07:00"),
    ("America/Los_Angeles", "2025-11-01T23:30:00-07:00"),
    ("America/Los_Angeles", "2025-11-02T00:30:00-07:00"),
    ("America/Los_Angeles", "2025-11-02T01:30:00-08:00"),
    ("America/Los_Angeles", "2025-11-02T23:30:00-08:00"),
    ("America/Los_Angeles", "2025-11-03T00:30:00-08:00"),
    ("Pacific/Auckland", "2025-01-15T23:30:00+13:00"),
    ("Pacific/Auckland", "2025-01-16T00:30:00+13:00"),
    ("Pacific/Auckland", "2025-04-05T23:30:00+13:00"),
    ("Pacific/Auckland", "2025-04-06T00:30:00+13:00"),
    ("Pacific/Auckland", "2025-04-06T23:30:00+12:00"),
    ("Pacific/Auckland", "2025-09-27T23:30:00+12:00"),
    ("Pacific/Auckland", "2025-09-28T00:30:00+12:00"),
    ("Pacific/Auckland", "2025-09-28T23:30:00+13:00"),
    # To Postgres an abbreviation without summer time.
    ("CET", "2025-07-01T00:30:00+02:00"),
    ("EET", "2025-07-01T23:30:00+03:00"),
)
FORM = {"mood_today": "hopeful", "confidence_today": 7}


def someone_in(zone: str) -> User:
    return make_user(profile={"timezone": times.check_zone(zone, "/timezone")})


def submit(user: User, now: dt.datetime, **changes: Any) -> queries.Checkin:
    claims = Claims(user_id=str(user.id), issued_at=time.time())
    return services.submit_checkin(claims=claims, form=FORM | changes, now=now)


def record(user: User, now: dt.datetime, **event: Any) -> dict[str, Any]:
    recorded = services.record_event(
        claims=Claims(user_id=str(user.id), issued_at=time.time()),
        event=EventIn(event_type="note", event_data={"text": "x"}, **event),
        idempotency_key=None,
        now=now,
    )
    answer: dict[str, Any] = msgspec.json.decode(recorded.event)
    return answer


def in_utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)


def minutes(text: str) -> int:
    return int(text[-6:-3] + text[-2:]) // 100 * 60


@pytest.mark.parametrize(("zone", "moment"), MOMENTS)
def test_puts_a_check_in_on_its_local_date(db, zone, moment):
    user = someone_in(zone)

    checkin = submit(user, in_utc(moment))

    assert str(checkin.date) == moment[:10]
    event = HealthEvent.objects.get(user_id=user.id)
    assert str(event.local_date) == moment[:10]
    assert event.occurred_at == event.recorded_at == in_utc(moment)
    assert event.utc_offset_minutes == minutes(moment)


@pytest.mark.parametrize(("zone", "moment"), MOMENTS)
@pytest.mark.parametrize("way", ["now", "Z", "offset", "time_zone", "zone over offset"])
def test_puts_an_event_on_its_local_date(db, zone, moment, way):
    now, home = in_utc(moment), zone
    stated: dict[str, Any] = {}
    if way != "now":
        stated["occurred_at"] = now.isoformat().replace("+00:00", "Z")
        now += dt.timedelta(hours=20)
    if way == "offset":
        stated["occurred_at"] = moment
        home = "Asia/Kolkata"
    elif way in {"time_zone", "zone over offset"}:
        stated["time_zone"] = zone
        home = "Asia/Kolkata"
    if way == "zone over offset":
        stated["occurred_at"] = stated["occurred_at"].replace("Z", "+00:00")

    event = record(someone_in(home), now, **stated)

    assert event["local_date"] == moment[:10]
    assert event["utc_offset_minutes"] == minutes(moment)
    assert dt.datetime.fromisoformat(event["occurred_at"]) == in_utc(moment)


@pytest.mark.parametrize(("zone", "moment"), MOMENTS)
@pytest.mark.parametrize("way", ["Z", "offset", "time_zone", "time_zone alone"])
def test_moves_a_corrected_event_to_its_local_date(db, zone, moment, way):
    at = in_utc(moment)
    user = someone_in(zone if way == "Z" else "Asia/Kolkata")
    start = moment if way == "time_zone alone" else "2025-01-01T12:00:00Z"
    event_id = record(user, at, occurred_at=start)["id"]
    stated = {
        "Z": {"occurred_at": at.isoformat().replace("+00:00", "Z")},
        "offset": {"occurred_at": moment},
        "time_zone": {"occurred_at": at.isoformat(), "time_zone": zone},
        "time_zone alone": {"time_zone": zone},
    }[way]

    response = client_of(user).call(
        "POST",
        f"/api/v2/health/events/{event_id}/corrections",
        {"event_data": {"text": "y"}, "reason": "wrong time"} | stated,
    )

    assert response.status_code == 201, response.content
    event = response.json()
    assert event["local_date"] == moment[:10]
    assert event["utc_offset_minutes"] == minutes(moment)
    assert dt.datetime.fromisoformat(event["occurred_at"]) == at


def test_takes_the_date_of_a_client_a_zone_ahead(db):
    user = someone_in("America/Los_Angeles")
    now = in_utc("2025-06-10T15:00:00-07:00")

    checkin = submit(user, now, date_submitted="2025-06-11")

    assert str(checkin.date) == "2025-06-11"
    event = HealthEvent.objects.get(user_id=user.id)
    assert (event.occurred_at, str(event.local_date)) == (now, "2025-06-11")
    assert (event.utc_offset_minutes, event.time_zone) == (None, None)
    page, _ = timeline(user, "2025-06-11")
    assert [found["id"] for found in page] == [str(event.id)]
    assert timeline(user, "2025-06-10")[0] == []


def timeline(user: User, day: str) -> tuple[list[dict[str, Any]], str | None]:
    date = dt.date.fromisoformat(day)
    events, cursor = services.read_timeline(
        claims=Claims(user_id=str(user.id), issued_at=time.time()),
        query=TimelineQuery(start_date=date, end_date=date),
    )
    return msgspec.json.decode(events), cursor


def test_refuses_a_date_that_is_nowhere_yet(db):
    user = someone_in("America/Los_Angeles")
    now = in_utc("2025-06-10T09:59:59+00:00")

    with pytest.raises(InvalidInput, match="date_submitted"):
        submit(user, now, date_submitted="2025-06-11")

    assert submit(user, now + dt.timedelta(seconds=1), date_submitted="2025-06-11")


def test_keeps_the_true_instant_of_a_check_in_for_an_earlier_day(db):
    user = someone_in("America/Los_Angeles")
    now = in_utc("2025-06-10T15:00:00-07:00")

    checkin = submit(user, now, date_submitted="2025-05-01")

    assert checkin.created_at == now
    event = HealthEvent.objects.get(user_id=user.id)
    assert str(event.local_date) == "2025-05-01"
    assert event.recorded_at == now
    assert event.occurred_at == in_utc("2025-05-01T12:00:00-07:00")


def test_lets_a_person_check_in_again_half_an_hour_later_past_midnight(db):
    user = someone_in("Pacific/Auckland")

    submit(user, in_utc("2025-04-05T23:45:00+13:00"))
    submit(user, in_utc("2025-04-06T00:15:00+13:00"))

    days = DailyCheckin.objects.filter(user_id=user.id).values_list("date_submitted", flat=True)
    assert sorted(map(str, days)) == ["2025-04-05", "2025-04-06"]


def test_never_recomputes_the_day_when_the_person_moves(db):
    user = someone_in("America/Los_Angeles")
    submit(user, in_utc("2025-01-15T23:30:00-08:00"))
    client = client_of(user)

    assert client.call("PUT", "/api/users/me", {"timezone": "Pacific/Auckland"}).status_code == 200
    checkin_id = client.call("GET", "/api/checkins").json()["records"][0]["id"]
    client.call("PUT", f"/api/checkins/{checkin_id}", {"user_note": "moved"})

    history = client.call("GET", "/api/v2/health/timeline?include=history").json()["events"]
    assert [event["local_date"] for event in history] == ["2025-01-15"] * 2
    (shown,) = client.call("GET", "/api/checkins").json()["records"]
    assert shown["date_submitted"] == "2025-01-15"


def test_sums_up_the_local_day(db):
    user = someone_in("Pacific/Auckland")
    for moment in ("2025-04-05T23:30:00+13:00", "2025-04-06T00:30:00+13:00"):
        record(user, in_utc(moment), occurred_at=moment)
    record(user, in_utc("2025-04-06T23:30:00+12:00"), occurred_at="2025-04-06T23:30:00+12:00")

    summary = client_of(user).call("GET", "/api/v2/health/daily-summary?date=2025-04-06").json()

    assert summary["event_counts"] == {"note": 2}
    assert {event["local_date"] for event in summary["events"]} == {"2025-04-06"}
    assert summary["check_in_completed"] is False
