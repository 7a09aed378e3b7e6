"""/api/v2/flags: a person's flags, and why they are as they are."""

from typing import Any

import pytest
from django.db import connection

from accounts.types import ApiScope
from flags.types import Variant
from tests.conftest import client_of
from tests.factories import make_user
from tests.flags.asking import ALL, EVERYBODY, HALF, ONE, ask, pairs_of, server_of
from tests.house.wire import traffic

PATH = "/api/v2/flags"


def flags_of(client):
    return {one["key"]: one for one in client.call("GET", PATH).json()["flags"]}


def test_lists_all_flags_as_they_are_for_me(flags, as_alice):
    flag = flags.make("one", variants=EVERYBODY)
    flags.make("two", is_enabled=False, description="for admins")

    response = as_alice.call("GET", PATH)
    found = flags_of(as_alice)

    assert found["one"] == {
        "key": "one",
        "value": True,
        "variant": "on",
        "type": "boolean",
        "reason": "everybody",
        "version": flag.version,
    }
    assert (found["two"]["value"], found["two"]["reason"]) == (False, "disabled")
    assert list(found) == sorted(found)
    assert response.json().keys() == {"flags", "stale"}


def test_says_the_same_as_ofrep(flags, as_alice):
    flags.make("part", variants=HALF)

    found, other = flags_of(as_alice)["part"], ask(as_alice, "part").json()

    assert (found["value"], found["variant"]) == (other["value"], other["variant"])
    assert found["reason"] == other["metadata"]["reasonDetail"]


def test_keeps_the_type_of_numbers(flags, as_alice):
    flags.make(
        "speed",
        value_type="float",
        variants=[Variant("whole", 1.0, [(0, 100_000)])],
        default_variant="whole",
        allowed_variant="whole",
    )

    assert b'"value":1.0,' in as_alice.call("GET", PATH).content


def test_answers_again_with_nothing_while_nothing_changed(flags, as_alice):
    flags.make("part", variants=HALF)
    tag = as_alice.call("GET", PATH)["ETag"]

    again = as_alice.call("GET", PATH, If_None_Match=tag)
    flags.change("part", variants=EVERYBODY)
    after = as_alice.call("GET", PATH, If_None_Match=tag)

    assert (again.status_code, again.content) == (304, b"")
    assert after.status_code == 200


def test_counts_the_list_and_not_the_explanation(flags, as_alice, alice, monkeypatch):
    flags.make("counted", variants=EVERYBODY)
    taken: list[Any] = []
    monkeypatch.setattr("flags.counting.take", taken.extend)

    as_alice.call("GET", f"{PATH}/counted")
    assert not taken

    as_alice.call("GET", PATH)
    assert pairs_of(taken, "counted") == [("counted", str(alice.id))]


def test_explains_the_way_to_a_value(flags, as_alice, alice):
    flags.make("hers", variants=HALF, enabled_user_ids=[alice.id])
    flag = flags.change("hers", disabled_user_ids=[])

    found = as_alice.call("GET", f"{PATH}/hers").json()

    assert (found["value"], found["variant"], found["reason"]) == (True, "on", "user_enabled")
    assert found["version"] == flag.version
    assert found["changed_at"] == flag.created_at.isoformat().replace("+00:00", "Z")
    assert 0 <= found["bucket"] < 100_000
    assert [step["check"] for step in found["path"]] == [
        *("switch", "environment", "denied", "prerequisites", "allowed"),
    ]
    assert [step["is_decisive"] for step in found["path"]] == [False] * 4 + [True]
    assert found["stale"] is False


def test_says_since_when_a_version_holds(flags, as_alice):
    flags.make("moving")
    flag = flags.change("moving", variants=EVERYBODY)

    found = as_alice.call("GET", f"{PATH}/moving").json()

    assert found["version"] == flag.version
    assert found["changed_at"] == flag.updated_at.isoformat().replace("+00:00", "Z")


def test_does_not_know_other_flags(flags, as_alice):
    response = as_alice.call("GET", f"{PATH}/nothing")

    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "flag-not-found"


def test_explains_to_a_server_for_whom_it_names(flags, alice):
    flags.make("hers", enabled_user_ids=[alice.id])
    server = server_of(ApiScope.EXPLAIN_FLAGS)

    named = server.call("GET", f"{PATH}/hers?targeting_key={str(alice.id).upper()}").json()
    nobody = server.call("GET", f"{PATH}/hers").json()

    assert named["reason"] == "user_enabled"
    assert (nobody["reason"], nobody["bucket"]) == ("nobody", None)


def test_wants_the_scope_for_explanations(flags):
    flags.make("one")

    response = server_of().call("GET", f"{PATH}/one")

    assert response.status_code == 403
    assert response.json()["code"] == "scope-missing"


def test_lists_nothing_to_servers(flags):
    assert server_of(ApiScope.EXPLAIN_FLAGS).call("GET", PATH).status_code == 401


@pytest.mark.parametrize("path", [f"{PATH}?user_id=1", f"{PATH}/one?email=a@example.com"])
def test_refuses_parameters_that_there_are_not(flags, as_alice, path):
    flags.make("one")

    response = as_alice.call("GET", path)

    assert response.status_code == 400
    assert response.json()["errors"][0]["parameter"] in {"user_id", "email"}


def test_asks_the_database_once(committed_db):
    client = client_of(make_user())
    calls: list[tuple[str, str, Any, int]] = [
        ("GET", PATH, None, 1),
        ("GET", f"{PATH}/enhanced_error_handling", None, 2),
        ("POST", ALL, {}, 1),
        ("POST", f"{ONE}enhanced_error_handling", {}, 1),
    ]

    for method, path, body, statements in calls:
        client.call(method, path, body)
        with traffic() as counted:
            assert client.call(method, path, body).status_code == 200
        assert counted.statements == statements
    assert not connection.in_atomic_block


def test_asks_the_database_nothing_about_a_key_that_is_known(committed_db):
    server = server_of()
    server.call("POST", ALL, {})

    with traffic() as counted:
        assert server.call("POST", ALL, {}).status_code == 200

    assert counted.statements == 0


def test_gives_each_their_own_however_often_they_ask(flags, as_alice, as_bob, alice):
    flags.make("hers", enabled_user_ids=[alice.id])

    values = [
        {one["key"]: one["value"] for one in client.call("GET", PATH).json()["flags"]}["hers"]
        for client in (as_alice, as_bob, as_alice, as_bob)
    ]
    flags.change("hers", enabled_user_ids=[])
    after = {one["key"]: one["value"] for one in as_alice.call("GET", PATH).json()["flags"]}

    assert values == [True, False, True, False]
    assert after["hers"] is False
