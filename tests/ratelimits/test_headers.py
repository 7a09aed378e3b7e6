"""What header fields tell of limits, read as a strict client reads them (RFC 9651)."""

import base64
import time
from typing import Any

import http_sf
from hypothesis import given
from hypothesis import strategies as st

from ratelimits import headers, store
from ratelimits.types import Decision, Mode, Scope, Source, Verdict
from tests.ratelimits.conftest import rule

PATH = "/api/v2/me"


def parsed(field: str) -> dict[str, dict[str, Any]]:
    """Read a list of strings with parameters, by the strings."""
    items: Any = http_sf.parse(field.encode(), tltype="list")
    assert all(type(name) is str for name, _ in items)
    return {name: dict(parameters) for name, parameters in items}


def test_tells_policies_and_what_is_left_of_them(as_alice, limits):
    people, clinics = rule(5, refill=5, window_seconds=60), rule(50, Scope.TENANT)
    limits.use(people, clinics)

    answer = as_alice.call("GET", PATH)

    policies, left = parsed(answer["RateLimit-Policy"]), parsed(answer["RateLimit"])
    assert {name: (one["q"], one["w"]) for name, one in policies.items()} == {
        people.name: (5, 60),
        clinics.name: (50, 50 * 3600),
    }
    assert {name: one["r"] for name, one in left.items()} == {people.name: 4, clinics.name: 49}
    assert left[people.name]["t"] == 12
    assert left[clinics.name]["t"] == 3600


def test_tells_the_same_policies_each_time(as_alice, limits):
    limits.use(rule(2), rule(50, Scope.TENANT))

    told = [as_alice.call("GET", PATH)["RateLimit-Policy"] for _ in range(2)]

    assert told[0] == told[1]


def test_asks_to_wait_at_least_as_long_as_t(as_alice, limits):
    quick, slow = rule(1, refill=1, window_seconds=20), rule(5, Scope.TENANT)
    limits.use(quick, slow)
    as_alice.call("GET", PATH)

    answer = as_alice.call("GET", PATH)

    left = parsed(answer["RateLimit"])
    assert answer.status_code == 429
    assert left[quick.name]["r"] == 0
    assert int(answer["Retry-After"]) >= max(one["t"] for one in left.values()) >= 19


def test_names_the_bucket_without_saying_whose_it_is(as_alice, as_bob, alice, limits):
    limits.use(rule(5), rule(5, Scope.TENANT))

    of_alice, of_bob = (
        [bytes(one["pk"]) for one in parsed(client.call("GET", PATH)["RateLimit"]).values()]
        for client in (as_alice, as_bob)
    )

    assert of_alice[0] != of_bob[0]
    assert of_alice[1] == of_bob[1]
    assert all(len(one) == headers.PARTITION_BYTES for one in of_alice)


def test_says_nothing_of_rules_that_only_watch(as_alice, limits):
    limits.use(rule(1, mode=Mode.SHADOW))

    answers = [as_alice.call("GET", PATH) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert not any("RateLimit" in answer for answer in answers)


def test_gives_old_clients_the_fields_they_know(as_alice, limits):
    limits.use(rule(3, refill=3, window_seconds=30), rule(100, Scope.TENANT))
    before = time.time()

    answers = [as_alice.call("GET", "/api/users/me") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert {answer["X-RateLimit-Limit"] for answer in answers} == {"3"}
    assert [answer["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert before < int(answers[0]["X-RateLimit-Reset"]) <= before + 12
    assert not any("RateLimit" in answer for answer in answers)


def test_lets_pages_of_other_origins_read_them(as_alice, limits):
    limits.use(rule(1))
    as_alice.call("GET", PATH)

    answer = as_alice.call("GET", PATH, origin="http://localhost:5173")

    exposed = {name.strip() for name in answer["Access-Control-Expose-Headers"].split(",")}
    assert answer.status_code == 429
    assert exposed >= {"ratelimit", "ratelimit-policy", "retry-after"}
    assert exposed >= {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}


VERDICTS = st.builds(
    lambda capacity, refill, window, remaining, wait, source, is_exceeded: Verdict(
        rule(capacity, refill=refill, window_seconds=window),
        b"0123456789abcdef",
        min(remaining, capacity),
        wait,
        is_exceeded,
        source,
        1,
    ),
    st.integers(1, 1_000_000),
    st.integers(1, 1_000_000),
    st.integers(1, 2_678_400),
    st.integers(0, 1_000_000),
    st.floats(0, 1e7),
    st.sampled_from(Source),
    st.booleans(),
)


@given(st.lists(VERDICTS, max_size=6))
def test_is_well_formed_whatever_the_figures(verdicts):
    decision = Decision(tuple(verdicts))
    fields = headers.fields(decision)

    after = headers.retry_after(decision)

    assert bool(fields) == any(one.source in headers.COUNTED for one in verdicts)
    if fields:
        policies, left = parsed(fields["RateLimit-Policy"]), parsed(fields.get("RateLimit", ""))
        assert left.keys() <= policies.keys()
        for name, one in left.items():
            assert 0 <= one["r"] <= policies[name]["q"]
            assert policies[name]["w"] > 0
            assert decision.is_allowed or after >= one.get("t", 0)


def test_has_partition_keys_of_the_right_kind():
    one = rule(5)
    (verdict,) = store._without_store([store.Asked(one, b"0123456789abcdef", 1)], 0.0).verdicts

    fields = headers.fields(Decision((verdict,)))

    assert f":{base64.b64encode(b'012345').decode()}:" in fields["RateLimit"]
