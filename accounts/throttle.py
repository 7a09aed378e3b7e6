"""How often somebody may try a password: counted in the database, exact under races.

How often that is, and within which time, rules of limits say.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.db import connection

from core import origin
from core.errors import DomainError
from ratelimits import rules, services
from ratelimits.types import Scope

# Counts one attempt and starts a new window where the old one has ended, in one statement.
COUNT: Final = """
    INSERT INTO login_throttles AS t (key_digest, attempt_count, window_ends_at)
    VALUES (%s, 1, now() + make_interval(secs => %s))
    ON CONFLICT (key_digest) DO UPDATE
       SET attempt_count = CASE WHEN t.window_ends_at > now() THEN t.attempt_count + 1 ELSE 1 END,
           window_ends_at = CASE WHEN t.window_ends_at > now() THEN t.window_ends_at
                                 ELSE excluded.window_ends_at END
    RETURNING attempt_count, ceil(extract(epoch FROM window_ends_at - now()))::integer
"""

TAKE_BACK: Final = """
    UPDATE login_throttles
       SET attempt_count = attempt_count - 1
     WHERE key_digest = %s
       AND attempt_count > 0
"""


# Who logged in from a network is known there for so long.
KNOWN_DAYS: Final = 30
IS_KNOWN: Final = """
    SELECT EXISTS (SELECT FROM login_throttles WHERE key_digest = %s AND window_ends_at > now())
"""
KNOW: Final = """
    INSERT INTO login_throttles (key_digest, attempt_count, window_ends_at)
    VALUES (%s, 0, now() + make_interval(days => %s))
    ON CONFLICT (key_digest) DO UPDATE
       SET window_ends_at = excluded.window_ends_at
"""


class TooManyAttempts(DomainError):
    status = 429
    code = "too-many-attempts"
    retryable = True


def count(keys: Iterable[tuple[str, Scope]]) -> None:
    """Count an attempt for each (key, whose limit it is); raise when one is above it.

    Call it before the password is looked at, outside a transaction, so that a refused log-in
    stays counted.
    """
    for key, scope in keys:
        most, window_seconds = rules.figures(scope)
        with connection.cursor() as cursor:
            cursor.execute(COUNT, [_digest(key), window_seconds])
            attempts, seconds = cursor.fetchone() or (0, 0)
        if attempts > most:
            services.note_refused_attempt(scope=scope)
            raise TooManyAttempts(
                f"Too many attempts. Try again in {seconds} seconds.",
                extra={"retry_after": seconds},
            )


class LogIn:
    """One attempt to log in with a password.

    Wrong ones count for the address, from wherever they come, so that many networks together have
    no more tries than one. Where its owner logged in lately only those of that network count: a
    stranger who tries an address locks nobody out at home.
    """

    def __init__(self, email: str, address: str) -> None:
        place = network(address)
        self._by_network, self._by_email = f"address:{place}", f"email:{email}"
        self._known = f"known:{email} {place}"
        if self._is_known():
            self._by_email = f"email:{email} {place}"

    def count(self) -> None:
        # The network first: whoever is stopped there must not lock others out of their accounts.
        by_network = (self._by_network, Scope.LOGIN_NETWORK)
        count([by_network, (self._by_email, Scope.LOGIN_EMAIL)])

    def succeed(self) -> None:
        """Make room, and remember the network."""
        forget(self._by_email)
        take_back(self._by_network)
        with connection.cursor() as cursor:
            cursor.execute(KNOW, [_digest(self._known), KNOWN_DAYS])

    def _is_known(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(IS_KNOWN, [_digest(self._known)])
            (is_known,) = cursor.fetchone()
        return bool(is_known)


def forget(key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM login_throttles WHERE key_digest = %s", [_digest(key)])


def take_back(key: str) -> None:
    """Uncount an attempt that turned out to be a good one."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_BACK, [_digest(key)])


@lru_cache(maxsize=10_000)
def network(address: str) -> str:
    """Give what one household has: an IPv4 address, or a /64 of IPv6."""
    found = origin.address_in(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found.packed[:8] + bytes(8), 64)))
    return str(found) if found else address


def _digest(key: str) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), key.encode(), hashlib.sha256)
