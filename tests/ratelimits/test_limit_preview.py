"""A preview plays the last day's traffic; what it says is what comes."""

import datetime as dt
import random
import uuid
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from redis import Redis

from ratelimits import preview, queries, store, traffic
from ratelimits.models import ApiTrafficHour, RateLimitTraffic
from ratelimits.preview import Range
from ratelimits.types import Mode, Rule, Scope, Weight

NOW = dt.datetime(2026, 3, 4, 12, 30, 15, tzinfo=dt.UTC)
TIMELINE, SEARCH = "/api/v2/health/timeline", "/api/v2/documents/search"
BOB = str(uuid.uuid4())


def rule(**changes):
    figures: dict[str, Any] = {"capacity": 10, "refill": 10, "window_seconds": 60}
    return Rule(**{"name": "r", "scope": Scope.USER} | figures | changes)


def asked(minutes_ago, number, *, route=TIMELINE, method="GET", **who):
    """Have somebody ask so often in one minute."""
    minute = NOW.replace(second=0) - dt.timedelta(minutes=minutes_ago)
    hour = {"hour": minute.replace(minute=0), "route": route, "method": method}
    ApiTrafficHour.objects.get_or_create(
        **hour, status_class=2, defaults={"request_count": 1, "total_ms": 1, "histogram": [0] * 11}
    )
    RateLimitTraffic.objects.create(
        minute=minute,
        routes=[traffic.route_id(method, route)],
        requests=[number],
        request_count=number,
        **who,
    )


def one_by_one(minutes, one, *, evenly):
    """The bucket as the store has it: request by request."""
    left, seen, refused = float(one.capacity), None, []
    for minute, number in minutes:
        refused.append(0)
        for place in range(number):
            now = minute * 60 + (60 * place / number if evenly else 0)
            if seen is not None:
                left = min(one.capacity, left + (now - seen) * one.refill / one.window_seconds)
            seen = now
            if left + 1e-9 >= one.cost:
                left -= one.cost
            else:
                refused[-1] += 1
    return refused


@pytest.mark.parametrize("evenly", [True, False])
@pytest.mark.parametrize("seed", range(40))
def test_plays_many_subjects_as_single_requests_would(seed, evenly):
    chance = random.Random(seed)  # noqa: S311  Numbers of a test.
    one = rule(
        capacity=chance.choice([2, 5, 10, 30]),
        refill=chance.choice([1, 5, 20, 60]),
        window_seconds=chance.choice([1, 60, 600]),
        cost=chance.choice([1, 2]),
    )
    subjects = [
        sorted(
            {
                chance.randrange(30): chance.randrange(1, 40) for _ in range(chance.randrange(1, 9))
            }.items()
        )
        for _ in range(20)
    ]

    rows = np.array([minute for each in subjects for minute in each], float)
    refused = preview.replay(
        np.array([len(each) for each in subjects]),
        rows[:, 0],
        rows[:, 1],
        rows[:, 1] * one.cost,
        rule=one,
        evenly=evenly,
    )

    expected = [number for each in subjects for number in one_by_one(each, one, evenly=evenly)]
    assert list(refused) == expected


def test_counts_whom_a_rule_would_have_limited(db, alice):
    asked(30, 25, user_id=alice.id)
    asked(20, 4, user_id=BOB)
    asked(19, 4, user_id=BOB)

    found = preview.preview(None, rule(), NOW)

    assert (found.subject_count, found.request_count) == (2, 33)
    # Evenly: 10 at once and as many as flow in meanwhile.
    assert found.after.requests == Range(6, 15)
    assert found.after.subjects == Range(1, 1)
    assert [(one.subject, route) for one, route in found.top] == [(str(alice.id), TIMELINE)]
    assert found.is_stricter


def test_compares_with_the_rule_as_it_stands(db):
    asked(30, 25, user_id=BOB)

    wider = preview.preview(rule(), rule(capacity=20), NOW)
    same = preview.preview(rule(), rule(), NOW)
    narrower = preview.preview(rule(capacity=20), rule(), NOW)

    assert (wider.before.requests.most, wider.after.requests.most) == (15, 5)
    assert [one.newly_limited for one in (wider, same, narrower)] == [0, 0, 1]


@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.OFF])
def test_is_not_stricter_where_nobody_is_refused(db, mode):
    asked(30, 25, user_id=BOB)

    found = preview.preview(rule(), rule(capacity=1, mode=mode), NOW)

    assert not found.is_stricter
    assert not found.after.refuses
    assert found.after.requests.most == (24 if mode == Mode.SHADOW else 0)


def test_what_shadow_only_watched_counts_as_new(db):
    asked(30, 25, user_id=BOB)

    found = preview.preview(rule(mode=Mode.SHADOW), rule(), NOW)

    assert found.newly_limited == 1


def test_looks_at_paths_methods_weights_and_the_tenant(db, alice, charlie):
    for route in (TIMELINE, SEARCH):
        asked(30, 8, route=route, user_id=alice.id, tenant_id=alice.tenant_id)
        asked(30, 8, route=route, method="POST", user_id=charlie.id, tenant_id=charlie.tenant_id)

    def refused(**changes):
        return preview.preview(None, rule(**changes), NOW).after.requests.most

    assert refused() == 12
    assert refused(paths=(SEARCH,)) == 0
    assert refused(paths=(SEARCH,), cost=2) == 6
    assert refused(weights=(Weight(SEARCH, 5),), capacity=48, refill=1) == 0
    assert refused(weights=(Weight(SEARCH, 5),), capacity=30, refill=1) == 12
    assert refused(methods=("POST",)) == 6
    assert refused(tenant_id=str(alice.tenant_id), capacity=1) == 15


@pytest.mark.parametrize(
    ("scope", "refused"),
    [
        (Scope.USER, 0),
        # 17 of one clinic.
        (Scope.TENANT, 7),
        (Scope.NETWORK, 2),
        # 26 and 14.
        (Scope.ENDPOINT, 16 + 4),
        (Scope.API_KEY, 1),
        # 14 and 3.
        (Scope.TENANT_ENDPOINT, 4),
    ],
)
def test_tells_apart_whom_the_scope_tells_apart(db, alice, scope, refused):
    asked(30, 7, user_id=alice.id, tenant_id=alice.tenant_id)
    asked(30, 7, user_id=BOB, tenant_id=alice.tenant_id)
    asked(30, 3, user_id=BOB, tenant_id=alice.tenant_id, route=SEARCH)
    asked(30, 12, network="3f2a9c0d11e2f3a4")
    asked(30, 11, api_key_id=uuid.uuid4(), route=SEARCH)

    found = preview.preview(None, rule(scope=scope), NOW)

    assert found.after.requests.most == refused


def test_adds_up_what_several_processes_saw_of_a_minute(db):
    asked(30, 8, user_id=BOB)
    asked(30, 8, user_id=BOB)

    found = preview.preview(None, rule(), NOW)

    assert found.after.requests.most == 6


def test_leaves_out_what_is_older_than_a_day(db):
    asked(24 * 60 + 1, 50, user_id=BOB)

    found = preview.preview(None, rule(), NOW)

    assert (found.request_count, found.begins_at) == (0, None)


@pytest.mark.parametrize("scope", [Scope.LOGIN_EMAIL, Scope.PASSWORD])
def test_knows_nothing_of_log_ins(db, scope):
    asked(30, 50, user_id=BOB)

    found = preview.preview(None, rule(scope=scope), NOW)

    assert not found.is_known


def test_gives_up_what_takes_too_long(db, monkeypatch):
    asked(30, 25, user_id=BOB)
    monkeypatch.setattr(queries, "PATIENCE", "SET LOCAL statement_timeout = '50ms'")
    monkeypatch.setattr(queries, "SUMS", "SELECT pg_sleep(30)")

    found = preview.preview(None, rule(), NOW)

    assert found.is_too_much
    assert not found.is_known
    assert RateLimitTraffic.objects.count() == 1


# What it says is what comes

CLOCK = b"redis.call('TIME')"
# In milliseconds, the last argument.
OURS = b"{math.floor(ARGV[#ARGV] / 1000), ARGV[#ARGV] % 1000 * 1000}"
# So many requests of a minute come at whole milliseconds.
NUMBERS = (1, 2, 3, 5, 8, 10, 12, 15, 20, 25, 30, 40)


def in_the_store(minutes, one, *, evenly):
    """Have the store's own script decide, request by request; only the clock is another."""
    script = store.SCRIPT.replace(CLOCK, OURS)
    assert script != store.SCRIPT
    bucket = store.Asked(one, b"", one.cost)
    figures = (bucket.full, one.refill, bucket.price, 0)
    refused = 0
    with Redis.from_url(settings.REDIS_URL) as redis:
        key = f"{{preview}}:{uuid.uuid4()}"
        for minute, number in minutes:
            for place in range(number):
                now = minute * 60_000 + (60_000 * place // number if evenly else 0)
                answer: Any = redis.eval(script, 1, key, 1, *figures, now)
                refused += answer.endswith(b" 1")
        redis.delete(key)
    return refused


@pytest.mark.parametrize("seed", range(6))
def test_says_what_the_store_then_refuses(db, seed):
    chance = random.Random(seed)  # noqa: S311  Numbers of a test.
    one = rule(
        capacity=chance.choice([5, 10, 30]),
        refill=chance.choice([1, 5, 20]),
        window_seconds=chance.choice([60, 600]),
        cost=chance.choice([1, 2]),
    )
    people = {
        str(uuid.uuid4()): sorted(
            {chance.randrange(1, 40): chance.choice(NUMBERS) for _ in range(6)}.items()
        )
        for _ in range(4)
    }
    for person, minutes in people.items():
        for minute, number in minutes:
            asked(60 - minute, number, user_id=person)

    found = preview.preview(None, one, NOW).after

    for person, minutes in people.items():
        ways = [in_the_store(minutes, one, evenly=evenly) for evenly in (True, False)]
        said = found.who[person].refused if person in found.who else Range(0, 0)
        assert said == Range(min(ways), max(ways))
    assert found.requests.most > 0


def test_gives_up_on_favorites_that_take_too_long(db, monkeypatch):
    asked(5, 30, user_id=BOB)
    routes = [queries.Priced(traffic.route_id("GET", TIMELINE), 1, TIMELINE)]
    found = queries.favorite_routes(rule(), routes, [BOB], NOW - queries.DAY)

    slow = queries.FAVORITES.replace("WHERE", "CROSS JOIN pg_sleep(5) WHERE", 1)
    monkeypatch.setattr(queries, "FAVORITES", slow)
    monkeypatch.setattr(queries, "PATIENCE", "SET LOCAL statement_timeout = '50ms'")

    assert found == {BOB: TIMELINE}
    assert queries.favorite_routes(rule(), routes, [BOB], NOW - queries.DAY) == {}


@pytest.mark.parametrize(
    ("scope", "subject"),
    [(Scope.TENANT, "tenant_id"), (Scope.API_KEY, "api_key_id"), (Scope.NETWORK, "network")],
)
def test_finds_favorites_of_every_kind_of_subject(db, scope, subject):
    who = "a" * 16 if scope is Scope.NETWORK else BOB
    asked(5, 3, **{subject: who})
    asked(4, 9, route=SEARCH, **{subject: who})
    routes = [queries.Priced(traffic.route_id("GET", one), 1, one) for one in (TIMELINE, SEARCH)]

    found = queries.favorite_routes(rule(scope=scope), routes, [who], NOW - queries.DAY)

    assert found == {who: SEARCH}
