"""Brings an account of the old service in, with its id and its dates."""

import datetime as dt
import uuid
from typing import Any

from django.contrib.auth.hashers import make_password

from accounts.models import User, UserProfile


def add(
    *,
    user_id: uuid.UUID,
    tenant_id: uuid.UUID,
    user: dict[str, Any],
    profile: dict[str, Any],
    updated_at: dt.datetime,
) -> None:
    """Add an account that nobody can log in to with a password."""
    User.objects.bulk_create(
        [User(id=user_id, tenant_id=tenant_id, password=make_password(None), **user)]
    )
    UserProfile.objects.bulk_create([UserProfile(user_id=user_id, tenant_id=tenant_id, **profile)])
    _date(user_id, updated_at)


def change(
    *, user_id: uuid.UUID, user: dict[str, Any], profile: dict[str, Any], updated_at: dt.datetime
) -> None:
    User.objects.filter(id=user_id).update(**user)
    UserProfile.objects.filter(user_id=user_id).update(**profile)
    _date(user_id, updated_at)


def _date(user_id: uuid.UUID, updated_at: dt.datetime) -> None:
    # Saving a profile would date it now.
    UserProfile.objects.filter(user_id=user_id).update(updated_at=updated_at)
