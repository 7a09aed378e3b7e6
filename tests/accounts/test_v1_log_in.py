"""POST /api/auth/login of the old clients, with passwords and, where that is set, without."""

import pytest

from accounts.models import User
from tests.conftest import ApiClient
from tests.factories import make_user

LOG_IN = "/api/auth/login"
PASSWORD = "correct horse 7"


@pytest.fixture
def ann(db):
    return make_user(email="ann@example.com", password=PASSWORD)


@pytest.fixture
def passwordless(settings):
    settings.LEGACY_PASSWORDLESS_LOGIN = True


def test_gives_a_token_and_the_person(ann, nobody):
    answer = nobody.call("POST", LOG_IN, {"email": " ANN@example.com ", "password": PASSWORD})

    body = answer.json()
    client = ApiClient(headers={"authorization": f"Bearer {body['token']}"})
    assert answer.status_code == 200
    assert body["success"] is True
    assert body["userExists"] is True
    assert b'"token":"' in answer.content
    assert body["user"]["id"] == str(ann.id)
    assert {"timezone", "top_concern", "created_at", "cycle_stage"} <= body["user"].keys()
    assert client.call("GET", "/api/users/me").json()["user"]["id"] == str(ann.id)
    ann.refresh_from_db()
    assert ann.last_login


@pytest.mark.parametrize("password", [None, "", 5, ["correct horse 7"], "x" * 1025])
def test_needs_a_password_and_says_so(ann, nobody, password):
    answer = nobody.call("POST", LOG_IN, {"email": ann.email, "password": password})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "password"


@pytest.mark.parametrize("email", [None, "", "ann", 5, "a" * 250 + "@example.com"])
def test_needs_an_address(db, nobody, email):
    answer = nobody.call("POST", LOG_IN, {"email": email, "password": PASSWORD})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "email"


def test_does_not_tell_who_has_an_account(ann, nobody):
    make_user(email="off@example.com", password=PASSWORD, is_active=False)
    make_user(email="none@example.com")

    answers = [
        nobody.call("POST", LOG_IN, {"email": email, "password": password})
        for email, password in [
            (ann.email, "wrong horse 7"),
            (ann.email, PASSWORD.upper()),
            (ann.email, PASSWORD + " "),
            ("unknown@example.com", PASSWORD),
            ("off@example.com", PASSWORD),
            ("none@example.com", PASSWORD),
        ]
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert "token" not in answers[0].json()


def test_lets_nobody_of_a_tenant_that_is_off_in(ann, nobody):
    ann.tenant.is_active = False
    ann.tenant.save()

    answer = nobody.call("POST", LOG_IN, {"email": ann.email, "password": PASSWORD})

    assert answer.status_code == 401


@pytest.mark.parametrize("password", [{}, {"password": "whatever"}, {"password": None}])
def test_needs_no_password_where_that_is_set(ann, nobody, passwordless, password):
    answer = nobody.call("POST", LOG_IN, {"email": " ANN@Example.com ", **password})

    assert answer.status_code == 200
    assert answer.json()["userExists"] is True
    assert answer.json()["user"]["email"] == ann.email


def test_says_without_passwords_that_nobody_has_the_address(db, nobody, passwordless):
    make_user(email="off@example.com", is_active=False)

    for email in ("unknown@example.com", "off@example.com"):
        answer = nobody.call("POST", LOG_IN, {"email": email})
        assert answer.status_code == 404
        assert answer.json()["success"] is False


def test_limits_the_search_for_addresses_without_passwords(db, nobody, passwordless):
    statuses = [
        nobody.call("POST", LOG_IN, {"email": f"a{number}@example.com"}).status_code
        for number in range(102)
    ]

    assert statuses == [404] * 100 + [429] * 2


def test_says_goodbye(nobody):
    assert nobody.call("POST", "/api/auth/logout").json()["success"] is True


def test_refuses_a_password_that_was_changed_while_it_was_looked_at(ann, nobody, settings):
    """The hasher is where the time goes, so it is there that the other request comes in."""
    settings.PASSWORD_HASHERS = ["tests.accounts.hashers.ChangesThePasswordMeanwhile"]
    User.objects.filter(id=ann.id).update(password="meanwhile$old")

    v1 = nobody.call("POST", LOG_IN, {"email": ann.email, "password": "old"})
    User.objects.filter(id=ann.id).update(password="meanwhile$old")
    v2 = nobody.call("POST", "/api/v2/auth/login", {"email": ann.email, "password": "old"})

    assert v1.status_code == v2.status_code == 401
