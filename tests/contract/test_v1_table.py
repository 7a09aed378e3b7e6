"""Every endpoint of version 1 answers as the reference says: docs/reference/v1.md.

NOVARA_URL=http://127.0.0.1:8000 calls a server that runs already (`make run`), as far as that
can be done without its secret and its database; the page is not looked at then.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.contract import calls, v1_cast, v1_table
from tests.contract.v1_calls import GROUPS
from tests.contract.v1_cast import Call, Endpoint, Person
from tests.house.routes import api_routes

PAGE = Path(settings.ROOT) / "docs" / "reference" / "v1.md"
ENDPOINTS = [endpoint for group in GROUPS for endpoint in group.endpoints]
LIFE = ("Deprecation", "Sunset", "Link")
IS_ELSEWHERE = "NOVARA_URL" in os.environ


def play(endpoint: Endpoint, call: Call, person: Person) -> calls.Answer:
    ids = (call.given(person) if call.given else None) or v1_cast.unknown(person)
    path = endpoint.path.format(**ids) + call.query
    body = call.body(person) if callable(call.body) else call.body
    headers = call.who(person) if call.who else {}
    if call.who is None and endpoint.needs_token:
        headers = calls.bearer(person.token)
    headers |= call.headers
    if call.is_unchanged:
        before = calls.call(person.url, endpoint.method, path, headers=headers)
        headers["If-None-Match"] = before.headers["ETag"]
    return calls.call(person.url, endpoint.method, path, body, headers)


def check(endpoint: Endpoint, call: Call, answer: calls.Answer) -> Any:
    """Hold an answer against what every one must have and what this one must have."""
    assert answer.status == call.status, (call.when, answer.body[:300])
    assert answer.headers["X-Request-ID"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for name, value in call.answered.items():
        assert answer.headers[name] == value
    if answer.status == 204:
        return None
    assert answer.headers["Cache-Control"]
    if answer.status == 304:
        assert answer.body == b""
        assert answer.headers["ETag"]
        return None
    assert answer.headers["Content-Type"].startswith("application/json")
    assert not endpoint.is_v1 or all(answer.headers[name] for name in LIFE)
    assert all(part in answer.text for part in call.contains)
    assert json.dumps(answer.json, separators=(",", ":"), ensure_ascii=False) == answer.text
    missing = set(call.keys) - v1_table.keys_of(answer.json)
    assert not missing, call.when
    check_envelope(call, answer.json)
    return answer.json


def check_envelope(call: Call, body: dict[str, Any]) -> None:
    if call.status < 400:
        assert body.get("success", True) is True
        return
    assert body["success"] is False
    assert body["error"]
    assert call.says in body["error"], call.when
    # Old clients take either word for the end of the session.
    is_about_token = any(word in body["error"].lower() for word in ("token", "expired"))
    assert is_about_token == (call.says in {"token", "expired"}), call.when


@pytest.fixture(scope="module")
def rows(webs: Any) -> Callable[[Endpoint], Sequence[v1_table.Row]]:
    found: dict[str, Sequence[v1_table.Row]] = {}

    def of(endpoint: Endpoint) -> Sequence[v1_table.Row]:
        if str(endpoint) not in found:
            answers = [
                (call, check(endpoint, call, play(endpoint, call, v1_cast.sign_up(url))))
                for call in endpoint.all_calls
                if (url := address(webs, call))
            ]
            found[str(endpoint)] = v1_table.rows_of(endpoint, answers)
        return found[str(endpoint)]

    return of


def address(webs: Any, call: Call) -> str | None:
    """Find the server for a call. One that runs already cannot answer all of them."""
    if not IS_ELSEWHERE:
        return str(webs(passwordless=bool(call.passwordless)))
    can = call.passwordless in {None, webs.is_passwordless} and not call.needs_our_server
    return str(webs.url) if can else None


@pytest.fixture
def page(rows: Any, committed_db: None) -> str:
    if "RENEW_V1_TABLE" in os.environ:
        found = {str(endpoint): rows(endpoint) for endpoint in ENDPOINTS}
        PAGE.write_text(v1_table.page(GROUPS, found))
    return PAGE.read_text()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_answers_as_the_page_says(endpoint, rows, page):
    section = v1_table.section(endpoint, rows(endpoint))

    assert IS_ELSEWHERE or section in page, f"If that is meant: {v1_table.RENEW}"


def test_is_all_of_the_page(page):
    headings = [line for line in page.splitlines() if line.startswith("#")]

    assert page.startswith(v1_table.HEAD)
    assert headings[1:] == v1_table.headings(GROUPS), f"If that is meant: {v1_table.RENEW}"


# Paths that the old service had planned and never had; version 2 answers there.
PLANNED = ("api/health-events", "api/medications/", "api/assessments/")


def test_knows_every_route_of_version_1():
    called = {str(endpoint) for endpoint in ENDPOINTS}

    routes = {
        f"{route.method} /{route.template}".replace("<str:checkin_id>", "{id}").replace(
            "<str:user_id>", "{user_id}"
        )
        for route in api_routes()
        if not route.template.startswith(("api/v2/", "ofrep/", *PLANNED))
    }
    assert routes <= called


def test_calls_no_endpoint_twice():
    assert len({str(endpoint) for endpoint in ENDPOINTS}) == len(ENDPOINTS)
