"""Refusals are counted by hour, rule and caller, with the last few as samples."""

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from psycopg.rows import dict_row

from accounts import throttle
from core import connections
from ratelimits import queries, tasks, traffic, violations
from ratelimits.models import (
    ApiTrafficHour,
    RateLimitBucket,
    RateLimitRule,
    RateLimitTraffic,
    RateLimitViolation,
)
from ratelimits.types import Caller, Decision, Mode, Rule, Scope, Source, Verdict

ROUTE = "/api/v2/health/timeline"
NETWORK = "203.0.113.9"


@pytest.fixture
def own(committed_db: None) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(**connections.parameters(), row_factory=dict_row) as opened:
        yield opened


@pytest.fixture
def counts() -> Iterator[traffic.Counts]:
    traffic._forget()
    yield traffic.Counts()
    traffic._forget()


@pytest.fixture
def rule() -> Rule:
    return Rule(f"rule-{uuid.uuid4().hex[:12]}", Scope.USER, 10, 10, 60)


def verdict(rule: Rule, *, key: bytes = b"key", is_exceeded: bool = True) -> Verdict:
    return Verdict(rule, key, 0, 6.0, is_exceeded, Source.STORE, 1)


def person() -> Caller:
    return Caller(str(uuid.uuid4()), str(uuid.uuid4()), None, NETWORK)


def refused(caller, rule, number=1, *, key=b"key"):
    for place in range(number):
        violations.note(
            caller, ROUTE, "GET", f"request-{place}", Decision((verdict(rule, key=key),))
        )


def rows(rule):
    return list(RateLimitViolation.objects.filter(rule_name=rule.name).order_by("key", "mode"))


def test_adds_up_refusals_with_the_last_samples(rule, own, counts):
    alice = person()
    refused(alice, rule, 30)
    counts.flush(own, timezone.now())
    refused(alice, rule, 2)
    counts.flush(own, timezone.now())

    (row,) = rows(rule)
    assert row.violation_count == 32
    assert str(row.user_id) == alice.user_id
    ids = [one["request_id"] for one in row.samples]
    assert ids == ["request-27", "request-28", "request-29", "request-0", "request-1"]
    assert set(row.samples[0]) == {"at", "method", "route", "request_id"}
    assert NETWORK not in str(vars(row))
    assert row.first_at < row.last_at


def test_tells_shadow_from_what_was_refused(rule, own, counts):
    shadow = Rule(rule.name, Scope.USER, 10, 10, 60, mode=Mode.SHADOW)
    refused(person(), rule, 2)
    refused(person(), shadow, 3)
    counts.flush(own, timezone.now())

    found = {row.mode: row.violation_count for row in rows(rule)}
    assert found == {"enforced": 2, "shadow": 3}
    assert queries.refusals_by_rule(timezone.now())[rule.name] == found


def test_leaves_out_rules_that_let_pass(rule, own, counts):
    other = Rule(f"{rule.name}-b", Scope.USER, 10, 10, 60)
    decision = Decision((verdict(rule), verdict(other, is_exceeded=False)))
    violations.note(person(), ROUTE, "GET", "request-1", decision)
    counts.flush(own, timezone.now())

    assert [row.violation_count for row in rows(rule)] == [1]
    assert rows(other) == []


def test_counts_those_whom_it_cannot_tell_apart_together(rule, own, counts, monkeypatch):
    monkeypatch.setattr(violations, "MOST_ROWS", 2)
    for place in range(5):
        refused(person(), rule, key=bytes([place]))
    counts.flush(own, timezone.now())

    assert [(bytes(row.key), row.violation_count) for row in rows(rule)] == [
        (b"", 3),
        (b"\0", 1),
        (b"\1", 1),
    ]
    assert rows(rule)[0].user_id is None


def test_keeps_a_bounded_number_waiting(rule, counts, monkeypatch):
    monkeypatch.setattr(violations, "MOST_WAITING", 3)

    refused(person(), rule, 10)

    assert len(violations._taken) == 3


def test_counts_refused_log_ins_without_telling_who(own, counts):
    name = f"{uuid.uuid4().hex}@example.com"
    before = queries.refusals_by_rule(timezone.now()).get("log-in-by-email", {})
    for _ in range(13):
        with suppress(throttle.TooManyAttempts):
            throttle.count([(f"email:{name}", Scope.LOGIN_EMAIL)])
    counts.flush(own, timezone.now())

    after = queries.refusals_by_rule(timezone.now())["log-in-by-email"]
    assert after["enforced"] - before.get("enforced", 0) == 3
    assert name not in str(list(RateLimitViolation.objects.values()))


def test_deletes_what_is_old(db):
    now = timezone.now()
    hour, day = dt.timedelta(hours=1), dt.timedelta(days=1)
    rule = RateLimitRule.objects.get(name="people")
    for age in (day, 26 * hour):
        RateLimitTraffic.objects.create(minute=now - age, routes=[1], requests=[1], request_count=1)
    for age in (89 * day, 91 * day):
        RateLimitViolation.objects.create(
            rule_name="people",
            key=b"k",
            hour=now - age,
            scope="user",
            mode="enforced",
            violation_count=1,
            first_at=now - age,
            last_at=now - age,
        )
    for age in (399 * day, 401 * day):
        ApiTrafficHour.objects.create(
            hour=now - age,
            route=ROUTE,
            method="GET",
            status_class=2,
            request_count=1,
            total_ms=1,
            histogram=[],
        )
    for name, age in (("people", hour / 120), ("people", hour), ("gone", hour / 120)):
        RateLimitBucket.objects.create(
            rule_name=name,
            key=str(age).encode(),
            scope="user",
            capacity=rule.capacity,
            remaining=0,
            seen_at=now - age,
        )

    tasks.delete_old_records()

    assert RateLimitTraffic.objects.filter(routes=[1], requests=[1]).count() == 1
    assert RateLimitViolation.objects.filter(key=b"k").count() == 1
    assert ApiTrafficHour.objects.filter(route=ROUTE, histogram=[]).count() == 1
    assert [
        row.rule_name for row in RateLimitBucket.objects.filter(key__in=[b"0:00:30", b"1:00:00"])
    ] == ["people"]


MANY = """
    INSERT INTO rate_limit_violations
        (id, rule_name, key, hour, scope, mode, network, route, violation_count, first_at, last_at,
         samples)
    SELECT gen_random_uuid(), 'rule ' || n %% 1000, int8send(n),
           date_trunc('hour', %(now)s - n * interval '1 minute', 'UTC'), 'network', 'enforced',
           '', '', 1, %(now)s - n * interval '1 minute', %(now)s - n * interval '1 minute', '[]'
      FROM generate_series(1, %(number)s) n
"""


@pytest.mark.parametrize(
    ("rule_name", "index", "number"), [("", "last", 100), ("rule 7", "rule", 30)]
)
def test_looks_at_so_many_rows_at_most_and_finds_them_by_an_index(
    db, monkeypatch, rule_name, index, number
):
    now = timezone.now()
    monkeypatch.setattr(queries, "MOST_MET", 100)
    asked = {"since": now - dt.timedelta(days=90), "rule": rule_name, "most": 500, "rows": 100}
    with connection.cursor() as cursor:
        cursor.execute(MANY, {"now": now, "number": 30_000})
        cursor.execute("ANALYZE rate_limit_violations")
        query = queries.MET.format(of_rule="AND rule_name = %(rule)s" if rule_name else "")
        cursor.execute(f"EXPLAIN {query}", asked)
        plan = "\n".join(line for (line,) in cursor)

    found = queries.met(since=asked["since"], rule_name=rule_name, most=500)

    assert len(found) == number
    assert found[0].last_at == max(one.last_at for one in found)
    assert f"rate_limit_violations_{index}" in plan
    assert "Seq Scan" not in plan
