"""Work for later. Rows are the truth: the broker only wakes, and what is lost is found again."""

from contextlib import suppress
from typing import Final

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from documents import blobs, leases, llama_jobs, pipeline

# In seconds. A step that hangs takes its process along; below the broker's visibility time-out.
LONGEST_STEP: Final = 540
# In seconds. Others wait in the same queue; the next run goes on.
LONGEST_CLEANING: Final = 60


@shared_task(time_limit=LONGEST_STEP)
def advance() -> None:
    """Do one step of the document that is due; the next one, whosever it is, takes its turn."""
    if pipeline.advance():
        wake()


@shared_task
def watch() -> None:
    """Find what lost its worker, its wake-up call, or its request."""
    leases.end_interrupted_uploads()
    if leases.is_anything_due():
        # Of no use any more when the next one comes.
        advance.apply_async(expires=5)


@shared_task(time_limit=LONGEST_CLEANING)
def delete_blobs() -> int:
    """Delete from the storage what belonged to documents that are gone."""
    return blobs.delete_noted()


@shared_task(time_limit=LONGEST_CLEANING)
def forget_llama_jobs() -> int:
    """Have the parsing service stop and delete jobs that are over or no longer wanted."""
    return llama_jobs.forget_abandoned(now=timezone.now())


def wake() -> None:
    """Say that a document is due. While the broker is away, `watch` must find it."""
    with suppress(OperationalError):
        advance.apply_async(retry=False)


def wake_cleaner() -> None:
    """Say that a file is to be deleted; the timetable would get to it, too."""
    with suppress(OperationalError):
        delete_blobs.apply_async(retry=False)
