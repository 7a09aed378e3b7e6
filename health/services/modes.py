"""Rows that were written in V1 mode get their events before anything else is done with them."""

import uuid
from collections.abc import Callable
from typing import Final, TypeVar

from core import gate
from core.errors import DomainError
from core.gate import Claims, Person
from health import checkin_rows, event_log, imports, storage

Done = TypeVar("Done")
MOST_LOOKS: Final = 10


class EventsBehind(DomainError):
    status = 503
    code = "events-behind"
    retryable = True


def bring_up_to_date(person: Person) -> None:
    storage.require_events(person.id)
    checkin_rows.write_waiting_events(person.id)


def write_waiting_events(*, user_id: uuid.UUID) -> int:
    """Write, as the system, the events of a person's check-ins that wait; give how many did."""
    with gate.as_system():
        written = imports.write_first_events(user_id)
        return written + checkin_rows.write_waiting_events(user_id)


def in_step(claims: Claims, work: Callable[[], Done]) -> Done:
    """Do a hot path's work as soon as no row written in V1 mode waits for its events.

    While the mode is being switched, another one may come in after each look.
    """
    for _ in range(MOST_LOOKS):
        try:
            return work()
        except event_log.EventsWaiting:
            _write_waiting_events(claims)
    raise EventsBehind("Check-ins are still being brought over. Try again.")


def require_events(claims: Claims) -> None:
    """Look whether the person has events at all; who an old token means, only the gate knows."""
    if claims.user_id:
        storage.require_events(uuid.UUID(claims.user_id))
    else:
        _write_waiting_events(claims)


def keeps_events(claims: Claims) -> bool:
    """Tell the storage mode of the person of a token; who an old one means, the gate knows."""
    if claims.user_id:
        return storage.keeps_events(uuid.UUID(claims.user_id))
    with gate.unit_of_work():
        return storage.keeps_events(_enter(claims).id)


def _enter(claims: Claims) -> Person:
    person = gate.enter(claims)
    if person is None:
        raise event_log.GateRefused("Invalid or expired token")
    return person


def _write_waiting_events(claims: Claims) -> None:
    with gate.unit_of_work():
        person = _enter(claims)
        storage.require_events(person.id)
        checkin_rows.write_waiting_events(person.id)
