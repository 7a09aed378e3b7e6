"""OFREP: how it refuses, always in its own words."""

import pytest
from django.db import connection

from accounts import services
from accounts.types import ApiScope
from core.errors import DomainError
from flags import rules
from flags.api import ofrep
from flags.evaluation import RuleSet
from flags.types import Definition, Prerequisite
from tests.conftest import ApiClient
from tests.flags.asking import ALL, EVERYBODY, ONE, ask, ask_all, make_key, server_of

NOT_JSON = ("{", '{"context": NaN}', '{"context": {"a": "\\ud800"}}', "\x00", "[" * 100_000)


@pytest.fixture
def server(db):
    return server_of()


def assert_refused(response, status, code, key=None):
    told = response.json()
    assert (response.status_code, told["errorCode"]) == (status, code)
    assert response["Content-Type"] == "application/json"
    assert told["errorDetails"].endswith((".", "token", "required", "allowed"))
    assert told.get("key") == key


def test_does_not_know_a_flag(flags, server):
    assert_refused(ask(server, "nothing"), 404, "FLAG_NOT_FOUND", "nothing")
    assert_refused(ask(server, "a/b"), 404, "FLAG_NOT_FOUND", "a/b")
    assert_refused(ask(server, ""), 404, "FLAG_NOT_FOUND", "")


@pytest.mark.parametrize("path", ["/ofrep/", "/ofrep/v1/configuration", "/ofrep/v2/evaluate/flags"])
def test_does_not_know_a_path(nobody, path):
    assert_refused(nobody.call("GET", path), 404, "GENERAL")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_knows_one_method(nobody, method):
    response = nobody.call(method, ALL)

    assert_refused(response, 405, "GENERAL")
    assert response["Allow"] == "POST"


@pytest.mark.parametrize("body", NOT_JSON)
def test_refuses_what_is_no_json(flags, server, body):
    if len(body) < 100:
        assert_refused(server.call("POST", ALL, body), 400, "PARSE_ERROR")
        assert_refused(server.call("POST", f"{ONE}some", body), 400, "PARSE_ERROR", "some")
    else:
        assert_refused(server.call("POST", ALL, body), 413, "INVALID_CONTEXT")


def test_refuses_what_is_nested_too_deep(flags, server):
    body = '{"context": {"a": ' + "[" * 5_000 + "]" * 5_000 + "}}"

    assert_refused(server.call("POST", ALL, body), 400, "PARSE_ERROR")


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        '"text"',
        "1",
        '{"context": []}',
        '{"context": "text"}',
        '{"context": {"targetingKey": 5}}',
        '{"context": {"targetingKey": {}}}',
        '{"context": {"targetingKey": "a\\u0000b"}}',
        '{"context": {"email": ["a@example.com"]}}',
        '{"context": {"tenant": true}}',
        '{"context": {"targetingKey": "%s"}}' % ("x" * 1001),
    ],
)
def test_refuses_contexts_of_another_kind(flags, server, body):
    assert_refused(server.call("POST", ALL, body), 400, "INVALID_CONTEXT")


def test_refuses_contexts_that_are_too_large(flags, server):
    response = ask(server, "some", text="x" * 64 * 1024)

    assert_refused(response, 413, "INVALID_CONTEXT", "some")


def test_refuses_other_kinds_of_bodies(flags, server):
    response = server.generic("POST", ALL, b"<context/>", content_type="text/xml")

    assert_refused(response, 415, "PARSE_ERROR")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer nonsense"},
        {"authorization": "Bearer nvk_nonsense"},
        {"x-api-key": "nonsense"},
        {"x-api-key": "nvk_aaaaaaaa_" + "a" * 49},
    ],
)
def test_asks_for_a_token_or_key(db, headers):
    response = ApiClient(headers=headers).call("POST", ALL, {})

    assert_refused(response, 401, "GENERAL")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_refuses_a_key_once_it_is_revoked(flags):
    key, secret = make_key()
    services.revoke_api_key(key_id=key.id, now=key.created_at)

    assert_refused(ApiClient(headers={"x-api-key": secret}).call("POST", ALL, {}), 401, "GENERAL")


def test_refuses_a_key_without_the_scope(flags):
    client = server_of(ApiScope.EXPLAIN_FLAGS)

    assert_refused(client.call("POST", ALL, {}), 403, "GENERAL")


def test_takes_a_key_as_a_bearer_token(flags):
    _, secret = make_key()

    client = ApiClient(headers={"authorization": f"Bearer {secret}"})

    assert client.call("POST", ALL, {}).status_code == 200


def test_refuses_other_host_names(nobody):
    response = nobody.call("POST", ALL, {}, host="evil.example")

    assert_refused(response, 400, "INVALID_CONTEXT")


def test_ignores_versions_that_are_none(flags, as_alice):
    flags.make("one")

    for sent in ("", "x", "-1", "9" * 30, "1.5", "²"):
        response = as_alice.call(
            "POST", f"{ALL}?flagConfigEtag={sent}&flagConfigLastModified=x", {}
        )
        assert response.status_code == 200


@pytest.mark.parametrize(("sent", "told"), [(30, "30"), (0, "1"), (0.2, "1"), (1.5, "2")])
def test_tells_when_to_come_again_in_whole_seconds(sent, told):
    error = DomainError("Too much.", extra={"retry_after": sent})

    assert ofrep.refusal(error)["Retry-After"] == told


def test_gives_the_other_flags_when_one_cannot_be_evaluated(flags, server):
    flags.make("sound", variants=EVERYBODY)
    found = rules.current()
    ring = [
        Definition(key=one, salt=one, is_enabled=True, prerequisites=[Prerequisite(other, ["on"])])
        for one, other in (("egg", "hen"), ("hen", "egg"))
    ]
    definitions = [(flag.definition, flag.version) for flag in found.flags.values()]
    broken = RuleSet(
        [*definitions, *((one, 1) for one in ring)], version=99, environment=found.environment
    )
    rules.replace(rules.Loaded(broken, rules.changed_at()))

    response, items = ask_all(server)

    assert response.status_code == 200
    assert items["sound"]["value"] is True
    assert items["egg"].keys() == {"key", "errorCode", "errorDetails"}
    assert items["egg"]["errorCode"] == "GENERAL"
    assert_refused(ask(server, "egg"), 400, "GENERAL", "egg")
    assert ask(server, "egg").json() == items["egg"]


def test_asks_the_database_once_at_most(flags, as_alice, server, django_assert_num_queries):
    ask_all(server)

    with django_assert_num_queries(0):
        ask_all(server)
    assert connection.in_atomic_block
