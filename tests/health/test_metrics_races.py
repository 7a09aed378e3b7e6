"""Each way in which a fold can meet something else, one at a time, on committed rows.

Whoever removes a stored day waits for its row's lock: holding that stops a fold after it has
taken the marks, and before it computes.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from accounts import services as accounts
from accounts.models import User
from core import gate
from health import metrics
from tests.conftest import client_of
from tests.factories import make_tenant, make_user
from tests.health.daily_figures import connect, days_of, marked_of, shown_to, stored_of
from tests.health.threads import then_close, wait_until_blocked
from tests.house.catalog import rows

EVENTS = "/api/v2/health/events"
DAY = dt.date(2026, 3, 2)
NEXT_DAY = dt.date(2026, 3, 3)
HOLD = "SELECT FROM user_daily_metrics WHERE user_id = %s FOR UPDATE"
HOLD_PROFILE = "SELECT FROM user_profiles WHERE user_id = %s FOR UPDATE"


def note(user: User, *, day: dt.date = DAY) -> dict[str, Any]:
    event = {"event_type": "note", "event_data": {"text": "a word"}}
    sent = event | {"occurred_at": f"{day}T12:00:00+00:00", "time_zone": "UTC"}
    created: dict[str, Any] = client_of(user).call("POST", EVENTS, sent).json()
    return created


def someone() -> User:
    return make_user(make_tenant())


@pytest.fixture
def alice(committed_db: None) -> User:
    """Somebody with one event that is folded."""
    user = someone()
    note(user)
    metrics.fold()
    return user


@contextmanager
def held(url: str, query: str, user: User) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url) as holder:
        holder.execute(query, [user.id])
        yield holder
        holder.rollback()


@contextmanager
def together() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    with ThreadPoolExecutor(3) as pool:
        yield lambda work: pool.submit(then_close, work)


def erase(user: User) -> None:
    accounts.erase_person(user_id=user.id, requested_by="a test", reason="a wish")


def refresh() -> int:
    """Fold as whoever calls the old name does: it waits for its turn."""
    with gate.as_system():
        ((folded,),) = rows("SELECT refresh_user_metrics()")
    return int(folded)


def left_of(user: User, url: str) -> set[str]:
    tables = ("health_events", "user_daily_metrics", "metric_marks", "users")
    keys = dict.fromkeys(tables, "user_id") | {"users": "id"}
    with psycopg.connect(url) as owner:
        return {
            table
            for table, key in keys.items()
            if owner.execute(f"SELECT FROM {table} WHERE {key} = %s", [user.id]).rowcount
        }


def test_count_an_event_that_comes_while_its_day_is_folded(alice, database_url):
    note(alice)

    with together() as start, held(database_url, HOLD, alice) as holder:
        fold = start(metrics.fold)
        wait_until_blocked(database_url, 1)
        note(alice)
        during = shown_to(alice.id, database_url)
        holder.rollback()
        fold.result(timeout=30)

    assert during[DAY]["event_count"] == 3
    # Computed from a newer snapshot than the marks were taken from; the mark is still there.
    assert stored_of(alice.id, database_url)[DAY]["event_count"] == 3
    assert marked_of(alice.id, database_url) == [DAY]
    assert shown_to(alice.id, database_url)[DAY]["event_count"] == 3


def test_show_an_event_that_commits_after_its_day_was_folded(alice, database_url):
    with connect(database_url) as writer:
        writer.execute(
            "INSERT INTO health_events"
            " (id, tenant_id, user_id, event_type, event_data, occurred_at, local_date)"
            " VALUES (gen_random_uuid(), %s, %s, 'note', '{}', '2026-03-02T12:00Z', %s)",
            [alice.tenant_id, alice.id, DAY],
        )
        note(alice)
        metrics.fold()
        before = shown_to(alice.id, database_url)
        writer.commit()

    assert before[DAY]["event_count"] == 2
    assert shown_to(alice.id, database_url)[DAY]["event_count"] == 3
    assert marked_of(alice.id, database_url) == [DAY]


def test_fold_one_after_the_other(alice, database_url):
    """The second one must not begin with a snapshot that lacks what the first one has done."""
    note(alice)

    with together() as start, held(database_url, HOLD, alice) as holder:
        first = start(metrics.fold)
        wait_until_blocked(database_url, 1)
        note(alice)
        second = start(refresh)
        wait_until_blocked(database_url, 2)
        note(alice)
        holder.rollback()
        assert first.result(timeout=30) == second.result(timeout=30) == 1

    assert stored_of(alice.id, database_url)[DAY]["event_count"] == 4
    assert marked_of(alice.id, database_url) == []


def test_leave_the_work_to_the_fold_that_is_at_it(alice, database_url):
    """Every two seconds another task comes: they must not all wait, or nothing else is done."""
    note(alice)

    with together() as start, held(database_url, HOLD, alice) as holder:
        first = start(metrics.fold)
        wait_until_blocked(database_url, 1)
        assert metrics.fold() == 0
        holder.rollback()
        assert first.result(timeout=30) == 1


def test_end_after_as_many_portions_as_asked_for(alice, database_url, monkeypatch):
    monkeypatch.setattr(metrics, "PORTION", 1)
    bob = someone()
    note(alice)
    note(bob)

    assert metrics.fold(portions=1) == 1
    assert metrics.fold() == 1


def test_leave_no_day_of_somebody_who_is_erased_meanwhile(alice, database_url):
    note(alice)

    with together() as start, held(database_url, HOLD, alice) as holder:
        fold = start(metrics.fold)
        wait_until_blocked(database_url, 1)
        erasure = start(lambda: erase(alice))
        wait_until_blocked(database_url, 2)
        holder.rollback()
        fold.result(timeout=30)
        erasure.result(timeout=30)

    assert left_of(alice, database_url) == set()


def test_find_nothing_of_somebody_who_was_erased_first(alice, database_url):
    note(alice)

    with together() as start, held(database_url, HOLD_PROFILE, alice) as holder:
        erasure = start(lambda: erase(alice))
        wait_until_blocked(database_url, 1)
        fold = start(refresh)
        wait_until_blocked(database_url, 2)
        holder.rollback()
        erasure.result(timeout=30)
        fold.result(timeout=30)

    assert left_of(alice, database_url) == set()


def test_take_the_erased_from_the_sums_of_their_clinic(alice, database_url):
    bob = make_user(alice.tenant)
    note(bob)
    metrics.fold()

    erase(alice)

    with psycopg.connect(database_url) as owner:
        query = "SELECT person_count, event_count FROM tenant_daily_metrics WHERE tenant_id = %s"
        assert owner.execute(query, [alice.tenant_id]).fetchall() == [(1, 1)]


def test_keep_the_mark_of_an_event_that_comes_during_a_rebuild(alice, database_url):
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(
            "UPDATE user_daily_metrics SET event_count = 9 WHERE user_id = %s", [alice.id]
        )

    with together() as start, held(database_url, HOLD, alice) as holder:
        rebuild = start(lambda: metrics.rebuild_person(alice.id))
        wait_until_blocked(database_url, 1)
        note(alice)
        during = shown_to(alice.id, database_url)
        holder.rollback()
        # The day, and its clinic's.
        assert rebuild.result(timeout=30) == (1, 2)

    assert during[DAY]["event_count"] == 2
    assert marked_of(alice.id, database_url) == [DAY]
    assert shown_to(alice.id, database_url)[DAY]["event_count"] == 2
    metrics.fold()
    assert stored_of(alice.id, database_url)[DAY]["event_count"] == 2


def test_leave_marked_days_to_the_fold_when_rebuilding(alice, database_url):
    note(alice)

    assert metrics.rebuild_person(alice.id) == (1, 0)

    assert stored_of(alice.id, database_url)[DAY]["event_count"] == 1
    assert marked_of(alice.id, database_url) == [DAY]


def test_compute_both_days_of_an_event_that_a_correction_moves(alice, database_url):
    event = note(alice)
    metrics.fold()
    body = {"event_data": {"text": "a word"}, "reason": "a slip"}
    moved = body | {"occurred_at": f"{NEXT_DAY}T12:00:00+00:00", "time_zone": "UTC"}

    client_of(alice).call("POST", f"{EVENTS}/{event['id']}/corrections", moved)

    assert sorted(set(marked_of(alice.id, database_url))) == [DAY, NEXT_DAY]
    shown = shown_to(alice.id, database_url)
    assert [shown[day]["event_count"] for day in (DAY, NEXT_DAY)] == [1, 1]
    metrics.fold()
    assert stored_of(alice.id, database_url) == shown


def test_forget_a_day_whose_last_event_is_moved_away_and_back(alice, database_url):
    event = note(alice, day=NEXT_DAY)
    metrics.fold()
    path = f"{EVENTS}/{event['id']}/corrections"
    for day in (DAY, NEXT_DAY, DAY):
        body = {"event_data": {"text": "a word"}, "reason": "a slip", "time_zone": "UTC"}
        client_of(alice).call("POST", path, body | {"occurred_at": f"{day}T09:00:00+00:00"})

    shown = shown_to(alice.id, database_url)
    metrics.fold()

    assert shown.keys() == {DAY}
    assert shown[DAY]["event_count"] == 2
    assert stored_of(alice.id, database_url) == shown


def test_forget_a_day_whose_events_are_all_retracted(alice, database_url):
    event = note(alice, day=NEXT_DAY)
    metrics.fold()

    client_of(alice).call("POST", f"{EVENTS}/{event['id']}/retractions", {"reason": "not mine"})

    assert shown_to(alice.id, database_url).keys() == {DAY}
    metrics.fold()
    assert stored_of(alice.id, database_url).keys() == {DAY}


@pytest.mark.parametrize(
    "call",
    [
        "fold_metrics(10)",
        "refresh_user_metrics()",
        "rebuild_metrics('{}')",
        "rebuild_tenant_metrics()",
    ],
)
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_refuse_where_all_statements_have_one_snapshot(committed_db, database_url, call, level):
    with psycopg.connect(database_url) as owner:
        owner.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")

        with pytest.raises(psycopg.errors.RaiseException, match="needs READ COMMITTED"):
            owner.execute(f"SELECT {call}")


def test_give_a_fold_back_what_a_killed_one_had_taken(alice, database_url):
    note(alice)
    with psycopg.connect(database_url) as killed:
        killed.execute("SELECT fold_metrics(10)")
        killed.rollback()

    assert marked_of(alice.id, database_url) == [DAY]
    assert metrics.fold() == 1
    with connect(database_url) as owner:
        events = owner.execute("SELECT * FROM health_events WHERE user_id = %s", [alice.id])
        assert stored_of(alice.id, database_url) == days_of(events)
