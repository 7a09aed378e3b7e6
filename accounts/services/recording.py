"""What the audit log is told of accounts."""

import dataclasses
import uuid
from contextlib import AbstractContextManager
from typing import Any

from accounts.models import User
from audit import services as audit
from audit.types import Category, Outcome
from core import gate, origin


def record_of_account(
    event: str,
    user: User,
    *,
    outcome: Outcome = Outcome.SUCCESS,
    details: dict[str, Any] | None = None,
) -> None:
    """Write what was done with an account, in the running transaction."""
    audit.record(
        event=event,
        category=Category.SECURITY,
        subject_id=user.id,
        object_type="users",
        object_id=user.id,
        outcome=outcome,
        details=details,
        tenant_id=user.tenant_id,
    )


def record_refused_log_in(email: str) -> None:
    """Write that a log-in was refused, in a transaction of its own: what refuses it is rolled back.

    Of an address without an account nothing is told but a mark by which tries can be counted.
    """
    with gate.as_system():
        user = User.objects.filter(email=email).only("id", "tenant_id").first()
        audit.record(
            event="log-in",
            category=Category.SECURITY,
            subject_id=user.id if user else None,
            object_type="users",
            object_id=user.id if user else audit.mark(email),
            outcome=Outcome.FAILURE,
            tenant_id=user.tenant_id if user else None,
        )


def acting_as(user_id: uuid.UUID) -> AbstractContextManager[None]:
    """Whoever has just proved who they are does what follows."""
    came_in = origin.current.get() or origin.Origin()
    return origin.acting(dataclasses.replace(came_in, kind="person", actor_id=str(user_id)))
