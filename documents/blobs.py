"""Deletes from the storage what no document has any more."""

import datetime as dt
from typing import Final

from django.db.models import Q
from django.db.models.functions import Now

from core import gate
from documents import storage
from documents.failures import StepFailed
from documents.leases import Clock
from documents.models import DeletedBlob, Document

PORTION: Final = 200
# No upload takes longer; what it stored late is gone with the second deletion.
SECOND_TIME_AFTER: Final = dt.timedelta(minutes=30)


def delete_noted() -> int:
    """Delete noted blobs, some at a time; give how many. Safe to run twice, also at once.

    What a document still has stays, whatever was noted. What could not be deleted is tried again
    the next time; the last StepFailed is raised then.
    """
    late = Q(deleted_at__lt=Clock() - SECOND_TIME_AFTER)
    with gate.as_system():
        notes = list(
            DeletedBlob.objects.filter(late | Q(deleted_at=None)).order_by("created_at")[:PORTION]
        )
        paths = [note.storage_path for note in notes]
        kept = set(
            Document.objects.filter(storage_path__in=paths).values_list("storage_path", flat=True)
        )
    failure: StepFailed | None = None
    for note in notes:
        try:
            if note.storage_path not in kept:
                storage.remove(note.storage_path)
        except StepFailed as error:
            failure = error
        else:
            _note_done(note)
    if failure is not None:
        raise failure
    return len(notes)


def _note_done(note: DeletedBlob) -> None:
    with gate.as_system():
        if note.deleted_at is None:
            DeletedBlob.objects.filter(pk=note.pk).update(deleted_at=Now())
        else:
            DeletedBlob.objects.filter(pk=note.pk).delete()
