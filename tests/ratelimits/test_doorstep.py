"""Who was refused a moment ago: answered, counted and logged as before, without Django."""

import logging
import sys
from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.handlers.wsgi import WSGIHandler

from accounts.models import User
from config import doorstep
from ratelimits import traffic, violations
from ratelimits.types import Scope
from tests.conftest import token_of
from tests.factories import make_user
from tests.ratelimits.conftest import rule

V1, V2, OFREP = "/api/users/me", "/api/v2/me", "/ofrep/v1/evaluate/flags"
OF_EACH_ANSWER = {"X-Request-ID"}


class Door:
    """The application as a server calls it; `reached` are the requests that came to Django."""

    def __init__(self) -> None:
        django = WSGIHandler()
        self.reached: list[str] = []

        def application(environ: Any, start_response: Any) -> Any:
            self.reached.append(environ["PATH_INFO"])
            return django(environ, start_response)

        self._serve = doorstep.guarded(application)

    def ask(self, path: str, token: str = "", method: str = "GET", **named: str) -> Any:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "HTTP_HOST": "localhost",
            "REMOTE_ADDR": "198.51.100.77",
            "wsgi.input": BytesIO(b""),
            "wsgi.errors": sys.stderr,
        } | named
        if token:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        setup_testing_defaults(environ)
        begun: list[Any] = []
        answer: Any = self._serve(environ, lambda *start: begun.append(start))
        body = b"".join(answer)
        getattr(answer, "close", bool)()
        status, fields = begun[0][:2]
        return int(status[:3]), dict(fields), body


@pytest.fixture
def door(committed_db: None, limits: Any) -> Door:
    return Door()


@pytest.fixture
def alice(committed_db: None) -> User:
    return make_user()


@pytest.mark.parametrize("path", [V1, V2, OFREP])
def test_gives_the_same_answer(alice, limits, door, path):
    limits.use(rule(1, paths=("/*",)))
    method, token = ("POST" if path == OFREP else "GET"), token_of(alice)
    named = {"HTTP_ORIGIN": "http://localhost:5173", "HTTP_X_REQUEST_ID": "the-same-id"}
    door.ask(path, token, method, **named)

    first, again = (door.ask(path, token, method, **named) for _ in range(2))

    assert set(again[1]) == set(first[1])
    for fields in (first[1], again[1]):
        fields.pop("X-RateLimit-Reset", "")  # The clock goes on.
    assert again == first
    assert again[0] == 429
    assert again[1]["Retry-After"] == "3600"
    assert len(door.reached) == 2


def test_gives_each_answer_an_id_of_its_own(alice, limits, door):
    limits.use(rule(1))
    token = token_of(alice)

    answers = [door.ask(V2, token)[1]["X-Request-ID"] for _ in range(5)]

    assert len(set(answers)) == 5
    assert len(door.reached) == 2


def test_counts_and_logs_each(alice, limits, door, caplog):
    one = rule(1)
    limits.use(one)
    token = token_of(alice)
    traffic._taken.clear()
    violations.forget()

    with caplog.at_level(logging.INFO, "novara.requests"):
        ids = [door.ask(V2, token)[1]["X-Request-ID"] for _ in range(5)]

    assert traffic._taken[3 :: traffic.FIELDS] == [200, 429, 429, 429, 429]
    rows: dict[Any, Any] = {}
    violations.drain(rows)
    (row,) = rows.values()
    assert (row.rule_name, row.violation_count) == (one.name, 4)
    assert [sample.request_id for sample in row.samples] == ids[1:]
    lines = [vars(line) for line in caplog.records if line.name == "novara.requests"]
    assert [(line["route"], line["status"]) for line in lines] == [("api/v2/me", 200)] + [
        ("api/v2/me", 429)
    ] * 4


def test_is_for_the_same_caller_and_the_same_request_alone(alice, limits, door):
    limits.use(rule(1, paths=(V2,), methods=("GET",)))
    token = token_of(alice)
    for _ in range(3):
        door.ask(V2, token)

    others = [
        door.ask(V2, token_of(make_user()))[0],
        door.ask(V2, token, "PUT")[0],
        door.ask("/api/v2/status", token)[0],
        door.ask(V2)[0],
        door.ask(V2, token)[0],
    ]

    assert others == [200, 405, 200, 401, 429]


def test_lets_pass_who_may_by_now_and_counts_them_once(alice, limits, door):
    limits.use(rule(1))
    token = token_of(alice)
    for _ in range(3):
        door.ask(V2, token)

    limits.use(rule(5))
    answers = [door.ask(V2, token)[0] for _ in range(6)]

    assert answers == [200] * 5 + [429]


def test_refuses_nobody_when_limits_are_switched_off(alice, limits, door, settings):
    limits.use(rule(1))
    token = token_of(alice)
    for _ in range(3):
        door.ask(V2, token)

    settings.RATE_LIMITS = False

    assert door.ask(V2, token)[0] == 200


def test_answers_preflights_of_who_is_refused(limits, door):
    limits.use(rule(1, Scope.NETWORK))
    origin = {"HTTP_ORIGIN": "http://localhost:5173"}
    refused = [door.ask(V2, method="OPTIONS", **origin)[0] for _ in range(3)]

    asked = origin | {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}
    answer = door.ask(V2, method="OPTIONS", **asked)

    assert refused[-1] == 429
    assert answer[0] == 204


def test_remembers_no_token_and_not_much_of_anybody(alice, limits, door):
    limits.use(rule(1))
    token = token_of(alice)
    for _ in range(2):
        door.ask(V2, token)

    ((name, kept),) = doorstep._refused.items()

    assert len(name) == 16
    assert token not in repr(kept)
    assert V2 not in repr((name, kept.fields))


def test_forgets_after_a_second(alice, limits, door):
    limits.use(rule(1))
    token = token_of(alice)
    for _ in range(2):
        door.ask(V2, token)
    (name,) = doorstep._refused
    kept = doorstep._refused[name]

    doorstep._refused[name] = kept._replace(until=kept.until - doorstep.AGAIN_SECONDS)
    door.ask(V2, token)

    assert len(door.reached) == 3
