"""What the figures of a day and of a week say, and of whom."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from core import gate
from health import metrics
from health.event_types import EVENT_TYPES
from health.models import HealthEvent, UserDailyMetrics
from tests.conftest import client_of
from tests.factories import make_user
from tests.health.daily_figures import shown_to, stored_of
from tests.house.catalog import rows

EVENTS = "/api/v2/health/events"
DAY = dt.date(2026, 3, 2)


def sent(
    user: Any, kind: str, data: dict[str, Any] | str, at: str = f"{DAY}T12:00:00+00:00"
) -> Any:
    text = data if isinstance(data, str) else json.dumps(data)
    body = f'{{"event_type": "{kind}", "event_data": {text}, "occurred_at": "{at}"}}'
    response = client_of(user).call("POST", EVENTS, body)
    assert response.status_code == 201, response.content
    return response.json()


@pytest.fixture
def ada(committed_db):
    return make_user()


def day_of(user, url, date=DAY):
    """The day as it is shown before it is folded, which must be what is stored afterwards."""
    shown = shown_to(user.id, url)
    metrics.fold()
    assert stored_of(user.id, url) == shown
    return shown[date]


def test_read_numbers_however_they_are_written(ada, database_url):
    for number in ("7", "7.0", "1e1", "null"):
        sent(ada, "mood", f'{{"mood": "calm", "confidence": {number}}}')
    sent(ada, "sleep", '{"hours": 0.1}')
    sent(ada, "sleep", '{"hours": 0.2}')

    day = day_of(ada, database_url)

    assert (day["confidence_count"], day["confidence_sum"]) == (3, 24)
    assert (day["confidence_min"], day["confidence_max"]) == (7, 10)
    assert day["sleep_hours_sum"] == Decimal("0.3")


@pytest.mark.parametrize(
    "mood", ["  ", "NULL", "{a,b}", 'say "so"', "müde 😴", "a\nb\\", "x" * 99_999]
)
def test_keep_moods_as_they_are_written(ada, database_url, mood):
    sent(ada, "mood", {"mood": mood})

    day = day_of(ada, database_url)

    assert (day["latest_mood"], day["moods"]) == (mood, [mood])


def test_take_the_last_by_time_not_by_arrival(ada, database_url):
    sent(ada, "mood", {"mood": "late", "confidence": 2, "anxiety_level": 9}, f"{DAY}T20:00:00Z")
    sent(ada, "mood", {"mood": "early", "confidence": 8}, f"{DAY}T19:00:00Z")

    day = day_of(ada, database_url)

    assert day["moods"] == ["early", "late"]
    assert (day["latest_mood"], day["confidence_last"], day["anxiety_last"]) == ("late", 2, 9)


def test_add_up_long_lists(ada, database_url):
    for _ in range(25):
        sent(ada, "symptom", {"symptoms": ["Nausea"] * 20_000, "severity": 0})
    sent(ada, "symptom", {"symptoms": []})
    sent(ada, "symptom", {"symptoms": None})

    day = day_of(ada, database_url)

    assert day["symptom_entries"] == 27
    assert day["symptoms_reported"] == 500_000
    assert [len(one) for one in day["symptoms"]] == [20_000] * 25 + [0]
    assert (day["severity_count"], day["severity_sum"]) == (25, 0)


@pytest.mark.parametrize(
    ("data", "counted"),
    [
        ({"status": "taken"}, "taken"),
        ({"status": "missed"}, "missed"),
        ({"status": "skipped"}, "skipped"),
        ({"status": "partial"}, "partial"),
        ({"reported": "yes"}, "taken"),
        ({"reported": "no"}, "missed"),
        ({"reported": "partial"}, "partial"),
        ({"reported": "maybe"}, None),
        ({"status": None, "reported": "yes"}, None),
        ({"missed_doses": 3}, None),
    ],
)
def test_count_doses_by_either_way_of_saying_it(ada, database_url, data, counted):
    sent(ada, "medication", data)

    day = day_of(ada, database_url)

    states = ("taken", "missed", "skipped", "partial")
    found = [state for state in states if day[f"medications_{state}"]]
    assert found == ([counted] if counted else [])
    assert day["missed_doses"] == data.get("missed_doses", 0)


@pytest.mark.parametrize("time", ["00:00:00", "12:00:00", "23:59:59.999999"])
@pytest.mark.parametrize("offset", ["-12:00", "-00:30", "+00:00", "+05:45", "+14:00"])
def test_find_each_moment_of_a_day_anywhere_on_earth(ada, database_url, time, offset):
    sent(ada, "note", {"text": "a word"}, f"{DAY}T{time}{offset}")

    assert day_of(ada, database_url)["event_count"] == 1


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "America/Los_Angeles", "UTC", "Pacific/Kiritimati"])
def test_find_check_ins_of_days_that_the_person_names(committed_db, database_url, zone):
    user = make_user(profile={"timezone": zone})
    now = dt.datetime.now(dt.UTC)
    # The last one may be tomorrow here; clients may be a zone ahead of the profile.
    dates = ["1900-01-01", "2026-03-02", str((now + dt.timedelta(hours=14)).date())]
    for date in dates:
        form = {"mood_today": "calm", "confidence_today": 7, "date_submitted": date}
        response = client_of(user).call("POST", "/api/checkins", form)
        assert response.status_code == 201

    shown = shown_to(user.id, database_url)
    metrics.fold()

    assert [str(date) for date in sorted(shown)] == dates
    assert all(day["has_checkin"] for day in shown.values())
    assert stored_of(user.id, database_url) == shown


def test_show_nobody_elses_days(committed_db, database_url):
    alice = make_user()
    bob = make_user(alice.tenant)
    sent(alice, "note", {"text": "hers"})
    metrics.fold()
    sent(alice, "note", {"text": "hers"}, "2026-03-05T12:00:00Z")

    assert shown_to(bob.id, database_url) == {}
    with gate.as_person(bob.id):
        for table in ("user_daily_metrics", "metric_marks", "user_weekly_metrics"):
            assert rows(f"SELECT 1 FROM {table}") == []
        assert rows("SELECT 1 FROM fold_events(%s, '-infinity', 'infinity')", [alice.id]) == []


def test_refresh_by_the_old_function(ada, database_url):
    sent(ada, "note", {"text": "a word"})

    ((refreshed,),) = rows("SELECT refresh_user_metrics()")

    assert refreshed >= 1
    assert stored_of(ada.id, database_url)[DAY]["event_count"] == 1
    assert rows("SELECT refresh_user_metrics()") == [(0,)]


REFUSE = """
    CREATE FUNCTION refuse_large() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.latest_mood = 'too large' THEN
            RAISE EXCEPTION 'It is too large.' USING ERRCODE = 'program_limit_exceeded';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse_large BEFORE INSERT ON user_daily_metrics
        FOR EACH ROW EXECUTE FUNCTION refuse_large()
"""


def test_fold_others_where_a_day_is_too_large_for_a_row(alice, bob, as_alice, as_bob):
    """Twenty-eight requests of 9.9 MB of symptoms would do, as jsonb holds 256 MB."""
    rows(REFUSE)
    for client, mood in ((as_alice, "too large"), (as_bob, "calm")):
        event = {"event_type": "mood", "event_data": {"mood": mood}}
        assert client.call("POST", EVENTS, event).status_code == 201

    metrics.fold()

    stored = rows("SELECT user_id FROM user_daily_metrics WHERE event_count = 1")
    assert (alice.id,) not in stored
    assert (bob.id,) in stored
    assert rows("SELECT DISTINCT user_id FROM metric_marks") == [(alice.id,)]


# A day with the confidence 9 cannot even be computed, as the lists of such a day are too long.
CANNOT_COMPUTE = """
    CREATE OR REPLACE FUNCTION json_number(p_value jsonb) RETURNS numeric LANGUAGE plpgsql AS $$
    BEGIN
        IF p_value = '9' THEN
            RAISE EXCEPTION 'It is too large.' USING ERRCODE = 'program_limit_exceeded';
        END IF;
        RETURN CASE WHEN jsonb_typeof(p_value) = 'number' THEN p_value::numeric END;
    END $$
"""


@pytest.fixture
def too_large(alice, as_alice):
    """Alice's day before DAY is too large; what comes before and after it is not."""
    rows(CANNOT_COMPUTE)
    for date, confidence in (("2026-02-28", 3), ("2026-03-01", 9), ("2026-03-02", 5)):
        data = {"mood": "calm", "confidence": confidence}
        event = {"event_type": "mood", "event_data": data, "time_zone": "UTC"}
        sent = event | {"occurred_at": f"{date}T12:00:00+00:00"}
        assert as_alice.call("POST", EVENTS, sent).status_code == 201
    metrics.fold()


def test_try_a_day_that_is_too_large_again_an_hour_later(alice, as_alice, too_large):
    marked = rows("SELECT DISTINCT local_date FROM metric_marks")
    lag = metrics.backlog().lag

    event = {"event_type": "note", "event_data": {"text": "a word"}}
    sent = event | {"occurred_at": "2026-03-01T12:00:00+00:00", "time_zone": "UTC"}
    as_alice.call("POST", EVENTS, sent)
    soon = metrics.fold()
    rows("UPDATE metric_marks SET marked_at = marked_at - interval '1 hour'")
    an_hour_later = metrics.fold()

    assert (marked, lag) == ([(dt.date(2026, 3, 1),)], 0)
    assert (soon, an_hour_later) == (0, 1)
    stored = rows("SELECT local_date FROM user_daily_metrics WHERE user_id = %s", [alice.id])
    assert len(stored) == 2


def test_rebuild_and_compare_all_but_a_day_that_is_too_large(alice, bob, as_bob, too_large):
    as_bob.call("POST", EVENTS, {"event_type": "note", "event_data": {"text": "a word"}})
    metrics.fold()
    rows("UPDATE user_daily_metrics SET event_count = 7")

    differing = {(each.owner, each.columns[0]) for each in differences()}
    (*_, run) = metrics.rebuild(is_new=True)

    assert {f"user {alice.id}", f"user {bob.id}"} <= {owner for owner, _ in differing}
    assert {column for _, column in differing} == {"event_count"}
    assert run.finished_at
    assert rows("SELECT DISTINCT event_count FROM user_daily_metrics") == [(1,)]
    assert differences() == []
    assert metrics.rebuild_person(alice.id) == (2, 0)


def differences():
    return [found for portion in metrics.verify() for found in portion.differences]


def test_have_a_count_for_each_type_of_event():
    counted = {field.name for field in UserDailyMetrics._meta.get_fields()}

    assert {f"{name}_entries" for name in EVENT_TYPES} <= counted


def weeks(user):
    with gate.as_person(user.id), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM user_weekly_metrics ORDER BY week_start")
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def test_say_two_of_three_doses_in_percent(ada):
    today = dt.datetime.now(dt.UTC).date()
    for days_ago, said in enumerate(["yes", "yes", "no"]):
        form = {"mood_today": "calm", "confidence_today": 7, "medication_taken": said}
        date = str(today - dt.timedelta(days=days_ago))
        client_of(ada).call("POST", "/api/checkins", form | {"date_submitted": date})
    for status in ("taken", "taken", "missed", "skipped", "partial"):
        sent(ada, "medication", {"status": status})

    (week,) = [week for week in weeks(ada) if week["week_start"] == DAY]
    old = client_of(ada).call("GET", "/api/users/metrics").json()

    assert week["adherence_rate"] == Decimal("66.7")
    # V1's is a whole number, as the old service rounded it.
    assert old["metrics"]["medicationAdherenceRate"] == 67


def test_divide_means_when_they_are_read(ada):
    sent(ada, "mood", {"mood": "calm", "confidence": 7, "anxiety_level": 1}, "2026-03-02T08:00Z")
    sent(ada, "mood", {"mood": "calm", "confidence": 8}, "2026-03-08T08:00Z")
    sent(ada, "mood", {"mood": "calm"}, "2026-03-09T23:00Z")
    metrics.fold()

    first, second = weeks(ada)

    assert (first["days_with_mood"], first["confidence_mean"]) == (2, Decimal("7.5"))
    assert first["anxiety_mean"] == 1
    assert (second["week_start"], second["confidence_mean"]) == (dt.date(2026, 3, 9), None)
    assert second["adherence_rate"] is None


@pytest.mark.parametrize(
    ("date", "year", "week", "monday"),
    [
        ("2020-12-28", 2020, 53, "2020-12-28"),
        ("2021-01-03", 2020, 53, "2020-12-28"),
        ("2021-01-04", 2021, 1, "2021-01-04"),
        ("2024-12-29", 2024, 52, "2024-12-23"),
        ("2024-12-30", 2025, 1, "2024-12-30"),
        ("2027-01-01", 2026, 53, "2026-12-28"),
    ],
)
def test_put_the_days_around_new_year_into_iso_weeks(ada, date, year, week, monday):
    add_days(ada, [dt.date.fromisoformat(date)])

    (found,) = weeks(ada)

    assert (found["iso_year"], found["iso_week"]) == (year, week)
    assert str(found["week_start"]) == monday


def test_agree_with_the_calendar_of_python(ada):
    dates = [
        dt.date(year, 1, 1) + dt.timedelta(days=days)
        for year in range(1900, 2101)
        for days in range(-5, 6)
    ]
    add_days(ada, dates)

    found = {
        (week["iso_year"], week["iso_week"]): (week["week_start"], week["days_with_data"])
        for week in weeks(ada)
    }

    by_week: dict[tuple[int, int], int] = {}
    for date in set(dates):
        calendar = date.isocalendar()
        by_week[calendar.year, calendar.week] = by_week.get((calendar.year, calendar.week), 0) + 1
    assert found == {
        week: (dt.date.fromisocalendar(*week, 1), count) for week, count in by_week.items()
    }


def add_days(user, dates):
    HealthEvent.objects.bulk_create(
        HealthEvent(
            tenant_id=user.tenant_id,
            user_id=user.id,
            event_type="note",
            event_data={"text": "a word"},
            occurred_at=dt.datetime.combine(date, dt.time(12), dt.UTC),
            local_date=date,
        )
        for date in sorted(set(dates))
    )
