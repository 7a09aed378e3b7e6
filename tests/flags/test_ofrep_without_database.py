"""OFREP while the database is away: who was known goes on, with the flags of before."""

import datetime as dt
import uuid

import pytest
from django.db import Error, connection

from accounts import services
from accounts.authentication import BearerAuthentication, TokenInvalid
from core.gate import Claims
from flags import rules
from flags.api import callers
from flags.api.callers import FlagsUnavailable, find_person
from tests.conftest import client_of, token_of
from tests.factories import make_user
from tests.flags.asking import ALL, EVERYBODY, ONE, ask, ask_all, server_of

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
KEY = "enhanced_error_handling"


def claims_of(user):
    return BearerAuthentication.claims(f"Bearer {token_of(user)}")


@pytest.fixture
def break_connection(committed_db):
    """Give what ends this connection at the server, as a restart of it does."""
    rules.current()

    def break_it():
        with pytest.raises(Error), connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    yield break_it
    connection.close()


def test_goes_on_for_people_and_servers_that_are_known(break_connection):
    person, server = client_of(make_user()), server_of()
    before = [client.call("POST", ONE + KEY, {}).json() for client in (person, server)]

    break_connection()
    during = [client.call("POST", ONE + KEY, {}) for client in (person, server)]

    assert [one.status_code for one in during] == [200, 200]
    assert [one.json() for one in during] == before


def test_lets_nobody_else_in(break_connection):
    person, server = client_of(make_user()), server_of()
    break_connection()

    for client in (person, server):
        for path in (ALL, ONE + KEY):
            response = client.call("POST", path, {})
            assert response.status_code == 503
            assert response["Retry-After"] == "5"
            assert response.json()["errorCode"] == "GENERAL"
    assert person.call("GET", "/api/v2/flags").status_code == 503


def test_trusts_a_token_for_five_minutes(break_connection):
    claims = claims_of(make_user())
    person = find_person(claims, NOW)
    break_connection()

    assert find_person(claims, NOW + 4.9 * MINUTE) == person
    with pytest.raises(FlagsUnavailable):
        find_person(claims, NOW + 5 * MINUTE)
    with pytest.raises(FlagsUnavailable):
        find_person(claims, NOW - MINUTE)


def test_ends_sessions_the_moment_it_is_back(break_connection):
    user = make_user()
    claims = claims_of(user)
    find_person(claims, NOW)
    break_connection()
    find_person(claims, NOW + MINUTE)

    connection.close()
    services.end_sessions(user_id=user.id, reason="test", now=NOW + dt.timedelta(days=3650))

    with pytest.raises(TokenInvalid):
        find_person(claims, NOW + MINUTE)
    break_connection()
    with pytest.raises(FlagsUnavailable):
        find_person(claims, NOW + MINUTE)


def test_does_not_wait_for_it_while_the_agent_says_that_it_is_away(
    flags, alice, monkeypatch, django_assert_num_queries
):
    claims = claims_of(alice)
    person = find_person(claims, NOW)
    alice.is_active = False
    alice.save()

    monkeypatch.setattr(rules, "_is_stale", True)
    assert find_person(claims, NOW + MINUTE) is person

    monkeypatch.setattr(rules, "_is_stale", False)
    with pytest.raises(TokenInvalid):
        find_person(claims, NOW + MINUTE)


def test_takes_whom_a_clinic_names_for_who_they_were_before(flags, charlie, bob, monkeypatch):
    flags.make("by-id", enabled_user_ids=[charlie.id, bob.id])
    client = server_of(tenant=charlie.tenant)
    ask_all(client, targetingKey=str(charlie.id))
    monkeypatch.setattr(rules, "_is_stale", True)

    known, unknown = (ask(client, "by-id", targetingKey=str(one.id)) for one in (charlie, bob))

    assert known.json()["metadata"]["reasonDetail"] == "user_enabled"
    assert unknown.json()["metadata"]["reasonDetail"] == "nobody"


def test_remembers_a_bounded_number_of_those_whom_clinics_name(flags, charlie, monkeypatch):
    monkeypatch.setattr(callers, "MOST_KNOWN", 3)
    flags.make("by-id", enabled_user_ids=[charlie.id])
    client = server_of(tenant=charlie.tenant)

    for _ in range(5):
        ask(client, "by-id", targetingKey=str(uuid.uuid4()))
        assert len(callers._strangers) <= 3


def test_knows_a_bounded_number_of_people(flags, alice, monkeypatch):
    monkeypatch.setattr(callers, "MOST_KNOWN", 3)

    for issued_at in range(5):
        claims = Claims(str(alice.id), issued_at=alice.tokens_valid_from.timestamp() + issued_at)
        find_person(claims, NOW)
        assert len(callers._known) <= 3


def test_says_that_flags_are_of_a_while_ago(flags, as_alice, monkeypatch):
    flags.make("one", variants=EVERYBODY)
    fresh, items = ask_all(as_alice)
    monkeypatch.setattr(rules, "_is_stale", True)

    stale, stale_items = ask_all(as_alice)

    assert "stale" not in items["one"]["metadata"]
    assert stale_items["one"]["metadata"] == items["one"]["metadata"] | {"stale": True}
    assert ask(as_alice, "one").json() == stale_items["one"]
    assert stale.json()["metadata"]["stale"] is True
    assert stale["ETag"] != fresh["ETag"]
    assert as_alice.call("GET", "/api/v2/flags").json()["stale"] is True
