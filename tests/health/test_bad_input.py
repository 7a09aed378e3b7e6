"""What nobody should send: refused with a 4xx that names the field, and nothing is changed."""

import json
from typing import Any

import pytest

from core.depth import DEEPEST
from health.types import LARGEST_EVENT
from tests.conftest import ApiClient

CHECKINS = "/api/checkins"
FORM = {"mood_today": "hopeful", "confidence_today": 7}
EVENTS = "/api/v2/health/events"
NOTE = {"event_type": "note", "event_data": {"text": "x"}}
TOO_LARGE = b'{"mood_today":"' + b"x" * (11 * 1024 * 1024) + b'"}'


def nested(levels: int) -> Any:
    value: Any = 0
    for number in range(levels):
        value = [value] if number % 2 else {"in": value}
    return value


def names(response: Any) -> list[str]:
    """Give the names that a V1 answer calls wrong."""
    body = response.json()
    assert body["success"] is False
    assert isinstance(body["error"], str)
    return [error["field"] for error in body["errors"]]


def pointers(response: Any) -> list[str]:
    """Give the pointers and parameters that a problem of V2 names."""
    assert response.headers["Content-Type"] == "application/problem+json"
    return [error.get("parameter") or error["pointer"] for error in response.json()["errors"]]


CONFIDENCES: list[Any] = [7.6, "abc", 0, 11, -1, True, None, [], {"a": 1}, "", "7.0", "100", 1e300]
MOODS: list[Any] = ["", "  \n", None, 5, ["hopeful"], False]
DATES: list[Any] = ["2999-01-01", "zzz", "2026-02-30", 20260101, [], "", "2026-W01-1", "20260101"]
FIELDS: list[tuple[str, Any]] = [
    *(("confidence_today", value) for value in (*CONFIDENCES, 10**30)),
    *(("mood_today", value) for value in MOODS),
    *(("date_submitted", value) for value in DATES),
    *(("date_submitted", value) for value in ("0000-01-01", "1899-12-31", "2026-01-01T00:00:00Z")),
    ("user_note", nested(DEEPEST + 1)),
    ("user_note", nested(700)),
    ("user_note", "a\x00b"),
    ("new_key", {"a": ["\x00"]}),
]


@pytest.mark.parametrize(("field", "value"), FIELDS)
@pytest.mark.parametrize("path", [CHECKINS, "/api/daily-checkin-enhanced"])
def test_refuses_a_field_of_a_new_check_in_by_name(as_alice, path, field, value):
    response = as_alice.call("POST", path, FORM | {field: value})

    assert response.status_code == 400
    assert names(response)[0].split("/")[0] == field
    assert field in response.json()["error"]
    assert as_alice.call("GET", CHECKINS).json()["records"] == []


@pytest.mark.parametrize(("field", "value"), FIELDS)
@pytest.mark.parametrize("is_on", [True, False])
def test_refuses_a_field_of_an_update_by_name(as_alice, settings, is_on, field, value):
    settings.USE_SCHEMA_V2 = is_on
    checkin_id = as_alice.call("POST", CHECKINS, FORM).json()["checkin"]["id"]
    before = as_alice.call("GET", CHECKINS).json()

    response = as_alice.call("PUT", f"{CHECKINS}/{checkin_id}", {field: value})

    assert response.status_code == 400
    assert names(response)[0].split("/")[0] == field
    assert as_alice.call("GET", CHECKINS).json() == before


@pytest.mark.parametrize("missing", FORM)
def test_names_a_required_field_that_is_missing(as_alice, missing):
    form = {key: value for key, value in FORM.items() if key != missing}

    response = as_alice.call("POST", CHECKINS, form)

    assert response.status_code == 400
    assert names(response) == [missing]


BODIES = (
    b"[]",
    b'"text"',
    b"7",
    b"null",
    b"true",
    b"",
    b"{",
    b'{"mood_today":"a",}',
    b"{'mood_today':'a'}",
    b"\xff\xfe",
    b'{"mood_today":"\xff"}',
    b'{"mood_today":"\\ud800","confidence_today":5}',
    b'{"mood_today":"a","confidence_today":5,"x":1e400}',
    b'{"mood_today":"a","confidence_today":5,"x":NaN}',
    b'{"mood_today":"a","confidence_today":5,"x":-Infinity}',
    b'{"mood_today":"a","confidence_today":5,"x":' + b"[" * 5000 + b"]" * 5000 + b"}",
    b'{"mood_today":"a","confidence_today":5,"x":' + b"[" * 100_000,
)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("path", [CHECKINS, "/api/daily-checkin-enhanced"])
def test_refuses_a_body_that_is_no_form(as_alice, path, body):
    response = as_alice.call("POST", path, body)

    assert response.status_code == 400
    assert names(response)
    assert as_alice.call("GET", CHECKINS).json()["records"] == []


@pytest.mark.parametrize("body", BODIES)
def test_refuses_an_update_that_is_no_form(as_alice, body):
    checkin_id = as_alice.call("POST", CHECKINS, FORM).json()["checkin"]["id"]
    before = as_alice.call("GET", CHECKINS).json()

    response = as_alice.call("PUT", f"{CHECKINS}/{checkin_id}", body)

    # An object without any key changes nothing; the old service took an empty body for one.
    assert response.status_code == (200 if body == b"" else 400)
    assert as_alice.call("GET", CHECKINS).json() == before


@pytest.mark.parametrize(
    "limit",
    ["abc", "-1", "0", "1001", "1" + "0" * 30, "1.5", "", "%00", "1" * 5000, "0" * 8 + "1000"],
)
@pytest.mark.parametrize("path", [CHECKINS, f"{CHECKINS}/user/me"])
def test_refuses_a_limit_by_name(as_alice, alice, path, limit):
    path = path.replace("me", str(alice.id))

    response = as_alice.call("GET", f"{path}?limit={limit}")

    assert response.status_code == 400
    assert names(response) == ["limit"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("checkin_id", ["abc", "1", "%F0%9F%8C%9F", "last_values", "x" * 500])
def test_knows_no_check_in_by_an_id_that_is_none(as_alice, method, checkin_id):
    response = as_alice.call(method, f"{CHECKINS}/{checkin_id}", {} if method == "PUT" else None)

    assert response.status_code == 404
    assert response.json()["success"] is False


EVENT_FAULTS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"event_type": "banana"}, "/event_type"),
    ({"event_type": ""}, "/event_type"),
    ({"event_type": None}, "/event_type"),
    ({"event_type": ["note"]}, "/event_type"),
    ({"event_data": {}}, "/event_data"),
    ({"event_data": []}, "/event_data"),
    ({"event_data": "x"}, "/event_data"),
    ({"event_data": {"text": 5}}, "/event_data/text"),
    ({"event_data": {"strategies": ["a", 5]}}, "/event_data/strategies/1"),
    ({"event_type": "mood", "event_data": {"confidence": 11}}, "/event_data/confidence"),
    ({"event_type": "mood", "event_data": {"confidence": 7.5}}, "/event_data/confidence"),
    ({"event_type": "vital", "event_data": {"value": 1, "unit": "kg"}}, "/event_data"),
    ({"event_type": "sleep", "event_data": {"hours": 25}}, "/event_data/hours"),
    ({"event_data": {"x": nested(DEEPEST + 1)}}, "/event_data"),
    ({"event_data": {"x": nested(700)}}, "/event_data"),
    ({"event_data": {"text": "a\x00b"}}, "/event_data/text"),
    ({"occurred_at": "2999-01-01T00:00:00Z"}, "/occurred_at"),
    ({"occurred_at": "9999-12-31T23:59:59-12:00"}, "/occurred_at"),
    ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "/occurred_at"),
    ({"occurred_at": "1899-12-31T23:59:59Z"}, "/occurred_at"),
    ({"occurred_at": "2026-01-01T08:00:00"}, "/occurred_at"),
    ({"occurred_at": "2026-01-01"}, "/occurred_at"),
    ({"occurred_at": "2026-02-30T08:00:00Z"}, "/occurred_at"),
    ({"occurred_at": "2026-01-01T25:00:00Z"}, "/occurred_at"),
    ({"occurred_at": "2026-01-01T08:00:00+23:59"}, "/occurred_at"),
    ({"occurred_at": "2026-01-01T08:00:00-12:01"}, "/occurred_at"),
    ({"occurred_at": "2026-W01-1T08:00:00Z"}, "/occurred_at"),
    ({"occurred_at": "yesterday"}, "/occurred_at"),
    ({"occurred_at": ""}, "/occurred_at"),
    ({"occurred_at": 1767254400}, "/occurred_at"),
    ({"time_zone": "Mars/Olympus"}, "/time_zone"),
    ({"time_zone": "../../etc/passwd"}, "/time_zone"),
    ({"time_zone": ""}, "/time_zone"),
    ({"time_zone": "PDT"}, "/time_zone"),
    ({"client_event_id": ""}, "/client_event_id"),
    ({"client_event_id": "x" * 201}, "/client_event_id"),
    ({"client_event_id": 5}, "/client_event_id"),
    ({"correlation_id": "abc"}, "/correlation_id"),
    ({"source": "checkin"}, "/source"),
    ({"source": "a\x00b"}, "/source"),
    ({"color": "red"}, "/color"),
    ({"user_id": "01a1fc7a-5b61-7d9b-9fde-93cc88f58957"}, "/user_id"),
)


@pytest.mark.parametrize(("change", "pointer"), EVENT_FAULTS)
def test_refuses_a_field_of_an_event_by_name(as_alice, change, pointer):
    response = as_alice.call("POST", EVENTS, NOTE | change)

    assert response.status_code == 400
    assert pointers(response)[0] == pointer
    assert timeline(as_alice) == []


def timeline(client: ApiClient) -> Any:
    return client.call("GET", "/api/v2/health/timeline?include=history").json()["events"]


CORRECTION = {"event_data": {"text": "y"}, "reason": "typed wrong"}
CORRECTION_FAULTS: tuple[tuple[dict[str, Any], str], ...] = (
    *((change, pointer) for change, pointer in EVENT_FAULTS if change.keys() == {"occurred_at"}),
    *((change, pointer) for change, pointer in EVENT_FAULTS if change.keys() == {"time_zone"}),
    ({"time_zone": "Mars/Olympus", "occurred_at": "2025-01-01T00:00:00Z"}, "/time_zone"),
    ({"event_data": {"text": 5}}, "/event_data/text"),
    ({"event_data": {}}, "/event_data"),
    ({"event_data": []}, "/event_data"),
    ({"event_data": {"x": nested(700)}}, "/event_data"),
    ({"event_data": {"text": "\x00"}}, "/event_data/text"),
    ({"reason": ""}, "/reason"),
    ({"reason": None}, "/reason"),
    ({"reason": "x" * 1001}, "/reason"),
    ({"event_type": "mood"}, "/event_type"),
)


@pytest.mark.parametrize(("change", "pointer"), CORRECTION_FAULTS)
def test_refuses_a_field_of_a_correction_by_name(as_alice, change, pointer):
    event = as_alice.call("POST", EVENTS, NOTE).json()

    response = as_alice.call("POST", f"{EVENTS}/{event['id']}/corrections", CORRECTION | change)

    assert response.status_code == 400
    assert pointers(response)[0] == pointer
    assert timeline(as_alice) == [event]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, "/reason"), ({"reason": ""}, "/reason"), ({"reason": 5}, "/reason"), ([], "")],
)
def test_refuses_a_retraction_without_a_reason(as_alice, body, pointer):
    event = as_alice.call("POST", EVENTS, NOTE).json()

    response = as_alice.call("POST", f"{EVENTS}/{event['id']}/retractions", body)

    assert response.status_code == 400
    assert pointers(response) == [pointer]
    assert timeline(as_alice) == [event]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("path", ["", "/batch", "/{id}/corrections", "/{id}/retractions"])
def test_refuses_a_body_of_v2_that_is_no_object(as_alice, path, body):
    event = as_alice.call("POST", EVENTS, NOTE).json()

    response = as_alice.call("POST", EVENTS + path.format(id=event["id"]), body)

    # The test client sends no content type with an empty body.
    assert response.status_code in ({400, 415} if body == b"" else {400})
    assert response.headers["Content-Type"] == "application/problem+json"
    assert timeline(as_alice) == [event]


def test_wants_json(as_alice):
    response: Any = as_alice.post(EVENTS, {"event_type": "note"})

    assert response.status_code == 415
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("event_id", ["abc", "1", "x" * 500])
def test_knows_no_event_by_an_id_that_is_none(as_alice, event_id):
    for method, rest, body in (
        ("GET", "", None),
        ("POST", "/corrections", CORRECTION),
        ("POST", "/retractions", {"reason": "x"}),
    ):
        response = as_alice.call(method, f"{EVENTS}/{event_id}{rest}", body)

        assert response.status_code == 404
        assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("as_of=yesterday", "as_of"),
        ("as_of=", "as_of"),
        ("include=all", "include"),
        ("color=red", "color"),
        ("include=history&include=history", "include"),
    ],
)
def test_names_a_parameter_of_an_event_that_it_refuses(as_alice, query, name):
    event = as_alice.call("POST", EVENTS, NOTE).json()

    response = as_alice.call("GET", f"{EVENTS}/{event['id']}?{query}")

    assert response.status_code == 400
    assert pointers(response) == [name]


@pytest.mark.parametrize(
    ("query", "name"),
    [("date=zzz", "date"), ("date=", "date"), ("date=2026-02-30", "date"), ("day=1", "day")],
)
def test_names_a_parameter_of_the_summary_that_it_refuses(as_alice, query, name):
    response = as_alice.call("GET", f"/api/v2/health/daily-summary?{query}")

    assert response.status_code == 400
    assert pointers(response) == [name]


@pytest.mark.parametrize("date", ["0001-01-01", "9999-12-31"])
def test_sums_up_the_first_and_the_last_day_there_is(as_alice, date):
    response = as_alice.call("GET", f"/api/v2/health/daily-summary?date={date}")

    assert response.status_code == 200
    assert response.json()["events"] == []


@pytest.mark.parametrize(
    "path",
    [CHECKINS, "/api/daily-checkin-enhanced", EVENTS, f"{EVENTS}/batch", "one", "correction"],
)
def test_answers_413_to_a_body_over_ten_megabytes(as_alice, path):
    if path == "one":
        checkin_id = as_alice.call("POST", CHECKINS, FORM).json()["checkin"]["id"]
        response = as_alice.call("PUT", f"{CHECKINS}/{checkin_id}", TOO_LARGE)
    elif path == "correction":
        event_id = as_alice.call("POST", EVENTS, NOTE).json()["id"]
        response = as_alice.call("POST", f"{EVENTS}/{event_id}/corrections", TOO_LARGE)
    else:
        response = as_alice.call("POST", path, TOO_LARGE)

    assert response.status_code == 413


def test_refuses_an_event_that_no_page_could_show(as_alice):
    text = "x" * (LARGEST_EVENT - 200)
    large = {**NOTE, "event_data": {"text": text}}
    too_large = {**NOTE, "event_data": {"text": text + "x" * 200}}

    taken = as_alice.call("POST", EVENTS, large)
    refused = as_alice.call("POST", EVENTS, too_large)
    corrections = f"{EVENTS}/{taken.json()['id']}/corrections"
    corrected = as_alice.call(
        "POST", corrections, {"event_data": too_large["event_data"], "reason": "x"}
    )
    batch = as_alice.call("POST", f"{EVENTS}/batch", {"events": [too_large, NOTE]}).json()

    assert taken.status_code == 201
    assert [refused.status_code, corrected.status_code] == [400, 400]
    assert "at most 256 KB" in refused.json()["detail"]
    assert [result["outcome"] for result in batch["results"]] == ["invalid", "created"]


def test_takes_what_is_nested_as_deep_as_allowed_and_reads_it_everywhere(as_alice):
    form = FORM | {"deep": nested(DEEPEST - 1)}
    checkin_id = as_alice.call("POST", CHECKINS, form).json()["checkin"]["id"]
    update = as_alice.call("PUT", f"{CHECKINS}/{checkin_id}", {"deeper": nested(DEEPEST - 1)})
    event = {"event_type": "note", "event_data": {"deep": nested(DEEPEST - 2)}}

    recorded = as_alice.call("POST", EVENTS, event)

    assert (update.status_code, recorded.status_code) == (200, 201)
    for path in (CHECKINS, f"{CHECKINS}/{checkin_id}", f"{CHECKINS}/last-values"):
        response = as_alice.call("GET", path)
        assert response.status_code == 200
        assert json.dumps(form["deep"]) in json.dumps(response.json())
    for path in ("/api/v2/health/timeline", "/api/v2/health/daily-summary"):
        assert as_alice.call("GET", path).status_code == 200
