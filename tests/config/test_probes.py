"""/readyz and /metrics: what they say is kept for a second, as they are open and cost queries."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config import lately
from config.lately import Lately
from config.probes import DatabaseCheck

RECORD = "DELETE FROM django_migrations WHERE app = 'ratelimits'"


@pytest.mark.parametrize("path", ["/readyz", "/metrics", "/api/health/detailed"])
def test_answers_at_once_again_from_memory(db, nobody, monkeypatch, path):
    nobody.call("GET", path)
    first = nobody.call("GET", path)
    monkeypatch.setattr(lately, "SECONDS", 60.0)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        again = [nobody.call("GET", path) for _ in range(5)]

    assert len(queries) == 0
    assert {answer.status_code for answer in again} == {first.status_code} == {200}


def test_asks_again_after_a_second(monkeypatch):
    answers = iter(range(3))
    ask = Lately(lambda: next(answers))
    monkeypatch.setattr(lately, "SECONDS", 60.0)
    kept = [ask(), ask()]

    monkeypatch.setattr(lately, "SECONDS", 0.0)

    assert kept == [0, 0]
    assert [ask(), ask()] == [1, 2]


def test_looks_for_missing_migrations_until_there_are_none(db):
    check = DatabaseCheck()
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT as_it_was")
        cursor.execute(RECORD)
        missing = check()
        cursor.execute("ROLLBACK TO as_it_was")

    found = check()
    with CaptureQueriesContext(connection) as queries:
        again = check()

    assert "migrations are missing" in missing
    assert found == again == "ok"
    assert not [one for one in queries if "django_migrations" in one["sql"]]
