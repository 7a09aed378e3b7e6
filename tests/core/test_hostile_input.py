"""Input that is made to cost more than it should, or to be told too much."""

import time

import jwt
import pytest
from django.conf import settings as configured

from tests.conftest import ApiClient

EVENTS = "/api/v2/health/events"
EVENT = {"event_type": "note", "event_data": {"text": "a"}}
LONGEST_ANSWER = 100_000


def test_names_some_of_many_unknown_keys(db, nobody):
    body = {f"key{number}": 0 for number in range(20_000)}

    answer = nobody.call("POST", "/api/v2/auth/login", body)

    assert answer.status_code == 400
    assert len(answer.json()["errors"]) == 100
    assert len(answer.content) < LONGEST_ANSWER


@pytest.mark.parametrize(
    "data",
    [{"symptoms": [1] * 20_000}, {"symptoms": "x" * 500_000}, {"severity": "x" * 500_000}],
)
def test_names_some_of_many_faults(as_alice, data):
    answer = as_alice.call("POST", EVENTS, {"event_type": "symptom", "event_data": data})

    assert answer.status_code == 400
    assert 1 <= len(answer.json()["errors"]) <= 100
    assert len(answer.content) < LONGEST_ANSWER


@pytest.mark.parametrize(
    "name",
    [" - at `$" * 500_000 + "\n", "unknown field `\n" * 200_000, "`" * 2_000_000, "x" * 2_000_000],
)
def test_repeats_little_of_a_long_name(as_alice, name):
    """The first of these took the square of its length: hours."""
    answer = as_alice.call("POST", EVENTS, {**EVENT, name: 1})

    assert answer.status_code == 400
    assert len(answer.content) < LONGEST_ANSWER


def test_names_the_place_of_a_fault(as_alice):
    unknown = as_alice.call("POST", f"{EVENTS}/batch", {"events": [{**EVENT, "colour": 1}]})
    wrong = as_alice.call("POST", EVENTS, {**EVENT, "event_type": 5})

    (result,) = unknown.json()["results"]
    assert result["errors"][0]["pointer"] == "/events/0/colour"
    assert wrong.json()["errors"][0]["pointer"] == "/event_type"


@pytest.mark.parametrize(
    "path",
    ["/api/users/me", "/api/checkins", "/api/v2/health/timeline", "/api/v2/health/daily-summary"],
)
def test_has_no_server_error_for_a_thousand_parameters(as_alice, path):
    answer = as_alice.call("GET", path + "?" + "&".join(f"a{n}=1" for n in range(1100)))

    assert answer.status_code in {200, 400}


def test_shows_pages_of_the_console_to_no_other_site(nobody, db):
    page = nobody.call("GET", "/admin/login/", origin="http://localhost:3000")
    api = nobody.call("GET", "/api/v2/status", origin="http://localhost:3000")

    assert "Access-Control-Allow-Origin" not in page
    assert api["Access-Control-Allow-Origin"] == "http://localhost:3000"


def test_is_kept_by_no_cache_but_the_callers_own(as_alice, nobody):
    log_in = {"email": "a@example.com", "password": "quite-long-7"}
    answers = [
        nobody.call("POST", "/api/v2/auth/signup", log_in),
        nobody.call("POST", "/api/auth/login", log_in),
        as_alice.call("POST", "/api/v2/insights/generate", {}),
    ]
    timeline = as_alice.call("GET", "/api/v2/health/timeline")
    same = as_alice.call("GET", "/api/v2/health/timeline", if_none_match=timeline["ETag"])

    assert {answer["Cache-Control"] for answer in answers} == {"no-store"}
    assert timeline["Cache-Control"] == same["Cache-Control"] == "private, no-cache"
    assert same.status_code == 304


def test_keeps_no_events_while_they_are_off_whatever_the_token_says(alice, settings):
    settings.USE_SCHEMA_V2 = False
    now = int(time.time())
    claims = {"email": alice.email, "iat": now, "exp": now + 60}
    token = jwt.encode(claims, configured.JWT_SECRET, "HS256")
    client = ApiClient(headers={"authorization": f"Bearer {token}"})

    assert client.call("POST", EVENTS, EVENT).status_code == 503
    assert client.call("GET", "/api/v2/health/timeline").status_code == 503
