"""Requests are counted without waiting, and added once. Tests that commit have routes of their own."""

import datetime as dt
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from config.dev.processes import wait_until
from core import connections
from ratelimits import buckets, traffic, violations
from ratelimits.models import (
    ApiTrafficHour,
    RateLimitBucket,
    RateLimitTraffic,
    RateLimitViolation,
)
from ratelimits.types import UNLIMITED, Caller, Decision, Mode, Rule, Scope, Source, Verdict

# A day that no preview of other tests looks at.
NOON = dt.datetime(2026, 2, 1, 12, 30, 15, tzinfo=dt.UTC)
LATER = NOON + dt.timedelta(minutes=1)
NETWORK = "203.0.113.9"


@pytest.fixture
def route() -> str:
    return f"/api/v2/{uuid.uuid4().hex}"


@pytest.fixture
def own(committed_db: None) -> Iterator[psycopg.Connection[Any]]:
    with connect() as opened:
        yield opened


@pytest.fixture
def counts() -> Iterator[traffic.Counts]:
    traffic._forget()
    yield traffic.Counts()
    traffic._forget()


def person() -> Caller:
    return Caller(str(uuid.uuid4()), str(uuid.uuid4()), None, NETWORK)


def verdict(scope: Scope = Scope.USER, **changes: Any) -> Verdict:
    rule = Rule("people", scope, 10, 10, 60, mode=changes.pop("mode", Mode.ENFORCED))
    told: dict[str, Any] = {
        "rule": rule,
        "key": uuid.uuid4().bytes,
        "remaining": 0,
        "wait": 6.0,
        "is_exceeded": True,
        "source": Source.STORE,
        "cost": 1,
    }
    return Verdict(**told | changes)


def asked(caller, route, *, number=1, method="GET", status=200, ms=7.0, decision=UNLIMITED):
    for _ in range(number):
        traffic.note(caller, route, method, status, ms, decision)


def hours(route):
    return {
        (row.method, row.status_class): row for row in ApiTrafficHour.objects.filter(route=route)
    }


def test_counts_requests_by_hour_route_method_and_outcome(route, own, counts):
    asked(person(), route, number=3)
    asked(person(), route, status=404, ms=30.0)
    asked(person(), route, method="POST", status=500, ms=9000.0)
    counts.flush(own, NOON)
    asked(person(), route, number=2, ms=40.0)
    counts.flush(own, NOON)

    found = hours(route)
    assert {place: row.request_count for place, row in found.items()} == {
        ("GET", 2): 5,
        ("GET", 4): 1,
        ("POST", 5): 1,
    }
    assert found["GET", 2].total_ms == pytest.approx(3 * 7 + 2 * 40)
    assert found["GET", 2].histogram == [0, 3, 0, 2, 0, 0, 0, 0, 0, 0, 0]
    assert found["POST", 5].histogram[-1] == 1
    assert found["GET", 2].hour == NOON.replace(minute=0, second=0)


def test_keeps_the_finished_minutes_of_each_caller(route, own, counts):
    alice, key_id = person(), str(uuid.uuid4())
    asked(alice, route, number=3)
    asked(alice, route, method="POST")
    asked(Caller(None, alice.tenant_id, key_id, NETWORK), route)
    counts.flush(own, NOON)
    before = RateLimitTraffic.objects.filter(tenant_id=alice.tenant_id).count()
    counts.flush(own, LATER)

    row = RateLimitTraffic.objects.get(user_id=alice.user_id)
    assert before == 0
    assert dict(zip(row.routes, row.requests, strict=True)) == {
        traffic.route_id("GET", route): 3,
        traffic.route_id("POST", route): 1,
    }
    assert (row.request_count, row.minute) == (4, NOON.replace(second=0))
    assert str(RateLimitTraffic.objects.get(api_key_id=key_id).tenant_id) == alice.tenant_id


def test_keeps_a_network_as_a_hash_and_of_nobody_who_is_known(route, own, counts):
    alice = person()
    asked(alice, route)
    asked(Caller(None, None, None, NETWORK), route)
    counts.flush(own, NOON)
    counts.flush(own, LATER)

    rows = RateLimitTraffic.objects.filter(routes=[traffic.route_id("GET", route)])
    assert sorted(row.network for row in rows) == ["", buckets.network_hash(NETWORK)]
    assert NETWORK not in str(list(rows.values()))


def test_tells_apart_no_more_callers_than_it_can_keep(route, own, counts, monkeypatch):
    monkeypatch.setattr(traffic, "MOST_CALLERS", 5)
    for _ in range(12):
        asked(person(), route)
    counts.flush(own, NOON)
    counts.flush(own, LATER)

    rows = list(RateLimitTraffic.objects.filter(routes=[traffic.route_id("GET", route)]))
    assert sorted(row.request_count for row in rows) == [1, 1, 1, 1, 1, 7]
    assert [row.user_id for row in rows if row.request_count == 7] == [None]
    assert hours(route)["GET", 2].request_count == 12


def test_adds_up_by_itself_what_nobody_flushes(route, counts, monkeypatch):
    monkeypatch.setattr(traffic, "MOST_WAITING", 10)

    asked(person(), route, number=25)

    assert len(traffic._taken) == 5 * traffic.FIELDS


def test_adds_a_flush_once_whose_answer_was_lost(route, own, counts):
    asked(person(), route, number=3)
    with connect() as gone, own.transaction():
        own.execute("LOCK TABLE api_traffic_hours")
        thread = failing(lambda: counts.flush(gone, NOON))
        wait_until(lambda: waits_for_lock(own, gone.info.backend_pid), seconds=10)
        connection_lost(gone)
        thread.join()
    wait_until(lambda: bool(hours(route)), seconds=10)

    asked(person(), route)
    counts.flush(own, NOON)

    assert hours(route)["GET", 2].request_count == 4


def test_keeps_what_was_not_sent(route, own, counts):
    asked(person(), route, number=2)
    with connect() as gone:
        own.execute("SELECT pg_terminate_backend(%s)", [gone.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            counts.flush(gone, NOON)

    asked(person(), route)
    counts.flush(own, NOON)

    assert hours(route)["GET", 2].request_count == 3


def test_processes_flush_the_same_rows_at_once(own, counts):
    routes = [f"/api/v2/{uuid.uuid4().hex}" for _ in range(30)]

    def work(turn: int) -> None:
        process = traffic.Counts()
        with connect() as mine:
            for _ in range(10):
                for route in routes[turn:] + routes[:turn]:
                    process._tallies.count(NOON, route, "GET", 200, 1.0)
                process.flush(mine, NOON)

    threads = [threading.Thread(target=work, args=[turn]) for turn in (0, 10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {hours(route)["GET", 2].request_count for route in routes} == {30}


# Buckets


def test_keeps_what_was_seen_of_a_bucket_last(route, own, counts):
    alice, one = person(), verdict(remaining=4, is_exceeded=False)
    asked(alice, route, decision=Decision((one,)))
    asked(alice, route, decision=Decision((one._replace(remaining=3),)))
    counts.flush(own, NOON)

    row = RateLimitBucket.objects.get(key=one.key)
    assert (row.remaining, row.capacity, row.limited_until) == (3, 10, None)
    assert (str(row.user_id), row.network, row.route) == (alice.user_id, "", "")
    assert row.seen_at == NOON


def test_leaves_out_buckets_that_are_more_than_half_full(route, own, counts):
    one = verdict(remaining=5, is_exceeded=False)
    asked(person(), route, decision=Decision((one,)))
    counts.flush(own, NOON)

    assert not RateLimitBucket.objects.filter(key=one.key).exists()


def test_tells_since_when_a_bucket_refuses(route, own, counts):
    alice, one = person(), verdict()
    passes = one._replace(is_exceeded=False, wait=0.0)
    seconds = dt.timedelta(seconds=1)
    for after, seen in ((0, one), (20, passes), (40, one), (400, one)):
        asked(alice, route, decision=Decision((seen,)))
        counts.flush(own, NOON + after * seconds)
        row = RateLimitBucket.objects.get(key=one.key)
        since = NOON if after < 400 else NOON + 400 * seconds
        assert row.limited_since == since

    assert row.limited_until == NOON + 406 * seconds


@pytest.mark.parametrize(
    ("scope", "kept"),
    [
        (Scope.USER, {"user_id", "tenant_id"}),
        (Scope.TENANT, {"tenant_id"}),
        (Scope.TENANT_ENDPOINT, {"tenant_id", "route"}),
        (Scope.ENDPOINT, {"route"}),
        (Scope.API_KEY, {"api_key_id", "tenant_id"}),
        (Scope.NETWORK, {"network"}),
    ],
)
def test_keeps_of_a_caller_what_the_scope_counts_by(route, own, counts, scope, kept):
    one = verdict(scope)
    one_person, clinic, key_id = (str(uuid.uuid4()) for _ in range(3))
    caller = Caller(one_person, clinic, key_id, NETWORK)
    asked(caller, route, decision=Decision((one,)))
    violations.note(caller, route, "GET", "request-1", Decision((one,)))
    counts.flush(own, NOON)

    for model in (RateLimitBucket, RateLimitViolation):
        row = model.objects.get(key=one.key)
        names = ("user_id", "tenant_id", "api_key_id", "network", "route")
        assert {name for name in names if getattr(row, name)} == kept
        assert row.network in {"", buckets.network_hash(NETWORK)}


# Helpers


def connect() -> Any:
    return psycopg.connect(**connections.parameters(), row_factory=dict_row)


def failing(work: Any) -> threading.Thread:
    def run() -> None:
        with pytest.raises(psycopg.OperationalError):
            work()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def waits_for_lock(own: psycopg.Connection[Any], pid: int) -> bool:
    asked = "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
    return own.execute(asked, [pid]).fetchone() is not None


def connection_lost(gone: psycopg.Connection[Any]) -> None:
    with socket.socket(fileno=os.dup(gone.fileno())) as it:
        it.shutdown(socket.SHUT_RDWR)
