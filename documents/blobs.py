"""Deletes from the storage what no document has any more."""

import datetime as dt
from typing import Final

from django.db.models import Q
from django.db.models.functions import Now

from core import gate
from documents import storage
from documents.leases import Clock
from documents.models import DeletedBlob

PORTION: Final = 200
# No upload takes longer; what it stored late is gone with the second deletion.
SECOND_TIME_AFTER: Final = dt.timedelta(minutes=30)


def delete_noted() -> int:
    """Delete noted blobs, some at a time; give how many. Safe to run twice, also at once.

    A storage that is away raises StepFailed: the notes stay for the next time.
    """
    late = Q(deleted_at__lt=Clock() - SECOND_TIME_AFTER)
    with gate.as_system():
        notes = list(DeletedBlob.objects.filter(late | Q(deleted_at=None))[:PORTION])
    for note in notes:
        storage.remove(note.storage_path)
        with gate.as_system():
            if note.deleted_at is None:
                DeletedBlob.objects.filter(pk=note.pk).update(deleted_at=Now())
            else:
                DeletedBlob.objects.filter(pk=note.pk).delete()
    return len(notes)
