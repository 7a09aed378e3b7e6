"""What processes saw of buckets last, and whose they are: the picture "who is limited now".

A bucket fills up at a known pace, so what is left now follows from what was left when it was
seen. Nobody goes through the store, and no hash has to be traced back to somebody.
"""

import datetime as dt
import hmac
from functools import lru_cache
from hashlib import sha256
from typing import Final

import msgspec
from django.conf import settings
from django.db import connection

from ratelimits.types import Caller, Scope, Verdict

# Buckets that are fuller than that interest nobody.
SHOWN_BELOW: Final = 0.5
HASH_LENGTH: Final = 16

FULL: Final = """
DELETE FROM rate_limit_buckets b
 WHERE NOT EXISTS (
       SELECT
         FROM rate_limit_rules r
        WHERE r.name = b.rule_name
          AND r.mode <> 'off'
          AND b.remaining + extract(epoch FROM %s - b.seen_at) * r.refill / r.window_seconds
              < r.capacity
       )
"""

USERS: Final = frozenset({Scope.USER, Scope.PASSWORD})
TENANTS: Final = frozenset({Scope.TENANT, Scope.TENANT_ENDPOINT})
NETWORKS: Final = frozenset({Scope.NETWORK, Scope.LOGIN_NETWORK, Scope.SIGN_UP_NETWORK})
ENDPOINTS: Final = frozenset({Scope.ENDPOINT, Scope.TENANT_ENDPOINT})


class Subject(msgspec.Struct, frozen=True):
    """Whose bucket it is: of these only what its scope counts by, and a person's clinic."""

    tenant_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    network: str = ""
    route: str = ""


class BucketRow(msgspec.Struct):
    rule_name: str
    # Hexadecimal.
    key: str
    scope: str
    subject: Subject
    capacity: int
    remaining: int
    limited_until: dt.datetime | None
    seen_at: dt.datetime


def subject_of(caller: Caller, scope: Scope, route: str) -> Subject:
    place = route if scope in ENDPOINTS else ""
    if scope in USERS:
        return Subject(caller.tenant_id, caller.user_id)
    if scope in TENANTS:
        return Subject(caller.tenant_id, route=place)
    if scope in NETWORKS:
        return Subject(network=network_hash(caller.network))
    if scope is Scope.API_KEY:
        return Subject(caller.tenant_id, api_key_id=caller.api_key_id)
    return Subject(route=place)


@lru_cache(maxsize=10_000)
def network_hash(network: str) -> str:
    """Name a network so that it is known again, and nobody can tell which one it is."""
    if not network:
        return ""
    told = f"network:{network}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), told, sha256).hexdigest()[:HASH_LENGTH]


def is_worth_showing(verdict: Verdict) -> bool:
    return verdict.is_exceeded or verdict.remaining < SHOWN_BELOW * verdict.rule.capacity


def row_of(caller: Caller, route: str, verdict: Verdict, now: dt.datetime) -> BucketRow:
    rule = verdict.rule
    return BucketRow(
        rule_name=rule.name,
        key=verdict.key.hex(),
        scope=rule.scope,
        subject=subject_of(caller, rule.scope, route),
        capacity=rule.capacity,
        remaining=max(0, verdict.remaining),
        limited_until=now + dt.timedelta(seconds=verdict.wait) if verdict.is_exceeded else None,
        seen_at=now,
    )


def forget_full(now: dt.datetime) -> int:
    """Delete what is full again, or of a rule that counts no more."""
    with connection.cursor() as cursor:
        cursor.execute(FULL, [now])
        return int(cursor.rowcount)
