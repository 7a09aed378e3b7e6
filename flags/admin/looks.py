"""Whom a page of flags names: the audit log is told, as their rows are not in its context."""

import uuid
from collections.abc import Iterable

from audit import services
from audit.types import Looked


def noted(event: str, people: Iterable[tuple[str | uuid.UUID, str | uuid.UUID]]) -> None:
    """Write of each person (id, clinic) that whoever is at the console sees their address."""
    records = [
        Looked(uuid.UUID(str(person_id)), uuid.UUID(str(tenant_id)))
        for person_id, tenant_id in people
    ]
    if records:
        services.record_looks(
            event=event, object_type="users", records=records, details={"page": "flags"}
        )
