"""Events by the thousand, with a result for each."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec
from django.db import transaction
from msgspec import UNSET

from core.errors import MOST_FAULTS, DomainError, FieldError, InvalidInput
from core.gate import Claims
from core.models import uuid7s
from health.event_log import Item
from health.services.events import (
    ClientEventConflict,
    append,
    conflict,
    refuse_kept_source,
    to_item,
)
from health.types import BatchOut, CountsOut, EventIn, FaultOut, ResultOut

_RESULTS = msgspec.json.Decoder(list[ResultOut])
# A batch may have a thousand invalid events, so an answer names fewer faults of each.
MOST_FAULTS_OF_ONE: Final = 10


def record_events(
    *,
    claims: Claims,
    events: Sequence[EventIn | InvalidInput],
    all_or_nothing: bool,
    idempotency_key: str | None,
    now: dt.datetime,
) -> BatchOut:
    """Record up to 1,000 events in one transaction; tell what became of each, in order.

    A fault found while an event was read stands in its place. `idempotency_key` gives the n-th
    event without a client_event_id the id "key#n". With `all_or_nothing` nothing is recorded
    unless all of it is.
    """
    checked = [
        _checked_or_fault(event, event_id, idempotency_key and f"{idempotency_key}#{index}", now)
        for index, (event, event_id) in enumerate(zip(events, uuid7s(len(events)), strict=True))
    ]
    if all_or_nothing:
        _refuse_any_fault(checked)
        with transaction.atomic():
            results = _record_sound(claims, checked)
            _refuse_any_conflict(results)
    else:
        results = _record_sound(claims, checked)
    counts = Counter[str](result.outcome for result in results)
    return BatchOut(CountsOut(*(counts[name] for name in CountsOut.__struct_fields__)), results)


def _checked_or_fault(
    event: EventIn | InvalidInput, event_id: uuid.UUID, key: str | None, now: dt.datetime
) -> Item | InvalidInput:
    if isinstance(event, InvalidInput):
        return event
    try:
        refuse_kept_source(event)
        return to_item(event, event_id, key, now)
    except InvalidInput as error:
        return error


def _record_sound(claims: Claims, checked: Sequence[Item | InvalidInput]) -> list[ResultOut]:
    """Record what is sound; `checked` holds faults in the places of what is not."""
    items = [item for item in checked if isinstance(item, Item)]
    recorded = iter(_RESULTS.decode(append(claims, items, with_events=False)))
    results = []
    for index, item in enumerate(checked):
        if isinstance(item, Item):
            result = next(recorded)
            result.client_event_id = item.client_event_id or UNSET
            if result.outcome == "conflict":
                _tell(result, conflict(), index)
        else:
            result = ResultOut("invalid")
            _tell(result, item, index)
        results.append(result)
    return results


def _tell(result: ResultOut, error: DomainError, index: int) -> None:
    result.status, result.code = error.status, error.code
    result.errors = [
        FaultOut(fault.detail, f"/events/{index}{fault.pointer or ''}")
        for fault in error.errors[:MOST_FAULTS_OF_ONE]
    ]


def _refuse_any_fault(checked: Sequence[Item | InvalidInput]) -> None:
    faults = [
        FieldError(fault.detail, pointer=f"/events/{index}{fault.pointer or ''}")
        for index, item in enumerate(checked)
        if isinstance(item, InvalidInput)
        for fault in item.errors
    ]
    if faults:
        detail = f"{len(faults)} fault(s); nothing was recorded. The first: {faults[0].detail}"
        raise InvalidInput(detail, faults[:MOST_FAULTS])


def _refuse_any_conflict(results: Sequence[ResultOut]) -> None:
    reused = conflict()
    faults = [
        FieldError(reused.detail, pointer=f"/events/{index}/client_event_id")
        for index, result in enumerate(results)
        if result.outcome == "conflict"
    ]
    if faults:
        detail = f"{len(faults)} conflict(s); nothing was recorded. Each: {reused.detail}"
        raise ClientEventConflict(detail, faults[:MOST_FAULTS])
