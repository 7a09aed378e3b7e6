"""The OpenFeature web SDK with its OFREP provider (under Node), against a running server."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from django.contrib.auth.hashers import Argon2PasswordHasher

from core import tickets
from core.streams import TICKET_SECONDS
from flags.api.stream import PURPOSE
from flags.evaluation import bucket_of
from flags.models import FeatureFlagVersion
from flags.types import BUCKETS, Variant
from tests.browser import PASSWORD
from tests.factories import make_user
from tests.flags.clients import (
    BROKER,
    LiveFlags,
    NodeClient,
    gives,
    node_client,
    stream_server,
    unique,
)
from tests.web import free_port, web

ALICE = {"targetingKey": "alice"}
CHANGED = "PROVIDER_CONFIGURATION_CHANGED"


@pytest.fixture
def started(flag_server: str, key_headers: dict[str, str], web_client: NodeClient) -> NodeClient:
    start(web_client, flag_server, key_headers)
    return web_client


def start(client: NodeClient, url: str, headers: dict[str, str], **words: Any) -> None:
    told = {"url": url, "headers": headers, "context": ALICE} | words
    assert client.ask("start", **told) == "READY"


@pytest.mark.parametrize(
    ("value", "fallback"),
    [(True, False), ("blue", ""), (1, 0), (1.0, 0), (1.5, 0), ({"size": 1.5, "of": [None]}, {})],
)
def test_gives_every_kind_of_value(
    live_flags: LiveFlags,
    flag_server: str,
    key_headers: dict[str, str],
    web_client: NodeClient,
    value: Any,
    fallback: Any,
) -> None:
    key = unique("kind")
    live_flags.make(key, **gives(value))

    start(web_client, flag_server, key_headers)
    found = web_client.ask("evaluate", key=key, fallback=fallback)

    assert (found["value"], found["variant"], found["reason"]) == (value, "on", "STATIC")
    assert len(web_client.happened("fetch")) == 1


def test_loads_what_can_be_told_and_says_what_cannot(
    live_flags: LiveFlags, flag_server: str, key_headers: dict[str, str], web_client: NodeClient
) -> None:
    """Without a targeting key, the flags that need one fail alone."""
    everybody, split, off = unique("all"), unique("split"), unique("off")
    live_flags.make(everybody, **gives("new"))
    live_flags.make(split, **gives("new", BUCKETS // 2))
    live_flags.make(off, is_enabled=False, **gives("new"))

    start(web_client, flag_server, key_headers, context={})
    found = {
        key: web_client.ask("evaluate", key=key, fallback="old")
        for key in (everybody, split, off, "no-such-flag")
    }

    assert found[everybody]["value"] == "new"
    assert found[split]["errorCode"] == "TARGETING_KEY_MISSING"
    assert (found[off]["value"], found[off]["reason"]) == ("", "DISABLED")
    assert found["no-such-flag"]["errorCode"] == "FLAG_NOT_FOUND"
    assert all(one["value"] == "old" for one in found.values() if "errorCode" in one)


def test_gives_another_person_their_own_flags(
    live_flags: LiveFlags, flag_server: str, key_headers: dict[str, str], web_client: NodeClient
) -> None:
    key = unique("split")
    live_flags.make(key, **gives(True, BUCKETS // 2))
    start(web_client, flag_server, key_headers)

    people = [f"p{number}" for number in range(12)]
    found = []
    for person in people:
        web_client.ask("context", context={"targetingKey": person})
        found.append(web_client.ask("evaluate", key=key, fallback=False)["value"])

    assert found == [bucket_of(key, person) < BUCKETS // 2 for person in people]
    assert all(one["condition"] is None for one in web_client.happened("fetch"))


def test_sees_a_change_as_soon_as_it_is_saved(
    live_flags: LiveFlags, flag_server: str, key_headers: dict[str, str], web_client: NodeClient
) -> None:
    key, quiet = unique("switch"), unique("quiet")
    live_flags.make(quiet, **gives(True))
    live_flags.make(key, **gives(True, 0))
    start(web_client, flag_server, key_headers)
    web_client.ask("wait", name="stream-open")
    before = web_client.ask("evaluate", key=key, fallback=True)

    live_flags.roll_out(key, 100)
    told = web_client.ask("wait", name=CHANGED)
    after = web_client.ask("evaluate", key=key, fallback=False)

    assert (before["value"], after["value"]) == (False, True)
    assert told["flagsChanged"] == [key]
    message, fetched = web_client.happened("stream-message")[-1], web_client.happened("fetch")[-1]
    assert message["data"]["type"] == "refetchEvaluation"
    assert message["data"]["etag"] == message["id"]
    assert fetched["query"].startswith(f"?flagConfigEtag={message['id']}&")
    assert fetched["status"] == 200


def console_at(url: str) -> requests.Session:
    """A superuser who has just logged in to the running console."""
    user = make_user(is_staff=True, is_superuser=True)
    # As the running console checks it, whatever hasher the tests use.
    user.password = Argon2PasswordHasher().encode(PASSWORD, "a-salt-of-tests")
    user.save(update_fields=["password"])
    session = requests.Session()
    session.get(f"{url}/admin/login/", timeout=20)
    send(session, f"{url}/admin/login/", username=user.email, password=PASSWORD, next="/admin/")
    return session


def send(session: requests.Session, address: str, **fields: str) -> None:
    told = fields | {"csrfmiddlewaretoken": session.cookies["csrftoken"]}
    answer = session.post(address, told, allow_redirects=False, timeout=20)
    assert answer.status_code == 302, answer.text


def test_sees_what_an_admin_saves_in_the_console(
    live_flags: LiveFlags, flag_server: str, key_headers: dict[str, str], web_client: NodeClient
) -> None:
    key = unique("switch")
    flag = live_flags.make(key, variants=[Variant("on", value=True), Variant("off", value=False)])
    start(web_client, flag_server, key_headers)
    web_client.ask("wait", name="stream-open")
    console = console_at(flag_server)
    page = f"{flag_server}/admin/flags/featureflag/{flag.pk}/change/"
    before = web_client.ask("evaluate", key=key, fallback=True)
    seen = len(web_client.ask("happened"))

    form = {"base_version": "1", "is_enabled": "on", "purpose": flag.purpose, "percentage": "100"}
    send(console, page, reason="The first week went well.", **form)
    told = web_client.ask("wait", name=CHANGED, after=seen)
    after = web_client.ask("evaluate", key=key, fallback=False)

    saved = FeatureFlagVersion.objects.get(flag_name=key, version=2)
    assert told["flagsChanged"] == [key]
    assert (before["value"], after["value"]) == (False, True)
    assert (saved.kind, saved.reason) == ("edit", "The first week went well.")


def test_sees_a_change_that_was_saved_while_the_stream_was_away(
    flags_put_back: None, key_headers: dict[str, str], web_client: NodeClient, tmp_path: Path
) -> None:
    """The client does not ask by itself when it is connected again."""
    key, port = unique("switch"), free_port()
    with web(tmp_path, broker=BROKER, STREAM_URL=f"http://127.0.0.1:{port}") as url:
        flags = LiveFlags(url, key_headers)
        flags.make(key, **gives(True, 0))
        with stream_server(tmp_path, port):
            start(web_client, url, key_headers)
            web_client.ask("wait", name="stream-open")
        seen = len(web_client.ask("happened"))

        flags.roll_out(key, 100)
        with stream_server(tmp_path, port):
            told = web_client.ask("wait", name=CHANGED, after=seen)

    assert told["flagsChanged"] == [key]
    assert web_client.ask("evaluate", key=key, fallback=False)["value"] is True


def test_finds_a_new_stream_when_the_ticket_of_an_earlier_visit_has_expired(
    live_flags: LiveFlags,
    started: NodeClient,
    flag_server: str,
    key_headers: dict[str, str],
    tmp_path: Path,
) -> None:
    """A page opens the stream that it remembers; a 304 would leave it with a dead one for ever."""
    storage = {name: aged(kept) for name, kept in started.ask("storage").items()}

    with node_client("web.mjs", tmp_path) as client:
        start(client, flag_server, key_headers, storage=storage)
        refused = client.ask("wait", name="stream-error")
        opened = client.ask("wait", name="stream-open")

    assert (refused["status"], refused["closed"]) == (401, True)
    assert opened["url"] != refused["url"]


def aged(kept: str) -> str:
    """What a page remembers of its flags, as it is when the ticket has expired."""
    entry = json.loads(kept)
    (stream,) = entry["eventStreams"]
    address = urlsplit(stream["url"])
    ticket = parse_qs(address.query)["ticket"][0]
    key_id = tickets.read(ticket, purpose=PURPOSE).key_id
    old = tickets.issue(purpose=PURPOSE, claims=None, key_id=key_id, seconds=-1)
    stream["url"] = address._replace(query=urlencode({"ticket": old, "since": "1"})).geturl()
    of_answer, expiry = entry["etag"].strip('"').split(".")
    entry["etag"] = f'"{of_answer}.{int(expiry) - TICKET_SECONDS}"'
    return json.dumps(entry)


def test_stops_at_the_start_when_the_key_is_none(flag_server: str, web_client: NodeClient) -> None:
    told = {"url": flag_server, "headers": {"X-API-Key": "nvk_nobody"}, "context": ALICE}

    status = web_client.ask("start", **told)

    assert status == "FATAL"
    assert [one["status"] for one in web_client.happened("fetch")] == [401]
