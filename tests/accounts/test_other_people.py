"""Whatever Bob and Charlie ask of the pages about accounts, they are told nothing of Alice."""

import pytest

from tests.conftest import ApiClient
from tests.factories import make_user

PASSWORD = "correct horse 7"
MARK = "canary-7d1f"


@pytest.fixture
def alice(db):
    told = {"nickname": MARK, "top_concern": MARK, "extra": {"worst_moment": MARK}}
    return make_user(email=f"{MARK}@example.com", password=PASSWORD, profile=told)


def requests_about(alice):
    """Every page about accounts, with Alice's names wherever a name could be put."""
    names = {
        "id": str(alice.id),
        "user_id": str(alice.id),
        "userId": str(alice.id),
        "tenant_id": str(alice.tenant_id),
    }
    scores = {"confidence_meds": 1, "confidence_costs": 1, "confidence_overall": 1}
    query = f"?user_id={alice.id}&id={alice.id}"
    for path in ("/api/users/me", "/api/users/profile"):
        yield "GET", path + query, None
        yield "PUT", path + query, names
    yield "PATCH", "/api/users/baseline", names | scores
    yield "PATCH", "/api/users/cycle-stage", names | {"cycle_stage": "tww"}
    yield "PATCH", "/api/users/medication-status", names | {"medication_status": "taking"}
    yield "POST", "/api/users/complete-onboarding", names
    yield "POST", "/api/auth/logout", names
    yield "GET", "/api/v2/me" + query, None
    yield "POST", "/api/v2/auth/password", {"new_password": "battery staple 8"}


@pytest.mark.parametrize("who", ["bob", "charlie"])
def test_hear_nothing(request, alice, as_alice, who):
    before = as_alice.call("GET", "/api/users/me").json()
    client = request.getfixturevalue(f"as_{who}")

    for method, path, body in requests_about(alice):
        answer = client.call(method, path, body)
        assert answer.status_code < 300, path
        assert MARK not in answer.content.decode(), path
        assert MARK not in str(answer.headers), path
    assert as_alice.call("GET", "/api/users/me").json() == before


@pytest.mark.parametrize("who", ["bob", "charlie"])
def test_cannot_use_a_session_of_hers_as_theirs(request, alice, who):
    other = request.getfixturevalue(who)
    body = {"email": alice.email, "password": PASSWORD}
    session = ApiClient().call("POST", "/api/v2/auth/login", body).json()

    answer = ApiClient().call(
        "POST", "/api/v2/auth/refresh", {"refresh_token": session["refresh_token"]}
    )

    token = answer.json()["access_token"]
    me = ApiClient().call("GET", "/api/v2/me", authorization=f"Bearer {token}")
    assert me.json()["id"] == str(alice.id) != str(other.id)


def test_hear_the_same_of_her_address_as_of_nobodys(alice, nobody):
    answers = [
        nobody.call("POST", path, {"email": email, "password": "wrong horse 7"})
        for path in ("/api/auth/login", "/api/v2/auth/login")
        for email in (alice.email, "nobody@example.com")
    ]

    for hers, nobodys in (answers[:2], answers[2:]):
        without_id = [{**a.json(), "request_id": ""} for a in (hers, nobodys)]
        assert hers.status_code == nobodys.status_code == 401
        assert without_id[0] == without_id[1]
        assert MARK not in hers.content.decode()
