"""Retention: entries that have been kept for long enough go, and the chain still verifies.

What goes is for prune_audit_logs() to say, which nobody else may do; here it is called, one clinic
after another, until it has looked at all links that are old enough.
"""

import logging
import uuid
from typing import Final

from django.db import connection

from core import gate

log = logging.getLogger("novara.audit")

# Of one clinic, in a transaction of its own. Each portion leaves an entry that is kept for ever.
LINKS_AT_ONCE: Final = 2_000
# From the first link of a clinic to that of the next, past all between them.
TENANTS: Final = """
    WITH RECURSIVE tenants AS (
        (SELECT tenant_id FROM audit_seals ORDER BY tenant_id LIMIT 1)
         UNION ALL
        SELECT (SELECT s.tenant_id
                  FROM audit_seals s
                 WHERE s.tenant_id > t.tenant_id
                 ORDER BY s.tenant_id
                 LIMIT 1)
          FROM tenants t
         WHERE t.tenant_id IS NOT NULL
    )
    SELECT tenant_id FROM tenants WHERE tenant_id IS NOT NULL
"""
# A plan for any number of links would read the whole log.
PLANNED_ANEW: Final = "SET LOCAL plan_cache_mode = force_custom_plan"
PRUNE: Final = "SELECT last_sequence, deleted FROM prune_audit_logs(%s, %s, %s)"


def prune() -> int:
    """Delete what is due, in portions; give how many entries went."""
    with connection.cursor() as cursor:
        cursor.execute(TENANTS)
        tenants = [tenant for (tenant,) in cursor.fetchall()]
    total = sum(_prune_tenant(tenant) for tenant in tenants)
    if total:
        log.info("entries of the audit log were deleted by retention", extra={"entries": total})
    return total


def _prune_tenant(tenant: uuid.UUID) -> int:
    after: int | None = 0
    total = 0
    while after is not None:
        with gate.as_system(), connection.cursor() as cursor:
            cursor.execute(PLANNED_ANEW)
            cursor.execute(PRUNE, [tenant, after, LINKS_AT_ONCE])
            after, deleted = cursor.fetchone()
        total += deleted
    return total
