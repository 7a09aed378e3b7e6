"""What may be sent as an upload, and what each fault is answered."""

import gc
import hashlib
import os
import unicodedata
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from documents import storage
from documents.models import LARGEST_BYTES, Document
from tests.documents.uploads.sending import PATH, form, raw

BOUNDARY = b"a-line"
# A whole picture, of one pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360"
    "606060000000050001a5f645400000000049454e44ae426082"
)
FILE = 'Content-Disposition: form-data; name="file"; filename="letter.txt"'
FIELD = 'Content-Disposition: form-data; name="{}"'
TYPE = {"Content_Type": "multipart/form-data; boundary=a-line"}


def send(client, body, content_type="multipart/form-data; boundary=a-line", **extra):
    return client.generic("POST", PATH, body, content_type=content_type, **extra)


def open_files():
    """Count the files without a name that this process has open."""
    gc.collect()
    targets = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
    return sum("(deleted)" in target for target in targets)


@pytest.fixture
def nothing_left(as_alice):
    """Of what is refused stays no row, and no file that is still open."""
    before = open_files()
    yield
    assert not Document.objects.exists()
    assert open_files() == before


def test_are_stored_as_they_were_sent(as_alice, alice):
    content = "Der Brief über alles.\n".encode() * 9000

    answer = as_alice.call("POST", PATH, form(content, document_type="policy", metadata='{"a": 0}'))

    document = answer.json()
    row = Document.objects.get(id=document["id"])
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{PATH}/{document['id']}"
    assert document["sha256"] == hashlib.sha256(content).hexdigest()
    assert (document["size_bytes"], document["content_type"]) == (len(content), "text/plain")
    assert (document["document_type"], document["metadata"]) == ("policy", {"a": 0})
    assert (document["status"], document["stage"], document["progress"]) == (
        "processing",
        "processing",
        10,
    )
    assert document["duplicate"] is False
    assert row.user_id == alice.id
    with storage.local_copy(row.storage_path) as path:
        assert path.read_bytes() == content


def test_may_be_sent_in_base64(as_alice):
    body = raw(BOUNDARY, (f"{FILE}\r\nContent-Transfer-Encoding: base64", b"SGVsbG8sIHRoZXJlLgo="))

    answer = send(as_alice, body)

    assert answer.status_code == 201
    assert answer.json()["size_bytes"] == len("Hello, there.\n")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("letter.txt", "letter.txt"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\My Files\\letter.txt", "letter.txt"),
        ("Überweisung - 2 &amp; 3 (März).txt", "Überweisung - 2 &amp; 3 (März).txt"),
        ("診断書👩‍⚕️.txt", "診断書👩‍⚕️.txt"),
        (" a\tletter\u202etxt.pdf\u0007.txt ", "alettertxt.pdf.txt"),
        ("%2e%2e%2fletter.txt", "%2e%2e%2fletter.txt"),
    ],
)
def test_keep_their_names_but_for_paths_and_what_is_hidden(as_alice, sent, kept):
    answer = as_alice.call("POST", PATH, form(filename=sent))

    assert answer.status_code == 201
    assert answer.json()["filename"] == kept


def test_have_the_name_of_the_part_unless_another_is_given(as_alice):
    body = raw(BOUNDARY, ('Content-Disposition: form-data; name="file"; filename="é.txt"', b"e"))

    answer = send(as_alice, body)

    assert unicodedata.normalize("NFC", answer.json()["filename"]) == "é.txt"


def test_never_put_their_name_into_the_path_of_the_storage(as_alice):
    answer = as_alice.call("POST", PATH, form(filename="secret-diagnosis.txt"))

    row = Document.objects.get(id=answer.json()["id"])
    assert row.storage_path == f"documents/{row.id}"


@pytest.mark.parametrize(
    ("body", "status", "code", "says"),
    [
        ({"file": SimpleUploadedFile("a.txt", b"")}, 400, "file-empty", "empty"),
        (form(PNG, "a.png"), 415, "unsupported", "PDF"),
        (form(b"%PDF-1.7\n1 0 obj\n", "a.docx"), 415, "type-mismatch", "another kind"),
        (form(other="1"), 400, "malformed-form", "other"),
        ({"other": form()["file"]}, 400, "malformed-form", "other"),
        ({"file": form()["file"], "second": form()["file"]}, 400, "malformed-form", "second"),
        (form(metadata="[1]"), 400, "invalid-input", "metadata"),
        (form(metadata="{"), 400, "invalid-input", "metadata: is not well-formed JSON."),
        (form(metadata='{"a": 1e400}'), 400, "invalid-input", "metadata: "),
        (form(metadata='{"a": "\\u0000"}'), 400, "invalid-input", "NUL"),
        (form(metadata='{"a": "' + "x" * 17_000 + '"}'), 400, "invalid-input", "16,384"),
        (form(metadata='{"a":' * 200 + "1" + "}" * 200), 400, "invalid-input", "deep"),
        (form(document_type="x" * 51), 400, "invalid-input", "document_type"),
        (form(document_type="a\x00b"), 400, "invalid-input", "document_type"),
        (form(filename="x" * 256), 400, "invalid-input", "255"),
        (form(filename="\x07"), 400, "invalid-input", "filename"),
        (form(filename=".."), 400, "invalid-input", "filename"),
        (form(filename="\u200b"), 400, "invalid-input", "filename"),
    ],
)
def test_are_refused_with_the_fault(as_alice, nothing_left, body, status, code, says):
    answer = as_alice.call("POST", PATH, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert says in answer.json()["detail"]
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{}", "application/json", 415, "unsupported-media-type"),
        (b"%PDF-1.7", "application/pdf", 415, "unsupported-media-type"),
        (b"file=a", "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
        (b"nothing", "multipart/form-data", 400, "malformed-form"),
        (b"nothing", "multipart/form-data; boundary=", 400, "malformed-form"),
        (b"nothing", "multipart/form-data; boundary=\xe4", 400, "malformed-form"),
        (b"nothing", "multipart/form-data; boundary=a-line", 400, "malformed-form"),
        (
            raw(b"other", (FILE, b"x")),
            "multipart/form-data; boundary=a-line",
            400,
            "malformed-form",
        ),
        (raw(BOUNDARY, (FIELD.format("file"), b"x")), TYPE["Content_Type"], 400, "malformed-form"),
        (raw(BOUNDARY, (FILE, b"x"), (FILE, b"x")), TYPE["Content_Type"], 400, "malformed-form"),
        (raw(BOUNDARY, (FILE, b"x"))[:-20], TYPE["Content_Type"], 400, "malformed-form"),
        (
            raw(BOUNDARY, (f"{FILE}\r\nContent-Transfer-Encoding: base64", b"#####")),
            TYPE["Content_Type"],
            400,
            "malformed-form",
        ),
        (
            raw(BOUNDARY, (FILE, b"x"), (FIELD.format("metadata"), b'{"\xed\xa0\x80": 1}')),
            TYPE["Content_Type"],
            400,
            "malformed-form",
        ),
        (
            raw(BOUNDARY, (FILE, b"x"), *[(FIELD.format("metadata"), b"{}")] * 2),
            TYPE["Content_Type"],
            400,
            "malformed-form",
        ),
        (
            raw(BOUNDARY, *[(FIELD.format(str(n)), b"") for n in range(1100)]),
            TYPE["Content_Type"],
            400,
            "malformed-form",
        ),
    ],
)
def test_are_refused_where_the_form_is_none(
    as_alice, nothing_left, body, content_type, status, code
):
    answer = send(as_alice, body, content_type)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_are_refused_when_less_came_than_was_announced(as_alice, nothing_left):
    whole = raw(BOUNDARY, (FILE, b"x" * 100_000))

    sent = {"wsgi.input": BytesIO(whole[:60_000])}
    answer = send(as_alice, whole, **sent)

    assert (answer.status_code, answer.json()["code"]) == (400, "upload-broken-off")


def test_are_refused_when_nothing_came(as_alice, nothing_left):
    answer = send(as_alice, b"", CONTENT_TYPE=TYPE["Content_Type"], CONTENT_LENGTH="0")

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-form")


def test_are_refused_when_the_name_of_the_part_is_too_long(as_alice, nothing_left):
    name = f'Content-Disposition: form-data; name="file"; filename="{"x" * 252}.txt"'

    answer = send(as_alice, raw(BOUNDARY, (name, b"x")))

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-input")
    assert "255" in answer.json()["detail"]


def test_need_a_length(as_alice, nothing_left):
    answer = send(as_alice, raw(BOUNDARY, (FILE, b"x")), CONTENT_LENGTH="")

    assert (answer.status_code, answer.json()["code"]) == (411, "length-required")


def test_may_be_of_exactly_50_mib(as_alice):
    line = b"A line of thirty-two characters\n"

    answer = as_alice.call("POST", PATH, form(line * (LARGEST_BYTES // len(line))))

    assert answer.status_code == 201
    assert answer.json()["size_bytes"] == 52_428_800


@pytest.mark.parametrize("excess", [1, 2 * 1024 * 1024])
def test_may_not_be_larger(as_alice, nothing_left, excess):
    answer = as_alice.call("POST", PATH, form(b"x" * (LARGEST_BYTES + excess)))

    assert (answer.status_code, answer.json()["code"]) == (413, "file-too-large")
    assert "52,428,800 bytes" in answer.json()["detail"]


def test_may_not_hide_their_size_in_other_parts(as_alice, nothing_left):
    answer = as_alice.call("POST", PATH, form(metadata="x" * (11 * 1024 * 1024)))

    assert (answer.status_code, answer.json()["code"]) == (413, "file-too-large")


def test_ask_for_a_token_before_the_file_is_looked_at(nobody, db):
    answer = nobody.call("POST", PATH, b"nothing", Content_Type="multipart/form-data")

    assert (answer.status_code, answer.json()["code"]) == (401, "token-missing")
