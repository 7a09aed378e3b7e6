"""When the database hangs up, at most the request of that moment fails, in the API's own words."""

import psycopg
import pytest
from django.db import connection

from tests.core.wsgi import CLEAN, backend, call, left_behind
from tests.factories import make_user

EVENT = {"event_type": "note", "event_data": {"text": "a"}}
NORMAL = ("GET", "/api/users/me", None)
HOT = ("POST", "/api/v2/health/events", EVENT)


@pytest.fixture
def person(committed_db, settings):
    settings.ROOT_URLCONF = "tests.core.urls"
    connection.ensure_connection()
    yield make_user()
    connection.close()


def hang_up(database_url):
    """End this thread's connection from the server's side; return when it is gone."""
    with psycopg.connect(database_url, autocommit=True) as other:
        row = other.execute("SELECT pg_terminate_backend(%s, 10000)", [backend()]).fetchone()
    assert row == (True,)


@pytest.mark.parametrize("request_of", [NORMAL, HOT])
def test_does_not_fail_a_request_that_comes_later(person, database_url, request_of):
    call(*request_of, user=person)
    before = backend()
    hang_up(database_url)

    answer = call(*request_of, user=person)

    assert answer.status in {200, 201}
    assert backend() != before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v2/fails/hang-up"),
        ("GET", "/api/v2/fails-to-commit/now"),
        ("POST", "/api/v2/fails-hot/hang-up"),
        ("GET", "/api/fails/hang-up"),
    ],
)
def test_fails_a_running_request_in_the_words_of_its_version(person, method, path):
    lost = call(method, path, user=person)
    after = [call(*NORMAL, user=person), call(*HOT, user=person)]

    assert lost.status == 500
    if "v2" in path:
        assert lost.headers["Content-Type"] == "application/problem+json"
        assert lost.json()["code"] == "internal-error"
        assert lost.json()["retryable"] is True
    else:
        assert lost.json()["success"] is False
    assert [answer.status for answer in after] == [200, 201]
    assert left_behind() == CLEAN
