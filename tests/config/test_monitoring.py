"""/metrics tells what is waiting, by the format of Prometheus, and nothing about people."""

import datetime as dt
import re

import psycopg
import redis
from django.conf import settings as installed
from django.db import connection
from prometheus_client.parser import text_string_to_metric_families
from psycopg.rows import dict_row

from audit.types import AlertStatus, Severity
from config import figures as config_figures
from config.routes import all_routes
from core import connections, flushing
from documents.failures import Code
from documents.models import DocumentAttempt
from documents.statuses import STUCK_CAUSES, Status
from health import metrics
from ratelimits.types import BOUNDS, METHODS, Mode
from tests.conftest import client_of
from tests.factories import make_user
from tests.house.catalog import rows

EVENT = {"event_type": "note", "event_data": {"text": "a word"}}


MARK = "canary-53c8"
# Whatever else a label says was made up by somebody.
OURS = {
    "route": all_routes() | {"other"},
    "method": {*METHODS, "other"},
    "status": {"1xx", "2xx", "3xx", "4xx", "5xx", "other", *Status.values, *AlertStatus.values},
    "le": {*(str(bound / 1000) for bound in BOUNDS), "+Inf"},
    "rule": set(),
    "mode": set(Mode),
    "queue": set(config_figures.QUEUES),
    "severity": set(Severity.values),
    "cause": set(STUCK_CAUSES),
    "code": {*Code, ""},
    "stage": set(Status.values),
    "outcome": set(DocumentAttempt.Outcome.values),
    "quantile": {"0.5", "0.95", "1"},
}
COUNTED = """
    INSERT INTO api_traffic_hours
        (id, hour, route, method, status_class, request_count, total_ms, histogram)
    VALUES (gen_random_uuid(), date_trunc('hour', now()), %s, %s, %s, %s, %s, %s)
"""
HERE = "/api/v2/me"


def samples(client):
    response = client.call("GET", "/metrics")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=")
    return [
        sample
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    ]


def figures(client):
    return {
        sample.name: (sample.labels, sample.value)
        for sample in samples(client)
        if sample.name.startswith("novara_metric_")
    }


def value(client, name, **labels):
    """Give the one figure of this name with these labels; None if there is none."""
    found = [
        sample.value
        for sample in samples(client)
        if sample.name == f"novara_{name}" and labels.items() <= sample.labels.items()
    ]
    assert len(found) <= 1
    return found[0] if found else None


def test_tells_that_nothing_waits(db, nobody):
    rows("DELETE FROM metric_marks")

    assert figures(nobody) == {
        "novara_metric_marks_waiting": ({}, 0.0),
        "novara_metric_fold_lag_seconds": ({}, 0.0),
    }


def test_tells_how_many_marks_wait_and_how_long(as_alice, nobody):
    rows("DELETE FROM metric_marks")
    as_alice.call("POST", "/api/v2/health/events", EVENT)
    as_alice.call("POST", "/api/v2/health/events", EVENT)
    rows("UPDATE metric_marks SET marked_at = now() - interval '90 seconds'")

    found = figures(nobody)

    assert found["novara_metric_marks_waiting"] == ({}, 2.0)
    assert found["novara_metric_fold_lag_seconds"] == ({}, 90.0)
    metrics.fold()
    assert figures(nobody)["novara_metric_marks_waiting"] == ({}, 0.0)


def test_counts_no_further_than_a_hundred_thousand(alice, nobody):
    rows(
        "INSERT INTO metric_marks (tenant_id, user_id, local_date, marked_at)"
        " SELECT %s, %s, %s, now() - interval '1 hour' FROM generate_series(1, 100001)",
        [alice.tenant_id, alice.id, dt.date(2026, 3, 2)],
    )

    found = figures(nobody)

    assert found["novara_metric_marks_waiting"] == ({}, 100_000.0)
    assert found["novara_metric_fold_lag_seconds"] == ({}, 3600.0)


def test_says_so_when_the_database_is_away(committed_db, nobody, monkeypatch):
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")

    response = nobody.call("GET", "/metrics")

    assert response.status_code == 503
    assert response.content.decode() == "The database does not answer, so there are no figures.\n"
    connection.close()


def test_tells_requests_by_route_method_and_status_and_how_long_they_took(db, nobody):
    rows("DELETE FROM api_traffic_hours")
    rows(COUNTED, [HERE, "GET", 2, 3, 60.0, [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]])
    rows(COUNTED, [HERE, "GET", 5, 1, 9000.0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]])
    rows("UPDATE api_traffic_hours SET hour = date_trunc('day', now(), 'UTC')")

    place = {"route": HERE, "method": "GET"}
    assert value(nobody, "api_requests_total", **place, status="2xx") == 3
    assert value(nobody, "api_requests_total", **place, status="5xx") == 1
    assert value(nobody, "api_request_seconds_bucket", **place, le="0.005") == 1
    assert value(nobody, "api_request_seconds_bucket", **place, le="5.0") == 3
    assert value(nobody, "api_request_seconds_bucket", **place, le="+Inf") == 4
    assert value(nobody, "api_request_seconds_count", **place) == 4
    assert value(nobody, "api_request_seconds_sum", **place) == 9.06


def test_counts_from_midnight_on(db, nobody):
    rows("DELETE FROM api_traffic_hours")
    rows(COUNTED, [HERE, "GET", 2, 3, 60.0, [3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]])
    rows("UPDATE api_traffic_hours SET hour = date_trunc('day', now(), 'UTC') - interval '1 hour'")

    assert value(nobody, "api_requests_total", route=HERE) is None


def test_has_no_label_that_comes_from_a_caller(committed_db, nobody, settings):
    """Paths, methods, ids and addresses of callers, through the door and in the tallies."""
    settings.RATE_LIMITS = True
    person = make_user(email=f"{MARK}@example.com")
    for method, path in (
        ("GET", f"/api/v2/{MARK}"),
        ("GET", f"/api/v2/health/events/{MARK}"),
        (MARK.upper(), "/api/v2/me"),
        ("GET", f"/api/checkins/{MARK}?{MARK}=1"),
        ("POST", f"/ofrep/v1/evaluate/flags/{MARK}"),
        ("GET", f"/api/v2/documents/{person.id}"),
    ):
        client_of(person).call(method, path, x_request_id=MARK, user_agent=MARK)
    with psycopg.connect(**connections.parameters(), row_factory=dict_row) as own:
        flushing.flush_all(own)
    # Even if one came that far.
    rows(COUNTED, [f"/api/{MARK}", MARK, 9, 1, 1.0, [1] * (len(BOUNDS) + 1)])

    found = samples(nobody)

    rules = {name for (name,) in rows("SELECT name FROM rate_limit_rules")}
    known = OURS | {"rule": rules | {"other"}}
    wrong = [
        (sample.name, name, label)
        for sample in found
        for name, label in sample.labels.items()
        if label not in known[name]
    ]
    assert wrong == []
    assert MARK not in str(found).lower()
    assert str(person.id) not in str(found)


def test_tells_of_entries_that_are_not_sealed(as_alice, nobody):
    before = value(nobody, "audit_unsealed_entries")

    as_alice.call("POST", "/api/v2/health/events", EVENT)

    assert value(nobody, "audit_unsealed_entries") > before
    assert value(nobody, "audit_seal_lag_seconds") >= 0
    assert value(nobody, "audit_mirror_lag_seconds") is not None


def test_tells_how_long_an_event_waits_for_its_insights(as_alice, nobody):
    rows("UPDATE insight_cursors SET position = pg_current_xact_id()")
    assert value(nobody, "insight_lag_seconds") == 0

    rows(
        "INSERT INTO health_events (id, tenant_id, user_id, event_type, event_data, occurred_at,"
        " local_date, recorded_at) SELECT gen_random_uuid(), tenant_id, id, 'note', '{}', now(),"
        " now()::date, now() - interval '90 seconds' FROM users WHERE email = 'alice@example.com'"
    )

    assert value(nobody, "insight_lag_seconds") == 90


def test_tells_how_many_tasks_wait(db, nobody):
    with redis.Redis.from_url(installed.REDIS_URL) as broker:
        before = value(nobody, "queue_tasks", queue="metrics")
        broker.rpush("metrics", "a task", "another")
        after = value(nobody, "queue_tasks", queue="metrics")
        broker.ltrim("metrics", 0, -3)

    assert after == before + 2


def test_leaves_the_queues_out_when_the_broker_is_away(db, nobody, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    assert value(nobody, "queue_tasks", queue="default") is None
    assert value(nobody, "database_connections") >= 1


def test_tells_of_the_database_what_ends_first(db, nobody):
    most = value(nobody, "database_connections_most")

    assert 1 <= value(nobody, "database_connections") < most
    assert value(nobody, "database_bytes") > 1_000_000
    assert value(nobody, "database_oldest_transaction_seconds") >= 0
    assert value(nobody, "log_positions_missing") == 0
    rows("UPDATE insight_cursors SET position = '9000000000000'")
    assert value(nobody, "log_positions_missing") > 8e12


def test_has_all_that_the_alerts_are_about(db, nobody):
    told = nobody.call("GET", "/metrics").content.decode()
    howto = installed.ROOT / "docs" / "howto"
    pages = (howto / "operate.md", howto / "backup-and-restore.md", howto / "documents-alerts.md")
    ends = re.compile(r"_(bucket|total|sum|count)$")

    named = {
        name for page in pages for name in re.findall(r"novara_[a-z_]+[a-z]", page.read_text())
    }

    known = {ends.sub("", name) for name in re.findall(r"^# TYPE (\S+) ", told, re.MULTILINE)}
    assert len(named) > 20
    assert {ends.sub("", name) for name in named} <= known


def test_adds_up_all_refusals_of_the_day(db, nobody):
    rows("DELETE FROM rate_limit_violations")
    rows(
        "INSERT INTO rate_limit_violations (id, rule_name, key, hour, scope, mode, network, route,"
        " violation_count, first_at, last_at, samples)"
        " SELECT gen_random_uuid(), 'people', int8send(n), date_trunc('day', now(), 'UTC'),"
        " 'network', 'enforced', '', '', 1, now(), now(), '[]' FROM generate_series(1, 100001) n"
    )

    told = [one for one in samples(nobody) if one.name == "novara_limited_requests_total"]

    assert [(one.labels["rule"], one.value) for one in told] == [("people", 100_001)]
