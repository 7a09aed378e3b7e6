"""OFREP: what clients get for their flags, one and all."""

import json
from typing import Any

import pytest

from flags.types import Condition, Operator, Prerequisite, Variant
from tests.flags.asking import ALL, EVERYBODY, HALF, ONE, ask, ask_all, pairs_of, server_of


@pytest.fixture
def server(db):
    return server_of()


def test_gives_a_flag_in_full(flags, as_alice, alice, settings):
    flag = flags.make("new-timeline", variants=EVERYBODY, metadata={"team": "web", "version": 9})

    response = ask(as_alice, "new-timeline")

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response.json() == {
        "key": "new-timeline",
        "value": True,
        "variant": "on",
        "reason": "STATIC",
        "metadata": {
            "contextId": str(alice.id),
            "flagSetId": f"novara/{settings.ENVIRONMENT}",
            "version": flag.version,
            "reasonDetail": "everybody",
            "type": "boolean",
            "team": "web",
        },
    }


@pytest.mark.parametrize("body", [None, b"", "{}", '{"context": {}}', '{"context": null}'])
def test_takes_a_question_without_a_context(flags, server, body):
    flags.make("plain", variants=EVERYBODY)

    response = server.call("POST", f"{ONE}plain", body)

    assert response.status_code == 200
    assert "contextId" not in response.json()["metadata"]


@pytest.mark.parametrize(
    ("fields", "reason", "detail", "value"),
    [
        ({"is_enabled": False, "variants": EVERYBODY}, "DISABLED", "disabled", False),
        ({"variants": EVERYBODY}, "STATIC", "everybody", True),
        ({}, "STATIC", "nobody", False),
        ({"variants": HALF}, "SPLIT", None, None),
        ({"environment_restrictions": ["moon"]}, "TARGETING_MATCH", "environment", False),
        (
            {
                "variants": EVERYBODY,
                "conditions": [Condition("plan", Operator.ONE_OF, ["pro"])],
            },
            "TARGETING_MATCH",
            "conditions",
            False,
        ),
    ],
)
def test_gives_reasons_in_the_words_of_the_sdks(flags, server, fields, reason, detail, value):
    flags.make("worded", **fields)

    found = ask(server, "worded", targetingKey="somebody").json()

    assert found["reason"] == reason
    assert found["variant"] in {"on", "off"}
    if detail:
        assert found["metadata"]["reasonDetail"] == detail
        assert found["value"] is value
    else:
        assert found["metadata"]["reasonDetail"] in {"percentage_in", "percentage_out"}


def test_gives_numbers_in_their_own_type(flags, server):
    flags.make(
        "speed",
        value_type="float",
        variants=[Variant("whole", 1.0, [(0, 100_000)])],
        default_variant="whole",
        allowed_variant="whole",
    )
    flags.make(
        "count",
        value_type="integer",
        variants=[Variant("one", 1, [(0, 100_000)])],
        default_variant="one",
        allowed_variant="one",
    )

    speed, count = ask(server, "speed"), ask(server, "count")

    assert b'"value":1.0,' in speed.content
    assert b'"value":1,' in count.content
    assert (speed.json()["metadata"]["type"], count.json()["metadata"]["type"]) == (
        "float",
        "integer",
    )


def test_gives_all_flags_at_once_as_it_gives_each(flags, as_alice, settings):
    flags.make("one", variants=HALF)
    flags.make("two", is_enabled=False)

    response, found = ask_all(as_alice)

    assert {"one", "two"} <= found.keys()
    assert list(found) == sorted(found)
    assert [found[key] for key in ("one", "two")] == [
        ask(as_alice, key).json() for key in ("one", "two")
    ]
    assert response.json()["metadata"] == {"flagSetId": f"novara/{settings.ENVIRONMENT}"}
    assert "eventStreams" not in response.json()


def test_wants_a_targeting_key_only_where_a_part_is_drawn(flags, server):
    flags.make("part", variants=HALF)
    flags.make("whole", variants=EVERYBODY)

    alone = ask(server, "part", targetingKey="")
    response, found = ask_all(server)

    assert alone.status_code == 400
    assert alone.json()["errorCode"] == "TARGETING_KEY_MISSING"
    assert response.status_code == 200
    assert found["part"] == alone.json()
    assert found["whole"]["value"] is True


def test_draws_people_alike_however_their_id_is_written(flags, server, alice):
    flags.make("part", variants=HALF)

    capitals = ask(server, "part", targetingKey=str(alice.id).upper()).json()

    assert capitals == ask(server, "part", targetingKey=str(alice.id)).json()
    assert capitals["metadata"]["contextId"] == str(alice.id)


def test_keeps_the_capitals_of_other_targeting_keys(flags, server):
    flags.make("part", variants=HALF)

    found = ask(server, "part", targetingKey="Device-A").json()

    assert found["metadata"]["contextId"] == "Device-A"


def test_uses_what_the_client_tells_for_conditions(flags, as_alice):
    wants = Condition("app_version", Operator.VERSION_AT_LEAST, ["2.10"])
    flags.make("newer", variants=EVERYBODY, conditions=[wants])
    odd = {"nested": {"a": [1, None]}, "nothing": None, "when": "2026-01-01T00:00:00Z"}

    new = ask(as_alice, "newer", app_version="2.10.1", **odd).json()
    old = ask(as_alice, "newer", app_version="2.9", **odd).json()

    assert (new["value"], old["value"]) == (True, False)


def test_asks_other_flags_first(flags, as_alice):
    flags.make("base")
    flags.make("upper", variants=EVERYBODY, prerequisites=[Prerequisite("base", ["on"])])

    found = ask(as_alice, "upper").json()

    assert (found["value"], found["metadata"]["reasonDetail"]) == (False, "prerequisite")


def test_answers_again_with_nothing_while_nothing_changed(flags, as_alice):
    flags.make("part", variants=HALF)
    first, _ = ask_all(as_alice)

    again = [
        as_alice.call("POST", ALL, {}, If_None_Match=sent)
        for sent in (first["ETag"], f"W/{first['ETag']}", f'"other", {first["ETag"]}', "*")
    ]
    flags.change("part", variants=EVERYBODY)
    after = as_alice.call("POST", ALL, {}, If_None_Match=first["ETag"])

    assert [(one.status_code, one.content) for one in again] == [(304, b"")] * 4
    assert {one["ETag"] for one in again} == {first["ETag"]}
    assert not [one for one in again if "Content-Type" in one]
    assert after.status_code == 200
    assert after["ETag"] != first["ETag"]


def test_knows_a_change_that_matters_to_nobody_as_none(flags, server):
    wants = Condition("plan", Operator.ONE_OF, ["pro"])
    flags.make("paid", variants=EVERYBODY, conditions=[wants])
    first, _ = ask_all(server, plan="pro")

    same = server.call("POST", ALL, {"context": {"plan": "pro"}}, If_None_Match=first["ETag"])
    other = server.call("POST", ALL, {"context": {"plan": "free"}}, If_None_Match=first["ETag"])

    assert (same.status_code, other.status_code) == (304, 200)


def test_takes_keys_of_the_form_that_older_clients_send(flags, server):
    flags.make("a.b-c_d", variants=EVERYBODY)

    assert ask(server, "a.b-c_d").status_code == 200
    assert ask(server, "a%2Eb-c_d").status_code == 200
    assert ask(server, "a/b").json()["key"] == "a/b"
    assert ask(server, "a%2Fb").json()["key"] == "a/b"


def test_counts_what_it_gives(flags, server, monkeypatch):
    flags.make("counted", variants=EVERYBODY)
    taken: list[Any] = []
    monkeypatch.setattr("flags.counting.take", taken.extend)

    ask(server, "counted", targetingKey="somebody")
    ask_all(server, targetingKey="somebody")

    found = pairs_of(taken, "counted")
    assert found == [("counted", "somebody")] * 2


def test_says_of_a_key_in_its_own_environment(flags):
    flags.make("moonlit", variants=EVERYBODY, environment_restrictions=["moon"])
    moon = server_of(environment="moon")

    found = ask(moon, "moonlit").json()

    assert (found["value"], found["metadata"]["flagSetId"]) == (True, "novara/moon")


def test_tells_browsers_what_they_may_read_and_send(nobody, as_alice):
    origin = "http://localhost:3000"
    names = "authorization,content-type,if-none-match,x-api-key"

    preflight = nobody.call(
        "OPTIONS",
        ALL,
        origin=origin,
        access_control_request_method="POST",
        access_control_request_headers=names,
    )
    answers = [client.call("POST", ALL, {}, origin=origin) for client in (nobody, as_alice)]

    assert preflight.status_code == 204
    allowed = preflight["Access-Control-Allow-Headers"].replace(" ", "").split(",")
    assert set(names.split(",")) <= set(allowed)
    for answer in answers:
        assert answer["Access-Control-Allow-Origin"] == origin
        assert {"etag", "retry-after"} <= set(
            answer["Access-Control-Expose-Headers"].replace(" ", "").split(",")
        )


def test_announces_a_stream_whose_ticket_does_not_change_the_answer(flags, as_alice, settings):
    settings.STREAM_URL = "https://streams.example.org"
    first, _ = ask_all(as_alice)

    again = as_alice.call("POST", ALL, {}, If_None_Match=first["ETag"])
    (stream,) = first.json()["eventStreams"]

    assert stream["type"] == "sse"
    assert stream["url"].startswith("https://streams.example.org/streams/flags?ticket=")
    assert again.status_code == 304
    assert again["ETag"] == first["ETag"]


def test_gives_a_new_ticket_before_the_old_one_ends(flags, as_alice, settings):
    settings.STREAM_URL = "https://streams.example.org"
    first, _ = ask_all(as_alice)
    tag, _, expiry = first["ETag"].strip('"').partition(".")

    late = as_alice.call("POST", ALL, {}, If_None_Match=f'"{tag}.{int(expiry) - 7 * 60 * 60}"')
    none = as_alice.call("POST", ALL, {}, If_None_Match=f'"{tag}"')
    odd = as_alice.call("POST", ALL, {}, If_None_Match=f'"{tag}.soon"')

    assert [one.status_code for one in (late, none, odd)] == [200] * 3
    assert "eventStreams" in json.loads(late.content)
