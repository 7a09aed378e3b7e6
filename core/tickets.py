"""Tickets: short-lived signed words that stand in a URL, where no bearer token may be.

For what a browser opens without headers, such as an event stream. A ticket is good for one
purpose alone, and it names its person by id: an address would end up in the logs of proxies.
"""

import time
from dataclasses import dataclass
from typing import Any, Final

from django.core import signing

from core.errors import DomainError
from core.gate import Claims

SALT: Final = "novara.ticket."


class TicketInvalid(DomainError):
    status = 401
    code = "ticket-invalid"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Whose it is: a person's, by the claims of their token, or an API key's."""

    claims: Claims | None
    key_id: str | None

    @property
    def holder(self) -> str:
        """The id of the person or of the key."""
        return str(self.key_id if self.claims is None else self.claims.user_id)


def issue(*, purpose: str, claims: Claims | None, key_id: str | None, seconds: int) -> str:
    if (claims is None) == (key_id is None):
        raise ValueError("A ticket is for a person or for an API key.")
    content: dict[str, Any] = {"exp": int(time.time()) + seconds}
    if claims is None:
        content["key"] = key_id
    elif claims.user_id is None:
        raise ValueError("A ticket names its person by id.")
    else:
        content |= {"sub": claims.user_id, "sid": claims.session_id, "iat": claims.issued_at}
    return signing.dumps(content, salt=SALT + purpose)


def read(ticket: str, *, purpose: str) -> Ticket:
    try:
        content: dict[str, Any] = signing.loads(ticket, salt=SALT + purpose)
    except signing.BadSignature as error:
        raise TicketInvalid("ticket: is not one that this server gave for this.") from error
    if content["exp"] <= time.time():
        raise TicketInvalid("ticket: has expired. Fetch a new address.")
    if "key" in content:
        return Ticket(claims=None, key_id=content["key"])
    claims = Claims(content["sub"], session_id=content["sid"], issued_at=content["iat"])
    return Ticket(claims=claims, key_id=None)
