"""Take the throw-away people away again, where their database is ours."""

from collections.abc import Iterable

from django.db import DatabaseError

from accounts import services
from accounts.models import User
from core.errors import DomainError


def erase(emails: Iterable[str]) -> list[str]:
    """Erase those who are in the database of these settings; give those who are left."""
    return [email for email in emails if not _is_erased(email)]


def _is_erased(email: str) -> bool:
    try:
        person = User.objects.filter(email=email).first()
        if person is None:
            return False
        services.erase_person(
            user_id=person.pk,
            requested_by="manage.py verify_deployment",
            reason="the check of the deployment is over",
        )
    except (DatabaseError, DomainError):
        return False
    return True
