"""Questions about people, and about servers that ask for them."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Any, Final

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Q, QuerySet

from accounts import tokens
from accounts.models import ApiKey, User, UserProfile
from accounts.types import KeyHolder, ZonePeriod
from core.flushing import Connection

ZONES: Final = """
    SELECT time_zone, until
      FROM time_zone_changes
     WHERE user_id = %s
     UNION ALL
    SELECT timezone, NULL
      FROM user_profiles
     WHERE user_id = %s
     ORDER BY until NULLS LAST
"""

SHOWN = ("id", "email", "is_active", "created_at")

# A revoked key works no longer than this.
ASKED_EVERY: Final = dt.timedelta(seconds=5)
TRUSTED_WITHOUT_DATABASE: Final = dt.timedelta(minutes=5)
MOST_KEYS_KNOWN: Final = 1_000
KEY_COLUMNS: Final = ("secret_hash", "id", "tenant_id", "scopes", "environment", "expires_at")


def profile(user_id: uuid.UUID) -> dict[str, Any]:
    """Everything a person told about themselves, by the names of the old service.

    Works inside the gate, where the password's column is not readable.
    """
    user = User.objects.values(*SHOWN).get(id=user_id)
    return user_fields(user, UserProfile.objects.get(user_id=user_id))


def user_fields(user: dict[str, Any], profile: UserProfile) -> dict[str, Any]:
    return {
        **profile.extra,
        "id": user["id"],
        "email": user["email"],
        "nickname": profile.nickname,
        "status": "active" if user["is_active"] else "inactive",
        "timezone": profile.timezone,
        "confidence_meds": profile.confidence_meds,
        "confidence_costs": profile.confidence_costs,
        "confidence_overall": profile.confidence_overall,
        "primary_need": profile.primary_need,
        "cycle_stage": profile.cycle_stage,
        "cycle_stage_updated": profile.cycle_stage_updated,
        "top_concern": profile.top_concern,
        "medication_status": profile.medication_status,
        "medication_status_updated": profile.medication_status_updated,
        "onboarding_path": profile.onboarding_path,
        "baseline_completed": profile.baseline_completed,
        "email_opt_in": profile.email_opt_in,
        "created_at": user["created_at"],
    }


def time_zones(user_id: uuid.UUID) -> list[ZonePeriod]:
    """Give the zones that a person has been in, the one of now last."""
    with connection.cursor() as cursor:
        cursor.execute(ZONES, [user_id, user_id])
        return [ZonePeriod(*row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key as the database had it: when it said so, and when it was asked last."""

    holder: KeyHolder
    expires_at: dt.datetime | None
    confirmed_at: dt.datetime
    asked_at: dt.datetime


# By the hash of the key, in this process. Only keys that were found are kept, so guesses push
# none of them out.
_known_keys: Final[dict[str, KnownKey]] = {}


def find_api_key(
    secret: str, now: dt.datetime, *, is_database_away: bool = False
) -> KeyHolder | None:
    """Give the server whose key this is; None if it is unknown, revoked or expired.

    Call it outside the gate: its role cannot read the keys. At most one query, and none for
    keys that were found or confirmed a moment ago. Without the database, keys found lately go on
    working; who knows that it is away says so, as one that hangs would have to be waited for.
    """
    if not tokens.is_api_key(secret):
        return None
    digest = tokens.api_key_hash(secret)
    known = _known_keys.get(digest)
    is_trusted = known is not None and _is_within(TRUSTED_WITHOUT_DATABASE, known.confirmed_at, now)
    if not (is_database_away and is_trusted) and (
        known is None or not _is_within(ASKED_EVERY, known.asked_at, now)
    ):
        known = _ask_for_key(digest, known, now)
        _remember_key(digest, known)
    if known is None or (known.expires_at and known.expires_at <= now):
        return None
    return known.holder


def confirm_api_keys(own: Connection, now: dt.datetime) -> None:
    """Ask once about all keys that are known in this process; those that ended are forgotten."""
    known = list(_known_keys)
    if not known:
        return
    usable = _usable_keys().filter(secret_hash__in=known)
    # Over a connection that is not Django's, which a thread beside requests has for itself.
    statement, values = usable.values(*KEY_COLUMNS).query.sql_with_params()
    found = {row["secret_hash"]: row for row in own.execute(statement, values)}
    for digest in known:
        if digest in found:
            _remember_key(digest, _known_key(found[digest], now))
        else:
            _known_keys.pop(digest, None)


def known_api_key(secret: str, now: dt.datetime) -> KeyHolder | None:
    """Give the server whose key was found a moment ago in this process; asks nobody."""
    known = _known_keys.get(tokens.api_key_hash(secret))
    is_known = known is not None and _is_within(TRUSTED_WITHOUT_DATABASE, known.confirmed_at, now)
    return known.holder if known is not None and is_known else None


def find_membership(user_id: str | None, email: str | None) -> tuple[str, str] | None:
    """Give the ids of the person of a token and of their clinic. Call it outside the gate."""
    named = [Q(id=user_id)] if user_id else []
    named += [Q(email=email.lower())] if email else []
    found = User.objects.filter(reduce(or_, named))
    people = [(str(one), str(tenant)) for one, tenant in found.values_list("id", "tenant_id")]
    # An id that the old service gave somebody before is none of ours; then the address tells.
    return next((one for one in people if one[0] == user_id), people[0] if people else None)


def is_api_key_usable(key_id: str, now: dt.datetime) -> bool:
    """Tell whether a key that was found before is still good. Call it outside the gate."""
    lives = Q(expires_at=None) | Q(expires_at__gt=now)
    return _usable_keys().filter(lives, id=key_id).exists()


def _usable_keys() -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(Q(tenant=None) | Q(tenant__is_active=True), revoked_at=None)


def _ask_for_key(digest: str, known: KnownKey | None, now: dt.datetime) -> KnownKey | None:
    try:
        key = _usable_keys().filter(secret_hash=digest).values(*KEY_COLUMNS).first()
    except (OperationalError, InterfaceError):
        if known is None or not _is_within(TRUSTED_WITHOUT_DATABASE, known.confirmed_at, now):
            raise
        # Asked again only after a while: an unreachable server answers slowly.
        return replace(known, asked_at=now)
    return None if key is None else _known_key(key, now)


def _known_key(key: Mapping[str, Any], now: dt.datetime) -> KnownKey:
    scopes = frozenset(key["scopes"])
    holder = KeyHolder(key["id"], key["tenant_id"], scopes, key["environment"])
    return KnownKey(holder, key["expires_at"], confirmed_at=now, asked_at=now)


def _remember_key(digest: str, known: KnownKey | None) -> None:
    if known is None:
        _known_keys.pop(digest, None)
        return
    if digest not in _known_keys and len(_known_keys) >= MOST_KEYS_KNOWN:
        _known_keys.clear()
    _known_keys[digest] = known


def _is_within(span: dt.timedelta, since: dt.datetime, now: dt.datetime) -> bool:
    """Tell whether less than this has passed; not if the clock was set back."""
    return dt.timedelta(0) <= now - since < span
