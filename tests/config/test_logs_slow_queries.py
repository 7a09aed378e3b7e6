"""Slow statements are named in the log: for which route or task, how slow, and without a value."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from celery.app import trace
from django.db import connection
from psycopg import sql

from core import slow
from core.requests import JsonLines
from health.tasks import fold_metrics
from tests.conftest import client_of
from tests.factories import make_user

MARK = "canary-77d0"
EVENT = {"event_type": "note", "event_data": {"text": MARK}}
LOGIN = {"email": f"{MARK}@example.com", "password": MARK}
# Nothing is as quick.
AT_ONCE = 1e-6


@pytest.fixture
def lines(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[dict[str, Any]]]:
    monkeypatch.setattr(caplog.handler, "formatter", JsonLines())
    found = lambda: [json.loads(line) for line in caplog.text.splitlines()]  # noqa: E731
    caplog.set_level(logging.INFO)
    return lambda: [line for line in found() if line["message"] == "slow query"]


@pytest.mark.parametrize(
    ("method", "path", "body", "route", "statement"),
    [
        # One prepared statement, past Django's cursors.
        ("POST", "/api/v2/health/events", EVENT, "api/v2/health/events", "record_events"),
        # The gate, and then the ORM.
        ("GET", "/api/v2/me", None, "api/v2/me", "enter_gate"),
        ("POST", "/api/v2/auth/login", LOGIN, "api/v2/auth/login", '"users"'),
    ],
)
def test_names_route_and_statement_and_no_value(
    committed_db, settings, lines, method, path, body, route, statement
):
    person = make_user()
    settings.SLOW_QUERY_MS = AT_ONCE

    client_of(person).call(method, path, body, x_request_id="request-7")

    assert lines()
    assert {(line["route"], line["level"], line["request_id"]) for line in lines()} == {
        (route, "WARNING", "request-7")
    }
    assert any(statement in line["statement"] for line in lines())
    assert all(line["ms"] >= 0 and len(line["fingerprint"]) == 12 for line in lines())
    told = str(lines())
    assert not [word for word in (MARK, person.email, str(person.id)) if word in told]


def test_names_the_task(committed_db, settings, lines):
    settings.SLOW_QUERY_MS = AT_ONCE

    trace.build_tracer(fold_metrics.name, fold_metrics, app=fold_metrics.app)("1", [], {}, {})

    assert {line["task"] for line in lines()} == {"health.tasks.fold_metrics"}


@pytest.mark.parametrize("limit", [0, 60_000])
def test_says_nothing_of_quick_ones_or_when_it_is_off(as_alice, settings, lines, limit):
    settings.SLOW_QUERY_MS = limit

    as_alice.call("POST", "/api/v2/health/events", EVENT)

    assert lines() == []


def test_says_nothing_of_what_commands_do(db, settings, lines):
    settings.SLOW_QUERY_MS = AT_ONCE

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")

    assert lines() == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("SELECT a\n  FROM b WHERE c = %s", "SELECT a FROM b WHERE c = %s"),
        ("SELECT 'x', 'it''s', E'a\\'b', 12, -1.5e3, t1.c2", "SELECT ?, ?, E?, ?, ?, t1.c2"),
        ("SELECT $$secret$$, $q$a 'secret' b$q$ FROM t", "SELECT ?, ? FROM t"),
        ("SELECT 1 -- secret\n, /* secret */ 2", "SELECT ? ? , ? ?"),
        ('SELECT "users"."email" AS "secret@example.com"', 'SELECT "users"."email" AS ?'),
        ("SELECT 'without an end secret", "SELECT ?"),
        ("SELECT $a$ without an end secret", "SELECT ?"),
        (b"SELECT 'secret'", "SELECT ?"),
        (sql.SQL("SELECT {}").format(sql.Literal("secret")), "SELECT ?"),
    ],
)
def test_takes_every_value_out(statement, told):
    assert slow.without_values(statement) == told


def test_gives_a_statement_one_fingerprint_whatever_its_values(committed_db, settings, lines):
    person = client_of(make_user())
    settings.SLOW_QUERY_MS = AT_ONCE

    for text in ("one", "another one"):
        person.call("POST", "/api/v2/health/events", EVENT | {"event_data": {"text": text}})

    prints = [line["fingerprint"] for line in lines() if "record_events" in line["statement"]]
    assert len(prints) == 2
    assert len(set(prints)) == 1
