"""What people see of their documents, and what they can do with them."""

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from documents import blobs, leases, storage
from documents.failures import Code, StepFailed
from documents.models import DeletedBlob, Document, DocumentAction, DocumentAttempt
from documents.statuses import Status
from tests.documents.papers import make_document
from tests.documents.uploads.sending import PATH, form


@pytest.fixture
def document(as_alice):
    return as_alice.call("POST", PATH, form(b"A letter.\n", document_type="policy")).json()


def where(document, *rest):
    return "/".join([PATH, str(document["id"]), *rest])


def claimed():
    claim = leases.claim_next()
    assert claim is not None
    return claim


def fail(document, code, stage=Status.PROCESSING):
    row = Document.objects.get(id=document["id"])
    leases.write(row.id, row.fence, status=Status.FAILED, error_code=code)
    Document.objects.filter(id=row.id).update(failed_stage=stage)


def complete(document):
    """Past what the trigger asks for; the pipeline's own tests go the whole way."""
    return make_document(
        DocumentAction.objects.get(document_id=document["id"]).user,
        status=Status.COMPLETED,
        progress_percentage=100,
        total_chunks=1,
        processed_chunks=1,
        processing_completed_at=timezone.now(),
    )


def actions(document):
    rows = DocumentAction.objects.filter(document_id=document["id"]).order_by("id")
    return [(row.action, row.actor_id == row.user_id) for row in rows]


def test_are_listed_newest_first_page_by_page(as_alice, alice):
    made = [str(make_document(alice, is_stored=False).id) for _ in range(5)]

    seen, path = [], f"{PATH}?limit=2"
    while path:
        page = as_alice.call("GET", path).json()
        seen += [[one["id"] for one in page["documents"]]]
        path = page["next"] and f"{PATH}?limit=2&cursor={page['next']}"

    newest = made[::-1]
    assert seen == [newest[:2], newest[2:4], newest[4:]]


def test_are_listed_by_status_and_type(as_alice, alice):
    make_document(alice, is_stored=False, status=Status.CHUNKING, document_type="policy")
    make_document(alice, is_stored=False, status=Status.CHUNKING)
    make_document(alice, is_stored=False, document_type="policy")

    def count(query):
        return len(as_alice.call("GET", f"{PATH}?{query}").json()["documents"])

    assert count("status=chunking") == 2
    assert count("document_type=policy") == 2
    assert count("status=chunking&document_type=policy") == 1
    assert count("document_type=") == 1


@pytest.mark.parametrize("query", ["status=done", "limit=0", "limit=101", "cursor=x", "q=a"])
def test_are_not_listed_by_what_nobody_knows(as_alice, query):
    answer = as_alice.call("GET", f"{PATH}?{query}")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == query.partition("=")[0]


def test_are_not_sent_again_when_nothing_changed(as_alice, document):
    for path in (PATH, where(document)):
        first = as_alice.call("GET", path)
        again = as_alice.call("GET", path, If_None_Match=first.headers["ETag"])

        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_have_another_etag_with_each_step(as_alice, document):
    seen = {as_alice.call("GET", where(document)).headers["ETag"]}
    claim = claimed()
    seen.add(as_alice.call("GET", where(document)).headers["ETag"])
    leases.fail(claim, StepFailed(Code.STORAGE_UNAVAILABLE, "away"))
    seen.add(as_alice.call("GET", where(document)).headers["ETag"])

    assert len(seen) == 3


def test_show_their_tries_and_when_the_next_one_is(as_alice, document):
    Document.objects.exclude(id=document["id"]).delete()
    claim = claimed()
    assert str(claim.document_id) == document["id"]
    leases.fail(claim, StepFailed(Code.STORAGE_UNAVAILABLE, "the host's name"))

    shown = as_alice.call("GET", where(document))

    body = shown.json()
    assert (body["status"], body["stage"]) == ("processing", "processing")
    assert body["error"]["code"] == "storage_unavailable"
    assert dt.datetime.fromisoformat(body["next_retry_at"]) > timezone.now()
    told = [
        (one["stage"], one["number"], one["outcome"], one["error_code"]) for one in body["attempts"]
    ]
    assert told == [
        ("uploading", 1, "succeeded", None),
        ("processing", 1, "failed", "storage_unavailable"),
    ]
    assert body["attempts"][1]["retry_at"] == body["next_retry_at"]
    assert "the host's name" not in shown.content.decode()


def test_change_their_name_type_and_data(as_alice, document):
    changes = {"filename": "x/Bericht Mai.txt", "document_type": "", "metadata": {"a": [1, None]}}

    changed = as_alice.call("PATCH", where(document), changes)

    shown = as_alice.call("GET", where(document)).json()
    assert changed.status_code == 200
    assert (shown["filename"], shown["document_type"]) == ("Bericht Mai.txt", "")
    assert shown["metadata"] == {"a": [1, None]}
    assert shown["status"] == "processing"
    assert actions(document) == [("uploaded", True), ("changed", True)]


def test_keep_what_a_change_does_not_name(as_alice, document):
    as_alice.call("PATCH", where(document), {"metadata": {"a": 1}})

    shown = as_alice.call("PATCH", where(document), {}).json()

    assert (shown["document_type"], shown["metadata"]) == ("policy", {"a": 1})
    assert actions(document) == [("uploaded", True), ("changed", True)]


@pytest.mark.parametrize(
    "changes",
    [
        {"filename": ""},
        {"filename": "x" * 256},
        {"filename": None},
        {"document_type": "x" * 51},
        {"document_type": "a\nb"},
        {"metadata": []},
        {"metadata": {"a": "x" * 17_000}},
        {"status": "completed"},
        {"content_type": "text/html"},
        [],
    ],
)
def test_refuse_changes_that_are_none(as_alice, document, changes):
    refused = as_alice.call("PATCH", where(document), changes)

    assert refused.status_code == 400
    assert actions(document) == [("uploaded", True)]


def test_change_only_what_was_read(as_alice, document):
    etag = as_alice.call("GET", where(document)).headers["ETag"]
    changed = as_alice.call("PATCH", where(document), {"filename": "a.txt"}, If_Match=etag)

    late = as_alice.call("PATCH", where(document), {"filename": "b.txt"}, If_Match=etag)

    assert (late.status_code, late.json()["code"]) == (412, "version-mismatch")
    newest = changed.headers["ETag"]
    again = as_alice.call("PATCH", where(document), {"filename": "c.txt"}, If_Match=newest)
    assert again.json()["filename"] == "c.txt"


def test_are_cancelled_on_their_way(as_alice, document):
    claim = claimed()

    cancelled = as_alice.call("POST", where(document, "cancel"))

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert cancelled.json()["stage"] == "processing"
    with pytest.raises(leases.Lost), leases.held(claim):
        pass
    assert as_alice.call("POST", where(document, "cancel")).status_code == 200
    assert actions(document) == [("uploaded", True), ("cancelled", True)]
    assert "cancelled" in [one.outcome for one in DocumentAttempt.objects.all()]


def test_are_not_cancelled_when_they_have_ended(as_alice, document):
    fail(document, Code.DAMAGED)

    for one in (document, {"id": complete(document).id}):
        refused = as_alice.call("POST", where(one, "cancel"))
        assert (refused.status_code, refused.json()["code"]) == (409, "document-ended")


@pytest.mark.parametrize("stage", [Status.PROCESSING, Status.CHUNKING, Status.EMBEDDING])
def test_are_tried_again_from_the_stage_that_failed(as_alice, document, stage):
    fail(document, Code.INTERNAL_ERROR, stage)
    assert as_alice.call("GET", where(document)).json()["error"]["retryable"] is True

    retried = as_alice.call("POST", where(document, "retry"))

    assert (retried.status_code, retried.json()["status"]) == (200, stage)
    assert retried.json()["error"] is None
    assert Document.objects.get(id=document["id"]).run == 2
    assert actions(document) == [("uploaded", True), ("retried", True)]


def test_are_tried_again_after_they_were_cancelled(as_alice, document):
    as_alice.call("POST", where(document, "cancel"))

    retried = as_alice.call("POST", where(document, "retry"))

    assert (retried.status_code, retried.json()["status"]) == (200, "processing")


def test_are_not_tried_twice_at_once(as_alice, document):
    fail(document, Code.INTERNAL_ERROR)
    as_alice.call("POST", where(document, "retry"))

    again = as_alice.call("POST", where(document, "retry"))

    assert (again.status_code, again.json()["status"]) == (200, "processing")
    assert Document.objects.get(id=document["id"]).run == 2


@pytest.mark.parametrize(
    ("code", "stage", "says"),
    [
        (Code.DAMAGED, Status.PROCESSING, "damaged"),
        (Code.PASSWORD_REQUIRED, Status.PROCESSING, "password"),
        (Code.FILE_MISSING, Status.PROCESSING, "Upload the same file again"),
        (Code.UPLOAD_INTERRUPTED, Status.UPLOADING, "Upload the same file again"),
        (Code.STORAGE_UNAVAILABLE, Status.UPLOADING, "Upload the same file again"),
    ],
)
def test_are_not_tried_again_where_that_is_of_no_use(as_alice, document, code, stage, says):
    fail(document, code, stage)

    refused = as_alice.call("POST", where(document, "retry"))

    assert (refused.status_code, refused.json()["code"]) == (409, "document-not-retryable")
    assert says in refused.json()["detail"]
    assert as_alice.call("GET", where(document)).json()["error"]["retryable"] is False


def test_are_not_tried_again_when_they_are_completed(as_alice, document):
    refused = as_alice.call("POST", where({"id": complete(document).id}, "retry"))

    assert (refused.status_code, refused.json()["code"]) == (409, "document-not-retryable")


def test_are_deleted_with_all_that_belongs_to_them(as_alice, alice, document):
    row = Document.objects.get(id=document["id"])

    gone = as_alice.call("DELETE", where(document))

    assert (gone.status_code, gone.content) == (204, b"")
    assert as_alice.call("GET", where(document)).status_code == 404
    assert as_alice.call("DELETE", where(document)).status_code == 404
    assert not DocumentAttempt.objects.exists()
    assert actions(document) == [("uploaded", True), ("deleted", True)]
    assert [one.storage_path for one in DeletedBlob.objects.all()] == [row.storage_path]
    blobs.delete_noted()
    with pytest.raises(StepFailed) as caught:
        storage.size_of(row.storage_path)
    assert caught.value.code == Code.FILE_MISSING


def test_may_be_uploaded_again_once_deleted(as_alice, document):
    as_alice.call("DELETE", where(document))

    again = as_alice.call("POST", PATH, form(b"A letter.\n"))

    assert again.status_code == 201
    assert again.json()["id"] != document["id"]
    blobs.delete_noted()
    assert as_alice.call("GET", where(again.json(), "content")).getvalue() == b"A letter.\n"


def test_say_the_same_of_ids_that_are_unknown_and_that_are_none(as_alice):
    assert as_alice.call("GET", f"{PATH}/{uuid.uuid4()}").json()["code"] == "not-found"
    assert as_alice.call("GET", f"{PATH}/1").json()["code"] == "not-found"
