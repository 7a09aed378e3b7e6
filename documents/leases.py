"""Who works on a document: claims with a fence, heartbeats, and the writing of its state.

A claim raises the document's fence. Whoever writes gives the fence of their claim: if it is an
older one, nothing is written and `Lost` is raised, as somebody else has the document, or it was
cancelled or deleted. Postgres' clock is the only one that counts.
"""

import datetime as dt
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import Error, connection, models
from django.db.models.functions import Now

from core import gate
from documents.failures import FAILURES, Code, StepFailed
from documents.models import Document, DocumentAttempt
from documents.statuses import BEGINS_AT, STAGES, Status

# A document that took so many workers with it is not given to another one.
MOST_LOSSES: Final = 4
# In seconds, after the first failed try, the second, …; then it has failed.
PAUSES: Final = (5, 30, 120, 600)
# What is away comes back: tried for about a day, at last once an hour.
PATIENT: Final = {
    Code.KEY_UNAVAILABLE,
    Code.EMBEDDER_UNAVAILABLE,
    Code.STORAGE_UNAVAILABLE,
    Code.PROVIDER_BUSY,
    Code.PROVIDER_UNAVAILABLE,
}
LONGEST_PAUSE: Final = 3600
# A request that stores bytes keeps its claim alive; without one, it is gone.
INTERRUPTED_AFTER: Final = dt.timedelta(seconds=60)
PORTION: Final = 100
# Nobody works for an account, or a clinic, that is switched off.
OF_ACTIVE_PEOPLE: Final = {"user__is_active": True, "tenant__is_active": True}
MOST_PATIENT_TRIES: Final = 30
# Tries are counted for each code; this many in all, where two take turns.
MOST_TRIES: Final = 60


class Lost(Exception):
    """The document is no longer ours: cancelled, deleted, or taken over."""


class Waiting(Exception):
    """The stage goes on later: that is no failure, and costs no try."""

    def __init__(self, seconds: float = 0) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Clock(models.Func):
    """Postgres' time at this moment, not at the beginning of the transaction."""

    function = "clock_timestamp"
    output_field = models.DateTimeField()


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on one stage of a document, as long as the fence holds."""

    document_id: uuid.UUID
    user_id: uuid.UUID
    stage: Status
    fence: int
    run: int
    number: int


def me() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def claim_next() -> Claim | None:
    """Take the document that has been due for longest, whosever it is; None if none is due."""
    while True:
        with gate.as_system():
            row = (
                Document.objects.select_for_update(skip_locked=True, of=("self",))
                .filter(status__in=STAGES, due_at__lte=Clock(), **OF_ACTIVE_PEOPLE)
                .order_by("due_at")
                .first()
            )
            if row is None:
                return None
            if (claim := _claim(row)) is not None:
                return claim


def claim_upload(document_id: uuid.UUID) -> Claim | None:
    """Take a document whose bytes are not stored; None while another request stores them.

    For requests, inside the gate. It is then `uploading`.
    """
    row = Document.objects.select_for_update().get(id=document_id)
    if row.status == Status.UPLOADING and not _is_due(row):
        return None
    if row.status != Status.UPLOADING:
        write(row.id, row.fence, status=Status.UPLOADING, progress=BEGINS_AT[Status.UPLOADING])
        row.refresh_from_db()
    return _claim(row)


def is_anything_due() -> bool:
    with gate.as_system():
        return Document.objects.filter(
            status__in=STAGES, due_at__lte=Clock(), **OF_ACTIVE_PEOPLE
        ).exists()


def end_interrupted_uploads() -> int:
    """Fail uploads whose request is gone: the bytes were never stored."""
    with gate.as_system():
        rows = (
            Document.objects.select_for_update(skip_locked=True)
            .filter(
                status__in=(Status.PENDING, Status.UPLOADING),
                due_at__lte=Clock() - INTERRUPTED_AFTER,
            )
            .order_by("due_at")[:PORTION]
        )
        for row in rows:
            _end_attempt(row, DocumentAttempt.Outcome.LOST, _now(), Code.UPLOAD_INTERRUPTED)
            write(row.id, row.fence, status=Status.FAILED, error_code=Code.UPLOAD_INTERRUPTED)
        return len(rows)


def _is_due(row: Document) -> bool:
    return Document.objects.filter(id=row.id, due_at__lte=Clock()).exists()


def _claim(row: Document) -> Claim | None:
    now = _now()
    _end_attempt(row, DocumentAttempt.Outcome.LOST, now, Code.WORKER_LOST)
    losses = row.losses + (1 if row.leased_by else 0)
    if losses >= MOST_LOSSES:
        write(row.id, row.fence, status=Status.FAILED, error_code=Code.WORKER_LOST)
        return None
    fence = row.fence + 1
    Document.objects.filter(id=row.id).update(
        fence=fence,
        leased_by=me(),
        losses=losses,
        due_at=now + dt.timedelta(seconds=settings.DOCUMENT_LEASE_SECONDS),
        progress_at=now,
        updated_at=now,
    )
    number = _begin_attempt(row, fence, now)
    return Claim(row.id, row.user_id, Status(row.status), fence, row.run, number)


def _begin_attempt(row: Document, fence: int, now: dt.datetime) -> int:
    """Go on with the attempt that paused, or begin the next one."""
    attempts = DocumentAttempt.objects.filter(document=row, run=row.run, stage=row.status)
    last = attempts.order_by("-number").first()
    if last is not None and last.outcome == DocumentAttempt.Outcome.PAUSED:
        attempts.filter(id=last.id).update(
            outcome=DocumentAttempt.Outcome.RUNNING, fence=fence, worker=me(), ended_at=None
        )
        return last.number
    number = last.number + 1 if last is not None else 1
    DocumentAttempt.objects.create(
        tenant_id=row.tenant_id,
        user_id=row.user_id,
        document=row,
        run=row.run,
        stage=row.status,
        number=number,
        fence=fence,
        worker=me(),
        started_at=now,
    )
    return number


def _end_attempt(
    row: Document,
    outcome: DocumentAttempt.Outcome,
    now: dt.datetime,
    code: str = "",
    detail: str = "",
    retry_at: dt.datetime | None = None,
) -> None:
    DocumentAttempt.objects.filter(
        document_id=row.id, user_id=row.user_id, outcome=DocumentAttempt.Outcome.RUNNING
    ).update(outcome=outcome, ended_at=now, error_code=code, detail=detail, retry_at=retry_at)


def _now() -> dt.datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    return now  # type: ignore[no-any-return]  # A timestamp.


WRITE: Final = "SELECT update_document_progress({})"


def write(document_id: uuid.UUID, fence: int, **values: Any) -> None:
    """Write a document's state; the names of `values` are the function's, without "p_"."""
    parameters: dict[str, Any] = {"document_id": document_id, "fence": fence} | values
    names = ", ".join(f"p_{name} => %s" for name in parameters)
    with connection.cursor() as cursor:
        cursor.execute(WRITE.format(names), list(parameters.values()))
        if cursor.fetchone() != (True,):
            raise Lost


# A worker whose machine is gone would keep the row locked until the network notices, after hours.
NOT_FOR_EVER: Final = "SET LOCAL idle_in_transaction_session_timeout = '60s'"


@contextmanager
def held(claim: Claim) -> Iterator[tuple[gate.Person, Document]]:
    """Enter the gate as the document's person, with the document locked and ours until the end.

    What a step writes here is written with its state, or not at all.
    """
    try:
        with gate.as_person(claim.user_id) as person:
            with connection.cursor() as cursor:
                cursor.execute(NOT_FOR_EVER)
            row = (
                Document.objects.select_for_update()
                .filter(id=claim.document_id, fence=claim.fence)
                .first()
            )
            if row is None:
                raise Lost
            yield person, row
    except gate.AccountOff as error:
        raise Lost from error


def hand_on(claim: Claim, row: Document, status: Status, **values: Any) -> None:
    """End a stage well: within `held`, the next status, and the attempt's end."""
    _end_attempt(row, DocumentAttempt.Outcome.SUCCEEDED, _now())
    values.setdefault("progress", BEGINS_AT[status])
    write(row.id, claim.fence, status=status, **values)


def pause(claim: Claim, seconds: float) -> None:
    """Leave the document for later, without a failure."""
    with held(claim) as (_, row):
        now = _now()
        _end_attempt(row, DocumentAttempt.Outcome.PAUSED, now)
        _leave(row, now + dt.timedelta(seconds=seconds))


def fail(claim: Claim, failure: StepFailed) -> None:
    """End a try that failed: another one follows after a pause, or the document has failed."""
    code = failure.code
    with held(claim) as (_, row):
        now, tries = _now(), row.tries + 1 if row.error_code == code else 1
        # The bytes of an upload are gone with its request.
        is_upload = claim.stage not in STAGES
        is_last = is_upload or claim.number >= MOST_TRIES
        seconds = None if is_last else _pause_after(code, tries, failure.retry_after)
        retry_at = None if seconds is None else now + dt.timedelta(seconds=seconds)
        _end_attempt(row, DocumentAttempt.Outcome.FAILED, now, code, failure.detail, retry_at)
        if retry_at is None:
            write(
                row.id,
                claim.fence,
                status=Status.FAILED,
                error_code=code,
                error_message=failure.detail,
            )
            return
        write(row.id, claim.fence, error_code=code, error_message=failure.detail)
        _leave(row, retry_at, tries=tries)


def _pause_after(code: Code, tries: int, asked: float | None) -> float | None:
    if code is Code.RESOURCE_LIMIT and tries == 1:
        # The machine may have been short of memory, and ended what would have fitted.
        return PAUSES[1]
    if not FAILURES[code].is_retryable:
        return None
    most = MOST_PATIENT_TRIES if code in PATIENT else len(PAUSES)
    if tries > most:
        return None
    own = PAUSES[tries - 1] if tries <= len(PAUSES) else LONGEST_PAUSE
    return max(own, min(asked or 0, LONGEST_PAUSE))


def went_on(row: Document) -> None:
    """Forget failed tries: within a long stage, what was away has come back."""
    if row.tries:
        Document.objects.filter(id=row.id).update(tries=0)


def _leave(row: Document, due_at: dt.datetime, **values: Any) -> None:
    """Nobody holds it from here on; `losses` are those in a row."""
    Document.objects.filter(id=row.id).update(
        fence=row.fence + 1, leased_by="", losses=0, due_at=due_at, updated_at=Now(), **values
    )


def stop(row: Document) -> Status:
    """Take a locked document from whoever works on it; give the stage it was in."""
    stage = Status(row.status)
    _end_attempt(row, DocumentAttempt.Outcome.CANCELLED, _now())
    write(row.id, row.fence, status=Status.CANCELLED)
    # As update_document_progress() raises it.
    row.fence += 1
    return stage


def begin_again(row: Document, stage: Status) -> None:
    """Give a locked document that has ended to the workers, from this stage on."""
    write(row.id, row.fence, status=stage, progress=BEGINS_AT[stage])


class Heartbeat:
    """Keeps a claim alive from a thread of its own, and learns when it is lost.

    Who cannot reach the database for a whole lease must take the document for lost.
    """

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._ended = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Callable[[], None]:
        """Give what a step calls now and then: it raises Lost when the claim is."""
        self._thread.start()
        return self.check

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def check(self) -> None:
        if self._lost.is_set():
            raise Lost

    def _beat(self) -> None:
        lease: float = settings.DOCUMENT_LEASE_SECONDS
        silent = 0.0
        try:
            while not self._ended.wait(lease / 4):
                try:
                    self._prolong(lease)
                    silent = 0
                except Error:
                    connection.close()
                    silent += lease / 4
                    if silent >= lease:
                        raise Lost from None
        except (Lost, gate.AccountOff):
            self._lost.set()
        finally:
            connection.close()

    def _prolong(self, lease: float) -> None:
        with gate.as_person(self._claim.user_id):
            found = Document.objects.filter(
                id=self._claim.document_id, fence=self._claim.fence
            ).update(due_at=Clock() + dt.timedelta(seconds=lease))
            if not found:
                raise Lost
