"""Retention: entries that have been kept for long enough go, and the chain still verifies.

What goes is for prune_audit_logs() to say, which nobody else may do; here it is called until it
has looked at all links that are old enough.
"""

import logging
from typing import Final

from django.db import connection

from core import gate

log = logging.getLogger("novara.audit")

LINKS_AT_ONCE: Final = 200
PRUNE: Final = "SELECT last_seal, deleted FROM prune_audit_logs(%s, %s)"


def prune() -> int:
    """Delete what is due, in portions; give how many entries went."""
    after: int | None = 0
    total = 0
    while after is not None:
        with gate.as_system(), connection.cursor() as cursor:
            cursor.execute(PRUNE, [after, LINKS_AT_ONCE])
            after, deleted = cursor.fetchone()
        total += deleted
    if total:
        log.info("entries of the audit log were deleted by retention", extra={"entries": total})
    return total
