"""How often somebody may try a password."""

import datetime as dt
import uuid
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from accounts import services, throttle
from accounts.models import LoginThrottle
from tests.conftest import ApiClient
from tests.core.wsgi import call
from tests.factories import make_user
from tests.health.threads import at_once

PASSWORD = "correct horse 7"
PATHS = ("/api/auth/login", "/api/v2/auth/login")


@pytest.fixture
def ann(db):
    return make_user(email="ann@example.com", password=PASSWORD)


def guess(path: str, email: str, password: str | None = None, address: str = "198.51.100.1") -> Any:
    body = {"email": email, "password": password or "wrong"}
    return ApiClient(REMOTE_ADDR=address).call("POST", path, body)


def is_counted(key: str) -> bool:
    return LoginThrottle.objects.filter(key_digest=throttle._digest(key)).exists()


@pytest.mark.parametrize("path", PATHS)
def test_stops_the_11th_guess_at_an_account(ann, path):
    answers = [guess(path, ann.email, address=f"198.51.100.{n}") for n in range(12)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert 0 < int(answers[-1]["Retry-After"]) <= 300
    assert answers[-1].json()["retry_after"] == int(answers[-1]["Retry-After"])


@pytest.mark.parametrize("path", PATHS)
def test_locks_nobody_out_where_they_logged_in_lately(ann, path):
    home, abroad = "2001:db8:1:2::1", "203.0.113.9"
    before = guess(path, ann.email, PASSWORD, home).status_code

    strangers = [guess(path, ann.email, address=f"198.51.100.{n}").status_code for n in range(11)]

    assert (before, strangers) == (200, [401] * 10 + [429])
    assert guess(path, ann.email, PASSWORD, "2001:db8:1:2:ffff::1").status_code == 200
    # It is no way round the limit of the others.
    assert guess(path, ann.email, PASSWORD, abroad).status_code == 429


def test_stops_guesses_from_a_network_that_is_known(ann):
    guess(PATHS[1], ann.email, PASSWORD)

    found = [guess(PATHS[1], ann.email).status_code for _ in range(11)]

    assert found == [401] * 10 + [429]
    assert guess(PATHS[1], ann.email, PASSWORD).status_code == 429


def test_knows_a_network_for_thirty_days(ann):
    guess(PATHS[1], ann.email, PASSWORD)
    for number in range(11):
        guess(PATHS[1], ann.email, address=f"203.0.113.{number}")
    digest = throttle._digest(f"known:{ann.email} 198.51.100.1")
    known = LoginThrottle.objects.filter(key_digest=digest)
    lasts = known.get().window_ends_at - timezone.now()

    known.update(window_ends_at=timezone.now() - dt.timedelta(minutes=1))

    assert lasts.days == 29
    assert guess(PATHS[1], ann.email, PASSWORD).status_code == 429


def test_stops_the_right_password_then_too(ann):
    for _ in range(10):
        guess(PATHS[0], ann.email)

    assert guess(PATHS[1], ann.email, PASSWORD).status_code == 429


def test_counts_unknown_addresses_alike(db):
    answers = [guess(PATHS[1], "unknown@example.com") for _ in range(11)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]


def test_counts_an_address_however_it_is_written(ann):
    for number in range(10):
        guess(PATHS[0], (ann.email, f" {ann.email.upper()} ")[number % 2])

    assert guess(PATHS[0], ann.email).status_code == 429


def test_begins_anew_after_the_right_password(ann):
    for _ in range(3):
        statuses = [guess(PATHS[1], ann.email).status_code for _ in range(9)]
        statuses.append(guess(PATHS[1], ann.email, PASSWORD).status_code)
        assert statuses == [401] * 9 + [200]


def test_begins_anew_after_five_minutes(ann):
    for _ in range(11):
        guess(PATHS[1], ann.email)
    LoginThrottle.objects.update(window_ends_at=timezone.now() - dt.timedelta(minutes=1))

    assert [guess(PATHS[1], ann.email).status_code for _ in range(11)] == [401] * 10 + [429]


def test_does_not_stop_others(ann):
    other = make_user(email="other@example.com", password=PASSWORD)
    for _ in range(11):
        guess(PATHS[1], ann.email)

    assert guess(PATHS[1], other.email, PASSWORD).status_code == 200


def test_stops_a_network_that_tries_many_accounts(db):
    """Its attempts no longer count against the accounts, or it could lock everybody out."""
    answers = [guess(PATHS[1], f"a{number}@example.com") for number in range(102)]

    assert [answer.status_code for answer in answers] == [401] * 100 + [429] * 2
    assert is_counted("email:a99@example.com")
    assert not is_counted("email:a100@example.com")
    assert guess(PATHS[1], "a0@example.com", address="198.51.100.2").status_code == 401


def test_does_not_count_good_log_ins_against_a_network(ann):
    for _ in range(101):
        account = services.log_in(
            email=ann.email, password=PASSWORD, address="198.51.100.1", now=timezone.now()
        )

    assert account.user_id == ann.id
    assert guess(PATHS[1], ann.email, PASSWORD).status_code == 200


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("198.51.100.7:567", "198.51.100.7"),
        ("[2001:db8:1:2::1]:443", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]", "2001:db8:1:2::/64"),
        ("[::ffff:198.51.100.7]:443", "198.51.100.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_takes_what_one_household_has_for_one(address, network):
    assert throttle.network(address) == network


def test_names_nobody_in_its_table(ann):
    guess(PATHS[1], ann.email)

    stored = [bytes(row.key_digest) for row in LoginThrottle.objects.all()]
    assert len(stored) == 2
    assert all(len(digest) == 32 and b"ann" not in digest for digest in stored)


def test_is_exact_for_20_at_once(committed_db):
    email = f"{uuid.uuid4().hex}@example.com"
    works = [partial(guess, PATHS[1], email, address=f"203.0.113.{n}") for n in range(20)]

    statuses = [answer.status_code for answer in at_once(*works)]

    assert sorted(statuses) == [401] * 10 + [429] * 10


def test_outlives_the_refused_request(committed_db):
    email = f"{uuid.uuid4().hex}@example.com"
    body = {"email": email, "password": "wrong"}

    call("POST", PATHS[1], body)

    assert is_counted(f"email:{email}")
