"""Documents of people, as they are on their way: rows, and bytes in the storage."""

import hashlib
import io
import uuid
from typing import Any

from accounts.models import User
from core.models import uuid7
from documents import storage
from documents.models import Document
from documents.statuses import BEGINS_AT, Status

TEXT = (
    b"# Transfer\n\nThe embryo transfer is planned for Tuesday morning.\n\n"
    b"# Medication\n\nTake two hundred milligrams of progesterone every evening.\n"
)


def make_document(
    user: User, *, content: bytes = TEXT, is_stored: bool = True, **changes: Any
) -> Document:
    """Make a document that waits to be parsed, unless changes say otherwise."""
    key = uuid7()
    fields: dict[str, Any] = {
        "id": key,
        "tenant_id": user.tenant_id,
        "user_id": user.id,
        "original_filename": "letter.md",
        "content_type": "text/markdown",
        "file_size": len(content),
        "file_hash": hashlib.sha256(content + uuid.uuid4().bytes).hexdigest(),
        "storage_path": storage.new_key(key),
        "status": Status.PROCESSING,
    } | changes
    fields.setdefault("progress_percentage", BEGINS_AT.get(fields["status"], 0))
    document = Document.objects.create(**fields)
    if is_stored:
        storage.put(document.storage_path, io.BytesIO(content), size=len(content))
    document.refresh_from_db()
    return document
