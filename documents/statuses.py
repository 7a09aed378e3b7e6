"""The states of a document, and which may follow which.

The database's constraint, its trigger (documents/sql/triggers) and the API's schema are held to
this page by tests.
"""

from typing import Final

from django.db.models import TextChoices


class Status(TextChoices):
    """Where a document is.

    `pending`: known, its bytes are not yet stored. `uploading`: they are being stored.
    `processing`: to be parsed, or being parsed. `chunking`: to be cut. `embedding`: to be turned
    into vectors. `completed`: can be searched. `failed` has a code; `cancelled` was a wish.
    """

    PENDING = "pending"
    UPLOADING = "uploading"
    PROCESSING = "processing"
    CHUNKING = "chunking"
    EMBEDDING = "embedding"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


# The steps of the way, in order.
ON_THE_WAY: Final = (
    Status.PENDING,
    Status.UPLOADING,
    Status.PROCESSING,
    Status.CHUNKING,
    Status.EMBEDDING,
)
ENDED: Final = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
# What the view stuck_documents says of those that don't go on.
STUCK_CAUSES: Final = ("no_worker", "worker_lost", "no_progress")
# What a worker does; the web process does the rest.
STAGES: Final = (Status.PROCESSING, Status.CHUNKING, Status.EMBEDDING)

_AGAIN: Final = (Status.UPLOADING, *STAGES)
TRANSITIONS: Final[dict[Status, tuple[Status, ...]]] = {
    Status.PENDING: (Status.UPLOADING, Status.FAILED, Status.CANCELLED),
    Status.UPLOADING: (Status.PROCESSING, Status.FAILED, Status.CANCELLED),
    Status.PROCESSING: (Status.CHUNKING, Status.FAILED, Status.CANCELLED),
    Status.CHUNKING: (Status.EMBEDDING, Status.FAILED, Status.CANCELLED),
    Status.EMBEDDING: (Status.COMPLETED, Status.FAILED, Status.CANCELLED),
    Status.COMPLETED: (),
    # By a retry, from the stage that failed; or the file is sent again.
    Status.FAILED: _AGAIN,
    Status.CANCELLED: _AGAIN,
}

# The share of the way, in percent, at which a stage begins; see also `progress_within`.
BEGINS_AT: Final[dict[Status, int]] = {
    Status.PENDING: 0,
    Status.UPLOADING: 5,
    Status.PROCESSING: 10,
    Status.CHUNKING: 40,
    Status.EMBEDDING: 50,
    Status.COMPLETED: 100,
}


def progress_within(stage: Status, done: int, total: int) -> int:
    """Tell the percentage within a stage; it stays below where the next one begins."""
    begin = BEGINS_AT[stage]
    end = min(value for value in BEGINS_AT.values() if value > begin)
    return begin + (end - begin - 1) * done // max(total, 1)
