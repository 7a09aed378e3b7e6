"""Django's check of the keys of the environment; `migrate` runs it before anything else."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connection

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
