"""Keys of servers: their form, which ones let a server in, and what is known of their use."""

import datetime as dt
import logging
import re
from dataclasses import FrozenInstanceError

import psycopg
import pytest
from django.db import Error, IntegrityError, connection, transaction
from django.test import RequestFactory
from django.utils import timezone
from psycopg.rows import dict_row

from accounts import key_uses, queries, services, tokens
from accounts.authentication import api_key_of
from accounts.models import ApiKey, Tenant
from accounts.queries import find_api_key
from core import connections, gate
from core.requests import JsonLines
from tests.conftest import ApiClient
from tests.factories import make_tenant, make_user

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)


def make_key(**changes):
    told = {
        "name": "Web server",
        "scopes": ["flags:evaluate"],
        "tenant_id": None,
        "environment": "",
        "expires_at": None,
        "created_by_id": None,
    }
    return services.create_api_key(**told | changes)


def holder_of(secret):
    holder = find_api_key(secret, NOW)
    assert holder is not None
    return holder


# The form


def test_has_a_start_that_people_may_see_and_256_random_bits():
    keys = {tokens.new_api_key() for _ in range(200)}

    assert len({key.split("_")[2] for key in keys}) == 200
    for key in keys:
        assert re.fullmatch(r"nvk_[0-9a-z]{8}_[0-9A-Za-z]{49}", key)
        assert tokens.is_api_key(key)
        assert tokens.api_key_prefix(key) == key[:12]
    assert len(tokens.API_KEY_LETTERS) ** tokens.SECRET_LETTERS >= 2**256


def test_keeps_the_form_that_was_given_out():
    """Another alphabet or checksum would refuse every key that servers have."""
    key = "nvk_ab12cd34_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg24lRB3"

    assert tokens.is_api_key(key)


def test_notices_every_wrong_letter():
    key = tokens.new_api_key()

    for place, letter in enumerate(key):
        wrong = "a" if letter != "a" else "b"
        assert not tokens.is_api_key(key[:place] + wrong + key[place + 1 :])


@pytest.mark.parametrize("change", ["", "x{}", "{}x", " {}", "{}\n", "{}{}"])
def test_is_nothing_more_and_nothing_less(change):
    assert not tokens.is_api_key(change.format(*[tokens.new_api_key()] * 2))


# Finding its server


def test_tells_which_server_has_sent_it(db):
    clinic = make_tenant()
    key, secret = make_key(
        tenant_id=clinic.id, scopes=["flags:explain", "flags:evaluate"], environment="staging"
    )

    holder = holder_of(secret)

    assert (holder.id, holder.tenant_id, holder.environment) == (key.id, clinic.id, "staging")
    assert holder.scopes == {"flags:evaluate", "flags:explain"}
    with pytest.raises(FrozenInstanceError):
        holder.tenant_id = None


def test_is_of_no_clinic_when_it_is_the_houses_own(db):
    _, secret = make_key()

    holder = holder_of(secret)

    assert (holder.tenant_id, holder.environment) == (None, "")


def test_asks_the_database_once_in_five_seconds(db, django_assert_num_queries):
    _, secret = make_key()

    with django_assert_num_queries(1):
        first = find_api_key(secret, NOW)
        again = find_api_key(secret, NOW + 4.9 * SECOND)

    assert first == again
    with django_assert_num_queries(1):
        find_api_key(secret, NOW + 5 * SECOND)


def test_asks_nobody_about_a_key_with_a_wrong_checksum(db, django_assert_num_queries):
    _, secret = make_key()
    find_api_key(secret, NOW)
    wrong = secret[:-1] + ("a" if secret[-1] != "a" else "b")

    with django_assert_num_queries(0):
        assert find_api_key(wrong, NOW) is None
        assert find_api_key("", NOW) is None


def test_finds_nobody_for_a_key_that_was_never_made(db):
    assert find_api_key(tokens.new_api_key(), NOW) is None


def test_ends_with_its_last_moment(db):
    _, secret = make_key(expires_at=NOW + 2 * SECOND)

    assert find_api_key(secret, NOW)
    assert find_api_key(secret, NOW + SECOND)

    assert find_api_key(secret, NOW + 2 * SECOND) is None


def test_ends_within_five_seconds_of_being_revoked(db):
    key, secret = make_key()
    find_api_key(secret, NOW)

    assert services.revoke_api_key(key_id=key.id, now=NOW + SECOND)

    assert find_api_key(secret, NOW + 5 * SECOND) is None
    assert find_api_key(secret, NOW) is None


def test_ends_in_time_also_when_the_clock_is_set_back(db):
    key, secret = make_key()
    find_api_key(secret, NOW)
    services.revoke_api_key(key_id=key.id, now=NOW)

    assert find_api_key(secret, NOW - MINUTE) is None


def test_is_revoked_once(db):
    key, _ = make_key()

    assert services.revoke_api_key(key_id=key.id, now=NOW)
    assert not services.revoke_api_key(key_id=key.id, now=NOW + MINUTE)

    key.refresh_from_db()
    assert key.revoked_at == NOW


def test_ends_with_its_clinic(db):
    clinic = make_tenant()
    _, secret = make_key(tenant_id=clinic.id)
    assert find_api_key(secret, NOW)

    Tenant.objects.filter(id=clinic.id).update(is_active=False)

    assert find_api_key(secret, NOW + 5 * SECOND) is None


def test_is_still_good_until_it_is_revoked_expires_or_its_clinic_is_off(db):
    clinic = make_tenant()
    good, _ = make_key(tenant_id=clinic.id, expires_at=NOW + SECOND)
    revoked, _ = make_key()
    services.revoke_api_key(key_id=revoked.id, now=NOW)

    assert queries.is_api_key_usable(str(good.id), NOW)
    assert not queries.is_api_key_usable(str(good.id), NOW + SECOND)
    assert not queries.is_api_key_usable(str(revoked.id), NOW)
    assert not queries.is_api_key_usable(str(clinic.id), NOW)

    Tenant.objects.filter(id=clinic.id).update(is_active=False)
    assert not queries.is_api_key_usable(str(good.id), NOW)


def test_outlives_whoever_made_it(db):
    maker = make_user()
    _, secret = make_key(created_by_id=maker.id)

    services.erase_person(user_id=maker.id, requested_by="a colleague", reason="asked to")

    assert find_api_key(secret, NOW)


def test_is_unreadable_for_people_inside_the_gate(db):
    make_key()
    person = make_user()

    with pytest.raises(Error, match="permission denied"), gate.as_person(person.id):
        ApiKey.objects.count()
    with pytest.raises(Error, match="permission denied"), gate.as_staff(person.tenant_id):
        ApiKey.objects.count()


def test_forgets_all_keys_rather_than_growing_without_end(db):
    _, secret = make_key()
    _, another = make_key()
    find_api_key(secret, NOW)
    known = queries._known_keys[tokens.api_key_hash(secret)]
    queries._known_keys.update({str(number): known for number in range(queries.MOST_KEYS_KNOWN)})

    assert find_api_key(another, NOW)

    assert set(queries._known_keys) == {tokens.api_key_hash(another)}
    assert find_api_key(secret, NOW)


# Without the database


@pytest.fixture
def break_connection(committed_db):
    """Give what ends this connection at the server, as a restart of it does."""

    def break_it():
        with pytest.raises(Error), connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    yield break_it
    connection.close()


def test_goes_on_for_five_minutes_without_the_database(break_connection):
    key, secret = make_key()
    holder = find_api_key(secret, NOW)
    break_connection()

    for minutes in (1, 2, 4.9):
        assert find_api_key(secret, NOW + minutes * MINUTE) == holder
    with pytest.raises(Error):
        find_api_key(secret, NOW + 5 * MINUTE)

    connection.close()
    services.revoke_api_key(key_id=key.id, now=NOW)
    assert find_api_key(secret, NOW + 5 * MINUTE) is None


def test_expires_without_the_database_too(break_connection):
    _, secret = make_key(expires_at=NOW + MINUTE)
    find_api_key(secret, NOW)
    break_connection()

    assert find_api_key(secret, NOW + 59 * SECOND)
    assert find_api_key(secret, NOW + MINUTE) is None


def test_asks_an_unreachable_database_only_every_five_seconds(break_connection):
    key, secret = make_key()
    holder = find_api_key(secret, NOW)
    break_connection()
    assert find_api_key(secret, NOW + MINUTE) == holder

    connection.close()
    services.revoke_api_key(key_id=key.id, now=NOW)

    assert find_api_key(secret, NOW + MINUTE + 4 * SECOND) == holder
    assert find_api_key(secret, NOW + MINUTE + 5 * SECOND) is None


def test_lets_no_unknown_key_in_without_the_database(break_connection):
    _, secret = make_key()
    break_connection()

    with pytest.raises(Error):
        find_api_key(secret, NOW)


# Beside requests


@pytest.fixture
def own(committed_db, monkeypatch):
    """A connection of its own beside the requests, in a process that knows no key yet."""
    monkeypatch.setattr(queries, "_known_keys", {})
    monkeypatch.setattr(key_uses, "_waiting", {})
    with psycopg.connect(**connections.parameters(), row_factory=dict_row) as own:
        yield own


def test_is_confirmed_before_a_request_would_have_to_ask(own, django_assert_num_queries):
    clinic = make_tenant()
    _, secret = make_key(tenant_id=clinic.id, scopes=["flags:explain"], environment="staging")
    holder = find_api_key(secret, NOW)

    key_uses.flush(own)

    with django_assert_num_queries(0):
        assert find_api_key(secret, timezone.now() + 4 * SECOND) == holder


@pytest.mark.parametrize("end", ["revoked", "clinic off"])
def test_ends_as_soon_as_it_is_not_confirmed(own, end):
    clinic = make_tenant()
    key, secret = make_key(tenant_id=clinic.id)
    now = timezone.now()
    find_api_key(secret, now)

    if end == "revoked":
        services.revoke_api_key(key_id=key.id, now=now)
    else:
        Tenant.objects.filter(id=clinic.id).update(is_active=False)
    key_uses.flush(own)

    assert find_api_key(secret, now) is None


def last_use(key):
    return ApiKey.objects.values_list("last_used_at", flat=True).get(id=key.id)


def test_notes_its_use_at_most_once_a_minute(own, django_assert_num_queries):
    key, _ = make_key()

    with django_assert_num_queries(0):
        services.note_key_use(key_id=key.id, now=NOW)
    key_uses.flush(own)
    services.note_key_use(key_id=key.id, now=NOW + 59 * SECOND)
    key_uses.flush(own)

    assert last_use(key) == NOW
    services.note_key_use(key_id=key.id, now=NOW + 60 * SECOND)
    key_uses.flush(own)
    assert last_use(key) == NOW + 60 * SECOND


def test_notes_its_use_at_most_once_a_minute_over_all_processes(own):
    key, _ = make_key()
    ApiKey.objects.filter(id=key.id).update(last_used_at=NOW - 59 * SECOND)

    services.note_key_use(key_id=key.id, now=NOW)
    key_uses.flush(own)

    assert last_use(key) == NOW - 59 * SECOND


def test_notes_the_use_of_each_key_alone(own):
    used, other = make_key()[0], make_key()[0]

    services.note_key_use(key_id=used.id, now=NOW)
    key_uses.flush(own)

    assert last_use(used) == NOW
    assert last_use(other) is None


def test_notes_its_use_when_the_database_is_back(own):
    key, _ = make_key()
    with psycopg.connect(**connections.parameters(), row_factory=dict_row) as lost:
        with pytest.raises(psycopg.OperationalError):
            lost.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        services.note_key_use(key_id=key.id, now=NOW)

        with pytest.raises(psycopg.OperationalError):
            key_uses.flush(lost)

    key_uses.flush(own)
    assert last_use(key) == NOW


# What is kept of it


def test_leaves_nothing_of_itself_in_the_database(db):
    key, secret = make_key()

    with connection.cursor() as cursor:
        cursor.execute("SELECT k::text FROM api_keys k WHERE id = %s", [key.id])
        ((row,),) = cursor.fetchall()

    assert key.prefix in row
    for part in (secret, secret[13:], secret[13:25], secret[-12:]):
        assert part not in row


def test_leaves_nothing_of_itself_in_logs(db, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(caplog.handler, "formatter", JsonLines())

    key, secret = make_key()
    holder = holder_of(secret)
    services.note_key_use(key_id=holder.id, now=NOW)
    ApiClient().call("GET", "/api/v2/me", X_API_Key=secret)
    ApiClient().call("GET", "/api/v2/me", authorization=f"Bearer {secret}")
    services.revoke_api_key(key_id=key.id, now=NOW)

    assert caplog.records
    assert secret[13:] not in caplog.text


@pytest.mark.parametrize("scopes", [[], ["flags:write"], ["flags:evaluate", ""]])
def test_may_do_only_what_there_is(db, scopes):
    with pytest.raises(IntegrityError, match="api_keys_scopes_known"), transaction.atomic():
        make_key(scopes=scopes)


# In a request


def sent(**headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api_key_of(RequestFactory().get("/", headers=named))


def test_is_read_from_its_header_or_from_a_bearer_token():
    key, other = tokens.new_api_key(), tokens.new_api_key()

    assert sent(X_API_Key=key) == key
    assert sent(authorization=f"Bearer {key}") == key
    assert sent(authorization=f"bearer  {key} ") == key
    assert sent(X_API_Key=key, authorization=f"Bearer {other}") == key


def test_leaves_the_tokens_of_people_alone():
    assert sent() is None
    assert sent(X_API_Key=" ") is None
    assert sent(authorization="Bearer") is None
    assert sent(authorization="Bearer eyJhbGciOiJIUzI1NiJ9.e30.x") is None
    assert sent(authorization=f"Basic {tokens.new_api_key()}") is None


def test_is_no_token_of_a_person(db):
    _, secret = make_key()

    for headers in ({"authorization": f"Bearer {secret}"}, {"X_API_Key": secret}):
        assert ApiClient().call("GET", "/api/v2/me", **headers).status_code == 401


def test_asks_no_database_that_is_known_to_be_away(db, django_assert_num_queries):
    _, secret = make_key()
    holder = holder_of(secret)

    with django_assert_num_queries(0):
        minute_later = NOW + dt.timedelta(minutes=1)
        known = queries.find_api_key(secret, minute_later, is_database_away=True)

    assert known == holder
    with django_assert_num_queries(1):
        queries.find_api_key(secret, NOW + dt.timedelta(minutes=6), is_database_away=True)
