"""Keys of documents, for operators: rotate them, seal rows anew, retire them, wrap them anew.

Work goes through people one by one, in short transactions inside their own gate; it can be ended at
any moment and begun again.
"""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from accounts.models import User
from core import gate
from core.errors import DomainError, NotFound
from documents import keys
from documents.failures import StepFailed
from documents.models import EncryptionKey

ACTIVE: Final = EncryptionKey.Status.ACTIVE
ROTATED: Final = EncryptionKey.Status.ROTATED
# Of one person: how many keys or rows were done now, and how many could not be.
Done = tuple[int, int]


class UnknownPerson(NotFound):
    code = "unknown-person"


class KeysUnavailable(DomainError):
    status = 503
    code = "keys-unavailable"


@dataclass(slots=True)
class Progress:
    """How far a run has come. `done` are keys or rows, `left` those that could not be done.

    People who are `switched_off` cannot enter the gate, so their turn comes later; `refusals` says
    for how many others the work was refused, and why.
    """

    total: int
    people: int = 0
    done: int = 0
    left: int = 0
    switched_off: int = 0
    refusals: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Overview:
    """Keys and rows by state, keys by the key of the environment that wraps them, and faults."""

    keys: dict[str, int]
    rows: dict[str, int]
    wrapped_by: dict[str, int]
    faults: list[str]


@dataclass(frozen=True, slots=True)
class KeyOfPerson:
    version: int
    status: str
    wrapped_by: str
    created_at: dt.datetime
    row_count: int


def overview() -> Overview:
    with gate.as_system():
        return Overview(
            keys.keys_by_state(), keys.rows_by_state(), keys.keys_by_wrapping(), keys.faults()
        )


def faults() -> list[str]:
    """Say which keys of the environment are missing, or are not those they were."""
    with gate.as_system():
        return keys.faults()


def keys_of(*, user_id: uuid.UUID) -> tuple[list[KeyOfPerson], int]:
    """List the keys of a person, and count their plain rows."""
    with gate.as_system():
        _must_exist(user_id)
        counts = keys.rows_by_key(user_id)
        found = [
            KeyOfPerson(
                row.key_version,
                row.key_status,
                row.kek_id,
                row.created_at,
                counts.get(row.id, 0),
            )
            for row in EncryptionKey.objects.filter(user_id=user_id).order_by("key_version")
        ]
    return found, counts.get(None, 0)


def rotate(
    *, user_id: uuid.UUID | None = None, made_before: dt.datetime, now: dt.datetime
) -> Iterator[Progress]:
    """Give a person, or everybody whose key was made before that time, a new key.

    A run that was ended goes on if it is begun again with the same time.
    """
    people = _people(user_id, lambda: keys.people_with(ACTIVE, made_before=made_before))
    return _each(people, partial(_rotate, now=now))


def _rotate(user_id: uuid.UUID, *, now: dt.datetime) -> Iterator[Done]:
    with gate.as_person(user_id) as person:
        version = keys.rotate(person, now=now)
    yield int(version is not None), 0


def reencrypt(*, user_id: uuid.UUID | None = None) -> Iterator[Progress]:
    """Seal rows under rotated keys, and plain ones, with the active keys of their people."""
    return _each(_people(user_id, keys.people_to_reencrypt), _reencrypt)


def _reencrypt(user_id: uuid.UUID) -> Iterator[Done]:
    while True:
        with gate.as_person(user_id) as person:
            done = keys.reencrypt(person)
            left = 0 if done else keys.rows_to_reencrypt(person)
        yield done, left
        if not done:
            return


def retire(*, user_id: uuid.UUID | None = None, now: dt.datetime) -> Iterator[Progress]:
    """Wipe rotated keys that no row needs any more."""
    people = _people(user_id, lambda: keys.people_with(ROTATED, made_before=now))
    return _each(people, partial(_retire, now=now))


def _retire(user_id: uuid.UUID, *, now: dt.datetime) -> Iterator[Done]:
    with gate.as_person(user_id) as person:
        wiped, needed = keys.retire(person, now=now)
    yield len(wiped), len(needed)


def rewrap() -> Iterator[int]:
    """Wrap everybody's keys by the first key of ENCRYPTION_KEYS; give how many so far."""
    total = 0
    while True:
        try:
            done = keys.rewrap()
        except StepFailed as failure:
            raise KeysUnavailable(failure.detail) from failure
        if not done:
            return
        total += done
        yield total


def _people(user_id: uuid.UUID | None, everybody: Callable[[], list[uuid.UUID]]) -> list[uuid.UUID]:
    with gate.as_system():
        if user_id is None:
            return everybody()
        _must_exist(user_id)
    return [user_id]


def _must_exist(user_id: uuid.UUID) -> None:
    if not User.objects.filter(id=user_id).exists():
        raise UnknownPerson("There is no person with this id.")


def _each(
    people: Iterable[uuid.UUID], work: Callable[[uuid.UUID], Iterator[Done]]
) -> Iterator[Progress]:
    """Do each person's work; what one of them is refused for must not keep others waiting."""
    people = list(people)
    progress = Progress(len(people))
    yield progress
    for user_id in people:
        try:
            for done, left in work(user_id):
                progress.done += done
                progress.left += left
                yield progress
        except StepFailed as failure:
            progress.refusals[failure.detail] += 1
        except gate.AccountOff:
            progress.switched_off += 1
        progress.people += 1
        yield progress
