"""What other services tell us. Nothing of it is believed, except that it is worth a look."""

import datetime as dt
import uuid

from core.errors import DomainError
from documents import llama_jobs, tasks


class NotSigned(DomainError):
    status = 401
    code = "not-signed"


def take_llama_parse_call(
    *, job_id: uuid.UUID, body: bytes, signature: str, now: dt.datetime
) -> None:
    """Take a call of the parsing service; all but the first one for a job change nothing."""
    if not llama_jobs.is_signed(job_id, body, signature):
        raise NotSigned("LC-Signature: must be the signature of this body with this job's secret.")
    if llama_jobs.note_call(job_id, now=now):
        tasks.wake()
