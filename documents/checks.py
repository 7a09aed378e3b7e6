"""Django's checks of the keys of the environment, and of the model that makes vectors.

`migrate` runs them before anything else.
"""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection

from documents import embeddings
from documents.services import keys


@register(Tags.database)
def check_encryption_keys(
    *, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Find data keys that nobody could unwrap, before a process starts that would need them."""
    if not databases or "encryption_keys" not in connection.introspection.table_names():
        return []
    hint = "Put the missing key back into ENCRYPTION_KEYS: see docs/howto/document-keys.md."
    return [Error(said, hint=hint, id="documents.E001") for said in keys.faults()]


@register()
def check_embedder(**_: Any) -> list[CheckMessage]:
    """Find weights that are missing or others, before a document or a search needs them."""
    said = embeddings.check()
    return [Error(said, id="documents.E002")] if said else []
