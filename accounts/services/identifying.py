"""Who a token is, for work that cannot run inside the gate."""

from accounts.models import User
from core import gate
from core.errors import DomainError
from core.gate import Person


class TokenRefused(DomainError):
    status = 401
    code = "token-invalid"


class StaffOnly(DomainError):
    status = 403
    code = "staff-only"


def authenticate_again(claims: gate.Claims) -> Person:
    """Find the person of a token for work that cannot run inside the gate."""
    with gate.unit_of_work():
        person = gate.enter(claims)
    if person is None:
        raise TokenRefused("Invalid or expired token")
    return person


def authenticate_staff(claims: gate.Claims) -> Person:
    """Find the person of a token, who must be staff; the API's role can't see who is."""
    person = authenticate_again(claims)
    with gate.as_system():
        if User.objects.filter(id=person.id, is_staff=True).exists():
            return person
    raise StaffOnly("This is for staff. Ask whoever runs your clinic's console.")
