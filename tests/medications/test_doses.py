"""Doses: events of the log, and the windows that show what became of them."""

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from tests.conftest import client_of
from tests.factories import make_user

PATH = "/api/v2/medications"


def ago(**length):
    return (timezone.now() - dt.timedelta(**length)).replace(microsecond=0)


@pytest.fixture
def medication(as_alice):
    body = {
        "medication_name": "Estradiol",
        "medication_type": "tablet",
        "times_of_day": ["08:00", "20:00"],
        "start_date": "2026-01-01",
        "effective_from": "2026-01-01T00:00:00Z",
    }
    return as_alice.call("POST", PATH, body).json()["id"]


def doses(client, medication, window=""):
    answer = client.call("GET", f"{PATH}/{medication}/doses{window}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_is_an_event_of_the_log(as_alice, medication):
    body = {"taken_at": "2026-05-04T20:10:00+02:00", "dose": "2 mg", "note": "with water"}

    dose = as_alice.call("POST", f"{PATH}/{medication}/doses", body)

    assert dose.status_code == 201
    event = as_alice.call("GET", f"/api/v2/health/events/{dose.json()['id']}").json()
    assert event["event_data"] == {
        "status": "taken",
        "medication_id": medication,
        "medication_name": "Estradiol",
        "dose": "2 mg",
        "note": "with water",
    }
    assert (event["event_type"], event["event_subtype"]) == ("medication", "tablet")
    assert (event["occurred_at"], event["local_date"]) == (
        "2026-05-04T18:10:00+00:00",
        "2026-05-04",
    )
    assert event["schema_version"] == 2
    assert dose.json() == {
        "id": event["id"],
        "medication_id": medication,
        "medication_name": "Estradiol",
        "status": "taken",
        "occurred_at": "2026-05-04T18:10:00Z",
        "local_date": "2026-05-04",
        "taken_at": "2026-05-04T18:10:00Z",
        "scheduled_for": None,
        "dose": "2 mg",
        "reason": None,
        "note": "with water",
    }


def test_counts_for_the_day_where_it_was_taken(as_alice, medication):
    body = {"taken_at": "2026-05-04T23:30:00Z"}

    here = as_alice.call("POST", f"{PATH}/{medication}/doses", body).json()
    there = as_alice.call(
        "POST", f"{PATH}/{medication}/doses", body | {"time_zone": "Asia/Tokyo"}
    ).json()

    assert (here["local_date"], there["local_date"]) == ("2026-05-04", "2026-05-05")


def test_is_taken_now_at_the_path_of_the_old_plan(as_alice, medication):
    before = timezone.now()

    taken = as_alice.call("POST", f"/api/medications/{medication}/take")

    assert taken.status_code == 201
    assert before <= dt.datetime.fromisoformat(taken.json()["taken_at"]) <= timezone.now()
    assert taken.json()["status"] == "taken"
    missed = as_alice.call("POST", f"/api/medications/{medication}/take", {"status": "missed"})
    assert missed.status_code == 400
    assert as_alice.call("GET", f"/api/medications/{medication}/take").status_code == 405


def test_of_a_missed_dose_counts_for_when_it_was_due(as_alice, medication):
    due = ago(days=2)

    body = {"status": "missed", "scheduled_for": due.isoformat(), "reason": "asleep"}
    missed = as_alice.call("POST", f"{PATH}/{medication}/doses", body).json()

    assert missed["taken_at"] is None
    assert dt.datetime.fromisoformat(missed["occurred_at"]) == due
    assert dt.datetime.fromisoformat(missed["scheduled_for"]) == due
    assert missed["reason"] == "asleep"


@pytest.mark.parametrize("how", ["header", "body"])
def test_is_recorded_once_however_often_it_is_sent(as_alice, medication, how):
    path = f"{PATH}/{medication}/doses"
    sent = {"note": "once", "taken_at": "2026-05-04T08:00:00-07:00"}
    sent |= {"client_event_id": "phone-1"} if how == "body" else {}
    headers = {"Idempotency_Key": "phone-1"} if how == "header" else {}
    first = as_alice.call("POST", path, sent, **headers)

    again = as_alice.call("POST", path, sent, **headers)
    other = as_alice.call("POST", path, sent | {"note": "twice"}, **headers)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content
    assert again["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (409, "client-event-id-reused")
    assert len(doses(as_alice, medication, "?from=2026-05-04&to=2026-05-04")["doses"]) == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"status": "eaten"}, "/status"),
        ({"taken_at": "yesterday"}, "/taken_at"),
        ({"taken_at": "2999-01-01T00:00:00Z"}, "/taken_at"),
        ({"taken_at": "1850-01-01T00:00:00Z"}, "/taken_at"),
        ({"status": "missed", "taken_at": "2026-05-04T08:00:00Z"}, "/taken_at"),
        ({"scheduled_for": "08:00"}, "/scheduled_for"),
        (
            {"taken_at": "2026-05-04T08:00:00Z", "scheduled_for": "2026-05-08T08:00:00Z"},
            "/scheduled_for",
        ),
        ({"status": "skipped", "scheduled_for": "2999-01-01T00:00:00Z"}, "/scheduled_for"),
        ({"time_zone": "Mars/Base"}, "/time_zone"),
        ({"dose": ""}, "/dose"),
        ({"client_event_id": ""}, "/client_event_id"),
        ({"mood": "good"}, "/mood"),
    ],
)
def test_is_refused_by_the_name_of_what_is_wrong(as_alice, medication, body, pointer):
    answer = as_alice.call("POST", f"{PATH}/{medication}/doses", body)

    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert as_alice.call("GET", "/api/v2/health/timeline").json()["events"] == []


def test_shows_what_became_of_each_dose(as_alice, medication):
    path, window = f"{PATH}/{medication}/doses", "?from=2026-05-04&to=2026-05-05"
    sent = [
        {"taken_at": "2026-05-04T08:10:00-07:00"},
        {"taken_at": "2026-05-04T13:00:00-07:00"},
        {"taken_at": "2026-05-04T22:00:00-07:00"},
        {"status": "skipped", "scheduled_for": "2026-05-05T15:00:00Z", "reason": "nausea"},
        {"status": "missed", "scheduled_for": "2026-05-05T12:34:00Z"},
        {"taken_at": "2026-05-09T08:00:00-07:00"},
    ]
    ids = [as_alice.call("POST", path, body).json()["id"] for body in sent]

    shown = doses(as_alice, medication, window)

    assert (shown["from"], shown["to"]) == ("2026-05-04", "2026-05-05")
    assert [
        (one["local_date"], one["local_time"], one["status"], one["event_id"])
        for one in shown["slots"]
    ] == [
        ("2026-05-04", "08:00", "taken", ids[0]),
        ("2026-05-04", "20:00", "late", ids[2]),
        ("2026-05-05", "08:00", "skipped", ids[3]),
        ("2026-05-05", "20:00", "unknown", None),
    ]
    assert [(one["id"], one["outcome"], one["scheduled_at"]) for one in shown["doses"]] == [
        (ids[0], "taken", "2026-05-04T15:00:00Z"),
        (ids[1], "extra", None),
        (ids[2], "late", "2026-05-05T03:00:00Z"),
        (ids[4], "unmatched", None),
        (ids[3], "skipped", "2026-05-05T15:00:00Z"),
    ]


def test_shows_events_that_other_clients_recorded(as_alice, medication):
    event = {
        "event_type": "medication",
        "event_data": {"status": "taken", "medication_id": medication, "pack": 3},
        "occurred_at": "2026-05-04T08:00:00-07:00",
    }
    recorded = as_alice.call("POST", "/api/v2/health/events", event)

    shown = doses(as_alice, medication, "?from=2026-05-04&to=2026-05-04")

    assert recorded.status_code == 201
    assert [one["status"] for one in shown["slots"]] == ["taken", "unknown"]
    assert [one["id"] for one in shown["doses"]] == [recorded.json()["id"]]


@pytest.mark.parametrize(
    "data",
    [
        {"medication_id": "the blue one"},
        {"medication_id": 7},
        {"scheduled_for": "this morning"},
        {"scheduled_for": "2026-02-30T08:00:00Z"},
        {"scheduled_for": "0000-01-01T08:00:00Z"},
        {"scheduled_for": "2026-01-01T08:00:60Z"},
        {"scheduled_for": "2026-01-01T08:00:00+23:59"},
    ],
)
def test_refuses_events_that_sql_could_not_read(as_alice, medication, data):
    told = {"status": "taken", "medication_id": medication} | data
    event = {"event_type": "medication", "event_data": told}

    answer = as_alice.call("POST", "/api/v2/health/events", event)

    assert answer.status_code == 400
    pointers = {fault["pointer"] for fault in answer.json()["errors"]}
    assert pointers == {f"/event_data/{next(iter(data))}"}


def test_says_nothing_of_doses_of_nobodys_medication(as_alice, as_bob, medication):
    for client in (as_alice, as_bob):
        told = {"status": "taken", "medication_id": str(uuid.uuid4())}
        client.call(
            "POST", "/api/v2/health/events", {"event_type": "medication", "event_data": told}
        )
    told = {"status": "taken", "medication_id": medication}
    as_bob.call("POST", "/api/v2/health/events", {"event_type": "medication", "event_data": told})

    figures = as_alice.call("GET", f"{PATH}/adherence").json()["overall"]

    assert (figures["taken"], figures["extra"]) == (0, 0)
    assert as_bob.call("GET", f"{PATH}/adherence").json()["overall"]["extra"] == 0
    assert doses(as_alice, medication)["doses"] == []


def test_lists_what_is_overdue_due_and_upcoming(db):
    client = client_of(make_user(profile={"timezone": "UTC"}))
    hours = {"overdue": -3, "due": 0, "upcoming": 3}
    times = {word: timezone.now() + dt.timedelta(hours=hour) for word, hour in hours.items()}
    for word, time in times.items():
        body = {
            "medication_name": word,
            "times_of_day": [time.strftime("%H:%M")],
            "start_date": str(time.date()),
            "end_date": str(time.date()),
            "effective_from": "2026-01-01T00:00:00Z",
        }
        assert client.call("POST", PATH, body).status_code == 201

    first, last = min(times.values()).date(), max(times.values()).date()
    shown = client.call("GET", f"{PATH}/schedule?from={first}&to={last}").json()

    assert [(one["medication_name"], one["status"]) for one in shown["slots"]] == [
        ("overdue", "overdue"),
        ("due", "due"),
        ("upcoming", "upcoming"),
    ]


def test_shows_today_and_thirty_days_unless_asked(as_alice, medication):
    today = (timezone.now() - dt.timedelta(hours=8)).date()

    schedule = as_alice.call("GET", f"{PATH}/schedule").json()
    figures = as_alice.call("GET", f"{PATH}/adherence").json()
    till = as_alice.call("GET", f"{PATH}/adherence?to=2026-03-31").json()
    since = as_alice.call("GET", f"{PATH}/adherence?from=2026-03-01").json()

    assert (schedule["from"], schedule["to"], len(schedule["slots"])) == (str(today), str(today), 2)
    assert (figures["from"], figures["to"]) == (str(today - dt.timedelta(days=29)), str(today))
    assert (till["from"], till["to"]) == ("2026-03-02", "2026-03-31")
    assert (since["from"], since["to"]) == ("2026-03-01", str(today))


@pytest.mark.parametrize("page", ["doses", "schedule", "adherence"])
@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("from=2025-01-01&to=2026-01-02", "from"),
        ("from=2026-05-05&to=2026-05-04", "to"),
        ("from=1899-12-31&to=1900-01-01", "from"),
        ("from=0001-01-01", "from"),
        ("to=9999-12-31", "to"),
        ("from=yesterday", "from"),
        ("from=", "from"),
        ("days=3", "days"),
    ],
)
def test_refuses_windows_by_the_name_of_the_parameter(as_alice, medication, page, query, parameter):
    where = f"{medication}/doses" if page == "doses" else page

    answer = as_alice.call("GET", f"{PATH}/{where}?{query}")

    assert answer.status_code == 400
    assert [fault["parameter"] for fault in answer.json()["errors"]] == [parameter]


def test_takes_windows_of_a_leap_year(as_alice, medication):
    whole = as_alice.call("GET", f"{PATH}/adherence?from=2024-01-01&to=2024-12-31")

    assert whole.status_code == 200
    assert len(whole.json()["days"]) == 366


def test_counts_by_medication_by_day_and_in_all(as_alice, medication):
    for when in (
        "2026-05-04T08:00:00-07:00",
        "2026-05-04T20:00:00-07:00",
        "2026-05-05T10:00:00-07:00",
    ):
        as_alice.call("POST", f"{PATH}/{medication}/doses", {"taken_at": when})

    shown = as_alice.call("GET", f"{PATH}/adherence?from=2026-05-04&to=2026-05-05").json()

    zero = dict.fromkeys(("partial", "missed", "skipped", "pending", "extra", "as_needed"), 0)
    whole = {
        **zero,
        "scheduled": 4,
        "taken": 2,
        "late": 1,
        "unknown": 1,
        "rate": 50.0,
        "taken_rate": 75.0,
    }
    assert shown["overall"] == whole
    assert shown["medications"] == [
        whole | {"medication_id": medication, "medication_name": "Estradiol"}
    ]
    assert [(one["date"], one["taken"], one["rate"]) for one in shown["days"]] == [
        ("2026-05-04", 2, 100.0),
        ("2026-05-05", 0, 0.0),
    ]


def test_is_the_same_dose_after_the_medication_was_renamed(as_alice, medication):
    body = {"dose": "2 mg", "client_event_id": "phone-7"}
    first = as_alice.call("POST", f"{PATH}/{medication}/doses", body)
    as_alice.call("PATCH", f"{PATH}/{medication}", {"medication_name": "Estrifam"})

    again = as_alice.call("POST", f"{PATH}/{medication}/doses", body)
    other = as_alice.call("POST", f"{PATH}/{medication}/doses", body | {"dose": "4 mg"})

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again.json()["id"] == first.json()["id"]
