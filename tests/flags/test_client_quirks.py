"""What real clients cannot stand, row by row of the table of quirks that were observed in them.

Each test shows that our server never sends it, through the client that would break.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from django.utils import timezone
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import _parse_retry_after
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from accounts import services as accounts
from accounts.throttle import TooManyAttempts
from config.dev.processes import wait_until
from flags.api.ofrep import refusal
from flags.types import BUCKETS, Condition, Operator
from ratelimits import services as ratelimits
from tests.factories import make_tenant, make_user
from tests.flags.asking import make_key
from tests.flags.clients import (
    BROKER,
    LiveFlags,
    NodeClient,
    call,
    gives,
    node_client,
    python_client,
    unique,
)
from tests.relay import relay
from tests.web import web

ALICE = {"targetingKey": "alice"}
STRANGER = {"X-API-Key": "nvk_nobody"}
PASSWORD = "correct horse battery staple"


def start(client: NodeClient, url: str, headers: dict[str, str], **words: Any) -> None:
    told = {"url": url, "headers": headers, "context": ALICE} | words
    assert client.ask("start", **told) == "READY"


def test_no_variant(live_flags: LiveFlags, python: OpenFeatureClient) -> None:
    """Python fails with GENERAL: every answer has one, whatever the way to it."""
    off, elsewhere, unmet, split = (unique(name) for name in ("off", "staging", "unmet", "split"))
    live_flags.make(off, is_enabled=False, **gives(True))
    live_flags.make(elsewhere, environment_restrictions=["staging"], **gives(True))
    live_flags.make(unmet, conditions=[Condition("plan", Operator.ONE_OF, ["x"])], **gives(True))
    live_flags.make(split, **gives(True, 1))
    alice = EvaluationContext("alice")

    found = [python.get_boolean_details(key, True, alice) for key in (off, elsewhere, unmet, split)]

    assert [(one.value, one.variant, one.error_code) for one in found] == [(False, "off", None)] * 4


def test_reason_outside_the_enum(live_flags: LiveFlags, python: OpenFeatureClient) -> None:
    """Python fails with GENERAL: what exactly was the reason is in the metadata."""
    off, unmet, split, everybody = (unique(name) for name in ("off", "unmet", "split", "all"))
    live_flags.make(off, is_enabled=False, **gives(True))
    live_flags.make(unmet, conditions=[Condition("plan", Operator.ONE_OF, ["x"])], **gives(True))
    live_flags.make(split, **gives(True, BUCKETS - 1))
    live_flags.make(everybody, **gives(True))
    alice = EvaluationContext("alice")

    found = [python.get_boolean_details(key, True, alice) for key in (off, unmet, split, everybody)]

    assert [(one.reason, one.flag_metadata["reasonDetail"]) for one in found] == [
        (Reason.DISABLED, "disabled"),
        (Reason.TARGETING_MATCH, "conditions"),
        (Reason.SPLIT, "percentage_in"),
        (Reason.STATIC, "everybody"),
    ]


def test_no_value(live_flags: LiveFlags, node: NodeClient) -> None:
    """Node fails with GENERAL: a flag that is switched off has a value like any other."""
    key = unique("off")
    live_flags.make(key, is_enabled=False, **gives("new"))

    found = node.ask("evaluate", key=key, fallback="old", context=ALICE)

    assert (found["value"], found["reason"], found.get("errorCode")) == ("", "DISABLED", None)


def test_float_without_a_decimal_point(live_flags: LiveFlags, python: OpenFeatureClient) -> None:
    """Python fails with TYPE_MISMATCH: 1.0 stays 1.0, and 1 stays 1."""
    floating, whole, deep = unique("float"), unique("whole"), unique("deep")
    live_flags.make(floating, **gives(1.0))
    live_flags.make(whole, **gives(1))
    live_flags.make(deep, **gives({"one": 1.0, "two": [2, 3.0]}))

    found = [
        python.get_float_value(floating, 0.0),
        python.get_integer_value(whole, 0),
        python.get_object_value(deep, {}),
    ]

    assert repr(found) == "[1.0, 1, {'one': 1.0, 'two': [2, 3.0]}]"


def test_boolean_read_as_integer(
    live_flags: LiveFlags, python: OpenFeatureClient, node: NodeClient
) -> None:
    """Python takes it, as its booleans are integers: the metadata tell the type."""
    key = unique("switch")
    live_flags.make(key, **gives(True))

    taken = python.get_integer_details(key, 0)
    refused = node.ask("evaluate", key=key, fallback=0, context=ALICE)

    assert (taken.value, taken.flag_metadata["type"]) == (True, "boolean")
    assert refused["errorCode"] == "TYPE_MISMATCH"


def test_400_without_details(live_flags: LiveFlags, python: OpenFeatureClient) -> None:
    """Python shows GENERAL in place of the real code: every 400 has them."""
    key = unique("split")
    live_flags.make(key, **gives(True, BUCKETS // 2))
    too_long, no_text = EvaluationContext("a" * 2_000), EvaluationContext("a", {"email": 7})

    found = [
        python.get_boolean_details(key, True),
        python.get_boolean_details(key, True, too_long),
        python.get_boolean_details(key, True, no_text),
    ]

    assert [one.error_code for one in found] == [
        ErrorCode.TARGETING_KEY_MISSING,
        ErrorCode.INVALID_CONTEXT,
        ErrorCode.INVALID_CONTEXT,
    ]
    names = ["targetingKey", "targetingKey", "email"]
    assert [(one.error_message or "").partition(":")[0] for one in found] == names


@pytest.mark.parametrize("key", ["no-such-flag", "a/b", "a%2Fb", "a//b", "ä b", ""])
def test_404_that_is_no_json(
    flag_server: str, python: OpenFeatureClient, node: NodeClient, key: str
) -> None:
    """Python would show a web page as the reason, Node fails with another error.

    Old clients put a key into the path as it is, new ones escape it.
    """
    shown = python.get_integer_details(key, 7)
    found = node.ask("evaluate", key=key, fallback=7, context=ALICE)

    assert (shown.value, shown.error_code) == (7, ErrorCode.FLAG_NOT_FOUND)
    assert shown.error_message == "There is no flag of this key."
    assert (found["value"], found["errorCode"]) == (7, "FLAG_NOT_FOUND")


def test_429_of_less_than_a_second() -> None:
    """Clients know whole seconds alone, and take 0 for none."""
    impatient = TooManyAttempts("Too many.", extra={"retry_after": 0.2})

    pause = _parse_retry_after(refusal(impatient)["Retry-After"])

    assert pause is not None
    assert pause > timezone.now()


@pytest.fixture
def limited(flags_put_back: None, tmp_path: Path) -> Iterator[LiveFlags]:
    """A server that lets one key ask a few times at once, and then every three seconds."""
    tenant = make_tenant()
    _, secret = make_key(tenant=tenant)
    values = {
        "name": unique("test"),
        "scope": "api_key",
        "paths": ["/ofrep/*"],
        "capacity": 4,
        "refill": 1,
        "window_seconds": 3,
        "tenant_id": str(tenant.id),
    }
    rule = ratelimits.create_rule(values=values, by="test")
    with web(tmp_path, broker=BROKER, RATE_LIMITS="True") as url:
        yield LiveFlags(url, {"X-API-Key": secret})
    ratelimits.delete_rule(name=rule.name)


def test_429_to_a_server(limited: LiveFlags, tmp_path: Path) -> None:
    """Clients of servers pause all their evaluations until Retry-After, and then go on."""
    key = unique("all")
    limited.make(key, **gives(True))

    with (
        python_client(limited.url, limited.headers) as python,
        node_client("server.mjs", tmp_path) as node,
    ):
        node.ask("start", url=limited.url, headers=limited.headers)

        def ask_python() -> tuple[bool, str]:
            found = python.get_boolean_details(key, False)
            return found.value, found.error_message or ""

        def ask_node() -> tuple[bool, str]:
            found = node.ask("evaluate", key=key, fallback=False, context=ALICE)
            return found["value"], found.get("errorMessage") or ""

        for ask in (ask_python, ask_node):
            found = [ask() for _ in range(12)]
            assert any("paused due to TooManyRequests" in said for _, said in found)
            assert wait_until(partial(gives_again, ask), seconds=20)


def test_429_to_a_page_of_another_origin(limited: LiveFlags) -> None:
    """A page reads a refusal, and when to come again, only if it is allowed to."""
    headers = limited.headers | {"Origin": "http://localhost:3000"}
    address = f"{limited.url}/ofrep/v1/evaluate/flags"

    answers = [requests.post(address, json={}, headers=headers, timeout=20) for _ in range(20)]
    refused = [one for one in answers if one.status_code == 429]

    assert len(refused) > 2
    for one in refused:
        assert int(one.headers["Retry-After"]) >= 1
        assert one.json().keys() == {"errorCode", "errorDetails"}
        assert one.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
        assert "retry-after" in one.headers["Access-Control-Expose-Headers"]


def gives_again(ask: Callable[[], tuple[bool, str]]) -> bool:
    return ask() == (True, "")


def test_429_to_a_page(limited: LiveFlags, web_client: NodeClient) -> None:
    """The web client keeps what it has, asks nothing until Retry-After, and then goes on."""
    key = unique("all")
    limited.make(key, **gives(True))
    start(web_client, limited.url, limited.headers, options={"cacheMode": "disabled"})

    def turn(page: int) -> int:
        """Go to another page of the app; give how the last fetch was answered."""
        web_client.ask("context", context=ALICE | {"page": page})
        return int(web_client.happened("fetch")[-1]["status"])

    found = [turn(page) for page in range(12)]
    kept = web_client.ask("evaluate", key=key, fallback=False)

    assert 429 in found
    assert len(web_client.happened("fetch")) < 1 + 12
    assert web_client.happened("PROVIDER_STALE")
    assert kept["value"] is True
    assert wait_until(lambda: turn(12) == 304, seconds=20)


def test_401(live_flags: LiveFlags, flag_server: str, tmp_path: Path) -> None:
    """The web client gives up for good: a token is good as long as it says, renewed or not."""
    live_flags.make(unique("all"), **gives(True))
    user, now = make_user(password=PASSWORD), timezone.now()
    account = accounts.log_in(email=user.email, password=PASSWORD, address="", now=now)
    old = accounts.start_session(account=account, now=now)

    with (
        node_client("web.mjs", tmp_path) as open_page,
        node_client("web.mjs", tmp_path) as new_page,
    ):
        start(open_page, flag_server, bearer(old.access_token), context={})
        new = accounts.refresh_session(token=old.refresh_token, now=timezone.now())
        open_page.ask("context", context={"page": "home"})
        open_page.ask("wait", name="fetch", after=len(open_page.ask("happened")) - 1)
        start(new_page, flag_server, bearer(new.access_token), context={})
        fetched = [*open_page.happened("fetch"), *new_page.happened("fetch")]

    assert [one["status"] for one in fetched] == [200, 304, 200]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_500(key_headers: dict[str, str], logs: Path, tmp_path: Path) -> None:
    """Clients give their default and go on; the web client does not give up for good."""
    with relay() as way, web(logs, broker=BROKER, DATABASE_URL=way.database_url) as url:
        way.cut()
        with (
            python_client(url, key_headers) as python,
            node_client("server.mjs", tmp_path) as node,
            node_client("web.mjs", tmp_path) as page,
        ):
            shown = python.get_boolean_details("some", True)
            node.ask("start", url=url, headers=key_headers)
            found = node.ask("evaluate", key="some", fallback=True, context=ALICE)
            status = page.ask("start", url=url, headers=key_headers, context=ALICE)
            seen = [one["status"] for one in page.happened("fetch")]

    assert (shown.value, shown.error_code) == (True, ErrorCode.GENERAL)
    assert '"errorDetails":"The database does not answer' in (shown.error_message or "")
    assert (found["value"], found["errorCode"]) == (True, "GENERAL")
    assert (status, seen) == ("ERROR", [503])


def test_200_that_is_no_json(
    live_flags: LiveFlags,
    flag_server: str,
    web_client: NodeClient,
    node: NodeClient,
    key_headers: dict[str, str],
) -> None:
    """Node and the web client fail unless the content type is application/json."""
    key = unique("all")
    live_flags.make(key, **gives(True))

    start(web_client, flag_server, key_headers)
    found = node.ask("evaluate", key=key, fallback=False, context=ALICE)

    assert found["value"] is True
    assert web_client.ask("evaluate", key=key, fallback=False)["value"] is True
    (fetched,) = web_client.happened("fetch")
    assert fetched["type"] == "application/json"


@pytest.mark.parametrize("context", [None, {}, {"plan": "gold"}])
def test_no_context(
    live_flags: LiveFlags,
    flag_server: str,
    key_headers: dict[str, str],
    web_client: NodeClient,
    context: dict[str, Any] | None,
) -> None:
    """Only flags that need a targeting key fail without one, each for itself."""
    everybody, split = unique("all"), unique("split")
    live_flags.make(everybody, **gives("new"))
    live_flags.make(split, **gives("new", BUCKETS // 2))

    start(web_client, flag_server, key_headers, context=context)

    same = web_client.ask("evaluate", key=everybody, fallback="old")
    assert (same["value"], same.get("errorCode")) == ("new", None)
    missing = web_client.ask("evaluate", key=split, fallback="old")
    assert (missing["value"], missing["errorCode"]) == ("old", "TARGETING_KEY_MISSING")
    (fetched,) = web_client.happened("fetch")
    assert (fetched["asked"], fetched["status"]) == ({"context": context or {}}, 200)


def test_no_context_in_the_body(
    live_flags: LiveFlags, key_headers: dict[str, str], flag_server: str
) -> None:
    """Web clients may send a body without a context."""
    key = unique("all")
    live_flags.make(key, **gives("new"))

    told = call(flag_server, key_headers, body={})

    assert "new" in [one.get("value") for one in told["flags"] if one["key"] == key]


def test_etag_kept_by_another_context(
    live_flags: LiveFlags, flag_server: str, key_headers: dict[str, str], web_client: NodeClient
) -> None:
    """The web client keeps it while the targeting key is the same: it is of the result."""
    key = unique("by-plan")
    live_flags.make(key, conditions=[Condition("plan", Operator.ONE_OF, ["gold"])], **gives(True))
    start(web_client, flag_server, key_headers, options={"cacheMode": "disabled"})

    web_client.ask("context", context=ALICE | {"plan": "gold"})
    found = web_client.ask("evaluate", key=key, fallback=False)

    first, second = web_client.happened("fetch")
    assert (second["status"], second["condition"]) == (200, first["etag"])
    assert found["value"] is True


def test_stream_without_headers(
    live_flags: LiveFlags,
    flag_server: str,
    key_headers: dict[str, str],
    web_client: NodeClient,
    logs: Path,
) -> None:
    """An EventSource sends none: the address has a ticket, which is in no log."""
    live_flags.make(unique("all"), **gives(True))
    start(web_client, flag_server, key_headers)

    opened = web_client.ask("wait", name="stream-open")

    _address, _, ticket = opened["url"].partition("ticket=")
    secret = ticket.partition("&")[0].rpartition(":")[2]
    written = "".join(log.read_text() for log in logs.glob("*.log"))
    assert "streams/flags" in written
    assert len(secret) > 20
    assert secret not in written


def test_304_to_a_post(
    live_flags: LiveFlags, flag_server: str, key_headers: dict[str, str], web_client: NodeClient
) -> None:
    """The web client sends If-None-Match with POST."""
    live_flags.make(unique("all"), **gives(True))
    start(web_client, flag_server, key_headers, options={"cacheMode": "disabled"})

    web_client.ask("context", context=ALICE | {"page": "home"})

    first, second = web_client.happened("fetch")
    assert (first["status"], second["status"]) == (200, 304)
    assert (second["condition"], second["etag"]) == (first["etag"], first["etag"])
