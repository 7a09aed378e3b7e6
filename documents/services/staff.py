"""What staff do with documents: retry, cancel, acknowledge, and look into one for a reason.

They are in the gate of their clinic, or, as superusers, outside of any. Documents are locked in the
order of their ids, so that two who do the same wait for each other, and the second one is told.
"""

import datetime as dt
import unicodedata
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from django.db import transaction

from audit import services as audit
from audit.types import Category
from core import gate
from core.errors import DomainError, NotFound
from documents import keys, leases, pipeline, staff_figures, tasks
from documents.failures import StepFailed
from documents.leases import Clock
from documents.models import NOT_SHOWN, Document, DocumentAction, DocumentText
from documents.statuses import ENDED, STAGES, Status
from documents.types import Parsed

Action = DocumentAction.Action

# How many documents one call takes; the others keep their place.
MOST_AT_ONCE: Final = 1_000
# So many begin at once, and as many more after each pause.
PAUSE: Final = dt.timedelta(minutes=1)
SHORTEST_REASON: Final = 10
SAY_WHY: Final = f"Say why, in at least {SHORTEST_REASON} characters."
# Letters and signs by their category, which are shown as nothing.
BLANK: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")

NEVER_STORED: Final = "the file was never stored, so the person must upload it again"
SWITCHED_OFF: Final = "the account of the person, or the clinic, is switched off"
WENT_ON: Final = "went on meanwhile, or a colleague was quicker"
NOT_ON_ITS_WAY: Final = "not on the way, so there is nothing to stop"
GONE: Final = "no longer there"
TOO_MANY: Final = f"no more than {MOST_AT_ONCE:,} at once; they keep their place"


class ReasonTooShort(DomainError):
    code = "reason-too-short"


class ContentUnavailable(DomainError):
    status = 409
    code = "content-unavailable"


@dataclass(slots=True)
class Outcome:
    """How many were taken, why others were not, and how long the last one waits for its turn."""

    taken: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    longest_wait: dt.timedelta = dt.timedelta(0)


# Does something with a locked document, or gives why not. The ids are those of stuck ones.
Act: TypeAlias = Callable[[Document, Collection[uuid.UUID]], str | None]


@dataclass(frozen=True, slots=True)
class Content:
    """What a document says. `parsed` is None where nothing was read from it yet."""

    filename: str
    parsed: Parsed | None


# Retry, cancel, acknowledge


def retry(
    *,
    documents: Sequence[uuid.UUID],
    actor_id: uuid.UUID,
    reason: str,
    at_a_time: int | None = None,
) -> Outcome:
    """Begin again with the stage that failed, or that is stuck, whatever the verdict was.

    So that new uploads need not wait behind many retries, only `at_a_time` of them are due at once,
    as many again a minute later, and so on, behind those that wait like this already. Without it,
    all begin at once.
    """
    with transaction.atomic():
        ahead = staff_figures.waiting_retries()

        def begin_again(row: Document, stuck: Collection[uuid.UUID]) -> str | None:
            if why_not := _why_not_to_retry(row, is_stuck=row.id in stuck):
                return why_not
            stage = leases.stop(row) if row.status in STAGES else Status(row.failed_stage)
            leases.begin_again(row, stage)
            wait = PAUSE * ((ahead + outcome.taken) // at_a_time if at_a_time else 0)
            if wait:
                Document.objects.filter(id=row.id).update(due_at=Clock() + wait)
            outcome.longest_wait = wait
            return None

        outcome = Outcome()
        _each(outcome, documents, begin_again, Action.RETRIED, actor_id, reason)
        if outcome.taken:
            transaction.on_commit(tasks.wake)
    return outcome


def _why_not_to_retry(row: Document, *, is_stuck: bool) -> str | None:
    has_ended = row.status in {Status.FAILED, Status.CANCELLED}
    if not (has_ended or is_stuck):
        return WENT_ON
    if (row.failed_stage if has_ended else row.status) not in STAGES:
        return NEVER_STORED
    return SWITCHED_OFF if is_switched_off(row) else None


def is_switched_off(row: Document) -> bool:
    return not (row.user.is_active and row.tenant.is_active)


def cancel(*, documents: Sequence[uuid.UUID], actor_id: uuid.UUID, reason: str) -> Outcome:
    """Stop documents that are on their way. Whoever works on one notices at the next step."""

    def stop(row: Document, _: Collection[uuid.UUID]) -> str | None:
        if row.status in ENDED:
            return NOT_ON_ITS_WAY
        leases.stop(row)
        return None

    outcome = Outcome()
    with transaction.atomic():
        _each(outcome, documents, stop, Action.CANCELLED, actor_id, reason)
    return outcome


def acknowledge(*, documents: Sequence[uuid.UUID], actor_id: uuid.UUID, note: str) -> Outcome:
    """Note that somebody knows. Such a document leaves the queue until it fails again."""

    def check(row: Document, stuck: Collection[uuid.UUID]) -> str | None:
        return None if row.status == Status.FAILED or row.id in stuck else WENT_ON

    outcome = Outcome()
    with transaction.atomic():
        _each(outcome, documents, check, Action.ACKNOWLEDGED, actor_id, note)
    return outcome


def _each(
    outcome: Outcome,
    documents: Sequence[uuid.UUID],
    act: Act,
    action: DocumentAction.Action,
    actor_id: uuid.UUID,
    reason: str,
) -> None:
    """Do something with each document, and note it; `act` gives why it was not done."""
    actions = []
    asked = documents[:MOST_AT_ONCE]
    rows = list(_locked(asked))
    stuck = staff_figures.stuck_among(asked)
    outcome.refused[GONE] += len(asked) - len(rows)
    outcome.refused[TOO_MANY] += len(documents) - len(asked)
    for row in rows:
        if why_not := act(row, stuck):
            outcome.refused[why_not] += 1
            continue
        outcome.taken += 1
        actions.append(_action(row, action, actor_id, reason))
    DocumentAction.objects.bulk_create(actions)
    outcome.refused = +outcome.refused


def _locked(documents: Sequence[uuid.UUID]) -> Iterable[Document]:
    return (
        Document.objects.select_for_update(of=("self",))
        .select_related("user", "tenant")
        # Nothing that support may not see.
        .defer(*NOT_SHOWN, "user__password")
        .filter(id__in=documents)
        .order_by("id")
    )


def _action(
    row: Document, action: DocumentAction.Action, actor_id: uuid.UUID, reason: str
) -> DocumentAction:
    return DocumentAction(
        tenant_id=row.tenant_id,
        user_id=row.user_id,
        document_id=row.id,
        action=action,
        actor_id=actor_id,
        reason=reason,
        # Not the beginning of the transaction, which may have waited for the document to fail.
        created_at=Clock(),
    )


# Looking into a document


def disclose(
    *, document_id: uuid.UUID, actor_id: uuid.UUID, tenant_id: uuid.UUID | None, reason: str
) -> Content:
    """Show what is in a document, after it was noted for good who wanted to see it, and why.

    For callers outside of any gate, as this enters two, one after the other: that of the clinic
    (`tenant_id`; None for all clinics), and then that of the person.
    """
    if not is_reason(reason):
        raise ReasonTooShort(SAY_WHY)
    with _reach(tenant_id):
        row = Document.objects.filter(id=document_id).first()
        if row is None:
            raise NotFound("There is no such document.")
        _action(row, Action.DISCLOSED, actor_id, reason.strip()).save(force_insert=True)
        audit.record(
            event="document-disclosed",
            category=Category.ACCESS,
            subject_id=row.user_id,
            tenant_id=row.tenant_id,
            object_type="documents",
            object_id=row.id,
            details={"page": "documents_document_content", "reason": reason.strip()},
        )
    try:
        with gate.as_person(row.user_id) as person:
            return _content(person, document_id)
    except StepFailed as failure:
        raise ContentUnavailable(f"It cannot be opened: {failure.detail}") from failure
    except LookupError as error:
        raise ContentUnavailable(
            "It cannot be opened: the account of the person is switched off."
        ) from error


def is_reason(text: str) -> bool:
    """Tell whether enough of it can be seen. Marks belong to the letter before, spaces between."""
    seen = "".join(letter for letter in " ".join(text.split()) if _is_seen(letter))
    return len(" ".join(seen.split())) >= SHORTEST_REASON


def _is_seen(letter: str) -> bool:
    return letter == " " or (unicodedata.category(letter)[0] in "LNPS" and letter not in BLANK)


def _reach(tenant_id: uuid.UUID | None) -> AbstractContextManager[None]:
    return gate.as_system() if tenant_id is None else gate.as_staff(tenant_id)


def _content(person: gate.Person, document_id: uuid.UUID) -> Content:
    ring = keys.ring_of(person, for_writing=False)
    row = Document.objects.filter(id=document_id).first()
    if row is None:
        raise NotFound("The document was deleted meanwhile.")
    text = DocumentText.objects.filter(document_id=document_id).first()
    return Content(row.original_filename, pipeline.open_text(ring, text) if text else None)
