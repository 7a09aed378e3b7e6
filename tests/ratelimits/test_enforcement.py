"""The door: who is counted together, who is refused, and in which words."""

import datetime as dt
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from accounts import services as accounts
from accounts import tokens
from accounts.types import ApiScope
from config import limits as door
from ratelimits import rules, services, traffic
from ratelimits.types import Caller, Mode, Scope, Weight
from tests.conftest import ApiClient, client_of, token_of
from tests.factories import make_tenant, make_user
from tests.ratelimits.conftest import rule

V1, V2, OFREP = "/api/users/me", "/api/v2/me", "/ofrep/v1/evaluate/flags"
CONTEXT: dict[str, Any] = {"context": {}}


def statuses(
    client: ApiClient, count: int, path: str = V2, method: str = "GET", **more: Any
) -> list[int]:
    return [client.call(method, path, **more).status_code for _ in range(count)]


def from_address(address: str, **headers: str) -> ApiClient:
    return ApiClient(REMOTE_ADDR=address, headers=headers)


def test_refuses_in_the_words_of_version_2(as_alice, limits):
    one = rule(1)
    limits.use(one, rule(10, Scope.TENANT))
    as_alice.call("GET", V2)

    answer = as_alice.call("GET", V2)

    body = answer.json()
    assert answer.status_code == body["status"] == 429
    assert answer["Content-Type"] == "application/problem+json"
    assert body["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert body["violated-policies"] == [one.name]
    assert body["code"] == "quota-exceeded"
    assert body["retryable"] is True
    assert body["request_id"] == answer["X-Request-ID"]
    assert body["retry_after"] == int(answer["Retry-After"]) == 3600
    assert body["detail"] == "Too many requests. Try again in 3600 seconds."


def test_refuses_in_the_words_of_version_1(as_alice, limits):
    limits.use(rule(1))
    as_alice.call("GET", V1)

    answer = as_alice.call("GET", V1)

    assert answer.status_code == 429
    assert answer.json() == {
        "success": False,
        "error": "Too many requests. Try again in 3600 seconds.",
        "retry_after": 3600,
    }
    assert "Sunset" in answer
    assert answer["Retry-After"] == "3600"


def test_refuses_in_the_words_of_openfeature(as_alice, limits):
    limits.use(rule(1, paths=("/ofrep/*",)))
    as_alice.call("POST", OFREP, CONTEXT)

    answer = as_alice.call("POST", OFREP, CONTEXT)

    assert answer.status_code == 429
    assert answer["Retry-After"] == "3600"
    assert set(answer.json()) <= {"errorCode", "errorDetails", "key"}


def test_tells_all_rules_that_refused(as_alice, limits):
    people, clinics = rule(1), rule(1, Scope.TENANT)
    limits.use(people, clinics)
    as_alice.call("GET", V2)

    answer = as_alice.call("GET", V2)

    assert answer.json()["violated-policies"] == [people.name, clinics.name]


def test_counts_a_person_once_whatever_token_they_show(alice, limits):
    limits.use(rule(2))
    old = {"email": alice.email, "exp": dt.datetime(2100, 1, 1, tzinfo=dt.UTC)}
    by_email = jwt.encode(old, django_settings.JWT_SECRET, "HS256")
    shown = [token_of(alice), by_email, token_of(alice)]

    answers = [ApiClient().call("GET", V1, authorization=f"Bearer {one}") for one in shown]

    assert [answer.status_code for answer in answers] == [200, 200, 429]


def test_lets_one_person_use_up_only_their_own(as_alice, as_bob, limits):
    limits.use(rule(3))

    assert statuses(as_alice, 5) == [200] * 3 + [429] * 2
    assert statuses(as_bob, 3) == [200] * 3


def test_lets_a_clinic_starve_no_other(as_alice, as_bob, as_charlie, limits):
    limits.use(rule(100), rule(4, Scope.TENANT))

    assert statuses(as_alice, 6) == [200] * 4 + [429] * 2
    assert statuses(as_bob, 1) == [429]
    assert statuses(as_charlie, 4) == [200] * 4


def test_counts_a_clinic_at_each_endpoint(as_alice, as_bob, as_charlie, limits):
    limits.use(rule(2, Scope.TENANT_ENDPOINT))

    assert statuses(as_alice, 2) == [200] * 2
    assert statuses(as_bob, 1) == [429]
    assert statuses(as_bob, 1, "/api/v2/status") == [200]
    assert statuses(as_charlie, 1) == [200]


def test_counts_an_endpoint_for_all(as_alice, as_charlie, nobody, limits):
    limits.use(rule(2, Scope.ENDPOINT, paths=(V2,)))

    assert statuses(as_alice, 1) + statuses(nobody, 1) + statuses(as_charlie, 1) == [200, 401, 429]


def test_holds_a_rule_of_one_clinic_for_that_one(as_alice, as_charlie, alice, limits):
    limits.use(rule(1, tenant_id=str(alice.tenant_id)))

    assert statuses(as_alice, 2) == [200, 429]
    assert statuses(as_charlie, 2) == [200, 200]


def test_looks_at_the_paths_and_methods_of_a_rule(as_alice, limits):
    limits.use(rule(1, paths=("/api/v2/health/*",), methods=("GET",)))

    assert statuses(as_alice, 2, "/api/v2/health/event-types") == [200, 429]
    assert statuses(as_alice, 2) == [200, 200]
    assert 429 not in statuses(as_alice, 2, "/api/v2/health/events", "POST", body={})


def test_finds_paths_with_ids_by_their_route(as_alice, limits):
    route = "/api/v2/documents/{document_id}"
    limits.use(rule(1, paths=(route,)))
    made_up = [f"/api/v2/documents/00000000-0000-7000-8000-00000000000{n}" for n in range(2)]

    answers = [as_alice.call("GET", path).status_code for path in made_up]

    assert answers == [404, 429]


def test_takes_more_for_what_weighs_more(as_alice, limits):
    heavy = Weight("/api/v2/health/event-types", 4, ("GET",))
    limits.use(rule(10, weights=(heavy,)))

    assert statuses(as_alice, 3, heavy.path) == [200, 200, 429]
    assert statuses(as_alice, 3) == [200, 200, 429]


def test_refuses_nobody_in_shadow_or_off(as_alice, limits):
    limits.use(rule(1, mode=Mode.SHADOW), rule(1, mode=Mode.OFF))

    assert statuses(as_alice, 3) == [200] * 3


def test_refuses_nobody_when_it_is_switched_off(as_alice, limits, settings):
    limits.use(rule(1))
    settings.RATE_LIMITS = False

    answers = [as_alice.call("GET", V2) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert not any("RateLimit" in answer for answer in answers)


# Callers who are not signed in


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("198.51.100.7", "::ffff:198.51.100.7", True),
        ("198.51.100.7", "198.51.100.8", False),
    ],
)
def test_takes_what_one_household_has_for_one(db, limits, first, second, is_one):
    limits.use(rule(1, Scope.NETWORK))
    from_address(first).call("GET", V1)

    answer = from_address(second).call("GET", V1)

    assert answer.status_code == (429 if is_one else 401)


def test_believes_no_address_that_the_caller_wrote(db, limits):
    limits.use(rule(2, Scope.NETWORK))
    callers = [from_address("198.51.100.9", x_forwarded_for=f"203.0.113.{n}") for n in range(3)]

    answers = [caller.call("GET", V1).status_code for caller in callers]

    assert answers == [401, 401, 429]


def test_believes_the_last_proxy_that_is_ours(db, limits, settings):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}
    limits.use(rule(1, Scope.NETWORK))
    seen = ["6.6.6.6, 203.0.113.1", "7.7.7.7, 203.0.113.1", "6.6.6.6, 203.0.113.2"]

    answers = [
        from_address("10.0.0.1", x_forwarded_for=one).call("GET", V1).status_code for one in seen
    ]

    assert answers == [401, 429, 401]


@pytest.mark.parametrize(
    "header",
    ["Bearer made-up", "Bearer nvk_aaaaaaaa_" + "0" * 49, "Bearer a.b.c", "Basic x", ""],
)
def test_knows_nobody_by_what_proves_nothing(db, limits, header):
    limits.use(rule(1, Scope.NETWORK), rule(50), rule(50, Scope.API_KEY))
    client = from_address("198.51.100.20", **({"authorization": header} if header else {}))

    assert statuses(client, 2, V1)[1] == 429


def test_counts_an_expired_token_as_nobodys(alice, limits):
    limits.use(rule(1, Scope.NETWORK))
    long_ago = timezone.now() - dt.timedelta(days=60)
    token = tokens.v1_token(user_id=alice.id, email=alice.email, nickname="A", now=long_ago)
    client = from_address("198.51.100.21", authorization=f"Bearer {token}")

    assert statuses(client, 2)[1] == 429


@pytest.mark.parametrize("path", [V1, V2, "/api/v2/health/timeline", OFREP])
def test_counts_the_token_of_an_ended_session_as_nobodys(alice, limits, path):
    limits.use(
        rule(5, paths=("/*",)), rule(3, Scope.NETWORK, paths=("/*",)), rule(50, Scope.TENANT)
    )
    long_ago = timezone.now() - dt.timedelta(minutes=5)
    token = tokens.v1_token(user_id=alice.id, email=alice.email, nickname="A", now=long_ago)
    accounts.end_sessions(user_id=alice.id, reason="test", now=timezone.now())
    thief = from_address("198.51.100.22", authorization=f"Bearer {token}")
    method, body = ("POST", CONTEXT) if path == OFREP else ("GET", None)

    found = statuses(thief, 6, path, method, body=body)

    # The first one found it out, at the cost of its owner.
    assert [status == 429 for status in found] == [False] * 4 + [True] * 2
    ((_, left),) = services.own_limits(caller=Caller(str(alice.id), None, None, ""))
    assert left
    assert left.remaining == 4


def test_forgets_nobody_for_a_wrong_password_beside_a_good_token(as_alice, limits):
    limits.use(rule(3))
    wrong = {"email": "alice@example.com", "password": "not hers, but long"}

    found = statuses(as_alice, 4, "/api/v2/auth/login", "POST", body=wrong)

    assert found == [401] * 3 + [429]


@pytest.mark.parametrize("path", ["/api/nothing", "/api/v2/nothing", "/ofrep/nothing", "/api/v2/"])
def test_limits_and_counts_paths_where_nothing_is(alice, as_alice, as_bob, limits, path):
    limits.use(rule(2, paths=("/*",)))
    traffic._taken.clear()

    found = statuses(as_alice, 4, path)

    assert found == [404, 404, 429, 429]
    assert statuses(as_bob, 1, path) == [404]
    routes = traffic._taken[1 :: traffic.FIELDS]
    assert len(routes) == 5
    assert {route.endswith("/(unknown)") for route in routes} == {True}
    assert {caller.user_id for caller in traffic._taken[0 : 4 * traffic.FIELDS : 6]} == {
        str(alice.id)
    }


def test_counts_signed_in_people_by_no_network(as_alice, as_bob, limits):
    limits.use(rule(1, Scope.NETWORK))

    assert statuses(as_alice, 2) + statuses(as_bob, 2) == [200] * 4


def test_counts_each_known_key(db, limits):
    limits.use(
        rule(2, Scope.API_KEY, paths=("/ofrep/*",)), rule(2, Scope.NETWORK, paths=("/ofrep/*",))
    )
    first, second = (
        accounts.create_api_key(
            name=name,
            scopes=[ApiScope.EVALUATE_FLAGS],
            tenant_id=None,
            environment="",
            expires_at=None,
            created_by_id=None,
        )
        for name in ("one", "two")
    )
    body = {"context": {"targetingKey": "somebody"}}

    by_key = {
        name: statuses(
            ApiClient(REMOTE_ADDR=f"198.51.100.{30 + at}", headers={"x-api-key": key}),
            4,
            OFREP,
            "POST",
            body=body,
        )
        for at, (name, (_, key)) in enumerate({"one": first, "two": second}.items())
    }

    # The first request is of a key that this process does not know yet.
    assert by_key == {"one": [200, 200, 200, 429], "two": [200, 200, 200, 429]}


# What it costs, and how it ends


def test_takes_nobody_out_of_their_limits_for_a_key_beside_their_token(as_alice, limits):
    limits.use(rule(2))

    found = [
        as_alice.call("GET", V2, x_api_key=f"novara_made_up_{number}").status_code
        for number in range(3)
    ]

    assert found == [200, 200, 429]


def test_keeps_no_more_for_methods_that_callers_make_up(as_alice, limits):
    limits.use(rule(100, methods=()))
    statuses(as_alice, 2)
    before = len(rules.current()._by_request)

    for number in range(20):
        as_alice.call(f"MADE{number}", V2)

    assert len(rules.current()._by_request) <= before + 1


def test_asks_for_a_persons_clinic_once_a_minute(alice, limits, django_assert_num_queries):
    limits.use(rule(100, Scope.TENANT))
    claims = door.claims_of(f"Bearer {token_of(alice)}")
    assert claims

    with django_assert_num_queries(1):
        found = [door.membership(claims) for _ in range(3)]

    assert found == [(str(alice.id), str(alice.tenant_id))] * 3


def test_refuses_before_any_work_is_done(as_alice, limits, django_assert_num_queries):
    limits.use(rule(1))
    as_alice.call("GET", V2)

    with django_assert_num_queries(0):
        answer = as_alice.call("GET", V2)

    assert answer.status_code == 429


def test_counts_once_who_was_refused_and_may_pass_again(as_alice, limits):
    limits.use(rule(1))
    statuses(as_alice, 2)

    limits.use(rule(5))
    answers = [as_alice.call("GET", V2) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]


def test_answers_preflights_uncounted(nobody, limits):
    limits.use(rule(1, Scope.ENDPOINT), rule(1, Scope.NETWORK))
    asked = {"origin": "http://localhost:5173", "access_control_request_method": "GET"}

    answers = [nobody.call("OPTIONS", V2, **asked).status_code for _ in range(3)]

    assert answers == [204] * 3


def test_is_exact_over_http(committed_db, limits):
    """Threads of one process here; of many processes in test_store."""
    one = rule(50)
    limits.use(one, rule(500, Scope.TENANT), rule(500, Scope.ENDPOINT))
    user = make_user(tenant=make_tenant())

    with ThreadPoolExecutor(12) as pool:
        answers = Counter(pool.map(lambda _: ask_once(user), range(240)))

    assert answers == {200: 50, 429: 190}


def ask_once(user: Any) -> int:
    try:
        return int(client_of(user).call("GET", V2).status_code)
    finally:
        connection.close()
