"""Checkpoints: the last links of all chains, signed, with a copy outside the database.

Whoever can write into the database can compute a chain anew; without the key they cannot sign it,
and what lies in the mirror they cannot reach.
"""

import datetime as dt
import logging
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.utils import timezone

from audit import chain, storage
from audit.models import AuditCheckpoint
from core import gate

log = logging.getLogger("novara.audit")

MIRRORED_AT_ONCE: Final = 500
LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('audit checkpoints', 0))"
GROWN: Final = """
    SELECT DISTINCT ON (tenant_id) tenant_id, sequence, hash, max(id) OVER ()
      FROM audit_seals
     WHERE id > %s
     ORDER BY tenant_id, sequence DESC
"""


def write(*, now: dt.datetime) -> AuditCheckpoint | None:
    """Sign the chains that have grown since the last checkpoint; None if none has."""
    with gate.as_system():
        with connection.cursor() as cursor:
            cursor.execute(LOCK)
            (is_alone,) = cursor.fetchone()
            if not is_alone:
                return None
            before = AuditCheckpoint.objects.order_by("number").last()
            cursor.execute(GROWN, [before.last_seal_id if before else 0])
            grown = cursor.fetchall()
        if not grown:
            return None
        written = _signed(before, grown, now)
        written.save(force_insert=True)
    log.info(
        "audit checkpoint",
        extra={
            "checkpoint": written.number,
            "chains": len(grown),
            "statement_sha256": chain.digest(written.statement),
            "key": written.key_id,
            "signature": written.signature,
        },
    )
    return written


def _signed(
    before: AuditCheckpoint | None, grown: list[tuple[Any, ...]], now: dt.datetime
) -> AuditCheckpoint:
    statement = chain.Statement(
        checkpoint=before.number + 1 if before else 1,
        previous=chain.digest(before.statement) if before else "",
        signed_at=now.isoformat(),
        heads=tuple(
            chain.Head(tenant=tenant, link=sequence, hash=bytes(hash_).hex())
            for tenant, sequence, hash_, _ in grown
        ),
    )
    key_id, seed = next(iter(settings.AUDIT_SIGNING_KEYS.items()))
    signed = chain.sign(statement.text(), key_id, seed)
    return AuditCheckpoint(
        number=statement.checkpoint,
        statement=signed.statement,
        key_id=signed.key,
        signature=signed.signature,
        signed_at=now,
        last_seal_id=grown[0][3],
    )


def mirror() -> int:
    """Copy what is not in the mirror yet; give how many. While it is away, that is for later."""
    waiting = AuditCheckpoint.objects.filter(mirrored_at__isnull=True).order_by("number")
    copied = 0
    for one in waiting[:MIRRORED_AT_ONCE]:
        try:
            is_there = storage.put(name_of(one), signed_statement(one).content())
        except Exception as error:  # noqa: BLE001  Each storage has errors of its own.
            kind = type(error).__name__
            log.warning("the mirror of the audit log is away", extra={"kind": kind})
            break
        if not is_there:
            # It stays as it is, and verify shows it.
            log.error("the mirror holds another checkpoint", extra={"checkpoint": one.number})
            continue
        with gate.as_system():
            AuditCheckpoint.objects.filter(number=one.number).update(mirrored_at=timezone.now())
        copied += 1
    return copied


def signed_statement(one: AuditCheckpoint) -> chain.SignedStatement:
    return chain.SignedStatement(one.statement, one.key_id, one.signature)


def name_of(one: AuditCheckpoint) -> str:
    """Name its object: by its day, its number, and the beginning of its digest.

    So a restored database, which counts on from an earlier number, meets no object of before.
    """
    return signed_statement(one).name(one.signed_at.date().isoformat(), one.number)
