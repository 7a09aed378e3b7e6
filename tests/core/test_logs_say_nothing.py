"""What is written on standard output names nobody: no address, password, token or answer."""

import json
import logging
from io import StringIO
from typing import Any

import pytest
from celery import shared_task
from celery.app import trace

from core.requests import JsonLines
from tests.conftest import ApiClient, token_of
from tests.core.urls import SECRET
from tests.factories import make_user

MARK = "canary-91c2"
PASSWORD = f"{MARK}-password"


@pytest.fixture
def lines(settings):
    """Read what the real handler writes with the real formatter."""
    settings.ROOT_URLCONF = "tests.core.urls"
    (handler,) = [
        found
        for found in logging.getLogger().handlers
        if isinstance(found.formatter, JsonLines) and isinstance(found, logging.StreamHandler)
    ]
    written = StringIO()
    before = handler.setStream(written)
    try:
        yield lambda: written.getvalue().splitlines()
    finally:
        handler.setStream(before)


def body(**more: Any) -> dict[str, Any]:
    return {"email": f"{MARK}@example.com", "password": PASSWORD, **more}


def test_writes_one_json_object_a_line(db, lines):
    ApiClient().call("GET", "/livez", x_request_id="request-1")

    (line,) = map(json.loads, lines())
    assert line["request_id"] == "request-1"
    assert line["route"] == "livez"
    assert line["status"] == 200


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("POST", "/api/users", body(top_concern=MARK, extra=MARK), 201),
        ("POST", "/api/users", body(nickname=MARK * 10), 400),
        ("POST", "/api/v2/auth/signup", body(nickname=MARK), 201),
        ("POST", "/api/v2/auth/signup", body(**{MARK: MARK}), 400),
        ("POST", "/api/auth/login", body(), 401),
        ("POST", "/api/v2/auth/login", body(), 401),
        ("POST", "/api/v2/auth/refresh", {"refresh_token": MARK}, 401),
        ("POST", "/api/v2/auth/revoke", {"token": MARK}, 204),
        ("POST", "/api/users", f'{{"email": "{MARK}', 400),
        ("POST", f"/api/{MARK}", body(), 404),
        ("POST", f"/api/v2/{MARK}?a={MARK}", body(), 404),
        ("GET", f"/{MARK}", None, 404),
        ("GET", f"/admin/{MARK}/?a={MARK}", None, 302),
    ],
)
def test_names_nobody_who_is_not_known_yet(db, lines, method, path, sent, status):
    answer = ApiClient().call(method, path, sent)

    assert answer.status_code == status
    assert f'"status":{status}' in "".join(lines())
    assert MARK not in "".join(lines())
    for word in ("token", "access_token", "refresh_token"):
        token = answer.json().get(word) if "json" in answer.get("Content-Type", "") else None
        assert token is None or token not in "".join(lines())


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("PUT", "/api/users/me", {"nickname": MARK, MARK: MARK}, 200),
        ("PUT", "/api/users/me", {"timezone": MARK}, 400),
        ("POST", "/api/checkins", {"mood_today": MARK, "confidence_today": 11}, 400),
        ("GET", f"/api/checkins/{MARK}", None, 404),
        ("GET", f"/api/checkins?limit={MARK}", None, 400),
        ("POST", "/api/v2/health/events", {"event_type": MARK, "event_data": {}}, 400),
        ("GET", f"/api/v2/health/timeline?cursor={MARK}", None, 400),
        ("PATCH", f"/api/v2/me?{MARK}", {MARK: MARK}, 405),
        ("GET", f"/api/fails/raise?{MARK}", None, 500),
        ("GET", f"/api/fails/sql?{MARK}", None, 500),
        ("GET", f"/api/v2/fails/raise?{MARK}", None, 500),
        ("GET", f"/api/v2/fails/constraint?{MARK}", None, 500),
        ("POST", f"/api/v2/fails-hot/raise?{MARK}", {MARK: MARK}, 500),
        ("POST", f"/api/v2/fails-hot/sql?{MARK}", {MARK: MARK}, 500),
    ],
)
def test_names_nobody_inside(committed_db, lines, method, path, sent, status):
    person = make_user()
    token = token_of(person)

    answer = ApiClient().call(method, path, sent, authorization=f"Bearer {token}")

    written = "".join(lines())
    assert answer.status_code == status
    assert f'"status":{status}' in written
    assert ('"unforeseen"' in written) is (status == 500)
    assert not [word for word in (MARK, SECRET, person.email, token) if word in written]
    if status == 500:
        assert SECRET not in answer.content.decode()


@pytest.mark.parametrize("header", ["authorization", "cookie", "x_request_id", "user_agent"])
def test_does_not_repeat_headers(db, lines, header):
    value = {"authorization": f"Bearer {MARK}", "x_request_id": f"<{MARK}>"}.get(header, MARK)

    answer = ApiClient().call("GET", "/api/v2/me", **{header: value})

    assert MARK not in "".join(lines())
    assert MARK not in str(answer.headers)


def test_says_of_a_failed_task_which_one_and_what_kind_of_error(lines):
    @shared_task(name="tests.fail")
    def fail(word: str) -> None:
        raise ValueError(word)

    trace.build_tracer(fail.name, fail, app=fail.app)("id-1", [MARK], {}, {"id": "id-1"})

    failed, ended = map(json.loads, lines())
    assert (failed["level"], failed["task"], failed["kind"]) == (
        "ERROR",
        "tests.fail",
        "ValueError",
    )
    assert (ended["message"], ended["task"], ended["state"]) == ("task", "tests.fail", "FAILURE")
    assert MARK not in str((failed, ended))


def test_does_not_repeat_a_suspicious_request(db, lines):
    parameters = "&".join(f"{MARK}{number}=1" for number in range(1100))

    host = ApiClient().get("/livez", headers={"host": f"{MARK}.example.org"})
    flood = ApiClient().get(f"/admin/login/?{parameters}")

    assert (host.status_code, flood.status_code) == (400, 400)
    assert "suspicious request" in "".join(lines())
    assert MARK not in "".join(lines())
