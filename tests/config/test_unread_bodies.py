"""A refused request leaves its connection as it was, whatever it sent along."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.web import web

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    with web(tmp_path, broker=5) as url, httpx.Client(base_url=url, trust_env=False) as made:
        yield made


def test_keeps_the_connection_of_who_is_refused_before_their_body_is_read(client: httpx.Client):
    body, sockets, said = b"x" * 200_000, set(), set()

    for _ in range(40):
        with client.stream("POST", "/api/v2/health/events", content=body) as answer:
            sockets.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
            said.add((answer.status_code, answer.headers.get("connection", "keep-alive")))
            answer.read()

    assert said == {(401, "keep-alive")}
    assert len(sockets) == 1
