"""Which tokens the old clients get, and which ones let somebody in."""

import base64
import datetime as dt
import json
import time
import uuid
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.utils import timezone

from accounts import services
from tests.conftest import ApiClient

ME = "/api/users/me"
EVENTS = "/api/v2/health/events"
EVENT = {"event_type": "note", "event_data": {"text": "a"}}


def sign(secret=None, algorithm="HS256", **claims):
    now = int(time.time())
    payload = {"iat": now, "exp": now + 60, **claims}
    present = {name: value for name, value in payload.items() if value is not None}
    key = "" if algorithm == "none" else secret or settings.JWT_SECRET
    return jwt.encode(present, key, algorithm)


def ask(token, path=ME, scheme="Bearer"):
    return ApiClient().call("GET", path, authorization=f"{scheme} {token}")


def decoded(token):
    """Decode as the web client does: no library, no key."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_says_who_somebody_is_for_30_days(db, nobody):
    answer = nobody.call("POST", "/api/users", {"email": "Ann@Example.com", "nickname": "Ann"})
    token = answer.json()["token"]

    claims = decoded(token)
    assert claims.keys() == {"id", "email", "nickname", "iat", "exp"}
    assert claims["id"] == answer.json()["user"]["id"]
    assert claims["email"] == "ann@example.com"
    assert claims["nickname"] == "Ann"
    assert type(claims["iat"]) is type(claims["exp"]) is int
    assert claims["exp"] - claims["iat"] == 30 * 24 * 3600
    assert token.count(".") == 2
    assert ask(token).status_code == 200


@pytest.mark.parametrize(
    "claims", [("email",), ("id", "email"), ("userId", "email"), ("id",), ("sub",)]
)
def test_lets_in_by_any_claims_that_clients_have_signed(alice, claims):
    known = {"email": alice.email} | dict.fromkeys(("id", "userId", "sub"), str(alice.id))

    answer = ask(sign(**{name: known[name] for name in claims}))

    assert answer.status_code == 200
    assert answer.json()["user"]["email"] == alice.email


@pytest.mark.parametrize("old_id", ["rec8Hq2XbVYp1KzQd", "17", 17])
def test_goes_by_the_address_where_the_id_is_of_the_oldest_servers(alice, old_id):
    beside_address, alone = sign(id=old_id, email=alice.email), sign(id=old_id)

    assert ask(beside_address).json()["user"]["id"] == str(alice.id)
    assert ask(alone).status_code == 403


def test_looks_at_the_address_without_regard_to_case(alice):
    assert ask(sign(email=alice.email.upper())).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Token", "JWT", "anything"])
def test_takes_any_word_before_the_token(alice, scheme):
    assert ask(sign(id=str(alice.id)), scheme=scheme).status_code == 200


@pytest.mark.parametrize("header", [{}, {"authorization": ""}, {"authorization": "Bearer"}])
def test_asks_for_a_missing_token(db, nobody, header):
    v1 = nobody.call("GET", ME, **header)
    v2 = nobody.call("GET", "/api/v2/me", **header)
    hot = nobody.call("POST", EVENTS, EVENT, **header)

    assert v1.status_code == v2.status_code == hot.status_code == 401
    assert v1.json() == {"success": False, "error": "Access token required"}
    assert v2.json()["code"] == hot.json()["code"] == "token-missing"
    assert v2["WWW-Authenticate"] == hot["WWW-Authenticate"] == "Bearer"


# Whole tokens, and what is changed in the claims of a good one of Alice: {"id": …}.
MANGLED = {
    "nonsense": "nonsense",
    "three words": "a.b.c",
    "not ASCII": "\xe9.\xe9.\xe9",
    "signature cut off": "{head}.{alice}.",
    "another's payload": "{head}.{bob}.{signature}",
}
CLAIMS: dict[str, dict[str, Any]] = {
    "expired": {"exp": int(time.time()) - 1},
    "without an end": {"exp": None},
    "signed by another": {"secret": "x" * 40},
    "not signed": {"algorithm": "none"},
    "signed otherwise": {"algorithm": "HS512"},
    "nobody's": {"id": str(uuid.UUID(int=1))},
    "nobody's address": {"id": None, "email": "nobody@example.com"},
    "id and address differ": {"email": "bob@example.com"},
    "no UUID": {"id": "1"},
    "names nobody": {"id": None, "nickname": "Alex"},
    "issued before the account": {"iat": int(time.time()) - 3600},
    "issued in the future": {"iat": int(time.time()) + 3600},
    "issued for ever": {"iat": float("inf")},
    "issued at no number": {"iat": float("nan")},
    "issued in words": {"iat": "now"},
    "ends in words": {"exp": "later"},
    "ends never": {"exp": float("inf")},
    "address with NUL": {"id": None, "email": "alice\0@example.com"},
    "address of half a letter": {"id": None, "email": "\ud800@example.com"},
    "address is a list": {"id": None, "email": ["alice@example.com"]},
    "session of nobody": {"sid": str(uuid.UUID(int=1))},
    "session is no UUID": {"sid": "1"},
}


def bad_token(kind, alice, bob):
    if kind in CLAIMS:
        return sign(**{"id": str(alice.id), **CLAIMS[kind]})
    head, payload, signature = sign(id=str(alice.id)).split(".")
    other = sign(id=str(bob.id)).split(".")[1]
    return MANGLED[kind].format(head=head, alice=payload, bob=other, signature=signature)


@pytest.mark.parametrize("kind", [*MANGLED, *CLAIMS])
def test_refuses_a_bad_token(alice, bob, kind):
    authorization = f"Bearer {bad_token(kind, alice, bob)}"
    client = ApiClient()

    v1 = client.call("GET", ME, authorization=authorization)
    v2 = client.call("GET", "/api/v2/me", authorization=authorization)
    hot = client.call("POST", EVENTS, EVENT, authorization=authorization)

    assert v1.status_code == 403
    assert v1.json() == {"success": False, "error": "Invalid or expired token"}
    assert v2.status_code == hot.status_code == 401
    assert v2.json()["code"] == hot.json()["code"] == "token-invalid"


@pytest.mark.parametrize("of", ["person", "tenant"])
def test_refuses_whoever_is_switched_off(alice, as_alice, of):
    assert as_alice.call("GET", ME).status_code == 200
    switched = alice if of == "person" else alice.tenant
    switched.is_active = False
    switched.save(update_fields=["is_active"])

    assert as_alice.call("GET", ME).status_code == 403
    assert as_alice.call("GET", "/api/v2/me").status_code == 401
    assert as_alice.call("POST", EVENTS, EVENT).status_code == 401


def test_refuses_what_was_issued_before_sessions_were_ended(alice, as_alice):
    assert as_alice.call("GET", ME).status_code == 200

    services.end_sessions(user_id=alice.id, reason="test", now=timezone.now())

    assert as_alice.call("GET", ME).status_code == 403
    assert as_alice.call("POST", EVENTS, EVENT).status_code == 401


def test_lets_a_token_without_a_time_in_until_sessions_are_ended(alice):
    token = sign(email=alice.email, iat=None)
    before = ask(token).status_code

    services.end_sessions(user_id=alice.id, reason="test", now=timezone.now())

    assert before == 200
    assert ask(token).status_code == 403


def test_looks_at_the_end_at_every_use(alice, monkeypatch):
    token = sign(id=str(alice.id))
    first = ask(token).status_code

    monkeypatch.setattr(time, "time", lambda: dt.datetime.now(dt.UTC).timestamp() + 61)

    assert first == 200
    assert ask(token).status_code == 403


def test_refuses_a_token_with_another_address_after_the_address_changed(alice, as_alice):
    alice.email = "new@example.com"
    alice.save(update_fields=["email"])

    assert as_alice.call("GET", ME).status_code == 403
