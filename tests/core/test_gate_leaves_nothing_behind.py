"""The connection that a thread keeps has no role and no settings after a request, however it ended."""

import uuid

import pytest
from django.db import connection

from tests.core.wsgi import CLEAN, backend, call, left_behind
from tests.factories import make_user

EVENT = {"event_type": "note", "event_data": {"text": "a"}}
FORM = {"mood_today": "fine", "confidence_today": 5}
NO_FORM = {"mood_today": "fine", "confidence_today": 11}


@pytest.fixture
def person(committed_db, settings):
    settings.ROOT_URLCONF = "tests.core.urls"
    connection.ensure_connection()
    yield make_user()
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/users/me", None, 200),
        ("POST", "/api/checkins", FORM, 201),
        ("POST", "/api/checkins", NO_FORM, 400),
        ("GET", f"/api/checkins/{uuid.UUID(int=7)}", None, 404),
        ("GET", "/api/v2/me", None, 200),
        ("POST", "/api/v2/health/events", EVENT, 201),
        ("POST", "/api/v2/health/events", {**EVENT, "event_type": "x"}, 400),
        ("GET", "/api/v2/health/timeline", None, 200),
        ("GET", "/api/fails/raise", None, 500),
        ("GET", "/api/fails/sql", None, 500),
        ("GET", "/api/v2/fails/raise", None, 500),
        ("GET", "/api/v2/fails/sql", None, 500),
        ("GET", "/api/v2/fails/constraint", None, 500),
        ("POST", "/api/v2/fails-hot/raise", {}, 500),
        ("POST", "/api/v2/fails-hot/sql", {}, 500),
    ],
)
def test_after(person, method, path, body, status):
    before = backend()

    answer = call(method, path, body, user=person)

    assert answer.status == status
    assert backend() == before
    assert left_behind() == CLEAN


@pytest.mark.parametrize("path", ["/api/users/me", "/api/v2/health/timeline"])
def test_after_a_token_that_the_gate_refuses(person, path):
    person.is_active = False
    person.save(update_fields=["is_active"])

    answer = call("GET", path, user=person)

    assert answer.status in {401, 403}
    assert left_behind() == CLEAN


def test_for_the_next_person(person):
    call("GET", "/api/v2/fails/sql", user=person)
    other = make_user(email=f"{uuid.uuid4().hex}@example.com")

    answer = call("GET", "/api/users/me", user=other)

    assert answer.json()["user"]["email"] == other.email


def test_of_what_a_failed_request_wrote(person):
    call("PUT", "/api/users/me", {"nickname": "Robin", "timezone": "nowhere"}, user=person)

    assert call("GET", "/api/users/me", user=person).json()["user"]["nickname"] == "Alex"
