"""The file of a document: whole, in parts, and by links."""

import re
import time
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core import signing

from core.tickets import SALT
from documents.models import Document
from documents.statuses import Status
from tests.documents.papers import make_document
from tests.documents.uploads.sending import PATH, form
from tests.house.routes import PASSWORD

CONTENT = b"<!doctype html><html><script>alert(1)</script><p>0123456789</p></html>\n" * 30_000
SIZE = len(CONTENT)


@pytest.fixture
def document(as_alice):
    return as_alice.call("POST", PATH, form(CONTENT, "Befund März.html")).json()


@pytest.fixture
def path(document):
    return f"{PATH}/{document['id']}/content"


def test_is_a_download_whatever_is_in_it(as_alice, document, path):
    answer = as_alice.call("GET", path)

    headers = answer.headers
    assert (answer.status_code, answer.getvalue()) == (200, CONTENT)
    assert headers["Content-Type"] == "text/html"
    assert headers["Content-Length"] == str(SIZE)
    name = "attachment; filename*=utf-8''Befund%20M%C3%A4rz.html"
    assert headers["Content-Disposition"] == name
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["ETag"] == f'"{document["sha256"]}"'
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Cache-Control"] == "private, no-cache"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_puts_no_name_into_the_headers_that_breaks_out(as_alice, document, path):
    as_alice.call("PATCH", f"{PATH}/{document['id']}", {"filename": 'a"; b="c\\\r\nX-Own: 1.html'})

    header = as_alice.call("GET", path).headers["Content-Disposition"]

    assert re.fullmatch(r'attachment; filename="[^\r\n]*"', header)
    assert "X-Own" not in as_alice.call("GET", path).headers


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=2000000-", 2_000_000, SIZE - 1),
        ("bytes=-5", SIZE - 5, SIZE - 1),
        (f"bytes=-{SIZE * 2}", 0, SIZE - 1),
        (f"bytes=5-{SIZE * 2}", 5, SIZE - 1),
    ],
)
def test_comes_in_parts(as_alice, path, asked, first, last):
    answer = as_alice.call("GET", path, Range=asked)

    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert answer.getvalue() == CONTENT[first : last + 1]


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=-0", "bytes=9999999999-9999999999"])
def test_has_no_part_behind_its_end(as_alice, path, asked):
    answer = as_alice.call("GET", path, Range=asked)

    assert (answer.status_code, answer.json()["code"]) == (416, "range-not-satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked",
    ["bytes=5-4", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,4-5", "bytes=" + "9" * 40],
)
def test_is_whole_where_the_range_is_none(as_alice, path, asked):
    answer = as_alice.call("GET", path, Range=asked)

    assert (answer.status_code, len(answer.getvalue())) == (200, SIZE)


def test_goes_on_only_with_the_file_that_was_begun(as_alice, document, path):
    same, other = f'"{document["sha256"]}"', '"another"'

    assert as_alice.call("GET", path, Range="bytes=1-2", If_Range=same).status_code == 206
    assert as_alice.call("GET", path, Range="bytes=1-2", If_Range=other).status_code == 200


def test_is_not_sent_to_who_has_it(as_alice, document, path):
    answer = as_alice.call("GET", path, If_None_Match=f'"{document["sha256"]}"')

    assert (answer.status_code, answer.content) == (304, b"")


def test_tells_its_size_without_being_sent(as_alice, path):
    answer = as_alice.call("HEAD", path)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(SIZE)


def test_opens_by_a_link_without_a_token(as_alice, nobody, path):
    made = as_alice.call("POST", f"{path}-link")

    url = urlsplit(made.json()["url"])
    answer = nobody.call("GET", f"{url.path}?{url.query}", Range="bytes=0-8")
    assert (made.status_code, answer.status_code) == (201, 206)
    assert answer.getvalue() == CONTENT[:9]
    assert url.path == path


def test_opens_by_a_link_for_this_document_alone(as_alice, alice, nobody, path):
    other = make_document(alice)
    query = urlsplit(as_alice.call("POST", f"{path}-link").json()["url"]).query

    refused = nobody.call("GET", f"{PATH}/{other.id}/content?{query}")

    assert (refused.status_code, refused.json()["code"]) == (401, "ticket-invalid")


@pytest.mark.parametrize("ticket", ["", "x", "a:b:c"])
def test_opens_by_no_made_up_link(nobody, path, ticket):
    refused = nobody.call("GET", f"{path}?ticket={ticket}")

    assert (refused.status_code, refused.json()["code"]) == (401, "ticket-invalid")


def test_opens_by_no_link_that_has_expired(alice, nobody, document, path):
    content = {"exp": int(time.time()), "sub": str(alice.id), "sid": None, "iat": None}
    salt = f"{SALT}document-content.{document['id']}"

    refused = nobody.call("GET", f"{path}?ticket={signing.dumps(content, salt=salt)}")

    assert refused.json()["detail"] == "ticket: has expired. Fetch a new address."


def test_opens_by_no_link_of_a_session_that_was_ended(alice, nobody, document, path):
    alice.set_password(PASSWORD)
    alice.save()
    credentials = {"email": alice.email, "password": PASSWORD}
    session = nobody.call("POST", "/api/v2/auth/login", credentials).json()
    bearer = f"Bearer {session['access_token']}"
    url = urlsplit(nobody.call("POST", f"{path}-link", Authorization=bearer).json()["url"])
    assert nobody.call("HEAD", f"{url.path}?{url.query}").status_code == 200

    nobody.call("POST", "/api/v2/auth/revoke", {"token": session["refresh_token"]})

    refused = nobody.call("GET", f"{url.path}?{url.query}")
    assert refused.status_code == 401


def test_knows_no_other_parameter(as_alice, path):
    assert as_alice.call("GET", f"{path}?inline=1").status_code == 400


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_is_of_its_owner_alone(as_bob, as_charlie, method, path):
    for stranger in (as_bob, as_charlie):
        assert stranger.call(method, path).status_code == 404
        assert stranger.call("POST", f"{path}-link").status_code == 404


@pytest.mark.parametrize("status", [Status.PENDING, Status.UPLOADING])
def test_is_not_there_before_it_is_stored(as_alice, alice, status):
    row = make_document(alice, is_stored=False, status=status)

    for method, rest in (("GET", "content"), ("POST", "content-link")):
        refused = as_alice.call(method, f"{PATH}/{row.id}/{rest}")
        assert (refused.status_code, refused.json()["code"]) == (409, "document-not-stored")


def test_is_there_when_its_document_has_failed(as_alice, document, path):
    as_alice.call("POST", f"{PATH}/{document['id']}/cancel")

    assert Document.objects.get(id=document["id"]).status == Status.CANCELLED
    assert as_alice.call("GET", path).getvalue() == CONTENT


def test_can_be_asked_for_in_parts_by_other_sites():
    assert {"range", "if-range"} <= set(settings.CORS_ALLOW_HEADERS)
    assert {"content-range", "content-disposition"} <= set(settings.CORS_EXPOSE_HEADERS)
