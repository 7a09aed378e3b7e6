"""Rules: what makes sense, who notices a change, and what comes with an installation."""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from psycopg.rows import dict_row

from core.errors import InvalidInput, NotFound
from ratelimits import rules, services
from ratelimits.checking import checked
from ratelimits.models import RateLimitRule, RateLimitRuleSet
from ratelimits.services import RuleChanged
from ratelimits.types import IN_POSTGRES, Mode, Scope, WhenAway
from tests.web import run_alone

GOOD: dict[str, Any] = {
    "name": "one-rule",
    "scope": "user",
    "paths": ["/api/v2/*"],
    "capacity": 10,
    "refill": 10,
    "window_seconds": 60,
}
OWN_TENANT = "0192f3a0-0000-7000-8000-000000000001"


def test_keeps_everything_that_is_said(db):
    told = GOOD | {
        "description": "For a test.",
        "methods": ["GET", "POST"],
        "cost": 2,
        "weights": [{"path": "/api/v2/documents", "methods": ["POST"], "cost": 5}],
        "tenant_id": OWN_TENANT,
        "mode": "shadow",
        "when_away": "closed",
    }

    made = services.create_rule(values=told, by="ann@example.com").rule

    assert made == RateLimitRule.objects.get(name="one-rule").rule == checked(told)
    assert (made.mode, made.when_away) == (Mode.SHADOW, WhenAway.CLOSED)
    assert made.weights[0].cost == 5


@pytest.mark.parametrize(
    ("changes", "field", "advice"),
    [
        ({"name": "Not a slug"}, "name", "small letters"),
        ({"name": "a\n"}, "name", "small letters"),
        ({"capacity": 0}, "capacity", "from 1 to 1000000"),
        ({"capacity": 1_000_001}, "capacity", "from 1 to 1000000"),
        ({"refill": 0}, "refill", "from 1"),
        ({"window_seconds": 0}, "window_seconds", "from 1 to 2678400"),
        ({"capacity": 1000, "refill": 1, "window_seconds": 86_400}, "refill", "within 31 days"),
        ({"paths": []}, "paths", "/api/*"),
        ({"paths": ["api/v2"]}, "paths", "no route"),
        ({"paths": ["/admin/*"]}, "paths", "no route"),
        ({"paths": ["/api/*/x"]}, "paths", "no route"),
        ({"methods": ["FETCH"]}, "methods", "give some of GET"),
        ({"cost": 11}, "cost", "to the capacity"),
        ({"cost": 0}, "cost", "to the capacity"),
        ({"weights": [{"path": "/api/v2/me", "cost": 11}]}, "weights", "to the capacity"),
        ({"weights": [{"path": "here", "cost": 1}]}, "weights", "no route"),
        ({"weights": [{"path": "/api/v2/me", "methods": ["X"], "cost": 1}]}, "weights", "GET"),
        ({"tenant_id": "somebody"}, "tenant_id", "id of a clinic"),
        ({"tenant_id": OWN_TENANT, "scope": "network"}, "tenant_id", "leave it empty"),
        ({"scope": "login_email", "mode": "off"}, "mode", "always enforced"),
        ({"scope": "login_email", "mode": "shadow"}, "mode", "always enforced"),
        ({"scope": "login_email", "capacity": 51}, "capacity", "from 3 to 50"),
        ({"scope": "login_email", "capacity": 2}, "capacity", "from 3 to 50"),
        ({"scope": "login_network", "capacity": 1001}, "capacity", "from 10 to 1000"),
        ({"scope": "password", "window_seconds": 59}, "window_seconds", "from 60"),
        ({"scope": "sign_up_network", "window_seconds": 86_401}, "window_seconds", "to 86400"),
        ({"scope": "password", "tenant_id": OWN_TENANT}, "scope", "no clinic"),
    ],
)
def test_names_the_field_and_what_to_do(changes, field, advice):
    with pytest.raises(InvalidInput) as refused:
        checked(GOOD | changes)

    assert [one.pointer for one in refused.value.errors] == [f"/{field}"]
    assert advice in refused.value.errors[0].detail
    assert refused.value.detail.startswith(f"{field}: ")


@pytest.mark.parametrize(
    "changes", [{"scope": "planet"}, {"capacity": "ten"}, {"mode": "maybe"}, {"capacity": None}]
)
def test_refuses_what_has_no_form(changes):
    (field,) = changes

    with pytest.raises(InvalidInput) as refused:
        checked(GOOD | changes)

    assert refused.value.errors[0].pointer == f"/{field}"


def test_tells_all_faults_at_once():
    with pytest.raises(InvalidInput) as refused:
        checked(GOOD | {"name": "?", "paths": [], "cost": 0})

    assert [one.pointer for one in refused.value.errors] == ["/name", "/paths", "/cost"]


def test_has_one_rule_of_each_name(db):
    services.create_rule(values=GOOD, by="ann@example.com")

    with pytest.raises(InvalidInput, match="Choose another name"):
        services.create_rule(values=GOOD | {"capacity": 5}, by="bob@example.com")


def test_changes_what_is_given_and_keeps_the_rest(db):
    services.create_rule(values=GOOD | {"description": "Kept."}, by="ann@example.com")

    row = services.change_rule(
        name="one-rule", values={"capacity": 7}, version=1, by="bob@example.com"
    )

    assert (row.rule.capacity, row.rule.description) == (7, "Kept.")
    assert (row.version, row.updated_by) == (2, "bob@example.com")


def test_refuses_a_change_of_what_was_changed_meanwhile(db):
    services.create_rule(values=GOOD, by="ann@example.com")
    services.change_rule(name="one-rule", values={"capacity": 7}, version=1, by="ann@example.com")

    with pytest.raises(RuleChanged):
        services.change_rule(name="one-rule", values={"capacity": 9}, version=1, by="bob")

    assert RateLimitRule.objects.get(name="one-rule").capacity == 7


def test_keeps_name_and_kind_of_a_rule(db):
    services.create_rule(values=GOOD, by="ann@example.com")

    for values, field in (({"name": "another"}, "/name"), ({"scope": "login_email"}, "/scope")):
        with pytest.raises(InvalidInput) as refused:
            services.change_rule(name="one-rule", values=values, version=1, by="ann@example.com")
        assert refused.value.errors[0].pointer == field


def test_deletes_a_rule(db):
    services.create_rule(values=GOOD, by="ann@example.com")

    services.delete_rule(name="one-rule")

    assert not RateLimitRule.objects.filter(name="one-rule").exists()
    with pytest.raises(NotFound):
        services.delete_rule(name="one-rule")


# What guards passwords


@pytest.mark.parametrize("scope", sorted(IN_POSTGRES))
def test_deletes_no_limit_of_log_ins(db, scope):
    row = RateLimitRule.objects.get(scope=scope)

    with pytest.raises(InvalidInput, match="cannot be deleted"):
        services.delete_rule(name=row.name)
    with pytest.raises(InvalidInput, match="always enforced"):
        services.change_rule(name=row.name, values={"mode": "off"}, version=1, by="ann")


def test_adds_no_second_limit_of_log_ins(db):
    with pytest.raises(InvalidInput, match="are there already"):
        services.create_rule(values=GOOD | {"scope": "password"}, by="ann@example.com")


@pytest.mark.parametrize(
    "change", ["mode = 'off'", "capacity = 100000", "window_seconds = 1", "mode = 'shadow'"]
)
def test_holds_limits_of_log_ins_against_raw_sql(db, change):
    with (
        pytest.raises(IntegrityError, match="rate_limit_rules_log_in_guarded"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE rate_limit_rules SET {change} WHERE scope = 'login_email'")


def test_guards_passwords_without_any_rule():
    known = rules.RuleSet((), version=1)

    assert known.figures(Scope.LOGIN_EMAIL) == (10, 300)
    assert known.figures(Scope.PASSWORD) == (10, 300)


# Who notices


@pytest.fixture
def own(committed_db: None, database_url: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    before = rules.replace(None)
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as opened:
        rules.refresh(opened)
        yield opened
    RateLimitRule.objects.filter(name__startswith="noticed-").delete()
    rules.replace(before)


def names() -> set[str]:
    return {one.name for one in rules.current().rules if one.name.startswith("noticed-")}


def test_is_noticed_whoever_changes_it(own):
    services.create_rule(values=GOOD | {"name": "noticed-one"}, by="ann@example.com")
    rules.refresh(own)
    by_service = names()

    own.execute("UPDATE rate_limit_rules SET name = 'noticed-two' WHERE name = 'noticed-one'")
    rules.refresh(own)
    by_sql = names()

    own.execute("DELETE FROM rate_limit_rules WHERE name = 'noticed-two'")
    rules.refresh(own)
    assert (by_service, by_sql, names()) == ({"noticed-one"}, {"noticed-two"}, set())


def test_is_read_again_only_when_it_has_changed(own):
    before = rules.current()

    rules.refresh(own)
    is_same = rules.current() is before

    own.execute("UPDATE rate_limit_rule_sets SET version = version + 1")
    rules.refresh(own)
    assert is_same
    assert rules.current() is not before


def test_is_kept_while_the_database_is_away(own):
    before = rules.current()
    own.close()

    with pytest.raises(psycopg.Error):
        rules.refresh(own)

    assert rules.current() is before


def test_goes_on_without_a_rule_that_is_not_well_formed(own):
    services.create_rule(values=GOOD | {"name": "noticed-good"}, by="ann@example.com")
    services.create_rule(values=GOOD | {"name": "noticed-bad"}, by="ann@example.com")
    own.execute("UPDATE rate_limit_rules SET weights = '7' WHERE name = 'noticed-bad'")

    rules.refresh(own)

    assert names() == {"noticed-good"}


def test_is_read_once_by_threads_that_begin_together(own):
    rules.replace(None)
    found: list[rules.RuleSet] = []
    threads = [threading.Thread(target=lambda: found.append(rules.current())) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(map(id, found))) == 1


# What comes with an installation


@pytest.fixture
def installed(db: None) -> rules.RuleSet:
    return rules.RuleSet([row.rule for row in RateLimitRule.objects.all()], version=1)


def least(installed: rules.RuleSet, calls: dict[tuple[str, str], int], scope: Scope) -> int:
    """Give what a full bucket of each rule has left after these calls; the smallest."""
    spent: dict[str, int] = {}
    for (method, route), count in calls.items():
        for one, cost in installed.of(route, method):
            if one.scope is scope:
                spent[one.name] = spent.get(one.name, 0) + cost * count
    return min(
        one.capacity - spent.get(one.name, 0) for one in installed.counting if one.scope is scope
    )


def test_has_room_for_a_phone_that_was_away_for_long(installed):
    calls = {
        ("POST", "/api/v2/auth/refresh"): 1,
        ("POST", "/api/v2/health/events/batch"): 10,
        ("GET", "/api/v2/health/timeline"): 50,
        ("POST", "/ofrep/v1/evaluate/flags"): 5,
        ("GET", "/api/v2/documents"): 5,
    }

    assert least(installed, calls, Scope.USER) > 0


def test_has_room_for_pages_of_the_web_client(installed):
    page = (
        *(("GET", "/api/users/metrics"), ("GET", "/api/checkins"), ("POST", "/api/checkins")),
        *(("GET", "/api/insights/daily"), ("POST", "/api/insights/engagement")),
    )

    assert least(installed, dict.fromkeys(page, 20), Scope.USER) > 0


def test_has_room_for_a_folder_of_documents(installed):
    calls = {
        ("POST", "/api/v2/documents"): 40,
        ("GET", "/api/v2/documents/{document_id}"): 80,
        ("GET", "/api/v2/documents/search"): 10,
    }

    assert least(installed, calls, Scope.USER) > 0


def test_has_a_rule_for_what_is_costly_or_open(installed):
    guarded = {
        ("POST", "/api/v2/documents"): Scope.USER,
        ("GET", "/api/v2/documents/search"): Scope.USER,
        ("POST", "/api/v2/auth/signup"): Scope.NETWORK,
        ("POST", "/api/users"): Scope.NETWORK,
        ("POST", "/ofrep/v1/evaluate/flags"): Scope.API_KEY,
        ("GET", "/api/v2/health/timeline"): Scope.TENANT,
    }

    for (method, route), scope in guarded.items():
        assert scope in {one.scope for one, _ in installed.of(route, method)}, route
    assert {one.scope for one in installed.rules} >= IN_POSTGRES


def test_is_well_formed_as_it_comes(installed):
    for row in RateLimitRule.objects.all():
        assert (
            checked({name: getattr(row, name) for name in row.rule.__struct_fields__}) == row.rule
            or row.rule.scope in IN_POSTGRES
        )
    assert RateLimitRuleSet.objects.get().id == 1


READY = """
import os
import config.wsgi
from ratelimits import rules
os._exit(0 if rules._current and rules._current.version else 1)
"""


def test_are_there_before_the_first_request(committed_db):
    assert run_alone(READY) == 0
