"""Work for later. Rows are the truth: the broker only wakes, and what is lost is found again."""

from contextlib import suppress

from celery import shared_task
from kombu.exceptions import OperationalError

from documents import blobs, leases, pipeline


@shared_task
def advance() -> None:
    """Do one step of the document that is due; the next one, whosever it is, takes its turn."""
    if pipeline.advance():
        advance.delay()


@shared_task
def watch() -> None:
    """Find what lost its worker, its wake-up call, or its request."""
    leases.end_interrupted_uploads()
    if leases.is_anything_due():
        # Of no use any more when the next one comes.
        advance.apply_async(expires=5)


@shared_task
def delete_blobs() -> int:
    """Delete from the storage what belonged to documents that are gone."""
    return blobs.delete_noted()


def wake() -> None:
    """Say that a document is due. While the broker is away, `watch` must find it."""
    with suppress(OperationalError):
        advance.apply_async(retry=False)


def wake_cleaner() -> None:
    """Say that a file is to be deleted; the timetable would get to it, too."""
    with suppress(OperationalError):
        delete_blobs.apply_async(retry=False)
