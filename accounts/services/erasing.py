"""Everything of a person goes; a certificate stays."""

import uuid
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from accounts.services.entering import UnknownUser
from accounts.services.recording import record_of_account
from core.errors import DomainError


class NotErasable(DomainError):
    status = 409
    code = "not-erasable"


class LegalHold(DomainError):
    status = 409
    code = "legal-hold"


@transaction.atomic
def erase_person(*, user_id: uuid.UUID, requested_by: str, reason: str) -> uuid.UUID:
    """Erase everything of a person, and give the id of the certificate that is left."""
    user = User.objects.filter(id=user_id).first()
    if user is None:
        raise UnknownUser("There is no person with this id.")
    if user.is_staff or user.is_superuser:
        raise NotErasable("Take the staff rights away first; then the person can be erased.")
    if LogEntry.objects.filter(user_id=user_id).exists():
        raise NotErasable("The console's log names this person as the author of entries.")
    certificate_id = _erase(user_id, requested_by, reason)
    if certificate_id is None:  # Somebody else was faster.
        raise UnknownUser("There is no person with this id.")
    # After the erasure, which takes what entries before it say.
    record_of_account("person-erased", user, details={"certificate": certificate_id})
    return certificate_id


def _erase(user_id: uuid.UUID, requested_by: str, reason: str) -> uuid.UUID | None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT erase_person(%s, %s, %s)", [user_id, requested_by, reason])
            certificate_id: uuid.UUID | None = cursor.fetchone()[0]
    except IntegrityError as error:
        cause: Any = error.__cause__
        if cause.diag.constraint_name != "legal_hold":
            raise
        raise LegalHold(
            "A legal hold stands on this person or their clinic, so nothing of them may be erased."
            " Release it in the console, under Legal holds, and erase the person then."
        ) from error
    return certificate_id
