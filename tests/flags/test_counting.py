"""Flags of tests that commit have keys of their own; no other process asks for them."""

import datetime as dt
import os
import socket
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection

from config.dev.processes import wait_until
from flags import counting, rules
from flags.evaluation import RuleSet
from flags.models import FeatureFlagCount, FeatureFlagEvaluation, FeatureFlagExposure
from flags.types import Context, Definition, Outcome, Reason, Variant
from tests.factories import make_user

NOON = dt.datetime(2026, 3, 4, 12, 30, 15, tzinfo=dt.UTC)
EVERYBODY = [Variant("on", value=True, ranges=[(0, 100_000)])]
QUARTER = [Variant("on", value=True, ranges=[(0, 25_000)]), Variant("off", value=False)]


@pytest.fixture
def key() -> str:
    return f"counted-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def own(committed_db: None) -> Iterator[psycopg.Connection[Any]]:
    with rules.connect() as opened:
        yield opened
    connection.close()


@pytest.fixture
def counter() -> Iterator[counting.Counter]:
    before = rules.replace(None)
    yield counting.begin()
    counting.forget()
    rules.replace(before)


def ask(key: str, subjects: Any, **definition: Any) -> list[Outcome]:
    told: dict[str, Any] = {"is_enabled": True, "salt": key, "variants": QUARTER} | definition
    rule_set = RuleSet([(Definition(key=key, **told), 3)], version=1, environment="test")
    rules.replace(rules.Loaded(rule_set, NOON))
    outcomes = [rule_set.ask(key, Context(subject)) for subject in subjects]
    for outcome, subject in zip(outcomes, subjects, strict=True):
        counting.take((outcome, subject))
    return outcomes


def counted(key: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in FeatureFlagCount.objects.filter(flag_name=key):
        found[f"{row.variant} {row.reason}"] += row.evaluations
    return found


def exposed(key: str) -> dict[str, int]:
    rows = FeatureFlagExposure.objects.filter(flag_name=key)
    return {row.variant: row.exposures for row in rows}


def test_counts_each_evaluation_and_each_subject_once(key, own, counter):
    people = [str(uuid.uuid4()) for _ in range(200)]

    outcomes = ask(key, people * 5)
    ask(key, [None, ""])
    counter.drain(NOON)
    counter.flush(own)

    on = sum(outcome.variant == "on" for outcome in outcomes[:200])
    assert counted(key) == {
        "on percentage_in": 5 * on,
        "off percentage_out": 1000 - 5 * on,
        "off no_subject": 2,
    }
    assert exposed(key) == {"on": on, "off": 200 - on}
    assert {row.hour for row in FeatureFlagCount.objects.filter(flag_name=key)} == {
        NOON.replace(minute=0, second=0)
    }


def test_counts_a_subject_once_an_hour_over_processes_and_versions(key, own, counter):
    first, second, later = counter, counting.Counter(), NOON + dt.timedelta(hours=1)

    for process, now in ((first, NOON), (second, NOON), (first, NOON), (second, later)):
        ask(key, ["a", "b"], variants=EVERYBODY)
        process.drain(now)
        process.flush(own)

    rows = FeatureFlagExposure.objects.filter(flag_name=key).order_by("hour")
    assert [(row.exposures, len(row.subjects or [])) for row in rows] == [(2, 2), (2, 2)]
    assert counted(key) == {"on everybody": 8}


def test_keeps_the_first_64_bits_of_the_hash_of_a_subject(key, own, counter):
    ask(key, ["anna"])
    counter.drain(NOON)
    counter.flush(own)

    row = FeatureFlagExposure.objects.get(flag_name=key)
    # printf anna | sha256sum | cut -c 1-16
    assert row.subjects == [int("55579b557896d0ce", 16)]


def test_adds_a_flush_once_whose_answer_was_lost(key, own, counter):
    ask(key, ["a", "b", "c"])
    counter.drain(NOON)
    with rules.connect() as gone, locked(own, "feature_flag_counts"):
        thread = failing(lambda: counter.flush(gone))
        wait_until(lambda: waits_for_lock(own, gone.info.backend_pid), seconds=10)
        connection_lost(gone)
        thread.join()
    wait_until(lambda: sum(counted(key).values()) == 3, seconds=10)

    ask(key, ["d"])
    counter.drain(NOON)
    counter.flush(own)

    assert sum(counted(key).values()) == 4
    assert sum(exposed(key).values()) == 4


def test_keeps_what_was_not_sent(key, own, counter):
    ask(key, ["a", "b"])
    counter.drain(NOON)
    with rules.connect() as gone:
        own.execute("SELECT pg_terminate_backend(%s)", [gone.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            counter.flush(gone)

    ask(key, ["b", "c"])
    counter.drain(NOON)
    counter.flush(own)

    assert sum(counted(key).values()) == 4
    assert sum(exposed(key).values()) == 3


def test_goes_on_after_what_the_database_refuses(key, own, counter, caplog):
    ask(key, ["\x00"])
    counter.drain(NOON)
    counter.flush(own)
    ask(key, ["a"])
    counter.drain(NOON)
    counter.flush(own)

    assert sum(counted(key).values()) == 1
    assert "tallies of flags are refused" in caplog.messages


def test_counts_all_that_threads_take_while_others_drain(key, own, counter):
    def take() -> None:
        for number in range(20_000):
            counting.take((outcome, f"{number % 500}"))

    def drain() -> None:
        while not is_over.is_set():
            counter.drain(NOON)

    (outcome,) = ask(key, ["0"])
    is_over = threading.Event()
    takers = [threading.Thread(target=take) for _ in range(3)]
    drainers = [threading.Thread(target=drain) for _ in range(2)]
    for thread in takers + drainers:
        thread.start()
    for thread in takers:
        thread.join()
    is_over.set()
    for thread in drainers:
        thread.join()
    counter.drain(NOON)
    counter.flush(own)

    assert sum(counted(key).values()) == 60_001
    assert exposed(key) == {outcome.variant: 500}


def test_lets_processes_flush_at_once(key, own, counter):
    keys = [f"{key}-{number}" for number in range(30)]
    outcomes = [
        Outcome(name, "on", value=True, reason=Reason.EVERYBODY, version=1) for name in keys
    ]

    def flush(order: list[Outcome]) -> None:
        process = counting.Counter()
        with rules.connect() as opened:
            for _ in range(10):
                for outcome in order:
                    process._count(outcome, ["a"], NOON.replace(minute=0, second=0), NOON)
                process.flush(opened)

    threads = [
        threading.Thread(target=flush, args=[order]) for order in (outcomes, outcomes[::-1]) * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [counted(name) for name in keys] == [{"on everybody": 40}] * 30
    assert [exposed(name) for name in keys] == [{"on": 1}] * 30


def test_samples_one_evaluation_a_minute_of_each_outcome(key, own, counter):
    first, second = counter, counting.Counter()

    for seconds in (0, 10, 20, 60):
        for process in (first, second):
            ask(key, [str(number) for number in range(50)])
            process.drain(NOON + dt.timedelta(seconds=seconds))
            process.flush(own)

    rows = FeatureFlagEvaluation.objects.filter(flag_name=key)
    found = rows.values_list("sample_minute__minute", "variant", "evaluation_result")
    assert sorted(found) == [
        *((30, "off", "false"), (30, "on", "true")),
        *((31, "off", "false"), (31, "on", "true")),
    ]


def test_keeps_every_evaluation_of_a_flag_that_says_so(key, own, counter):
    ask(key, ["a"] * 20, record_all=True)
    counter.drain(NOON)
    counter.flush(own)

    rows = FeatureFlagEvaluation.objects.filter(flag_name=key)
    assert [(row.targeting_key, row.sample_minute) for row in rows] == [("a", None)] * 20


def test_describes_an_evaluation_in_the_words_of_opentelemetry(key, own, counter):
    person = make_user()
    (outcome,) = ask(key, [str(person.id)])
    counter.drain(NOON)
    counter.flush(own)

    row = FeatureFlagEvaluation.objects.get(flag_name=key)
    assert (row.user_id, row.evaluated_at) == (person.id, NOON)
    assert row.metadata == {
        "feature_flag.key": key,
        "feature_flag.result.variant": outcome.variant,
        "feature_flag.result.reason": "split",
        "feature_flag.context.id": str(person.id),
        "feature_flag.version": "3",
        "feature_flag.provider.name": "novara",
    }


@pytest.mark.parametrize("subject", ["anna@example.com", "x" * 201])
def test_keeps_no_subject_that_may_say_too_much(subject, key, own, counter):
    ask(key, [subject])
    counter.drain(NOON)
    counter.flush(own)

    row = FeatureFlagEvaluation.objects.get(flag_name=key)
    assert row.targeting_key is None
    assert subject not in str(row.metadata)


def test_takes_no_invented_id_for_a_person(key, own, counter):
    ask(key, [str(uuid.uuid4())])
    counter.drain(NOON)
    counter.flush(own)

    assert FeatureFlagEvaluation.objects.get(flag_name=key).user_id is None


def test_keeps_to_its_bounds_while_the_database_is_away(key, own, counter, monkeypatch, caplog):
    monkeypatch.setattr(counting, "MOST_SUBJECTS", 100)
    monkeypatch.setattr(counting, "MOST_EVALUATIONS", 30)

    for start in range(0, 300, 20):
        ask(key, [str(number) for number in range(start, start + 20)], record_all=True)
        counter.drain(NOON)
    counter.flush(own)

    assert sum(counted(key).values()) == 300
    assert 80 <= sum(exposed(key).values()) <= 100
    assert FeatureFlagEvaluation.objects.filter(flag_name=key).count() == 30
    (line,) = [line for line in caplog.records if line.message == "tallies of flags were full"]
    assert vars(line)["dropped"] == 270 + 300 - sum(exposed(key).values())


def test_sends_subjects_again_that_it_could_not_keep(key, own, counter, monkeypatch):
    monkeypatch.setattr(counting, "MOST_SUBJECTS", 1)
    ask(key, ["a", "b", "c"])
    counter.drain(NOON)
    counter.flush(own)
    monkeypatch.undo()

    ask(key, ["a", "b", "c"])
    counter.drain(NOON)
    counter.flush(own)

    assert sum(exposed(key).values()) == 3


def test_adds_to_an_hour_whose_subjects_are_forgotten(key, own, counter):
    for subjects in (["a", "b"], ["c"]):
        ask(key, subjects, variants=EVERYBODY)
        counter.drain(NOON)
        counter.flush(own)
        FeatureFlagExposure.objects.filter(flag_name=key).update(subjects=None)

    assert exposed(key) == {"on": 3}


def test_takes_nothing_where_nobody_would_add_up(key, own, counter):
    counting.forget()

    ask(key, ["a"])
    later = counting.begin()
    later.drain(NOON)
    later.flush(own)

    assert counted(key) == {}


@contextmanager
def locked(own: psycopg.Connection[Any], table: str) -> Iterator[None]:
    with own.transaction():
        own.execute(f"LOCK TABLE {table}")
        yield


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
