"""Keys of servers."""

import datetime as dt
import uuid
from collections.abc import Iterable

from django.db import transaction

from accounts import key_uses, tokens
from accounts.models import ApiKey
from audit import services as audit
from audit.types import Category


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
    """Say that a key was used; it is written down beside the requests."""
    key_uses.note(key_id, now)


def _record_of_key(event: str, key: ApiKey) -> None:
    audit.record(
        event=event,
        category=Category.SECURITY,
        object_type="api_keys",
        object_id=key.id,
        tenant_id=key.tenant_id,
        details={"prefix": key.prefix, "scopes": key.scopes},
    )
