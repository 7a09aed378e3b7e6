"""/metrics tells what is waiting, by the format of Prometheus, and nothing about people."""

import datetime as dt

from django.db import connection
from prometheus_client.parser import text_string_to_metric_families

from health import metrics
from tests.house.catalog import rows

EVENT = {"event_type": "note", "event_data": {"text": "a word"}}


def figures(client):
    response = client.call("GET", "/metrics")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=")
    return {
        sample.name: (sample.labels, sample.value)
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
        if sample.name.startswith("novara_metric_")
    }


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
