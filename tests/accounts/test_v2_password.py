"""POST /api/v2/auth/password: a new password ends whatever the old one had opened."""

from functools import partial
from typing import Any

import pytest

from accounts.models import RefreshFamily, User
from tests.conftest import ApiClient, client_of
from tests.factories import make_user
from tests.health.threads import at_once

OLD, NEW = "correct horse 7", "battery staple 8"


@pytest.fixture
def ann(db):
    return make_user(email="ann@example.com", password=OLD)


def log_in(user: User, password: str = OLD) -> Any:
    body = {"email": user.email, "password": password}
    return ApiClient().call("POST", "/api/v2/auth/login", body)


def bearer(token: str) -> ApiClient:
    return ApiClient(headers={"authorization": f"Bearer {token}"})


def change(client: ApiClient, **body: Any) -> Any:
    return client.call("POST", "/api/v2/auth/password", body)


def test_ends_every_session_and_token_and_starts_a_new_one(ann):
    old_client, v2 = client_of(ann), log_in(ann).json()
    legacy = ApiClient().call("POST", "/api/auth/login", {"email": ann.email, "password": OLD})
    old_tokens = [v2["access_token"], legacy.json()["token"]]

    answer = change(bearer(v2["access_token"]), current_password=OLD, new_password=NEW)

    assert answer.status_code == 200
    assert old_client.call("GET", "/api/users/me").status_code == 403
    for token in old_tokens:
        assert bearer(token).call("GET", "/api/v2/me").status_code == 401
        assert bearer(token).call("GET", "/api/v2/health/timeline").status_code == 401
    refresh = {"refresh_token": v2["refresh_token"]}
    assert ApiClient().call("POST", "/api/v2/auth/refresh", refresh).status_code == 401
    fresh = answer.json()
    assert bearer(fresh["access_token"]).call("GET", "/api/v2/me").status_code == 200
    refresh = {"refresh_token": fresh["refresh_token"]}
    renewed = ApiClient().call("POST", "/api/v2/auth/refresh", refresh)
    assert renewed.status_code == 200
    assert bearer(renewed.json()["access_token"]).call("GET", "/api/v2/me").status_code == 200


def test_lets_in_with_the_new_password_alone(ann):
    change(client_of(ann), current_password=OLD, new_password=NEW)

    v2 = log_in(ann, NEW)
    v1 = ApiClient().call("POST", "/api/auth/login", {"email": ann.email, "password": NEW})

    assert log_in(ann, OLD).status_code == 401
    assert bearer(v2.json()["access_token"]).call("GET", "/api/v2/me").status_code == 200
    assert bearer(v1.json()["token"]).call("GET", "/api/users/me").status_code == 200


@pytest.mark.parametrize("current", [{}, {"current_password": ""}, {"current_password": NEW}])
def test_needs_the_current_password(ann, current):
    answer = change(client_of(ann), new_password=NEW, **current)

    assert answer.status_code == 403
    assert answer.json()["code"] == "wrong-password"
    assert log_in(ann, OLD).status_code == 200


@pytest.mark.parametrize("new", ["short", "password123", "1234567890", "x" * 1025, "", None, 5])
def test_refuses_a_bad_one(ann, new):
    answer = change(client_of(ann), current_password=OLD, new_password=new)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/new_password"
    assert log_in(ann, OLD).status_code == 200


def test_refuses_keys_that_it_does_not_know_by_name(ann):
    answer = change(client_of(ann), current_password=OLD, new_password=NEW, user_id="x")

    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"detail": "Unknown field.", "pointer": "/user_id"}]


def test_sets_the_first_one_of_an_account_of_the_old_service(alice, as_alice):
    answer = change(as_alice, new_password=NEW)

    assert answer.status_code == 200
    assert log_in(alice, NEW).status_code == 200
    assert as_alice.call("GET", "/api/users/me").status_code == 403


def test_changes_nobody_elses(ann, alice, as_alice):
    change(as_alice, new_password=NEW)

    assert log_in(ann, OLD).status_code == 200
    assert log_in(ann, NEW).status_code == 401


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer nonsense"}])
def test_needs_a_token(db, nobody, headers):
    body = {"current_password": OLD, "new_password": NEW}

    answer = nobody.call("POST", "/api/v2/auth/password", body, **headers)

    assert answer.status_code == 401
    assert answer.json()["code"] in {"token-missing", "token-invalid"}


def test_limits_guessing_with_a_stolen_token(ann):
    client = client_of(ann)

    answers = [change(client, current_password="guess", new_password=NEW) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [403] * 10 + [429]
    assert int(answers[-1]["Retry-After"]) > 0


def test_refuses_a_password_that_was_changed_while_it_was_looked_at(ann, settings):
    """The hasher is where the time goes, so it is there that the other request comes in."""
    settings.PASSWORD_HASHERS = ["tests.accounts.hashers.ChangesThePasswordMeanwhile"]
    User.objects.filter(id=ann.id).update(password=f"meanwhile${OLD}")

    answer = change(client_of(ann), current_password=OLD, new_password=NEW)

    ann.refresh_from_db()
    assert answer.status_code == 403
    assert ann.password == "meanwhile$new"


def test_lets_one_of_four_at_once_win(committed_db):
    user = make_user(password=OLD)
    client = client_of(user)
    works = [
        partial(change, client_of(user), current_password=OLD, new_password=f"{NEW}{number}")
        for number in range(4)
    ]

    answers = at_once(*works)

    (winner,) = [number for number in range(4) if answers[number].status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 401, 403}
    assert log_in(user, f"{NEW}{winner}").status_code == 200
    assert client.call("GET", "/api/v2/me").status_code == 401


def test_leaves_no_session_to_whoever_logs_in_meanwhile(committed_db):
    user = make_user(password=OLD)
    client = client_of(user)

    changed, *others = at_once(
        partial(change, client, current_password=OLD, new_password=NEW),
        *[partial(log_in, user)] * 8,
    )

    assert changed.status_code == 200
    assert {other.status_code for other in others} <= {200, 401}
    for other in others:
        if other.status_code == 200:
            token = other.json()["access_token"]
            assert bearer(token).call("GET", "/api/v2/me").status_code == 401
    assert RefreshFamily.objects.filter(user=user, revoked_at=None).count() == 1
