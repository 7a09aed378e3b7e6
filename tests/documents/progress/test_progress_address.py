"""Where a person's stream of hints is, and that clients do without it."""

from urllib.parse import parse_qs, urlsplit

import pytest

from core import tickets
from documents.api import stream

PATH = "/api/v2/documents/progress-stream"


@pytest.fixture
def streamed(settings, flags):
    settings.STREAM_URL = "https://streams.example.com"
    flags.change("realtime_progress", is_enabled=True)
    flags.roll_out("realtime_progress", 100)


def test_leads_to_the_persons_own_stream(streamed, alice, as_alice):
    response = as_alice.call("POST", PATH, {})

    assert response.status_code == 200
    url = urlsplit(response.json()["url"])
    assert url._replace(query="").geturl() == "https://streams.example.com/streams/documents"
    (ticket,) = parse_qs(url.query)["ticket"]
    assert tickets.read(ticket, purpose=stream.PURPOSE).holder == str(alice.id)


def test_is_null_where_progress_is_not_streamed(settings, flags, as_alice):
    settings.STREAM_URL = "https://streams.example.com"

    response = as_alice.call("POST", PATH, {})

    assert (response.status_code, response.json()) == (200, {"url": None})


def test_is_null_without_a_stream_server(settings, streamed, as_alice):
    settings.STREAM_URL = ""

    assert as_alice.call("POST", PATH, {}).json() == {"url": None}


def test_refuses_what_it_does_not_know(as_alice):
    response = as_alice.call("POST", PATH, {"document_id": "x"})

    assert response.status_code == 400
    assert "document_id" in response.json()["detail"]
