"""Coming in for a moment, by those who must not stay inside while they wait for bytes."""

from collections.abc import Iterator
from contextlib import contextmanager

from accounts import services as accounts
from core import gate
from core.gate import Claims, Person


@contextmanager
def entered(claims: Claims) -> Iterator[Person]:
    with gate.unit_of_work():
        person = gate.enter(claims)
        if person is None:
            raise accounts.TokenRefused("Invalid or expired token")
        yield person
