"""The OpenFeature SDK of Node servers with its OFREP provider, against a running server."""

from pathlib import Path
from typing import Any

import pytest

from flags.types import BUCKETS
from tests.flags.clients import LiveFlags, NodeClient, gives, node_client, unique

ALICE = {"targetingKey": "alice"}


@pytest.mark.parametrize(
    ("value", "fallback"),
    [
        (True, False),
        ("blue", ""),
        (1, 0),
        (1.5, 0),
        (1.0, 0),
        ({"size": 1.5, "steps": [1, None]}, {}),
    ],
)
def test_gives_every_kind_of_value(
    live_flags: LiveFlags, node: NodeClient, value: Any, fallback: Any
) -> None:
    key = unique("kind")
    live_flags.make(key, **gives(value))

    found = node.ask("evaluate", key=key, fallback=fallback, context=ALICE)

    assert (found["value"], found["variant"], found["reason"]) == (value, "on", "STATIC")
    assert "errorCode" not in found


def test_takes_a_request_without_a_context(live_flags: LiveFlags, node: NodeClient) -> None:
    everybody, split = unique("all"), unique("split")
    live_flags.make(everybody, **gives("new"))
    live_flags.make(split, **gives("new", BUCKETS // 2))

    same = node.ask("evaluate", key=everybody, fallback="old")
    missing = node.ask("evaluate", key=split, fallback="old")
    empty = node.ask("evaluate", key=split, fallback="old", context={"targetingKey": ""})

    assert same["value"] == "new"
    for found in (missing, empty):
        assert (found["value"], found["errorCode"]) == ("old", "TARGETING_KEY_MISSING")


def test_refuses_a_value_of_another_kind(live_flags: LiveFlags, node: NodeClient) -> None:
    key = unique("switch")
    live_flags.make(key, **gives(True))

    found = node.ask("evaluate", key=key, fallback=0, context=ALICE)

    assert (found["value"], found["errorCode"]) == (0, "TYPE_MISMATCH")


def test_gives_the_default_of_the_code_to_a_stranger(
    live_flags: LiveFlags, flag_server: str, tmp_path: Path
) -> None:
    key = unique("all")
    live_flags.make(key, **gives(True))

    with node_client("server.mjs", tmp_path) as client:
        client.ask("start", url=flag_server, headers={"X-API-Key": "nvk_nobody"})
        found = client.ask("evaluate", key=key, fallback=False)

    assert (found["value"], found["errorCode"]) == (False, "GENERAL")
