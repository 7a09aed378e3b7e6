"""Changes that a second person must agree to.

A request is never edited: another change is another request, and it takes the place of the open
one. It holds for the version of the flag that its maker saw, and for no other.
"""

import datetime as dt
import uuid

import msgspec
from django.db import transaction

from core.errors import DomainError, InvalidInput, NotFound
from flags.models import FeatureFlagChangeRequest
from flags.services.changing import Actor, FlagChanged, change_flag, check, find_locked, lock
from flags.services.ramping import SecondPersonNeeded
from flags.types import Definition

State = FeatureFlagChangeRequest.State


class ChangeRequestNotFound(NotFound):
    code = "change-request-not-found"


class ChangeRequestDecided(DomainError):
    status = 409
    code = "change-request-decided"


def request_change(
    *, definition: Definition, base_version: int, reason: str, actor: Actor, now: dt.datetime
) -> FeatureFlagChangeRequest:
    """Ask for a change. The open request of the flag, if there is one, becomes void."""
    with transaction.atomic():
        flag = lock(definition.key)
        if flag.version != base_version:
            raise FlagChanged(
                f"{flag.flag_name} was changed meanwhile by {flag.updated_by or 'somebody'}."
                " Look at it again, then repeat your change."
            )
        if not reason.strip():
            raise InvalidInput.at("/reason", "reason: say why; the second person reads it.")
        # Compared as JSON: to Python 1 is true, and to clients it is another value.
        if msgspec.json.encode(definition) == msgspec.json.encode(flag.definition):
            raise InvalidInput("There is nothing to approve: this is what the flag is now.")
        check(definition, flag.definition)
        for open_one in _open_requests(definition.key):
            _close(open_one, State.VOID, actor, f"{actor.label} asked for another change.", now)
        return FeatureFlagChangeRequest.objects.create(
            flag_name=definition.key,
            base_version=base_version,
            definition_json=msgspec.json.encode(definition).decode(),
            reason=reason.strip(),
            requested_by=actor.label,
        )


def approve_change(
    *, request_id: uuid.UUID, actor: Actor, now: dt.datetime
) -> FeatureFlagChangeRequest:
    """Carry a change out, or make its request void if the flag is another one by now.

    The state and the note of what comes back tell which of the two it was.
    """
    with transaction.atomic():
        request = _open_request(request_id)
        if request.requested_by.lower() == actor.label.lower():
            raise SecondPersonNeeded("You asked for this change: a second person must approve it.")
        flag = find_locked(request.flag_name)
        if flag is None:
            return _close(request, State.VOID, actor, "The flag was deleted meanwhile.", now)
        if flag.version != request.base_version:
            by = flag.updated_by or "somebody"
            note = f"{by} changed the flag after this was asked for. Ask again."
            return _close(request, State.VOID, actor, note, now)
        change_flag(
            definition=request.definition,
            base_version=request.base_version,
            actor=Actor(request.requested_by),
            reason=f"{request.reason} Approved by {actor.label}.",
            approved_by=actor,
            now=now,
        )
        return _close(request, State.APPROVED, actor, "", now)


def reject_change(
    *, request_id: uuid.UUID, note: str, actor: Actor, now: dt.datetime
) -> FeatureFlagChangeRequest:
    with transaction.atomic():
        request = _open_request(request_id)
        if not note.strip():
            raise InvalidInput.at("/note", "note: say why not; whoever asked reads it.")
        return _close(request, State.REJECTED, actor, note.strip(), now)


def withdraw_change(
    *, request_id: uuid.UUID, actor: Actor, now: dt.datetime
) -> FeatureFlagChangeRequest:
    with transaction.atomic():
        request = _open_request(request_id)
        if request.requested_by.lower() != actor.label.lower():
            raise ChangeRequestDecided("Only who asked may withdraw it; you may reject it.")
        return _close(request, State.VOID, actor, f"{actor.label} withdrew it.", now)


def _open_requests(key: str) -> list[FeatureFlagChangeRequest]:
    found = FeatureFlagChangeRequest.objects.select_for_update()
    return list(found.filter(flag_name=key, state=State.OPEN))


def _open_request(request_id: uuid.UUID) -> FeatureFlagChangeRequest:
    """Lock the flag first and its request then, as who asks for another change does."""
    found = FeatureFlagChangeRequest.objects.filter(id=request_id)
    key = found.values_list("flag_name", flat=True).first()
    if key is None:
        raise ChangeRequestNotFound("There is no such request.")
    find_locked(key)
    request = found.select_for_update().get()
    if request.state != State.OPEN:
        raise ChangeRequestDecided(f"This request is decided already: it is {request.state}.")
    return request


def _close(
    request: FeatureFlagChangeRequest,
    state: FeatureFlagChangeRequest.State,
    actor: Actor,
    note: str,
    now: dt.datetime,
) -> FeatureFlagChangeRequest:
    request.state, request.note = state, note
    request.decided_by, request.decided_at = actor.label, now
    request.save()
    return request
