"""The OpenFeature web SDK in Chromium, on a page of another origin than the server's."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.flags.clients import BROKER, SCRIPTS, LiveFlags, gives, unique, web_and_stream
from tests.relay import relay
from tests.web import web

ALICE = {"targetingKey": "alice"}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *words: Any) -> None:  # noqa: A002  The name it has there.
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The origin of a page of ours."""
    if not (SCRIPTS / "node_modules").is_dir():
        pytest.skip("The JavaScript clients are not there: install Node, then run `make install`.")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SCRIPTS)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def flag_server(django_db_setup: None, site: str, logs: Path) -> Iterator[str]:
    with web_and_stream(logs, ALLOWED_ORIGINS=site) as url:
        yield url


@pytest.fixture
def visited(page: Page, site: str) -> Page:
    page.goto(f"{site}/page.html")
    page.wait_for_function("window.page")
    return page


def test_calls_across_origins(
    live_flags: LiveFlags, flag_server: str, key_headers: dict[str, str], visited: Page
) -> None:
    """Its headers are allowed, and it may read ETag: the second call is answered with 304."""
    key = unique("switch")
    live_flags.make(key, **gives(True, 0))
    started = visited.evaluate(
        "words => window.page.start(...words)", [flag_server, key_headers, ALICE]
    )

    visited.evaluate("context => window.page.setContext(context)", ALICE | {"page": "home"})
    visited.wait_for_function("window.page.fetched.length === 2")

    assert started == "READY"
    first, second = visited.evaluate("window.page.fetched")
    assert (first["status"], second["status"]) == (200, 304)
    assert first["etag"]
    assert second["etag"] == first["etag"]


def test_sees_a_change_through_its_event_stream(
    live_flags: LiveFlags, flag_server: str, key_headers: dict[str, str], visited: Page
) -> None:
    key = unique("switch")
    live_flags.make(key, **gives(True, 0))
    visited.evaluate("words => window.page.start(...words)", [flag_server, key_headers, ALICE])
    before = visited.evaluate("key => window.page.boolean(key, true)", key)

    live_flags.roll_out(key, 100)
    visited.wait_for_function("key => window.page.changes.includes(key)", arg=key)
    after = visited.evaluate("key => window.page.boolean(key, false)", key)

    assert (before["value"], after["value"]) == (False, True)


def test_reads_when_to_come_again(
    site: str, key_headers: dict[str, str], logs: Path, visited: Page
) -> None:
    """Browsers show a page no header of another origin's answer that is not named to them."""
    with (
        relay() as way,
        web(logs, broker=BROKER, DATABASE_URL=way.database_url, ALLOWED_ORIGINS=site) as url,
    ):
        way.cut()
        status = visited.evaluate("words => window.page.start(...words)", [url, key_headers, ALICE])

    assert status == "ERROR"
    (fetched,) = visited.evaluate("window.page.fetched")
    assert (fetched["status"], fetched["retryAfter"]) == (503, "5")


def test_knows_a_refusal_from_a_failed_call(flag_server: str, visited: Page) -> None:
    """Without its headers for other origins, a 401 would look as if there were no network."""
    headers = {"X-API-Key": "nvk_nobody"}

    status = visited.evaluate("words => window.page.start(...words)", [flag_server, headers, ALICE])

    assert status == "FATAL"
    assert [one["status"] for one in visited.evaluate("window.page.fetched")] == [401]
