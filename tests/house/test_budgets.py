"""How many statements each method of the API sends to the database: tests/golden/budgets.json.

Counted on the wire for a warm client. BEGIN and COMMIT count too.
"""

import json
import os
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from tests.factories import make_user
from tests.house.routes import STAFF_ONLY, api_routes, body_of, headers_of, live
from tests.house.wire import traffic

FILE = Path(settings.ROOT) / "tests" / "golden" / "budgets.json"
RENEW = "RENEW_BUDGETS=1 make test T=tests/house/test_budgets.py"
HOT = {
    "GET /api/checkins",
    "POST /api/checkins",
    "POST /api/v2/health/events",
    "POST /api/v2/health/events/batch",
    "POST /api/health-events",
    "GET /api/v2/health/timeline",
    "GET /api/health-events",
    "GET /api/v2/flags",
    "POST /ofrep/v1/evaluate/flags",
    "POST /ofrep/v1/evaluate/flags/<flag:key>",
}

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the database client can count on Linux alone"
)


def spent(route):
    """Call twice, for two people: the first call may prepare statements."""
    is_staff = str(route) in STAFF_ONLY
    for life in [live(make_user(is_staff=is_staff)) for _ in range(2)]:
        body, headers = body_of(route, life), headers_of(route, life)
        with traffic() as counted:
            response = life.client.call(route.method, route.path(life.ids), body, **headers)
        assert response.status_code < 300, response.content
    return counted.statements


@pytest.fixture(scope="module")
def budgets():
    if "RENEW_BUDGETS" in os.environ:
        FILE.write_text("{}\n")
    return json.loads(FILE.read_text())


@pytest.mark.parametrize("route", api_routes(), ids=str)
def test_are_kept(route, budgets, committed_db):
    counted = spent(route)

    if "RENEW_BUDGETS" in os.environ:
        budgets[str(route)] = counted
        FILE.write_text(json.dumps(dict(sorted(budgets.items())), indent=1) + "\n")
    assert counted == budgets.get(str(route)), f"If that is meant: {RENEW}"


def test_name_every_route(budgets):
    assert set(budgets) == {str(route) for route in api_routes()}, f"Renew with: {RENEW}"


@pytest.mark.parametrize("name", sorted(HOT))
def test_of_hot_paths_is_one_statement(name, budgets):
    assert budgets[name] == 1


def test_count_what_passes_djangos_cursors(committed_db):
    with traffic() as counted, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        connection.connection.execute("SELECT 2", prepare=False)

    assert counted.statements == 2
