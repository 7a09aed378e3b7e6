"""Keys of servers."""

import datetime as dt
import logging
import uuid
from collections.abc import Iterable
from typing import Final

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q

from accounts import tokens
from accounts.models import ApiKey
from audit import services as audit
from audit.types import Category

log = logging.getLogger("novara.accounts")
KEY_USE_NOTED_EVERY: Final = dt.timedelta(minutes=1)
# When this process last wrote down that a key was used.
_key_uses: Final[dict[uuid.UUID, dt.datetime]] = {}


@transaction.atomic
def create_api_key(
    *,
    name: str,
    scopes: Iterable[str],
    tenant_id: uuid.UUID | None,
    environment: str,
    expires_at: dt.datetime | None,
    created_by_id: uuid.UUID | None,
) -> tuple[ApiKey, str]:
    """Make a key. What comes beside it is the key itself, which nobody can tell again."""
    secret = tokens.new_api_key()
    key = ApiKey.objects.create(
        name=name,
        prefix=tokens.api_key_prefix(secret),
        secret_hash=tokens.api_key_hash(secret),
        scopes=sorted(set(scopes)),
        tenant_id=tenant_id,
        environment=environment,
        expires_at=expires_at,
        created_by_id=created_by_id,
    )
    _record_of_key("api-key-created", key)
    return key, secret


@transaction.atomic
def revoke_api_key(*, key_id: uuid.UUID, now: dt.datetime) -> bool:
    """Refuse a key from now on; within seconds where it was found a moment ago.

    False if it was revoked before.
    """
    key = ApiKey.objects.select_for_update(of=("self",)).filter(id=key_id, revoked_at=None).first()
    if key is None:
        return False
    key.revoked_at = now
    key.save(update_fields=["revoked_at"])
    _record_of_key("api-key-revoked", key)
    return True


def note_key_use(*, key_id: uuid.UUID, now: dt.datetime) -> None:
    """Write down that a key was used: at most once a minute, however many processes ask.

    Call it outside the gate. Without the database it is not written down, and nothing fails.
    """
    noted = _key_uses.get(key_id)
    if noted is not None and dt.timedelta(0) <= now - noted < KEY_USE_NOTED_EVERY:
        return
    _key_uses[key_id] = now
    is_due = Q(last_used_at=None) | Q(last_used_at__lte=now - KEY_USE_NOTED_EVERY)
    try:
        ApiKey.objects.filter(is_due, id=key_id).update(last_used_at=now)
    except (OperationalError, InterfaceError):
        log.warning("The use of an API key could not be written down.", exc_info=True)


def _record_of_key(event: str, key: ApiKey) -> None:
    audit.record(
        event=event,
        category=Category.SECURITY,
        object_type="api_keys",
        object_id=key.id,
        tenant_id=key.tenant_id,
        details={"prefix": key.prefix, "scopes": key.scopes},
    )
