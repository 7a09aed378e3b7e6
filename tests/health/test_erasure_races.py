"""An erasure that meets requests and workers of its person, one at a time, on committed rows."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from accounts import services as accounts
from accounts.models import User
from tests.conftest import ApiClient, client_of
from tests.factories import make_tenant, make_user
from tests.health.threads import then_close, wait_until_blocked

EVENTS = "/api/v2/health/events"
ENTER = "SELECT user_id FROM enter_gate(%s, %s, NULL, 'infinity')"
NOTE: dict[str, Any] = {"event_type": "note", "event_data": {"text": "a word"}}
ADD = """
    INSERT INTO health_events
           (id, tenant_id, user_id, event_type, event_data, occurred_at, local_date)
    VALUES (gen_random_uuid(), %s, %s, 'note', '{}', '2026-03-02T12:00Z', '2026-03-02')
"""
# Deleted after the events, and before the person's own row.
HOLD_PROFILE = "SELECT FROM user_profiles WHERE user_id = %s FOR UPDATE"
LEFT = """
    SELECT (SELECT count(*) FROM health_events WHERE user_id = %(id)s)
           + (SELECT count(*) FROM metric_marks WHERE user_id = %(id)s)
           + (SELECT count(*) FROM users WHERE id = %(id)s)
"""


@pytest.fixture
def alice(committed_db: None) -> User:
    return make_user(make_tenant())


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def erase(user: User) -> uuid.UUID:
    return accounts.erase_person(user_id=user.id, requested_by="a test", reason="a wish")


def answer_to(client: ApiClient) -> int:
    status: int = client.call("POST", EVENTS, NOTE).status_code
    return status


def left_of(user: User, url: str) -> int:
    with psycopg.connect(url) as owner:
        found = owner.execute(LEFT, {"id": user.id}).fetchone()
    assert found
    count: int = found[0]
    return count


@pytest.mark.parametrize("by_address", [False, True])
def test_waits_for_a_request_and_the_next_one_finds_nobody(alice, database_url, pool, by_address):
    client = client_of(alice)
    claims = [None, alice.email] if by_address else [alice.id, None]

    with psycopg.connect(database_url) as request:
        assert request.execute(ENTER, claims).fetchone() == (alice.id,)
        request.execute(ADD, [alice.tenant_id, alice.id])
        erasure = pool.submit(then_close, lambda: erase(alice))
        wait_until_blocked(database_url, 1)
        following = pool.submit(then_close, lambda: answer_to(client))
        wait_until_blocked(database_url, 2)
        request.commit()
        assert erasure.result(timeout=30)
        assert following.result(timeout=30) == 401

    assert left_of(alice, database_url) == 0


def test_lets_nobody_in_by_address_who_was_found_just_before(alice, database_url, pool):
    with psycopg.connect(database_url) as holder:
        holder.execute(HOLD_PROFILE, [alice.id])
        erasure = pool.submit(then_close, lambda: erase(alice))
        wait_until_blocked(database_url, 1)

        def enter() -> Any:
            with psycopg.connect(database_url) as request:
                return request.execute(ENTER, [None, alice.email]).fetchone()

        entered = pool.submit(enter)
        wait_until_blocked(database_url, 2)
        holder.rollback()
        assert erasure.result(timeout=30)

        assert entered.result(timeout=30) is None


def test_takes_what_a_worker_commits_meanwhile(alice, database_url, pool):
    with psycopg.connect(database_url) as holder, psycopg.connect(database_url) as worker:
        holder.execute(HOLD_PROFILE, [alice.id])
        erasure = pool.submit(then_close, lambda: erase(alice))
        wait_until_blocked(database_url, 1)
        worker.execute(ADD, [alice.tenant_id, alice.id])
        worker.commit()
        holder.rollback()

        assert erasure.result(timeout=30)

    assert left_of(alice, database_url) == 0


def test_holds_up_nobody_else(alice, database_url, pool):
    bob = make_user(alice.tenant)

    with psycopg.connect(database_url) as request:
        request.execute(ENTER, [alice.id, None])
        erasure = pool.submit(then_close, lambda: erase(alice))
        wait_until_blocked(database_url, 1)

        assert answer_to(client_of(bob)) == 201
        assert erase(bob)

        request.rollback()
        assert erasure.result(timeout=30)
