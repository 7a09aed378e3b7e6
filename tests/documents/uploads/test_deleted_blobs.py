"""Files of documents that are gone, and the notes about them."""

import datetime as dt

import pytest
from django.utils import timezone

from documents import blobs, storage
from documents.failures import StepFailed
from documents.models import DeletedBlob, Document
from tests.documents.papers import make_document
from tests.documents.uploads.conftest import use_folder


def is_stored(document):
    try:
        storage.size_of(document.storage_path)
    except StepFailed:
        return False
    return True


@pytest.fixture
def folder(settings, tmp_path):
    use_folder(settings, tmp_path)
    return tmp_path


def test_are_deleted_twice_as_an_upload_may_come_late(alice, folder):
    document = make_document(alice)
    Document.objects.filter(id=document.id).delete()

    blobs.delete_noted()
    late = make_document(alice, storage_path=document.storage_path)
    Document.objects.filter(id=late.id).update(storage_path="documents/elsewhere")
    DeletedBlob.objects.update(deleted_at=timezone.now() - 2 * blobs.SECOND_TIME_AFTER)
    was_there = is_stored(document)
    blobs.delete_noted()

    assert was_there
    assert not is_stored(document)
    assert not DeletedBlob.objects.exists()


def test_are_left_where_a_document_still_has_them(alice, folder):
    document = make_document(alice)
    DeletedBlob.objects.create(storage_path=document.storage_path)

    blobs.delete_noted()

    assert is_stored(document)


def test_go_on_after_one_that_cannot_be_deleted(alice, folder):
    (folder / "documents" / "stubborn" / "child").mkdir(parents=True)
    DeletedBlob.objects.create(storage_path="documents/stubborn")
    document = make_document(alice)
    Document.objects.filter(id=document.id).delete()
    DeletedBlob.objects.filter(storage_path="documents/stubborn").update(
        created_at=timezone.now() - dt.timedelta(hours=1)
    )

    with pytest.raises(StepFailed):
        blobs.delete_noted()

    assert not is_stored(document)
    notes = DeletedBlob.objects.filter(deleted_at=None)
    assert [note.storage_path for note in notes] == ["documents/stubborn"]
