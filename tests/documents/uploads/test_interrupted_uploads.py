"""What stands after an upload that the storage, the broker or a killed process broke off."""

import datetime as dt
from threading import Thread

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from documents import leases, storage
from documents.failures import Code, StepFailed
from documents.models import Document, DocumentAction, DocumentAttempt
from documents.statuses import Status
from tests.conftest import client_of
from tests.documents.papers import make_document
from tests.documents.uploads import watching
from tests.documents.uploads.conftest import use_bucket, use_folder
from tests.documents.uploads.sending import PATH, form
from tests.factories import make_user
from tests.health.threads import wait_until_blocked
from tests.web import free_port

CONTENT = b"The letter that is sent again and again.\n"


def make_due(row):
    before = timezone.now() - dt.timedelta(hours=1)
    Document.objects.filter(id=row.id).update(due_at=before)


def send(client, content=CONTENT):
    return client.call("POST", PATH, form(content))


def test_fail_with_a_code_and_go_on_when_the_storage_is_back(settings, as_alice, tmp_path):
    use_folder(settings, tmp_path / "away")

    refused = send(as_alice)

    row = Document.objects.get()
    assert (refused.status_code, refused.json()["code"]) == (503, "storage-unavailable")
    assert refused.headers["Retry-After"] == "30"
    assert (row.status, row.failed_stage) == (Status.FAILED, Status.UPLOADING)
    assert row.error_code == Code.STORAGE_UNAVAILABLE
    shown = as_alice.call("GET", f"{PATH}/{row.id}").json()
    assert shown["error"]["retryable"] is False
    assert "Upload the same file again" in shown["error"]["advice"]
    (tmp_path / "away").mkdir()
    again = send(as_alice)
    assert (again.status_code, again.json()["id"]) == (200, str(row.id))
    assert again.json()["status"] == "processing"
    assert [one.outcome for one in DocumentAttempt.objects.all()] == ["failed", "succeeded"]


def test_tell_a_storage_that_refuses_from_one_that_is_away(settings, as_alice, s3):
    use_bucket(settings, s3.options())
    s3.ask_for_keys(wanted=True)

    refused = send(as_alice)

    assert (refused.status_code, refused.json()["code"]) == (503, "storage-forbidden")
    assert Document.objects.get().error_code == Code.STORAGE_FORBIDDEN


def test_fail_where_nobody_answers(settings, as_alice, s3):
    use_bucket(settings, s3.options(endpoint=f"http://127.0.0.1:{free_port()}"))

    refused = send(as_alice)

    assert (refused.status_code, refused.json()["code"]) == (503, "storage-unavailable")


@pytest.mark.parametrize("status", [Status.PENDING, Status.UPLOADING])
def test_go_on_where_a_killed_process_left_them(as_alice, alice, status):
    row = left_behind(as_alice, status)
    make_due(row)

    again = send(as_alice)

    assert (again.status_code, again.json()["id"]) == (200, str(row.id))
    assert again.json()["status"] == "processing"
    assert storage.size_of(row.storage_path) == len(CONTENT)


def left_behind(client, status):
    """An upload whose process ended before the bytes were stored."""
    document = send(client).json()
    row = Document.objects.get(id=document["id"])
    storage.remove(row.storage_path)
    fields = {f.attname: getattr(row, f.attname) for f in Document._meta.fields}
    row.delete()
    DocumentAttempt.objects.all().delete()
    leased_by = "a-host:1" if status == Status.UPLOADING else ""
    return Document.objects.create(
        **fields | {"status": status, "leased_by": leased_by, "progress_percentage": 0}
    )


def test_are_ended_by_the_watchdog_and_can_be_sent_again(as_alice, alice):
    row = left_behind(as_alice, Status.UPLOADING)
    make_due(row)

    assert leases.end_interrupted_uploads() == 1

    row.refresh_from_db()
    assert (row.status, row.error_code) == (Status.FAILED, Code.UPLOAD_INTERRUPTED)
    assert send(as_alice).json()["status"] == "processing"


def test_leave_a_document_alone_while_another_request_stores_it(as_alice, alice):
    row = left_behind(as_alice, Status.UPLOADING)
    Document.objects.filter(id=row.id).update(due_at=timezone.now() + dt.timedelta(minutes=5))

    again = send(as_alice)

    assert (again.status_code, again.json()["status"]) == (200, "uploading")
    row.refresh_from_db()
    assert row.leased_by == "a-host:1"
    with pytest.raises(StepFailed, match="file_missing"):
        storage.size_of(row.storage_path)


def test_bring_back_a_file_whose_loss_a_worker_noticed(as_alice, alice):
    document = send(as_alice).json()
    row = Document.objects.get(id=document["id"])
    storage.remove(row.storage_path)
    leases.write(row.id, row.fence, status=Status.FAILED, error_code=Code.FILE_MISSING)

    again = send(as_alice)

    assert (again.status_code, again.json()["status"]) == (200, "processing")
    assert storage.size_of(row.storage_path) == len(CONTENT)


def test_show_a_document_that_failed_for_another_reason_as_it_is(as_alice, alice):
    document = send(as_alice).json()
    row = Document.objects.get(id=document["id"])
    leases.write(row.id, row.fence, status=Status.FAILED, error_code=Code.DAMAGED)

    again = send(as_alice)

    assert (again.status_code, again.json()["status"]) == (200, "failed")
    assert again.json()["error"]["code"] == "damaged"


def test_count_against_what_a_person_may_keep(settings, as_alice, as_bob):
    settings.DOCUMENTS_PER_PERSON = 2
    first = send(as_alice, b"one\n").json()
    send(as_alice, b"two\n")

    refused = send(as_alice, b"three\n")

    assert (refused.status_code, refused.json()["code"]) == (409, "document-quota-exceeded")
    assert Document.objects.count() == 2
    assert DocumentAction.objects.count() == 2
    assert send(as_alice, b"one\n").status_code == 200
    assert send(as_bob, b"three\n").status_code == 201
    as_alice.call("DELETE", f"{PATH}/{first['id']}")
    assert send(as_alice, b"three\n").status_code == 201


def test_count_their_bytes_as_well(settings, as_alice, alice):
    settings.DOCUMENT_BYTES_PER_PERSON = 1000
    make_document(alice, content=b"x" * 990, is_stored=False)

    assert send(as_alice, b"0123456789").status_code == 201
    assert send(as_alice, b"x").json()["code"] == "document-quota-exceeded"


def test_keep_no_transaction_open_while_the_storage_works(settings, committed_db, tmp_path):
    backend = {
        "BACKEND": "tests.documents.uploads.watching.Watching",
        "OPTIONS": {"location": tmp_path, "is_made": False},
    }
    settings.STORAGES = settings.STORAGES | {"documents": backend}
    client = client_of(make_user())

    document = client.call("POST", PATH, form()).json()
    client.call("GET", f"{PATH}/{document['id']}/content").getvalue()
    client.call("POST", PATH, form())

    calls = [what for what, _ in watching.SEEN]
    assert calls == ["put", "size_of", "open_at", "put", "size_of"]
    assert not any(is_inside for _, is_inside in watching.SEEN)


def test_end_by_themselves_what_was_deleted_or_cancelled_meanwhile(
    settings, committed_db, tmp_path
):
    backend = {
        "BACKEND": "tests.documents.uploads.watching.Interfering",
        "OPTIONS": {"location": tmp_path, "is_made": False},
    }
    settings.STORAGES = settings.STORAGES | {"documents": backend}
    client = client_of(make_user())

    with watching.Interfering.by(lambda row: client.call("DELETE", f"{PATH}/{row.id}")):
        deleted = client.call("POST", PATH, form())
    with watching.Interfering.by(lambda row: client.call("POST", f"{PATH}/{row.id}/cancel")):
        cancelled = client.call("POST", PATH, form())

    assert (deleted.status_code, deleted.json()["code"]) == (409, "document-deleted")
    assert (cancelled.status_code, cancelled.json()["status"]) == (201, "cancelled")
    again = client.call("POST", f"{PATH}/{cancelled.json()['id']}/retry")
    assert (again.status_code, again.json()["code"]) == (409, "document-not-retryable")


def test_end_with_the_account_that_is_switched_off_meanwhile(settings, committed_db, tmp_path):
    backend = {
        "BACKEND": "tests.documents.uploads.watching.Interfering",
        "OPTIONS": {"location": tmp_path, "is_made": False},
    }
    settings.STORAGES = settings.STORAGES | {"documents": backend}
    person = make_user()

    with watching.Interfering.by(
        lambda _: User.objects.filter(id=person.id).update(is_active=False)
    ):
        refused = client_of(person).call("POST", PATH, form())

    assert (refused.status_code, refused.json()["code"]) == (401, "token-invalid")


def test_begin_anew_where_the_same_file_is_deleted_at_that_moment(
    settings, committed_db, tmp_path, database_url
):
    use_folder(settings, tmp_path)
    client = client_of(make_user())
    first = send(client).json()["id"]
    answers = []

    def send_again():
        try:
            answers.append(send(client))
        finally:
            connection.close()

    with transaction.atomic():
        Document.objects.select_for_update().get(id=first)
        sender = Thread(target=send_again)
        sender.start()
        wait_until_blocked(database_url, 1)
        Document.objects.filter(id=first).delete()
    sender.join()

    assert answers[0].status_code == 201
    assert answers[0].json()["id"] != first
