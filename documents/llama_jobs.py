"""Jobs at the parsing service LlamaParse: meant, submitted once, asked about, forgotten there.

A job is on record before it is submitted, and the service gets our id of it as a tag. Who comes
after a crash, or after an answer that was lost, looks for the tag instead of submitting again. The
service calls us when a job is over, which is only a reason to ask it earlier: nothing it sends is
read. No transaction is open while it is spoken to.
"""

import datetime as dt
import hashlib
import hmac
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.utils.crypto import constant_time_compare, salted_hmac

from core import gate
from documents import leases
from documents.failures import Code, StepFailed
from documents.leases import Claim, Waiting
from documents.models import AbandonedLlamaJob, Document, LlamaParseJob
from documents.parsers import llama_parse
from documents.statuses import Status
from documents.types import Limits, Parsed
from flags import services as flags

# In seconds, before the first question, the second, …
PAUSES: Final = (2, 4, 8, 15, 30, 60)
# Then the job is given up.
LONGEST: Final = dt.timedelta(hours=1)
# What the service did not forget is tried again so much later.
AGAIN: Final = dt.timedelta(minutes=10)
PORTION: Final = 50


def is_for(person: gate.Person, media_type: str) -> bool:
    """Tell whether a person's file of this type is parsed there; inside the gate."""
    return (
        bool(settings.LLAMA_CLOUD_API_KEY)
        and media_type in llama_parse.FILE_NAMES
        and flags.is_on("llama_parse_integration", person.id, default=False)
    )


def parse(
    claim: Claim,
    media_type: str,
    file: Callable[[], AbstractContextManager[Path]],
    *,
    limits: Limits,
    now: dt.datetime,
) -> Parsed:
    """Go on with the job of a document; raises Waiting while the service is at work.

    `file` is asked for only where it is to be sent.
    """
    job, is_new = _meant(claim)
    if job.vendor_job_id is None:
        vendor_job_id = None if is_new else _found(job)
        if vendor_job_id is None:
            with file() as path:
                vendor_job_id = llama_parse.submit(
                    job_id=job.id, path=path, media_type=media_type, webhook=_webhook(job.id)
                )
        _submitted(claim, job, vendor_job_id, now)
        raise Waiting(0 if job.webhook_at else PAUSES[0])
    return _asked(claim, job, job.vendor_job_id, limits, now)


def _meant(claim: Claim) -> tuple[LlamaParseJob, bool]:
    with leases.held(claim) as (person, row):
        return LlamaParseJob.objects.get_or_create(
            tenant_id=person.tenant_id, user_id=person.id, document_id=row.id, run=claim.run
        )


def _found(job: LlamaParseJob) -> str | None:
    """Look for a job that may have been submitted; of several, all but one are forgotten."""
    found = llama_parse.find(job.id, since=job.created_at)
    for other in found[1:]:
        llama_parse.forget(other)
    return found[0] if found else None


def _submitted(claim: Claim, job: LlamaParseJob, vendor_job_id: str, now: dt.datetime) -> None:
    with leases.held(claim):
        LlamaParseJob.objects.filter(id=job.id).update(
            vendor_job_id=vendor_job_id, submitted_at=now
        )
        job.refresh_from_db()


def _asked(
    claim: Claim, job: LlamaParseJob, vendor_job_id: str, limits: Limits, now: dt.datetime
) -> Parsed:
    try:
        parsed = llama_parse.result(vendor_job_id, limits)
    except StepFailed as failure:
        if failure.code == Code.PROVIDER_LOST:
            _given_up(claim, job)
        raise
    if parsed is not None:
        return parsed
    if job.submitted_at and now - job.submitted_at > LONGEST:
        _given_up(claim, job)
        raise StepFailed(Code.PROVIDER_LOST, f"Job {vendor_job_id} did not end within {LONGEST}.")
    raise Waiting(_pause(claim, job))


def _pause(claim: Claim, job: LlamaParseJob) -> float:
    """Count a question that came too early; give how long to wait for the next.

    Not at all, if the service called meanwhile. A call in the moment from here to the release of
    the document does not shorten the pause.
    """
    was_called = job.webhook_at
    with leases.held(claim):
        LlamaParseJob.objects.filter(id=job.id).update(polls=job.polls + 1)
        job.refresh_from_db()
    if job.webhook_at != was_called:
        return 0
    return PAUSES[min(job.polls, len(PAUSES) - 1)]


def _given_up(claim: Claim, job: LlamaParseJob) -> None:
    """Make room for another job; this one is stopped and forgotten later."""
    with leases.held(claim):
        LlamaParseJob.objects.filter(id=job.id).delete()


def _webhook(job_id: uuid.UUID) -> llama_parse.Webhook | None:
    if not settings.PUBLIC_URL:
        return None
    url = f"{settings.PUBLIC_URL}/api/v2/webhooks/llama-parse/{job_id}"
    return llama_parse.Webhook(url, _secret(job_id))


def _secret(job_id: uuid.UUID) -> str:
    """Each job has its own, so that one that leaks is of no use for another."""
    return salted_hmac("documents.llama_jobs", str(job_id), algorithm="sha256").hexdigest()


def is_signed(job_id: uuid.UUID, body: bytes, signature: str) -> bool:
    digest = hmac.new(_secret(job_id).encode(), body, hashlib.sha256).hexdigest()
    return constant_time_compare(signature, f"sha256={digest}")


def note_call(job_id: uuid.UUID, *, now: dt.datetime) -> bool:
    """Note the first call for a job; tell whether its document is now due."""
    with gate.as_system():
        job = LlamaParseJob.objects.filter(id=job_id).first()
        if job is None:
            return False
        # Locked in the order of everybody else: first the document, then its job.
        documents = Document.objects.filter(
            id=job.document_id, run=job.run, status=Status.PROCESSING
        )
        row = documents.select_for_update().first()
        is_first = LlamaParseJob.objects.filter(id=job_id, webhook_at=None).update(webhook_at=now)
        if row is None or not is_first or row.leased_by:
            return False
        documents.update(due_at=leases.Clock())
        return True


def forget_abandoned(*, now: dt.datetime) -> int:
    """Have the service stop and forget jobs that are over or no longer wanted; tell how many."""
    with gate.as_system():
        at_work = Document.objects.filter(
            id=OuterRef("document_id"), run=OuterRef("run"), status=Status.PROCESSING
        )
        LlamaParseJob.objects.filter(~Exists(at_work)).delete()
        due = AbandonedLlamaJob.objects.filter(due_at__lte=leases.Clock()).order_by("due_at")
        jobs = list(due[:PORTION]) if settings.LLAMA_CLOUD_API_KEY else []
    forgotten = 0
    for job in jobs:
        if not _forgotten(job, now):
            break
        forgotten += 1
    return forgotten


def _forgotten(job: AbandonedLlamaJob, now: dt.datetime) -> bool:
    """Forget one; where that fails, the service is probably away, and others wait, too."""
    one = AbandonedLlamaJob.objects.filter(id=job.id)
    try:
        known = job.vendor_job_id
        for vendor_job_id in [known] if known else llama_parse.find(job.id, since=job.meant_at):
            llama_parse.forget(vendor_job_id)
    except StepFailed:
        with gate.as_system():
            one.update(due_at=now + AGAIN)
        return False
    with gate.as_system():
        one.delete()
    return True
