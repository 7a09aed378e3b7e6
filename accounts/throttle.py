"""How often somebody may try a password: counted in the database, exact under races.

How often that is, and within which time, rules of limits say.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from typing import Final

from django.conf import settings
from django.db import connection

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


def forget(key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM login_throttles WHERE key_digest = %s", [_digest(key)])


def take_back(key: str) -> None:
    """Uncount an attempt that turned out to be a good one."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_BACK, [_digest(key)])


def network(address: str) -> str:
    """Give what one household has: an IPv4 address, or a /64 of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found.packed[:8] + bytes(8), 64)))


def _digest(key: str) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), key.encode(), hashlib.sha256)
