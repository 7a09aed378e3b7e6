"""Pages of the old service about itself: root, health, the check-in paths, the cache."""

import threading
from typing import Any

import pytest
from django.conf import settings as project
from django.db import connection

from accounts import authentication
from config.legacy_pages import CHECKIN_PATHS
from tests.conftest import ApiClient, client_of
from tests.factories import make_user
from tests.house.routes import api_routes
from tests.house.wire import traffic

OPEN = ("/", "/api/health", "/api/health/detailed", "/api/checkins-test")
CACHE = (("GET", "/api/cache/stats"), ("POST", "/api/cache/clear"))
NOWHERE = "redis://127.0.0.1:1/0"
PREVIEW = "https://novara-4f9a-novara-fertility.vercel.app"


@pytest.mark.parametrize("path", OPEN)
def test_are_open_compact_and_announce_their_end(db, nobody, path):
    answer = nobody.call("GET", path)

    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("application/json")
    assert answer["Deprecation"].startswith("@")
    assert b'": ' not in answer.content
    assert b'", "' not in answer.content


def test_introduce_the_service_to_programs(nobody):
    answer = nobody.call("GET", "/", accept="application/json").json()

    assert "Novara API" in answer["message"]
    assert answer["docs"] == "/api/docs"
    assert answer["endpoints"]["health"] == "/api/health"
    assert nobody.call("GET", answer["docs"]).status_code == 200


def test_send_browsers_to_the_docs(nobody):
    answer = nobody.call("GET", "/", accept="text/html,application/xhtml+xml,*/*;q=0.8")

    assert answer.status_code == 302
    assert answer["Location"] == "/api/docs"
    assert "Accept" in answer["Vary"]


def test_say_that_the_service_is_up_without_asking_the_database(db, nobody):
    with traffic() as counted:
        answer = nobody.call("GET", "/api/health")

    assert counted.statements == 0
    assert b'"status":"ok"' in answer.content
    found = answer.json()
    assert found.pop("timestamp").endswith("Z")
    assert found == {
        "status": "ok",
        "service": "Novara API",
        "environment": "production",
        "version": "1.0",
        "startup": "ready",
        "jwt": "configured",
        "airtable": "connected",
    }


@pytest.mark.parametrize(("is_on", "mode"), [(True, "enabled"), (False, "disabled")])
def test_tell_what_is_there(db, nobody, settings, is_on, mode):
    settings.USE_SCHEMA_V2 = is_on

    answer = nobody.call("GET", "/api/health/detailed")

    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["checks"] == {
        "database": "postgresql",
        "schemaV2": mode,
        "redis": "connected",
        "jwt": "configured",
        "sentry": "not_configured",
        "airtable": "connected",
    }


def test_are_well_without_the_broker(db, nobody, settings):
    settings.REDIS_URL = NOWHERE

    answer = nobody.call("GET", "/api/health/detailed")

    assert answer.status_code == 200
    assert answer.json()["checks"]["redis"] == "unavailable"


def test_say_that_the_database_is_away(committed_db):
    answers: list[Any] = []

    def ask() -> None:
        # A thread has a connection of its own; this one goes to a port where nobody listens.
        options = connection.settings_dict.get("OPTIONS", {})
        connection.settings_dict = connection.settings_dict | {
            "HOST": "127.0.0.1",
            "PORT": "1",
            "OPTIONS": {name: value for name, value in options.items() if name != "host"},
        }
        try:
            answers.extend(
                ApiClient().call("GET", path) for path in ("/api/health/detailed", "/api/health")
            )
        finally:
            connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()

    detailed, plain = answers
    assert detailed.status_code == 503
    assert detailed.json()["status"] == "unavailable"
    assert detailed.json()["checks"]["database"] == "unavailable"
    assert detailed.json()["checks"]["airtable"] == "unavailable"
    assert plain.status_code == 200


@pytest.mark.parametrize("path", OPEN)
def test_give_away_no_address_and_no_secret(db, nobody, path):
    text = nobody.call("GET", path).content.decode()

    database = project.DATABASES["default"]
    for secret in (project.JWT_SECRET, project.SECRET_KEY, project.REDIS_URL, database["NAME"]):
        assert secret not in text


def test_list_the_check_in_paths_that_there_are(nobody):
    answer = nobody.call("GET", "/api/checkins-test").json()

    there_are = {
        f"{route.method} /{route.template}".replace("<str:", "{").replace(">", "}")
        for route in api_routes()
        if route.template.startswith(("api/checkins", "api/daily-checkin"))
        and not route.template.endswith("-test")
    }
    assert answer["success"] is True
    assert answer["endpoints"] == CHECKIN_PATHS
    assert set(CHECKIN_PATHS) == there_are


@pytest.fixture
def staff(db):
    return make_user(is_staff=True)


def test_show_staff_the_cache_of_tokens_and_empty_it(staff):
    client = client_of(staff)
    authentication.verify.cache_clear()
    client.call("GET", "/api/users/me")
    before = client.call("GET", "/api/cache/stats").json()

    cleared = client.call("POST", "/api/cache/clear", {})
    after = client.call("GET", "/api/cache/stats").json()

    assert before == {
        "success": True,
        "stats": {"entries": 1, "capacity": 10_000, "hits": 1, "misses": 1},
    }
    assert cleared.json() == {"success": True, "message": "Cache cleared successfully"}
    assert after["stats"] == {"entries": 1, "capacity": 10_000, "hits": 0, "misses": 1}


@pytest.mark.parametrize(("method", "path"), CACHE)
def test_keep_the_cache_from_everybody_else(as_alice, nobody, staff, method, path):
    off = make_user(is_staff=True, is_active=False)
    authentication.verify.cache_clear()
    as_alice.call("GET", "/api/users/me")

    refused = [
        client.call(method, path)
        for client in (
            as_alice,
            nobody,
            client_of(off),
            ApiClient(headers={"authorization": "x y"}),
        )
    ]

    assert [answer.status_code for answer in refused] == [403, 401, 403, 403]
    assert all(answer.json()["success"] is False for answer in refused)
    assert "staff" in refused[0].json()["error"]
    assert authentication.verify.cache_info().currsize == 2


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api/", "/api/checkins/", "/api/users/current", "/api//users"]
)
def test_unknown_paths_are_told_in_the_old_words(nobody, method, path):
    answer = nobody.call(method, path, origin=PREVIEW)

    assert answer.status_code == 404
    assert answer["Access-Control-Allow-Origin"] == PREVIEW
    assert answer["Deprecation"].startswith("@")
    if method != "HEAD":
        assert answer.json() == {"success": False, "error": "Endpoint not found", "path": path}


def test_unknown_paths_answer_preflights(nobody):
    answer = nobody.call(
        "OPTIONS", "/api/nothing", origin=PREVIEW, access_control_request_method="POST"
    )

    assert answer.status_code == 204
    assert answer["Access-Control-Allow-Origin"] == PREVIEW
