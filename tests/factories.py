"""Plain functions that make rows. Every call makes a new person, so tests can share a database."""

import uuid
from typing import Any

from accounts.models import Tenant, User, UserProfile
from core.models import uuid7


def make_tenant(**changes: Any) -> Tenant:
    name = f"clinic-{uuid.uuid4().hex[:12]}"
    return Tenant.objects.create(**{"name": name, "slug": name} | changes)


def make_user(
    tenant: Tenant | None = None,
    *,
    password: str | None = None,
    profile: dict[str, Any] | None = None,
    **changes: Any,
) -> User:
    tenant = tenant or Tenant.objects.get(slug="novara")
    fields: dict[str, Any] = {
        "email": f"{uuid.uuid4().hex[:12]}@example.com",
        "tenant": tenant,
    } | changes
    user = User.objects.create_user(password=password, id=uuid7(), **fields)
    told = {"nickname": "Alex", "timezone": "America/Los_Angeles"} | (profile or {})
    UserProfile.objects.create(user=user, tenant=tenant, **told)
    return user
