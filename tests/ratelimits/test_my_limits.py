"""GET /api/v2/me/limits: how much I may do, what is left, and what was refused; mine alone."""

import datetime as dt

import pytest
from django.utils import timezone

from ratelimits import store
from ratelimits.models import RateLimitViolation
from ratelimits.types import Mode, Scope
from tests.ratelimits.conftest import rule

PATH = "/api/v2/me/limits"


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A busy machine's store is late, which is not what these tests are about."""
    for name in ("PATIENCE_SECONDS", "STEP_SECONDS"):
        monkeypatch.setattr(store, name, 10)


def told(client):
    answer = client.call("GET", PATH)
    assert answer.status_code == 200
    return {one["name"]: one for one in answer.json()["limits"]}


def violation(user, name="own", number=3, mode="enforced", hours_ago=1):
    at = timezone.now() - dt.timedelta(hours=hours_ago)
    RateLimitViolation.objects.create(
        rule_name=name,
        key=user.id.bytes,
        hour=at,
        scope="user",
        mode=mode,
        user_id=user.id,
        tenant_id=user.tenant_id,
        violation_count=number,
        first_at=at,
        last_at=at,
    )


def test_tells_what_is_left_of_each_rule_that_is_about_me(limits, as_alice, alice, charlie):
    one = rule(5, name="own", paths=("/api/*",), description="Mine.")
    limits.use(
        one,
        rule(9, Scope.TENANT, name="clinic"),
        rule(9, name="watched", mode=Mode.SHADOW),
        rule(9, Scope.NETWORK, name="network"),
        rule(9, Scope.API_KEY, name="keys"),
        rule(9, Scope.ENDPOINT, name="endpoint"),
        rule(9, name="other", tenant_id=str(charlie.tenant_id)),
    )
    violation(alice, number=3)
    violation(alice, number=4, hours_ago=30)
    violation(alice, number=5, mode="shadow")

    as_alice.call("GET", "/api/v2/me")
    found = told(as_alice)

    assert set(found) == {"own", "clinic"}
    assert found["own"] == {
        "name": "own",
        "description": "Mine.",
        "scope": "user",
        "paths": ["/api/*"],
        "methods": [],
        "capacity": 5,
        "refill": 1,
        "window_seconds": 3600,
        "remaining": 4,
        "reset_seconds": 3600,
        "refused_last_day": 3,
    }
    assert found["clinic"]["refused_last_day"] is None
    assert found["clinic"]["remaining"] == 8


def test_is_about_the_caller_alone(limits, as_alice, as_bob, as_charlie, alice):
    limits.use(rule(9, name="own"))
    violation(alice)
    for _ in range(4):
        as_alice.call("GET", "/api/v2/me")

    for stranger in (as_bob, as_charlie):
        own = told(stranger)["own"]
        assert (own["remaining"], own["refused_last_day"]) == (9, 0)
    assert told(as_alice)["own"]["refused_last_day"] == 3


def test_says_the_rules_while_the_store_is_away(limits, as_alice, settings, monkeypatch):
    limits.use(rule(9, name="own"))

    def away(_asked):
        raise store.Away

    monkeypatch.setattr(store, "peek", away)
    own = told(as_alice)["own"]

    assert (own["capacity"], own["remaining"], own["reset_seconds"]) == (9, None, None)


def test_tells_who_is_refused_why(limits, as_alice):
    own, clinic = rule(1), rule(9, Scope.TENANT)
    limits.use(own, clinic)
    statuses = [as_alice.call("GET", "/api/v2/me").status_code for _ in range(3)]

    found = [told(as_alice) for _ in range(3)][-1]

    assert statuses == [200, 429, 429]
    assert (found[own.name]["remaining"], found[clinic.name]["remaining"]) == (0, 8)


def test_is_limited_by_rules_that_name_it(limits, as_alice):
    limits.use(rule(2, name="own-limits", paths=(PATH,)))

    statuses = [as_alice.call("GET", PATH).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]


@pytest.mark.parametrize("path", [f"{PATH}?user_id=1", f"{PATH}?rule=own"])
def test_refuses_parameters_that_it_does_not_know(limits, as_alice, path):
    answer = as_alice.call("GET", path)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] in {"user_id", "rule"}


def test_is_closed_to_who_is_not_signed_in(db, limits, nobody):
    assert nobody.call("GET", PATH).status_code == 401
