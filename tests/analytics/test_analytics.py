"""GET /api/v2/analytics: timeframes, what is said of few data, and who sees it."""

import datetime as dt
import json
import uuid
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection

from accounts.models import UserProfile
from analytics import queries, services
from core import gate
from core.times import local_date
from health.models import HealthEvent
from tests.analytics.lives import correct, record, retract
from tests.conftest import ApiClient, client_of
from tests.factories import make_user
from tests.house.catalog import rows
from tests.house.plans import explain_calls, faults

PATH = "/api/v2/analytics"
DAY = dt.date(2026, 3, 1)


def read(client: ApiClient, timeframe: str) -> dict[str, Any]:
    response = client.call("GET", f"{PATH}?timeframe={timeframe}")
    assert response.status_code == 200, response.content
    found: dict[str, Any] = response.json()
    return found


def feel(client: ApiClient, values: list[Any], key: str = "anxiety_level", first: dt.date = DAY):
    """Record a value a day; None skips the day."""
    for number, value in enumerate(values):
        if value is not None:
            day = first + dt.timedelta(days=number)
            data = {"mood": "calm", key: value}
            record(client, "mood", data, f"{day}T12:00:00-08:00")


def span(days: int, first: dt.date = DAY) -> str:
    return f"{first}..{first + dt.timedelta(days=days - 1)}"


def as_of(user: Any, now: str, timeframe: str) -> Any:
    with gate.as_person(user.id) as person:
        return services.analytics(
            person=person, timeframe=timeframe, now=dt.datetime.fromisoformat(now)
        )


@pytest.mark.parametrize(
    ("timeframe", "days"), [("week", 7), ("month", 30), ("quarter", 90), ("year", 365)]
)
def test_ends_with_the_persons_today(alice, timeframe, days):
    answer = as_of(alice, "2026-05-01T06:59:00+00:00", timeframe)

    assert answer.last_date == dt.date(2026, 4, 30)
    assert answer.time_zone == "America/Los_Angeles"
    assert len(answer.daily) == days == (answer.last_date - answer.first_date).days + 1
    assert answer.comparison.last_date == answer.first_date - dt.timedelta(days=1)
    length = answer.comparison.last_date - answer.comparison.first_date
    assert length == answer.last_date - answer.first_date


def test_is_a_month_by_default(as_alice):
    assert len(as_alice.call("GET", PATH).json()["daily"]) == 30


@pytest.mark.parametrize(
    "timeframe",
    [
        *("", "decade", "WEEK", "7", "2026-01-01", "2026-01-01..", "..2026-01-01", "\u0661" * 4),
        *("2026-02-30..2026-03-01", "2026-03-01..2026-02-01", "2026-1-1..2026-1-2"),
        *("2025-01-01..2026-01-02", "1899-12-31..1900-01-05", "0001-01-01..0001-01-01"),
        *("9999-12-31..9999-12-31", "2026-01-01..2999-01-01", "2026-01-01 .. 2026-01-02"),
        *("\u0662\u0660\u0662\u0666-01-01..2026-01-02", "2026-01-01..2026-01-02\n"),
    ],
)
def test_refuses_what_is_no_timeframe(as_alice, timeframe):
    for path in (PATH, f"{PATH}/explain"):
        response = as_alice.call("GET", f"{path}?timeframe={quote(timeframe)}")

        assert response.status_code == 400, response.content
        assert response.json()["errors"][0]["parameter"] == "timeframe"
        assert response.json()["detail"].endswith(".")


def test_takes_the_longest_and_the_first(as_alice):
    assert len(read(as_alice, "2024-01-01..2024-12-31")["daily"]) == 366
    assert len(read(as_alice, "1900-01-01..1900-01-01")["daily"]) == 1


def test_refuses_tomorrow_but_not_today(alice, as_alice):
    today = local_date(dt.datetime.now(dt.UTC), "America/Los_Angeles")
    tomorrow = today + dt.timedelta(days=1)

    assert as_alice.call("GET", f"{PATH}?timeframe={today}..{today}").status_code == 200
    refused = as_alice.call("GET", f"{PATH}?timeframe={today}..{tomorrow}")

    assert refused.status_code == 400
    assert str(today) in refused.json()["detail"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("figure=happiness", "figure"),
        ("figure=", "figure"),
        ("timeframe=2026-03-01..2026-03-02&date=2026-03-03", "date"),
        ("timeframe=2026-03-01..2026-03-02&date=yesterday", "date"),
        ("cursor=abc", "cursor"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("color=red", "color"),
        ("figure=scheduled_adherence&medication_id=7", "medication_id"),
        (f"figure=mood_mean&medication_id={uuid.UUID(int=7)}", "medication_id"),
    ],
)
def test_refuses_what_it_cannot_explain(as_alice, query, parameter):
    response = as_alice.call("GET", f"{PATH}/explain?{query}")

    assert response.status_code == 400
    assert response.json()["errors"][0]["parameter"] == parameter


def test_refuses_an_unknown_parameter(as_alice):
    response = as_alice.call("GET", f"{PATH}?time_frame=week")

    assert response.status_code == 400
    assert response.json()["errors"][0]["parameter"] == "time_frame"


def test_says_of_nobody_nothing(as_alice):
    answer = read(as_alice, "quarter")

    assert answer["computed_from"] is None
    assert {day["event_count"] for day in answer["daily"]} == {0}
    assert {day["mood_mean"] for day in answer["daily"]} == {None}
    assert all(trend["direction"] is None for trend in answer["trends"].values())
    assert all(trend["reason"] for trend in answer["trends"].values())
    assert all(each["reason"] for each in answer["comparison"]["figures"].values())
    assert answer["correlations"]["found"] == []
    assert answer["correlations"]["reason"]
    assert answer["summary"]["mood_mean"]["value"] is None
    assert answer["summary"]["event_count"]["value"] == 0
    assert answer["adherence"]["overall"]["rate"] is None
    assert answer["adherence"]["reported"]["rate"] is None


# Adherence, moods, weeks


def test_counts_two_of_three_doses_as_the_old_service_did(as_alice):
    for status in ("taken", "taken", "missed", "skipped", "partial"):
        record(as_alice, "medication", {"status": status}, f"{DAY}T12:00:00-08:00")

    answer = read(as_alice, span(3))

    reported = answer["adherence"]["reported"]
    assert (reported["taken"], reported["missed"], reported["rate"]) == (2, 1, 66.7)
    assert answer["daily"][0]["medications_skipped"] == 1
    assert answer["weekly"][0]["reported_adherence"] == 66.7


def test_follows_scheduled_doses_to_their_events(as_alice):
    course = {
        "medication_name": "Progesterone",
        "times_of_day": ["08:00"],
        "start_date": "2026-03-01",
        "end_date": "2026-03-04",
        "effective_from": "2026-03-01T00:00:00-08:00",
    }
    created = as_alice.call("POST", "/api/v2/medications", course)
    assert created.status_code == 201, created.content
    doses = f"/api/v2/medications/{created.json()['id']}/doses"
    for day, hour in ((1, "08:10"), (2, "11:00"), (3, "08:00")):
        at = f"2026-03-0{day}T{hour}:00-08:00"
        assert as_alice.call("POST", doses, {"taken_at": at}).status_code == 201

    answer = read(as_alice, "2026-03-01..2026-03-06")
    explained = as_alice.call("GET", answer["adherence"]["explain"]).json()
    of_day = as_alice.call("GET", answer["daily"][3]["explain"] + "medications_scheduled").json()

    overall = answer["adherence"]["overall"]
    counts = (overall["scheduled"], overall["taken"], overall["late"], overall["unknown"])
    assert (*counts, overall["rate"], overall["taken_rate"]) == (4, 2, 1, 1, 50.0, 75.0)
    assert [day["medications_scheduled"] for day in answer["daily"]] == [1, 1, 1, 1, 0, 0]
    assert explained["value"] == {key: overall[key] for key in explained["value"]}
    assert [each["contributed"] for each in explained["events"]] == [
        *("unknown", "taken", "late", "taken")
    ]
    assert [each["link"] is None for each in explained["events"]] == [True, False, False, False]
    assert of_day["value"] == 1
    (medication,) = answer["adherence"]["medications"]
    assert (medication["medication_name"], medication["rate"]) == ("Progesterone", 50.0)


def test_follows_the_doses_of_one_medication_and_those_beside_a_schedule(as_alice):
    since = {"start_date": "2026-03-01", "effective_from": "2026-03-01T00:00:00-08:00"}
    daily = {"medication_name": "Progesterone", "times_of_day": ["08:00"]}
    needed = {"medication_name": "Ibuprofen", "as_needed": True}
    for course, hours in ((daily, ("08:10", "08:30")), (needed, ("12:00",))):
        created = as_alice.call("POST", "/api/v2/medications", course | since).json()
        for hour in hours:
            taken = {"taken_at": f"2026-03-01T{hour}:00-08:00"}
            as_alice.call("POST", f"/api/v2/medications/{created['id']}/doses", taken)

    adherence = read(as_alice, span(2))["adherence"]

    beside = {"medication_id", "medication_name", "explain"}
    overall = adherence["overall"] | {"explain": adherence["explain"]}
    for figures in (overall, *adherence["medications"]):
        explained = as_alice.call("GET", figures["explain"]).json()
        assert explained["value"] == {key: figures[key] for key in set(figures) - beside}
    by_name = {one["medication_name"]: one for one in adherence["medications"]}
    of_daily, of_needed = (
        as_alice.call("GET", by_name[name]["explain"]).json()["events"]
        for name in ("Progesterone", "Ibuprofen")
    )
    assert [each["contributed"] for each in of_daily] == ["unknown", "extra", "taken"]
    assert [each["contributed"] for each in of_needed] == ["as-needed"]
    assert as_alice.call("GET", of_needed[0]["link"]).status_code == 200


def test_knows_the_medications_of_other_people_as_little_as_none(as_alice, as_bob, as_charlie):
    course = {"medication_name": "Progesterone", "times_of_day": ["08:00"]}
    medication_id = as_alice.call("POST", "/api/v2/medications", course).json()["id"]
    path = f"{PATH}/explain?figure=scheduled_adherence&medication_id="

    for client, sought in (
        (as_bob, medication_id),
        (as_charlie, medication_id),
        (as_alice, uuid.uuid4()),
    ):
        assert client.call("GET", f"{path}{sought}").status_code == 404
    assert as_alice.call("GET", f"{path}{medication_id}").status_code == 200


def test_pages_through_scheduled_doses(as_alice):
    course = {
        "medication_name": "Progesterone",
        "times_of_day": ["08:00", "20:00"],
        "start_date": "2026-03-01",
        "end_date": "2026-03-09",
        "effective_from": "2026-03-01T00:00:00-08:00",
    }
    as_alice.call("POST", "/api/v2/medications", course)
    as_alice.call("POST", "/api/v2/medications", course | {"medication_name": "Estradiol"})
    path = f"{PATH}/explain?timeframe={span(9)}&figure=scheduled_adherence&limit=5"

    seen, cursor = [], ""
    while cursor is not None:
        page = as_alice.call("GET", path + cursor).json()
        seen += page["events"]
        cursor = page["next"] and f"&cursor={page['next']}"

    assert len(seen) == page["event_count"] == 36
    assert [each["occurred_at"] for each in seen] == sorted(
        (each["occurred_at"] for each in seen), reverse=True
    )


def test_leaves_moods_without_a_number_out_of_means(as_alice):
    feel(as_alice, ["hopeful", "meh", "Very  tough", "meh, confident"], "mood")

    answer = read(as_alice, span(4))

    assert [day["mood_mean"] for day in answer["daily"]] == [7.0, None, 1.0, 8.0]
    assert answer["summary"]["mood_mean"]["value"] == 5.3
    assert (answer["moods"]["known"], answer["moods"]["unknown"]) == (3, 2)
    assert answer["moods"]["words"][0] == {"word": "meh", "count": 2, "days": 2, "score": None}
    assert {word["word"]: word["score"] for word in answer["moods"]["words"]}["Very tough"] == 1


def test_rounds_half_up_and_once(as_alice):
    for value in (1, 1, 1, 2):
        record(as_alice, "sleep", {"hours": value}, f"{DAY}T12:00:00-08:00")
    for number, severity in enumerate((0.1, 0.2, 0.3, 0.4)):
        day = DAY + dt.timedelta(days=number)
        record(as_alice, "symptom", {"severity": severity}, f"{day}T12:00:00-08:00")

    answer = read(as_alice, span(4))

    assert answer["daily"][0]["sleep_hours_mean"] == 1.3
    assert answer["summary"]["severity_mean"]["value"] == 0.3


def test_counts_weeks_by_iso_around_new_year(as_alice):
    feel(as_alice, [5] * 12, first=dt.date(2020, 12, 26))

    weeks = read(as_alice, span(12, dt.date(2020, 12, 26)))["weekly"]

    assert [(week["iso_year"], week["iso_week"], week["event_count"]) for week in weeks] == [
        (2020, 52, 2),
        (2020, 53, 7),
        (2021, 1, 3),
    ]
    assert weeks[1]["first_date"] == "2020-12-28"
    assert weeks[2]["last_date"] == "2021-01-06"


def test_keeps_the_day_that_an_event_was_recorded_for(alice, as_alice):
    record(as_alice, "sleep", {"hours": 7}, "2026-03-08T10:30:00Z", time_zone="Pacific/Auckland")
    record(as_alice, "sleep", {"hours": 8}, "2026-03-09T06:30:00Z")
    UserProfile.objects.filter(user=alice).update(timezone="Asia/Tokyo")

    answer = read(as_alice, "2026-03-08..2026-03-09")

    assert [day["sleep_hours_mean"] for day in answer["daily"]] == [7.5, None]
    assert answer["time_zone"] == "Asia/Tokyo"


# Words


def test_counts_words_whatever_their_case_and_shows_them_as_written(as_alice):
    for day, symptoms in ((1, ["Headache", "headache"]), (2, ["headache"]), (2, ["HEADACHE", " "])):
        record(as_alice, "symptom", {"symptoms": symptoms}, f"2026-03-0{day}T12:00:00-08:00")

    symptoms = read(as_alice, span(3))["symptoms"]

    assert [(each["count"], each["days"]) for each in symptoms["words"]] == [(3, 2)]
    assert symptoms["words"][0]["word"].lower() == "headache"


def test_counts_an_accent_once_however_it_is_encoded(as_alice):
    for day, symptom in ((1, "N\u00e4usea"), (2, "Na\u0308usea"), (3, "N\u00c4USEA")):
        at = f"2026-03-0{day}T12:00:00-08:00"
        record(as_alice, "symptom", {"symptoms": [symptom], "triggers": [symptom]}, at)
        record(as_alice, "mood", {"mood": symptom}, at)

    answer = read(as_alice, span(3))

    for part in ("symptoms", "triggers", "moods"):
        assert [(each["count"], each["days"]) for each in answer[part]["words"]] == [(3, 3)]
        explained = as_alice.call("GET", answer[part]["explain"]).json()
        assert explained["value"]["words"] == answer[part]["words"]


def test_shows_the_most_frequent_words_of_very_many(as_alice):
    words = [f"symptom {number}" for number in range(200)]
    record(as_alice, "symptom", {"symptoms": words}, f"{DAY}T12:00:00-08:00")
    record(as_alice, "symptom", {"symptoms": ["Symptom 77"]}, f"{DAY}T13:00:00-08:00")

    symptoms = read(as_alice, span(1))["symptoms"]

    assert len(symptoms["words"]) == 50
    assert symptoms["others"] == 150
    assert symptoms["words"][0]["count"] == 2


# Trends, comparisons, correlations


def test_says_which_way_a_measure_goes_and_whether_that_is_good(as_alice):
    feel(as_alice, [1, 2, 2, 3, 4, 4, 5, 6, 7, 8])
    feel(as_alice, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "confidence")

    trends = read(as_alice, span(10))["trends"]

    assert trends["anxiety"]["direction"] == "rising"
    assert trends["anxiety"]["meaning"] == "worse"
    assert trends["confidence"]["slope_per_week"] == 7.0
    assert trends["confidence"]["meaning"] == "better"
    assert trends["anxiety"]["days_used"] == 10


def test_is_not_moved_by_a_single_day(as_alice):
    feel(as_alice, [5, 5, 5, 5, 5, 5, 5, 5, 5, 10])

    trend = read(as_alice, span(10))["trends"]["anxiety"]

    assert (trend["direction"], trend["slope_per_week"]) == ("steady", 0.0)
    assert trend["meaning"] is None


def test_takes_a_slow_wave_for_no_direction(as_alice):
    """Each day resembles the one before, by which alone the last ones lie above the first."""
    feel(as_alice, [4, 3, 2, 2, 3, 5, 6, 7, 6, 5, 4, 4, 5, 6, 7, 8, 8, 7, 6, 5])

    trend = read(as_alice, span(20))["trends"]["anxiety"]

    assert (trend["direction"], trend["meaning"], trend["reason"]) == ("unclear", None, None)


def test_calls_unclear_what_goes_up_and_down(as_alice):
    feel(as_alice, [1, 9, 2, 8, 1, 10, 3, 9, 1, 8])

    trend = read(as_alice, span(10))["trends"]["anxiety"]

    assert (trend["direction"], trend["reason"]) == ("unclear", None)


@pytest.mark.parametrize(
    ("values", "days", "reason"),
    [
        ([1, 2, 3, 4, 5, 6], 10, "at least 7 days"),
        ([1, 2, 3, 4, 5, 6, 7], 15, "at least half"),
        ([1, 2, 3, 4, 5, 6, 7], 14, None),
    ],
)
def test_says_no_trend_of_too_few_days(as_alice, values, days, reason):
    feel(as_alice, values)

    trend = read(as_alice, span(days))["trends"]["anxiety"]

    assert (trend["direction"] is None) == bool(reason)
    assert (reason or "") in (trend["reason"] or "")


def test_looks_at_weeks_over_a_long_time(as_alice):
    events = [
        {
            "event_type": "sleep",
            "event_data": {"hours": 4 + number / 70 + (number % 7 == 0)},
            "occurred_at": f"{dt.date(2025, 1, 6) + dt.timedelta(days=number)}T12:00:00-08:00",
        }
        for number in range(140)
    ]
    as_alice.call("POST", "/api/v2/health/events/batch", {"events": events})

    trend = read(as_alice, span(140, dt.date(2025, 1, 6)))["trends"]["sleep_hours"]

    assert trend["slope_per_week"] == 0.1
    assert (trend["direction"], trend["meaning"]) == ("rising", None)
    assert trend["days_used"] == 140


def test_says_no_trend_of_a_few_weeks_of_a_long_time(as_alice):
    """Days of two weeks half a year apart: two points, between which anything may have been."""
    feel(as_alice, [5, 5, 5, 5, 5])
    feel(as_alice, [5, 5, 5, 5, 5], first=DAY + dt.timedelta(days=100))

    trend = read(as_alice, span(105))["trends"]["anxiety"]

    assert (trend["direction"], trend["slope_per_week"], trend["days_used"]) == (None, None, 10)
    assert "needs at least 7 weeks with a value; there are 3" in trend["reason"]


def test_compares_with_the_time_before(as_alice):
    feel(as_alice, [4, 4, 4, 4, 5, 5, 5, 5])

    answer = read(as_alice, span(4, DAY + dt.timedelta(days=4)))

    shown = answer["comparison"]["figures"]["anxiety_mean"]
    assert (shown["now"], shown["before"]) == (5.0, 4.0)
    assert (shown["difference"], shown["percent"], shown["meaning"]) == (1.0, 25.0, "worse")
    assert answer["comparison"]["first_date"] == str(DAY)


def test_compares_nothing_where_one_of_the_two_says_too_little(as_alice):
    feel(as_alice, [4, 4, None, None, 5, 5, 5, 5])

    shown = read(as_alice, span(4, DAY + dt.timedelta(days=4)))["comparison"]["figures"]

    assert shown["anxiety_mean"]["difference"] is None
    assert "4 now and 2 before" in shown["anxiety_mean"]["reason"]


def test_calls_it_neither_better_nor_worse_that_more_was_recorded(as_alice):
    """Twice two symptoms on three days, then one a day on eight: more in all, fewer a day."""
    feel(as_alice, [4, 4, 4, None, None, None, None, None, *[4] * 8])
    for number in (0, 1, 2):
        name_symptoms(as_alice, number, ["Nausea", "Headache"])
    for number in range(8, 16):
        name_symptoms(as_alice, number, ["Nausea"])

    after = read(as_alice, span(8, DAY + dt.timedelta(days=8)))["comparison"]["figures"]

    shown = after["symptoms_reported"]
    assert (shown["now"], shown["before"], shown["difference"]) == (8, 6, 2)
    assert shown["meaning"] is None


def test_calls_it_worse_that_more_was_named_a_day(as_alice):
    feel(as_alice, [4] * 8)
    for number in range(4, 8):
        name_symptoms(as_alice, number, ["Nausea"])

    after = read(as_alice, span(4, DAY + dt.timedelta(days=4)))["comparison"]["figures"]

    assert after["symptoms_reported"]["meaning"] == "worse"


def name_symptoms(client: ApiClient, number: int, symptoms: list[str]) -> None:
    at = f"{DAY + dt.timedelta(days=number)}T12:00:00-08:00"
    record(client, "symptom", {"symptoms": symptoms}, at)


def test_gives_no_percent_of_nothing(as_alice):
    feel(as_alice, [4] * 8)
    record(as_alice, "symptom", {"symptoms": ["Nausea"]}, f"{DAY + dt.timedelta(days=5)}T12:00:00Z")

    shown = read(as_alice, span(4, DAY + dt.timedelta(days=4)))["comparison"]["figures"]

    assert shown["symptoms_reported"]["difference"] == 1
    assert shown["symptoms_reported"]["percent"] is None


def test_says_what_goes_together_and_never_why(as_alice):
    feel(as_alice, [1 + number % 10 for number in range(20)])
    for number in range(20):
        data = {"hours": 10 - number % 10}
        record(as_alice, "sleep", data, f"{DAY + dt.timedelta(days=number)}T20:00:00-08:00")

    (found,) = read(as_alice, span(20))["correlations"]["found"]

    assert (found["between"], found["r"], found["days"]) == (["anxiety", "sleep_hours"], -1.0, 20)
    assert found["sentence"] == (
        "On days with more anxiety there was often also less sleep; this does not tell why."
    )


def test_says_nothing_of_fewer_than_14_days_together(as_alice):
    feel(as_alice, [*range(1, 11), 1, 2, 3])
    for number in range(13):
        data = {"quality": 1 + number % 10}
        record(as_alice, "sleep", data, f"{DAY + dt.timedelta(days=number)}T20:00:00-08:00")

    answer = read(as_alice, span(13))["correlations"]

    assert (answer["examined"], answer["found"]) == (0, [])
    assert "14 are needed" in answer["reason"]


def test_says_nothing_of_what_may_be_chance(as_alice):
    feel(as_alice, [3, 7, 5, 2, 8, 6, 4, 9, 1, 5, 7, 3, 6, 4, 8])
    for number, quality in enumerate([4, 6, 2, 5, 9, 3, 7, 4, 3, 8, 6, 5, 2, 7, 5]):
        data = {"quality": quality}
        record(as_alice, "sleep", data, f"{DAY + dt.timedelta(days=number)}T20:00:00-08:00")

    answer = read(as_alice, span(15))["correlations"]

    assert (answer["examined"], answer["found"]) == (1, [])
    assert "beyond chance" in answer["reason"]


def test_takes_two_slow_drifts_for_no_more_than_chance(as_alice):
    """Ranks correlate with 0.98, but of thirty days each resembles the one before."""
    feel(as_alice, [1 + number // 3 for number in range(30)])
    events = [
        {
            "event_type": "sleep",
            "event_data": {"hours": 5 + number / 10},
            "occurred_at": f"{DAY + dt.timedelta(days=number)}T20:00:00-08:00",
        }
        for number in range(30)
    ]
    as_alice.call("POST", "/api/v2/health/events/batch", {"events": events})

    answer = read(as_alice, span(30))

    assert (answer["correlations"]["examined"], answer["correlations"]["found"]) == (1, [])
    assert answer["trends"]["anxiety"]["direction"] == "rising"


# Freshness


def test_is_answered_once_until_something_changes(as_alice):
    sent = record(as_alice, "mood", {"mood": "calm", "confidence": 3}, f"{DAY}T12:00:00-08:00")
    path = f"{PATH}?timeframe={span(5)}"
    first = as_alice.call("GET", path)

    again = as_alice.call("GET", path, If_None_Match=first.headers["ETag"])
    correct(as_alice, sent["id"], {"mood": "calm", "confidence": 8}, DAY)
    changed = as_alice.call("GET", path, If_None_Match=first.headers["ETag"])
    retract(as_alice, sent["id"])
    gone = as_alice.call("GET", path, If_None_Match=changed.headers["ETag"])

    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert changed.json()["daily"][0]["confidence_mean"] == 8.0
    assert gone.json()["daily"][0]["confidence_mean"] is None


def test_is_answered_anew_when_a_course_a_questionnaire_or_the_zone_changes(alice, as_alice):
    path = f"{PATH}?timeframe=week"
    since = dt.datetime.now(dt.UTC) - dt.timedelta(days=4)
    course = {
        "medication_name": "Progesterone",
        "times_of_day": ["08:00"],
        "start_date": str(since.date()),
        "effective_from": since.isoformat(),
    }
    phq4 = dict.fromkeys(("feeling_nervous", "stop_worrying", "little_interest", "feeling_down"), 1)
    seen = [as_alice.call("GET", path).headers["ETag"]]

    def is_anew() -> bool:
        answer = as_alice.call("GET", path, If_None_Match=seen[-1])
        seen.append(answer.headers["ETag"])
        return len(answer.content) > 0

    created = as_alice.call("POST", "/api/v2/medications", course).json()
    assert is_anew()
    as_alice.call("PATCH", f"/api/v2/medications/{created['id']}", {"medication_name": "Other"})
    assert is_anew()
    done = as_alice.call("POST", "/api/v2/assessments/phq4/complete", {"answers": phq4})
    assert (done.status_code, is_anew()) == (201, True)
    UserProfile.objects.filter(user=alice).update(timezone="Asia/Tokyo")
    assert is_anew()
    assert not is_anew()
    assert len(set(seen)) == 5


def test_counts_what_was_recorded_while_events_were_off(settings, as_alice):
    path = f"{PATH}?timeframe={span(2)}"
    form = {"mood_today": "hopeful", "confidence_today": 8, "date_submitted": str(DAY)}
    settings.USE_SCHEMA_V2 = False
    assert as_alice.call("POST", "/api/checkins", form).status_code == 201
    off = as_alice.call("GET", path)
    explanation_off = as_alice.call("GET", f"{PATH}/explain")
    settings.USE_SCHEMA_V2 = True

    answer = as_alice.call("GET", path).json()

    assert (off.status_code, explanation_off.status_code) == (503, 503)
    assert answer["daily"][0]["has_checkin"]
    assert answer["daily"][0]["confidence_mean"] == 8.0


# Other people


def test_holds_nothing_of_other_people(as_alice, as_bob, as_charlie):
    feel(as_alice, [5] * 20)
    record(as_alice, "symptom", {"symptoms": ["hers alone"]}, f"{DAY}T12:00:00-08:00")

    for other in (as_bob, as_charlie):
        answer = other.call("GET", f"{PATH}?timeframe={span(20)}")
        explained = other.call("GET", f"{PATH}/explain?timeframe={span(20)}").json()
        assert "hers alone" not in answer.content.decode()
        assert answer.json()["summary"]["event_count"]["value"] == 0
        assert (explained["value"], explained["events"]) == (0, [])


def test_reads_on_with_a_cursor_of_somebody_else_only_ones_own(as_alice, as_bob):
    feel(as_alice, [5] * 3)
    feel(as_bob, [7] * 2)
    path = f"{PATH}/explain?timeframe={span(3)}&figure=anxiety_mean"
    cursor = as_alice.call("GET", f"{path}&limit=1").json()["next"]

    seen = as_bob.call("GET", f"{path}&cursor={cursor}").json()

    assert {event["contributed"] for event in seen["events"]} <= {7}


# What old databases may hold


def test_bears_any_json_that_was_brought_over(alice, as_alice):
    huge, odd = "1" + "0" * 308, ["nested", {"a": [1, None, "x"]}, 5, "y" * 5000]
    contents: list[tuple[str, Any]] = [
        ("mood", {"mood": {"a": 1}, "confidence": int(huge), "anxiety_level": "ten"}),
        ("mood", {"mood": ["calm"], "confidence": int(huge), "anxiety_level": True}),
        ("mood", {"mood": "", "confidence": 1e-300, "triggers": odd}),
        ("symptom", {"symptoms": odd, "severity": -5.5, "triggers": {"a": 1}}),
        ("symptom", {"symptoms": "text", "severity": [1]}),
        ("assessment", {"total_score": "12"}),
        ("assessment", {"total_score": {"a": 1}}),
        ("assessment", {"total_score": 3.5}),
        ("medication", {"status": 5, "missed_doses": int(huge)}),
        ("medication", {"reported": ["yes"], "missed_doses": int(huge)}),
        ("exercise", {"minutes": int(huge)}),
        ("exercise", {"minutes": int(huge)}),
        ("exercise", {"minutes": -0.25}),
        ("sleep", {"hours": "8", "quality": None}),
        ("mood", ["mood"]),
        ("medication", "status"),
    ]
    for number, (kind, data) in enumerate(contents):
        HealthEvent.objects.create(
            user=alice,
            tenant=alice.tenant,
            event_type=kind,
            event_subtype=None,
            event_data=data,
            occurred_at=f"2026-03-{1 + number % 3:02}T20:00:00Z",
            local_date=f"2026-03-{1 + number % 3:02}",
        )

    answer = as_alice.call("GET", f"{PATH}?timeframe={span(3)}")

    assert answer.status_code == 200, answer.content
    assert json.loads(answer.content)["summary"]["event_count"]["value"] == len(contents)
    for name, figure in answer.json()["summary"].items():
        explained = as_alice.call("GET", figure["explain"])
        assert explained.status_code == 200, explained.content
        assert (name, explained.json()["value"]) == (name, figure["value"])
    for part in ("moods", "symptoms", "triggers", "assessments"):
        assert as_alice.call("GET", answer.json()[part]["explain"]).status_code == 200
    summary = as_alice.call("GET", "/api/v2/health/daily-summary?date=2026-03-01")
    assert summary.status_code == 200, summary.content


def test_refuses_days_that_hold_more_than_can_be_added_up_at_once(as_alice, monkeypatch):
    for day in ("2026-03-01", "2026-03-02"):
        symptoms = [f"symptom {number}" for number in range(200)]
        record(as_alice, "symptom", {"symptoms": symptoms}, f"{day}T12:00:00-08:00")
    monkeypatch.setattr(queries, "MOST_BYTES", 5000)

    for path in (PATH, f"{PATH}/explain"):
        of_two_days = as_alice.call("GET", f"{path}?timeframe=2026-03-01..2026-03-02")
        of_one_day = as_alice.call("GET", f"{path}?timeframe=2026-03-01..2026-03-01")

        assert (of_two_days.status_code, of_two_days.json()["code"]) == (422, "too-much-data")
        assert of_one_day.status_code == 200


# Ten years


@pytest.fixture
def old_hand(db):
    """A person with ten years of days, an event of each kind a day."""
    user = make_user()
    rows(
        """
        INSERT INTO health_events
            (id, tenant_id, user_id, event_type, event_data, occurred_at, local_date, recorded_at)
        SELECT gen_random_uuid(), %s, %s, k.kind, k.data,
               ('2026-03-31'::date - n)::timestamp AT TIME ZONE 'UTC' + interval '20 hours',
               '2026-03-31'::date - n, now()
          FROM generate_series(0, 3649) n
         CROSS JOIN (VALUES ('mood', '{"mood": "calm", "confidence": 5}'::jsonb),
                            ('sleep', '{"hours": 7.5}'::jsonb),
                            ('appointment', '{"title": "Scan"}'::jsonb)) k (kind, data)
        """,
        [user.tenant_id, user.id],
    )
    rows("SELECT fold_metrics(5000)")
    # A vacuum would have taken what is left of the marks out of their index.
    rows("TRUNCATE metric_marks")
    rows("ANALYZE health_events, user_daily_metrics")
    return user


def test_reads_no_more_than_its_days_of_ten_years(old_hand):
    with gate.as_person(old_hand.id):
        last = dt.date(2026, 3, 31)
        window = (old_hand.id, last - dt.timedelta(days=179), last)
        assert rows("SELECT current_user::text") == [("novara_api",)]
        (days,) = explain_calls(queries.days_between, *window)
        (events,) = explain_calls(queries.events_between, *window, ["mood", "sleep"])
        (planned,) = explain_calls(queries.appointments_around, old_hand.id, last)
        (said,) = explain_calls(queries.insights_of, old_hand.id, last)

    assert faults(days, most_rows=400) == []
    assert faults(events, most_rows=1200) == []
    assert faults(planned, most_rows=800) == []
    assert faults(said, most_rows=10) == []


def test_answers_of_ten_years_what_the_days_say(old_hand):
    answer = read(client_of(old_hand), "2025-03-31..2026-03-31")

    assert answer["summary"]["days_with_data"]["value"] == 366
    assert answer["summary"]["sleep_hours_mean"]["value"] == 7.5
    assert answer["trends"]["confidence"]["direction"] == "steady"


def test_sends_as_many_statements_for_ten_years_as_for_none(old_hand):
    newcomer = make_user()
    counts = []
    for user in (newcomer, old_hand):
        with gate.as_person(user.id) as person:
            before = len(connection.queries_log)
            connection.force_debug_cursor = True
            now = dt.datetime(2026, 3, 31, 20, tzinfo=dt.UTC)
            services.analytics(person=person, timeframe="quarter", now=now)
            connection.force_debug_cursor = False
            counts.append(len(connection.queries_log) - before)

    assert counts[0] == counts[1] <= 6
