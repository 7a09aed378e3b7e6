"""The Python OpenFeature SDK with its OFREP provider, against a running server."""

from typing import Any

import pytest
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import FlagEvaluationDetails, Reason

from flags.evaluation import bucket_of
from flags.types import BUCKETS, Condition, Operator
from tests.flags.clients import LiveFlags, gives, python_client, unique

ALICE = EvaluationContext("alice")


def ask(
    client: OpenFeatureClient, key: str, fallback: Any, context: EvaluationContext | None = None
) -> FlagEvaluationDetails[Any]:
    kind = {bool: "boolean", str: "string", int: "integer", float: "float", dict: "object"}
    method = getattr(client, f"get_{kind[type(fallback)]}_details")
    details: FlagEvaluationDetails[Any] = method(key, fallback, context)
    return details


@pytest.mark.parametrize(
    ("value", "fallback"),
    [
        (True, False),
        ("blue", ""),
        ("", "blue"),
        ("Übergröße 🌱", ""),
        (1, 0),
        (-(2**53) + 1, 0),
        (1.5, 0.0),
        (1.0, 0.0),
        (-0.0, 1.0),
        (1e100, 0.0),
        ({"size": 1.0, "steps": [1, 2.5, None], "deep": {"is": True}}, {"none": True}),
        ({}, {"none": True}),
    ],
)
def test_gives_every_kind_of_value(
    live_flags: LiveFlags, python: OpenFeatureClient, value: Any, fallback: Any
) -> None:
    key = unique("kind")
    live_flags.make(key, **gives(value))

    found = ask(python, key, fallback, ALICE)

    assert (found.error_code, found.error_message) == (None, None)
    assert repr(found.value) == repr(value)
    assert (found.variant, found.reason) == ("on", Reason.STATIC)


def test_gives_the_default_variant_of_a_disabled_flag(
    live_flags: LiveFlags, python: OpenFeatureClient
) -> None:
    key = unique("off")
    live_flags.make(key, is_enabled=False, **gives("new"))

    found = ask(python, key, "old", ALICE)

    assert (found.value, found.variant, found.reason) == ("", "off", Reason.DISABLED)
    assert found.error_code is None


def test_gives_a_share_of_people_what_their_buckets_say(
    live_flags: LiveFlags, python: OpenFeatureClient
) -> None:
    key = unique("split")
    live_flags.make(key, **gives(True, BUCKETS // 2))
    people = [f"p{number}" for number in range(20)]

    found = [ask(python, key, False, EvaluationContext(person)) for person in people]

    assert {one.reason for one in found} == {Reason.SPLIT}
    inside = [bucket_of(key, person) < BUCKETS // 2 for person in people]
    assert [one.value for one in found] == inside


def test_gives_the_default_of_the_code_for_an_unknown_flag(
    live_flags: LiveFlags, python: OpenFeatureClient
) -> None:
    found = ask(python, "no-such-flag", "red", ALICE)

    assert (found.value, found.error_code) == ("red", ErrorCode.FLAG_NOT_FOUND)
    assert found.error_message == "There is no flag of this key."


def test_names_the_targeting_key_when_a_share_of_people_needs_one(
    live_flags: LiveFlags, python: OpenFeatureClient
) -> None:
    key = unique("split")
    live_flags.make(key, **gives("new", BUCKETS // 2))

    nobody = ask(python, key, "old")
    unnamed = ask(python, key, "old", EvaluationContext("", {"country": "NZ"}))

    for found in (nobody, unnamed):
        assert (found.value, found.error_code) == ("old", ErrorCode.TARGETING_KEY_MISSING)
        assert "targetingKey" in (found.error_message or "")


def test_needs_no_context_for_a_flag_that_is_the_same_for_everybody(
    live_flags: LiveFlags, python: OpenFeatureClient
) -> None:
    key = unique("all")
    live_flags.make(key, **gives("new"))

    found = ask(python, key, "old")

    assert (found.value, found.reason, found.error_code) == ("new", Reason.STATIC, None)


def test_takes_attributes_of_any_form(live_flags: LiveFlags, python: OpenFeatureClient) -> None:
    key = unique("by-plan")
    live_flags.make(key, conditions=[Condition("plan", Operator.ONE_OF, ["gold"])], **gives(True))
    odd: dict[str, Any] = {
        "list": [1, [2]],
        "nested": {"plan": "gold"},
        "none": None,
        "number": 1e300,
    }

    inside = ask(python, key, False, EvaluationContext("a", {**odd, "plan": "gold"}))
    outside = ask(python, key, True, EvaluationContext("a", {**odd, "plan": ["gold"]}))

    assert (inside.value, inside.error_code) == (True, None)
    assert (outside.value, outside.error_code) == (False, None)


def test_refuses_a_value_of_another_kind(live_flags: LiveFlags, python: OpenFeatureClient) -> None:
    text, whole, number = unique("text"), unique("whole"), unique("number")
    live_flags.make(text, **gives("1"))
    live_flags.make(whole, **gives(1))
    live_flags.make(number, **gives(1.0))

    answers = [ask(python, text, 0), ask(python, whole, 0.5), ask(python, number, 2)]

    assert [one.error_code for one in answers] == [ErrorCode.TYPE_MISMATCH] * 3
    assert [one.value for one in answers] == [0, 0.5, 2]


def test_refuses_a_key_that_is_none(live_flags: LiveFlags, flag_server: str) -> None:
    key = unique("all")
    live_flags.make(key, **gives(True))

    with python_client(flag_server, {"X-API-Key": "nvk_nobody"}) as stranger:
        found = ask(stranger, key, False)

    assert (found.value, found.error_code, found.error_message) == (
        False,
        ErrorCode.GENERAL,
        "unauthorized",
    )


def test_takes_the_key_as_a_bearer_token_too(
    live_flags: LiveFlags, flag_server: str, key_headers: dict[str, str]
) -> None:
    key = unique("all")
    live_flags.make(key, **gives(True))
    headers = {"Authorization": f"Bearer {key_headers['X-API-Key']}"}

    with python_client(flag_server, headers) as client:
        found = ask(client, key, False)

    assert (found.value, found.error_code) == (True, None)
