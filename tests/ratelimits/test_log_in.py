"""Limits of log-ins and sign-ups: counted in Postgres, with the figures of rules."""

import uuid
from typing import Any

import pytest

from ratelimits.types import Scope
from tests.conftest import ApiClient
from tests.factories import make_user
from tests.ratelimits.conftest import rule

LOG_INS = ("/api/auth/login", "/api/v2/auth/login")
SIGN_UPS = ("/api/users", "/api/auth/signup", "/api/v2/auth/signup")
PASSWORD = "correct horse 7"


def call(path: str, body: Any, address: str = "198.51.100.40") -> Any:
    return ApiClient(REMOTE_ADDR=address).call("POST", path, body)


def sign_up(path: str, address: str = "198.51.100.41") -> Any:
    body = {"email": f"{uuid.uuid4().hex}@example.com", "password": PASSWORD}
    return call(path, body, address)


@pytest.mark.parametrize("path", LOG_INS)
def test_takes_the_figures_of_a_rule(db, limits, path):
    limits.use(rule(3, Scope.LOGIN_EMAIL, window_seconds=900))
    email = make_user().email

    answers = [call(path, {"email": email, "password": "wrong"}) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [401] * 3 + [429]
    assert 890 <= int(answers[-1]["Retry-After"]) <= 900


def test_tells_version_2_why_and_until_when(db, limits):
    limits.use(rule(3, Scope.LOGIN_NETWORK))

    answers = [call(LOG_INS[1], {"email": f"a{n}@example.com", "password": "x"}) for n in range(4)]

    body = answers[-1].json()
    assert body["code"] == "too-many-attempts"
    assert body["retry_after"] == int(answers[-1]["Retry-After"])


def test_holds_without_the_switch_of_the_other_limits(db, limits, settings):
    limits.use(rule(3, Scope.LOGIN_EMAIL))
    settings.RATE_LIMITS = False

    answers = [call(LOG_INS[0], {"email": "a@example.com", "password": "x"}) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [401] * 3 + [429]


@pytest.mark.parametrize("path", SIGN_UPS)
def test_stops_a_network_that_makes_many_accounts(db, limits, path):
    limits.use(rule(5, Scope.SIGN_UP_NETWORK))

    answers = [sign_up(path).status_code for _ in range(6)]

    assert answers == [201] * 5 + [429]
    assert sign_up(path, "198.51.100.42").status_code == 201


def test_counts_sign_ups_of_all_paths_together(db, limits):
    limits.use(rule(3, Scope.SIGN_UP_NETWORK))

    answers = [sign_up(path) for path in (*SIGN_UPS, SIGN_UPS[0])]

    assert [answer.status_code for answer in answers] == [201] * 3 + [429]
    assert int(answers[-1]["Retry-After"]) > 0


def test_counts_those_who_only_ask_who_has_an_account(db, limits):
    limits.use(rule(3, Scope.SIGN_UP_NETWORK))
    body = {"email": make_user().email, "password": PASSWORD}

    answers = [call(SIGN_UPS[2], body).status_code for _ in range(4)]

    assert answers[-1] == 429
    assert 429 not in answers[:3]


def test_stops_a_household_that_has_many_addresses(db, limits):
    limits.use(rule(5, Scope.SIGN_UP_NETWORK))

    answers = [sign_up(SIGN_UPS[2], f"2001:db8:7:7::{n}").status_code for n in range(6)]

    assert answers == [201] * 5 + [429]


def test_changes_a_password_only_so_often(db, limits):
    limits.use(rule(3, Scope.PASSWORD))
    user = make_user(password=PASSWORD)
    client = ApiClient()
    body = {"email": user.email, "password": PASSWORD}
    token = client.call("POST", LOG_INS[1], body).json()["access_token"]
    sent = {"current_password": "wrong", "new_password": "another horse 8"}

    answers = [
        client.call("POST", "/api/v2/auth/password", sent, authorization=f"Bearer {token}")
        for _ in range(4)
    ]

    assert 429 not in {answer.status_code for answer in answers[:3]}
    assert answers[-1].status_code == 429
    assert 0 < int(answers[-1]["Retry-After"]) <= 3600
