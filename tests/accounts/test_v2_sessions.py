"""/api/v2/auth/…: sign up, log in, refresh, revoke."""

import datetime as dt
from functools import partial
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.utils import timezone

from accounts import services
from accounts.models import RefreshFamily, RefreshToken, User
from tests.conftest import ApiClient
from tests.factories import make_user
from tests.health.threads import at_once

PASSWORD = "correct horse 7"
EVENT = {"event_type": "note", "event_data": {"text": "a"}}


@pytest.fixture
def ann(db):
    return make_user(email="ann@example.com", password=PASSWORD)


def post(path: str, body: Any) -> Any:
    return ApiClient().call("POST", f"/api/v2/auth/{path}", body)


def log_in(user: User) -> dict[str, Any]:
    answer: dict[str, Any] = post("login", {"email": user.email, "password": PASSWORD}).json()
    return answer


def refresh(token: str) -> Any:
    return post("refresh", {"refresh_token": token})


def is_let_in(access_token: str) -> bool:
    """Ask the gate in both ways that there are."""
    client = ApiClient(headers={"authorization": f"Bearer {access_token}"})
    me: int = client.call("GET", "/api/v2/me").status_code
    hot: int = client.call("POST", "/api/v2/health/events", EVENT).status_code
    assert (me, hot) in {(200, 201), (401, 401)}
    return me == 200


def test_signs_up_and_starts_a_session(db):
    answer = post(
        "signup",
        {"email": "Ann@example.com", "password": PASSWORD, "timezone": "Europe/Berlin"},
    )

    body = answer.json()
    assert answer.status_code == 201
    assert body.keys() == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
    assert body["user"].keys() == {"id", "email", "nickname", "timezone"}
    assert body["user"]["email"] == "ann@example.com"
    assert body["user"]["timezone"] == "Europe/Berlin"
    assert body["token_type"] == "Bearer"
    assert is_let_in(body["access_token"])
    assert refresh(body["refresh_token"]).status_code == 200


def test_logs_in(ann):
    body = log_in(ann)

    claims = jwt.decode(body["access_token"], settings.JWT_SECRET, ["HS256"])
    assert claims.keys() == {"sub", "sid", "iat", "exp"}
    assert claims["exp"] - claims["iat"] == body["expires_in"] == 15 * 60
    assert body["user"]["id"] == claims["sub"] == str(ann.id)
    assert is_let_in(body["access_token"])


def test_keeps_no_token_that_could_be_used(ann):
    body = log_in(ann)

    stored = RefreshToken.objects.get(user=ann)
    assert bytes(stored.token_hash).hex() not in body["refresh_token"]
    assert body["refresh_token"].encode() not in bytes(stored.token_hash)


def test_does_not_tell_who_has_an_account(ann):
    answers = [
        post("login", {"email": email, "password": "wrong horse 7"})
        for email in (ann.email, "unknown@example.com")
    ]

    first, second = ({**answer.json(), "request_id": ""} for answer in answers)
    assert answers[0].status_code == answers[1].status_code == 401
    assert first == second
    assert first["code"] == "wrong-credentials"


@pytest.mark.parametrize("password", ["short", "12345678", "password123", "annexample", ""])
def test_signs_nobody_up_with_a_weak_password(db, password):
    answer = post("signup", {"email": "annexample@example.com", "password": password})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/password"
    assert not User.objects.exists()


def test_signs_nobody_up_twice(ann):
    answer = post("signup", {"email": "ANN@example.com", "password": PASSWORD})

    assert answer.status_code == 409
    assert answer.json()["code"] == "email-taken"


@pytest.mark.parametrize("path", ["signup", "login", "refresh", "revoke"])
def test_refuses_keys_that_it_does_not_know_by_name(db, path):
    answer = post(path, {"is_staff": True, "email": "a@example.com", "password": PASSWORD})

    assert answer.status_code == 400
    assert {"detail": "Unknown field.", "pointer": "/is_staff"} in answer.json()["errors"]
    assert not User.objects.exists()


def test_exchanges_a_refresh_token_for_a_new_pair(ann):
    first = log_in(ann)

    second = refresh(first["refresh_token"]).json()

    assert second.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert second["refresh_token"] != first["refresh_token"]
    assert is_let_in(second["access_token"])
    assert is_let_in(first["access_token"])
    assert refresh(second["refresh_token"]).status_code == 200


def test_ends_the_session_when_a_token_is_used_again(ann):
    first, other = log_in(ann), log_in(ann)
    second = refresh(first["refresh_token"]).json()

    again = refresh(first["refresh_token"])

    assert again.status_code == 401
    assert again.json()["code"] == "refresh-token-invalid"
    assert refresh(second["refresh_token"]).status_code == 401
    assert not is_let_in(first["access_token"])
    assert not is_let_in(second["access_token"])
    assert is_let_in(other["access_token"])
    assert refresh(other["refresh_token"]).status_code == 200


@pytest.mark.parametrize("token", ["", "unknown", "é", "a\0b", "x" * 201, None, 5])
def test_refuses_what_is_no_refresh_token(db, token):
    assert refresh(token).status_code in {400, 401}


def test_refuses_an_access_token_as_refresh_token(ann):
    assert refresh(log_in(ann)["access_token"]).status_code in {400, 401}


def test_refuses_an_expired_refresh_token(ann):
    token = log_in(ann)["refresh_token"]

    with pytest.raises(services.RefreshRefused):
        services.refresh_session(token=token, now=timezone.now() + dt.timedelta(days=61))


@pytest.mark.parametrize("of", ["person", "tenant"])
def test_refreshes_for_nobody_who_is_switched_off(ann, of):
    token = log_in(ann)["refresh_token"]
    switched = ann if of == "person" else ann.tenant
    switched.is_active = False
    switched.save(update_fields=["is_active"])

    assert refresh(token).status_code == 401


def test_revokes_a_session_at_once_and_others_not(ann):
    mine, other = log_in(ann), log_in(ann)

    answer = post("revoke", {"token": mine["refresh_token"]})

    assert answer.status_code == 204
    assert answer.content == b""
    assert not is_let_in(mine["access_token"])
    assert refresh(mine["refresh_token"]).status_code == 401
    assert is_let_in(other["access_token"])


def test_revokes_what_nobody_knows_without_an_error(db):
    assert post("revoke", {"token": "unknown"}).status_code == 204


def test_ends_the_sessions_of_whoever_is_deactivated_for_good(ann):
    session = log_in(ann)
    for is_active in (False, True):
        services.set_active(user_ids=[ann.id], is_active=is_active, now=timezone.now())

    assert not is_let_in(session["access_token"])
    assert refresh(session["refresh_token"]).status_code == 401
    assert is_let_in(log_in(ann)["access_token"])


def test_starts_no_session_for_a_log_in_from_before_sessions_were_ended(ann):
    now = timezone.now()
    account = services.log_in(email=ann.email, password=PASSWORD, address="", now=now)

    services.end_sessions(user_id=ann.id, reason="test", now=now)

    with pytest.raises(services.WrongCredentials):
        services.start_session(account=account, now=now)


def test_ends_what_a_faster_clock_let_in(ann):
    """A server's clock is ahead, or a change of the password has taken long."""
    now = timezone.now()
    ahead = now + dt.timedelta(seconds=90)
    account = services.log_in(email=ann.email, password=PASSWORD, address="", now=ahead)

    services.end_sessions(user_id=ann.id, reason="test", now=now)

    ann.refresh_from_db()
    assert ann.tokens_valid_from > account.authenticated_at


def test_lets_one_of_20_at_once_through_and_ends_the_session(committed_db):
    """Whether the second is a thief or an impatient client cannot be told, so the session ends."""
    user = make_user(password=PASSWORD)
    token = log_in(user)["refresh_token"]

    answers = at_once(*[partial(refresh, token)] * 20)

    (winner,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert [answer.status_code for answer in answers].count(401) == 19
    assert RefreshToken.objects.filter(user=user).count() == 2
    assert RefreshFamily.objects.get(user=user).revoke_reason == "reuse"
    assert refresh(winner["refresh_token"]).status_code == 401
    assert not is_let_in(winner["access_token"])


def test_makes_one_account_of_10_sign_ups_at_once(committed_db):
    email = make_user().email.replace("@", "-race@")
    body = {"email": email, "password": PASSWORD}

    answers = at_once(*[partial(post, "signup", body)] * 10)

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert User.objects.filter(email=email).count() == 1
