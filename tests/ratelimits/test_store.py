"""The buckets in the store: exact, all or nothing, and nobody's name in them."""

import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from redis import Redis

from ratelimits import store
from ratelimits.store import Asked
from ratelimits.types import Mode, Scope, Source
from tests.ratelimits.conftest import Limits, rule
from tests.web import run_alone

pytestmark = pytest.mark.usefixtures("limits")

PROCESSES, TRIES, LIMIT = 12, 40, 50
RACER = """
import os, sys
import django
django.setup()
from ratelimits import store
from ratelimits.types import Rule, Scope, Source

# What becomes of late answers is another test: here many processes share few cores.
store.PATIENCE_SECONDS = store.STEP_SECONDS = 10
store.forget()
names, tries = sys.argv[1].split(","), int(sys.argv[2])
rules = [Rule(name=name, scope=Scope.USER, capacity=50 + 5 * at, refill=1, window_seconds=86400)
         for at, name in enumerate(names)]
asked = [store.Asked(rule, store.key_of(rule, "somebody"), 1) for rule in rules]
store.peek(asked)
print("ready", flush=True)
sys.stdin.readline()
passed = away = 0
for _ in range(tries):
    decision = store.ask(asked)
    passed += decision.is_allowed
    away += any(one.source not in (Source.STORE, Source.MEMORY) for one in decision.verdicts)
print(passed, away, flush=True)
"""


@pytest.fixture
def redis() -> Iterator[Redis]:
    with Redis.from_url(settings.REDIS_URL) as own:
        yield own


def asked(*rules: Any, cost: int = 1, subject: str = "somebody") -> list[Asked]:
    return [Asked(one, store.key_of(one, subject), cost) for one in rules]


def bucket(redis: Redis, one: Asked) -> tuple[int, int]:
    stored: Any = redis.get(store.PREFIX + one.key.hex().encode())
    level, at = stored.split(b":")
    return int(level), int(at)


def test_takes_a_connection_that_another_request_gives_back(monkeypatch: pytest.MonkeyPatch):
    one = rule(5)
    store.ask(asked(one))
    busy, needed = store._circuit._free(), threading.Event()
    monkeypatch.setattr(store, "PATIENCE_SECONDS", 10)
    monkeypatch.setattr(store._circuit, "connect", needed.set)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(store.ask, asked(one))
        assert needed.wait(10)
        store._circuit._give(busy)
        (verdict,) = asking.result().verdicts

    assert (verdict.source, verdict.remaining) == (Source.STORE, 3)


@pytest.mark.parametrize("count", [1, 3])
def test_lets_exactly_50_of_480_pass_from_12_processes(count):
    names = ",".join(rule(1).name for _ in range(count))
    racers: list[Any] = [
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", RACER, names, str(TRIES)],
            env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"},
            cwd=settings.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"

    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    results = [tuple(map(int, racer.communicate()[0].split())) for racer in racers]

    assert sum(away for _, away in results) == 0
    assert sum(passed for passed, _ in results) == LIMIT


def test_takes_from_no_bucket_if_one_has_too_little():
    wide, narrow = rule(10), rule(2)
    passed = [store.ask(asked(wide, narrow)).is_allowed for _ in range(5)]

    left = store.peek(asked(wide, narrow)).verdicts

    assert passed == [True, True, False, False, False]
    assert [verdict.remaining for verdict in left] == [8, 0]


def test_takes_what_a_request_costs():
    one = rule(10)
    passed = [store.ask(asked(one, cost=4)).is_allowed for _ in range(3)]

    left = store.ask(asked(one)).verdicts

    assert passed == [True, True, False]
    assert left[0].remaining == 1


def test_lets_a_request_pass_that_costs_more_than_there_can_be():
    one = rule(3)

    first, second = (store.ask(asked(one, cost=10)) for _ in range(2))

    assert first.is_allowed
    assert not second.is_allowed


def test_only_watches_in_shadow():
    watched, wide = rule(2, mode=Mode.SHADOW), rule(10)

    decisions = [store.ask(asked(watched, wide)) for _ in range(4)]

    assert all(decision.is_allowed for decision in decisions)
    assert [d.verdicts[0].is_exceeded for d in decisions] == [False, False, True, True]
    assert [d.verdicts[0].remaining for d in decisions] == [1, 0, 0, 0]
    assert [d.verdicts[1].remaining for d in decisions] == [9, 8, 7, 6]


def test_fills_again_little_by_little():
    one = rule(5, refill=20, window_seconds=1)
    while store.ask(asked(one)).is_allowed:
        pass
    refused = store.ask(asked(one))

    time.sleep(refused.verdicts[0].wait + 0.005)

    assert 0 < refused.verdicts[0].wait <= 0.05
    assert store.ask(asked(one)).is_allowed


def test_is_refused_no_longer_when_the_clock_is_set_back(redis):
    one = rule(5, refill=5, window_seconds=60)
    (first,) = asked(one)
    store.ask([first])
    level, at = bucket(redis, first)

    redis.set(store.PREFIX + first.key.hex().encode(), f"{level}:{at + 3_600_000}")
    passed = [store.ask([first]).is_allowed for _ in range(5)]

    assert passed == [True] * 4 + [False]
    assert abs(bucket(redis, first)[1] - at) < 60_000


def test_fills_on_by_the_new_time_when_the_clock_was_set_back(redis):
    one = rule(5, refill=50, window_seconds=1)
    (first,) = asked(one)
    redis.set(store.PREFIX + first.key.hex().encode(), f"0:{int(time.time() * 1000) + 3_600_000}")

    refused = store.ask([first])
    level, at = bucket(redis, first)
    time.sleep(refused.verdicts[0].wait + 0.005)

    assert not refused.is_allowed
    assert (level, abs(at - time.time() * 1000) < 60_000) == (0, True)
    assert redis.pttl(store.PREFIX + first.key.hex().encode()) > 0
    assert store.ask([first]).is_allowed


def test_is_full_at_most_when_the_clock_leaps_ahead(redis):
    one = rule(5, refill=5, window_seconds=60)
    (first,) = asked(one)
    redis.set(store.PREFIX + first.key.hex().encode(), "0:0")

    passed = [store.ask([first]).is_allowed for _ in range(6)]

    assert passed == [True] * 5 + [False]


def test_keeps_a_bucket_no_longer_than_it_takes_to_fill(redis):
    one = rule(10, refill=10, window_seconds=60)
    (first,) = asked(one, cost=5)
    store.ask([first])

    lives = redis.pttl(store.PREFIX + first.key.hex().encode())

    assert 25_000 < lives <= 31_000


def test_names_nobody_in_the_store(redis):
    one, subject = rule(10, Scope.NETWORK), "203.0.113.77"
    (first,) = asked(one, subject=subject)
    store.ask([first])

    (key,) = [key for key in redis.scan_iter() if first.key.hex().encode() in key]

    assert len(key) == len(store.PREFIX) + 32
    assert subject.encode() not in key + redis.get(key)
    assert one.name.encode() not in key + redis.get(key)
    assert store.key_of(one, "203.0.113.78") != first.key


def test_loads_the_script_again_when_the_store_forgot_it(redis):
    one = rule(10)
    store.ask(asked(one))

    redis.script_flush()
    decision = store.ask(asked(one))

    assert decision.verdicts[0].source == Source.STORE
    assert decision.verdicts[0].remaining == 8


def test_refuses_from_memory_and_asks_again_for_what_costs_less(redis):
    one = rule(5)
    store.ask(asked(one, cost=4))
    store.ask(asked(one, cost=2))
    before = redis.info("commandstats")["cmdstat_evalsha"]["calls"]

    remembered = store.ask(asked(one, cost=2))

    assert not remembered.is_allowed
    assert remembered.verdicts[0].source == Source.MEMORY
    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] == before
    assert store.ask(asked(one, cost=1)).is_allowed


def test_remembers_no_refusal_of_a_rule_that_was_changed():
    one = rule(1)
    store.ask(asked(one))
    store.ask(asked(one))

    wider = rule(5, name=one.name)

    assert store.ask(asked(wider)).verdicts[0].source == Source.STORE


FORKS = """
import os, sys
from ratelimits import store
from ratelimits.types import Rule, Scope, Source

store.PATIENCE_SECONDS = store.STEP_SECONDS = 10
rule = Rule(name=sys.argv[1], scope=Scope.USER, capacity=100, refill=1, window_seconds=3600)
asked = [store.Asked(rule, store.key_of(rule, "somebody"), 1)]
store.ask(asked)
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        children = []
        break
    children.append(child)
sources = {store.ask(asked).verdicts[0].source for _ in range(10)}
is_sound = sources == {Source.STORE}
for child in children:
    is_sound &= os.waitpid(child, 0)[1] == 0
if len(children) == 3:
    is_sound &= store.peek(asked).verdicts[0].remaining == 59
os._exit(0 if is_sound else 1)
"""


def test_talks_over_no_connection_of_its_parent(db):
    assert run_alone(FORKS, f"rule-{uuid.uuid4().hex}") == 0


def test_gives_every_figure_exactly(limits: Limits):
    one = rule(1_000_000, refill=1_000_000, window_seconds=31 * 24 * 60 * 60)

    left = [store.ask(asked(one)).verdicts[0].remaining for _ in range(3)]

    assert left == [999_999, 999_998, 999_997]
