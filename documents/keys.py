"""The keys of people: their making, rotation and end, and the sealing of rows with them.

A person's data key lies in `encryption_keys`, wrapped by the first key of ENCRYPTION_KEYS at that
time. Only for the length of a transaction it is unwrapped: nothing is cached, so deleting a
person's rows of that table shreds all that was sealed with them.

Who seals holds the rows of the person's keys FOR KEY SHARE until the transaction ends. Rotation
does not wait for that, and nobody waits for rotation; retiring a key does wait, and then looks
whether a row refers to it: see keep_keys_in_use and keep_sealed_by_key.
"""

import datetime as dt
import itertools
import uuid
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Count, Q

from core import gate
from documents import encryption
from documents.encryption import DataKey, KeyRing
from documents.failures import Code, StepFailed
from documents.models import (
    DocumentChunk,
    DocumentTerms,
    DocumentText,
    EncryptionKey,
    SealedRow,
    UserDocumentVectors,
)
from flags import services as flags

FLAG: Final = "vector_encryption"
# What one transaction seals anew, at most; a blob that is larger goes alone.
PORTION_ROWS: Final = 200
PORTION_BYTES: Final = 8 * 1024 * 1024
PORTION_KEYS: Final = 500
SEALED: Final[tuple[models.Manager[Any], ...]] = (
    DocumentText.objects,
    DocumentTerms.objects,
    DocumentChunk.objects,
    UserDocumentVectors.objects,
)


def binding_of(row: SealedRow) -> bytes:
    """Name the place of a row's blob. Vectors of two models are in two places."""
    column, ordinal = "sealed", 0
    if isinstance(row, DocumentChunk):
        ordinal = row.ordinal
    elif isinstance(row, UserDocumentVectors):
        column, ordinal = f"sealed by {row.model_id}", row.first_ordinal
    table = row._meta.db_table
    return encryption.binding(table, row.tenant_id, row.document_id, column, ordinal)


def seal(ring: KeyRing, row: SealedRow, payload: encryption.Bytes) -> None:
    """Put a payload into a row that has all its other values."""
    row.sealed, row.key_id = ring.seal(binding_of(row), payload)


def unseal(ring: KeyRing, row: SealedRow) -> bytes:
    return ring.open(binding_of(row), row.sealed)


# Rings


def ring_of(person: gate.Person, *, for_writing: bool) -> KeyRing:
    """Give the keys of a person, inside the gate and for this transaction alone.

    Ask for it before reading rows: a key that is retired in between would be missing. A ring for
    writing seals with the active key, which it makes if there is none; plain, if the person does
    not have the flag. Raises KEY_UNAVAILABLE where ENCRYPTION_KEYS lacks what is needed.
    """
    if for_writing and flags.is_on(FLAG, person.id, default=True):
        return _sealing_ring(person)
    return KeyRing(_Keys(person), is_for_writing=for_writing)


def _sealing_ring(person: gate.Person) -> KeyRing:
    # Whoever looks while another transaction rotates may see the old key no more, the new one not
    # yet; whoever makes the first key may find that another has just made it. The next look sees.
    for _ in range(5):
        keys = _Keys(person, is_held=True)
        if (active := keys.active) is not None:
            return KeyRing(keys, keys.unwrapped(active), is_for_writing=True)
        _add_key(person, max(keys.rows, default=0) + 1, ignore_conflicts=True)
    raise StepFailed(Code.KEY_UNAVAILABLE, "The person's active key could not be found or made.")


class _Keys:
    """Finds a person's keys by version. Read at once, unwrapped when first needed."""

    def __init__(self, person: gate.Person, *, is_held: bool = False) -> None:
        self._person = person
        self._unwrapped: dict[int, DataKey] = {}
        self.rows = self._read(is_held=is_held)

    def _read(self, *, is_held: bool) -> dict[int, EncryptionKey]:
        found = EncryptionKey.objects.filter(user_id=self._person.id)
        sql, parameters = found.query.sql_with_params()
        lock = " FOR KEY SHARE" if is_held else ""
        rows = EncryptionKey.objects.raw(sql + lock, parameters)
        return {row.key_version: row for row in rows}

    @property
    def active(self) -> EncryptionKey | None:
        active = EncryptionKey.Status.ACTIVE
        return next((row for row in self.rows.values() if row.key_status == active), None)

    def __call__(self, version: int) -> DataKey:
        if version in self._unwrapped:
            return self._unwrapped[version]
        if version not in self.rows:
            # Made after this ring: somebody rotated meanwhile.
            self.rows = self._read(is_held=False)
        row = self.rows.get(version)
        if row is None:
            raise StepFailed(Code.KEY_UNAVAILABLE, f"The person has no key of version {version}.")
        return self.unwrapped(row)

    def unwrapped(self, row: EncryptionKey) -> DataKey:
        key = DataKey(row.id, row.key_version, AESGCM(_secret_of(row)))
        self._unwrapped[row.key_version] = key
        return key


def _secret_of(row: EncryptionKey) -> bytes:
    if row.wrapped_key is None:
        raise StepFailed(Code.KEY_UNAVAILABLE, f"Key {row.key_version} of the person is retired.")
    kek = settings.ENCRYPTION_KEYS.get(row.kek_id)
    if kek is None:
        detail = f"ENCRYPTION_KEYS has no key {row.kek_id!r}, which wraps the person's key."
        raise StepFailed(Code.KEY_UNAVAILABLE, detail)
    secret = encryption.unwrap(kek, _key_binding(row), row.wrapped_key)
    if secret is None:
        detail = f"Key {row.kek_id!r} of ENCRYPTION_KEYS does not open the person's key."
        raise StepFailed(Code.KEY_UNAVAILABLE, detail)
    return secret


def _key_binding(row: EncryptionKey) -> bytes:
    return encryption.key_binding(row.tenant_id, row.user_id, row.key_version)


def _wrapping_key() -> tuple[str, bytes]:
    """Give the first key of ENCRYPTION_KEYS, by which new keys are wrapped."""
    return next(iter(settings.ENCRYPTION_KEYS.items()))


def _add_key(person: gate.Person, version: int, *, ignore_conflicts: bool = False) -> None:
    kek_id, kek = _wrapping_key()
    row = EncryptionKey(
        tenant_id=person.tenant_id, user_id=person.id, key_version=version, kek_id=kek_id
    )
    row.wrapped_key = encryption.wrap(kek, _key_binding(row), encryption.new_cipher_key())
    EncryptionKey.objects.bulk_create([row], ignore_conflicts=ignore_conflicts)


# Rotation


def rotate(person: gate.Person, *, now: dt.datetime) -> int | None:
    """Let a new key seal from now on; give its version, None where there is no active key.

    Old rows can be read as before, and are sealed anew by reencrypt().
    """
    active = (
        EncryptionKey.objects.select_for_update(no_key=True)
        .filter(user_id=person.id, key_status=EncryptionKey.Status.ACTIVE)
        .first()
    )
    if active is None:
        return None
    EncryptionKey.objects.filter(id=active.id).update(
        key_status=EncryptionKey.Status.ROTATED, rotated_at=now
    )
    _add_key(person, active.key_version + 1)
    return active.key_version + 1


def reencrypt(person: gate.Person) -> int:
    """Seal a portion of a person's rows with the active key; give how many rows, 0 if none is left.

    They are rows under rotated keys and, for who has the flag, plain ones. Nothing is ever made
    plain. Rows that another transaction holds are left for later.
    """
    for table, condition in itertools.product(SEALED, _waiting(person)):
        if rows := _take(table, condition):
            # A key that a row refers to cannot be retired, so the keys of these are all there.
            ring = _sealing_ring(person)
            for row in rows:
                seal(ring, row, unseal(ring, row))
            _store(table, rows)
            return len(rows)
    return 0


def rows_to_reencrypt(person: gate.Person) -> int:
    """Count what reencrypt() has left to do, held by others or not."""
    waiting = itertools.product(SEALED, _waiting(person))
    return sum(table.filter(condition).count() for table, condition in waiting)


def _waiting(person: gate.Person) -> list[Q]:
    """Say which rows are to be sealed anew; apart, as each has an index of its own."""
    mine = Q(user_id=person.id)
    conditions = [mine & Q(key_id__in=[row.id for row in _rotated(person)])]
    if flags.is_on(FLAG, person.id, default=True):
        conditions.append(mine & Q(key_id__isnull=True))
    return conditions


def _rotated(person: gate.Person) -> list[EncryptionKey]:
    return list(
        EncryptionKey.objects.filter(user_id=person.id, key_status=EncryptionKey.Status.ROTATED)
    )


class _OctetLength(models.Func):
    """The length of a blob, told without reading it."""

    function = "octet_length"
    output_field = models.IntegerField()


def _take(table: models.Manager[Any], condition: Q) -> list[SealedRow]:
    """Lock rows that nobody else holds, up to the size of a portion."""
    found = (
        table.select_for_update(skip_locked=True, no_key=True)
        .filter(condition)
        .values_list("id", _OctetLength("sealed"))[:PORTION_ROWS]
    )
    ids: list[uuid.UUID] = []
    size = 0
    for row_id, length in found:
        size += length
        if ids and size > PORTION_BYTES:
            break
        ids.append(row_id)
    return list(table.filter(id__in=ids)) if ids else []


def _store(table: models.Manager[Any], rows: list[SealedRow]) -> None:
    """Write the blobs of rows in one statement; Django's bulk_update takes twice the time."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {table.model._meta.db_table} r
               SET sealed = n.sealed, key_id = n.key_id
              FROM unnest(%s::uuid[], %s::bytea[], %s::uuid[]) AS n (id, sealed, key_id)
             WHERE r.id = n.id
            """,
            [[row.id for row in rows], [row.sealed for row in rows], [row.key_id for row in rows]],
        )


def retire(person: gate.Person, *, now: dt.datetime) -> tuple[list[int], list[int]]:
    """Wipe a person's rotated keys; give the versions wiped, and those that rows still need."""
    wiped: list[int] = []
    needed: list[int] = []
    for row in _rotated(person):
        try:
            with transaction.atomic():
                EncryptionKey.objects.filter(id=row.id).update(
                    key_status=EncryptionKey.Status.RETIRED, wrapped_key=None, retired_at=now
                )
            wiped.append(row.key_version)
        except IntegrityError:
            needed.append(row.key_version)
    return wiped, needed


# Keys of the environment


def rewrap() -> int:
    """Wrap a portion of all people's keys by the first key of ENCRYPTION_KEYS; give how many.

    0: all that can be unwrapped are. Rows are not touched, as the data keys stay the same.
    """
    kek_id, kek = _wrapping_key()
    old = [name for name in settings.ENCRYPTION_KEYS if name != kek_id]
    with gate.as_system():
        rows = list(
            EncryptionKey.objects.select_for_update(no_key=True)
            .filter(wrapped_key__isnull=False, kek_id__in=old)
            .order_by("id")[:PORTION_KEYS]
        )
        for row in rows:
            row.wrapped_key = encryption.wrap(kek, _key_binding(row), _secret_of(row))
            row.kek_id = kek_id
        EncryptionKey.objects.bulk_update(rows, ["wrapped_key", "kek_id"])
    return len(rows)


# What the system knows of everybody's keys


def people_with(status: EncryptionKey.Status, *, made_before: dt.datetime) -> list[uuid.UUID]:
    """List whose key of this state was made before that time."""
    found = EncryptionKey.objects.filter(key_status=status, created_at__lt=made_before)
    return list(found.order_by("user_id").values_list("user_id", flat=True).distinct())


def people_to_reencrypt() -> list[uuid.UUID]:
    """List who has rotated keys or plain rows."""
    rotated = EncryptionKey.objects.filter(key_status=EncryptionKey.Status.ROTATED)
    plain = [rows.filter(key__isnull=True).order_by().values("user_id") for rows in SEALED]
    found = rotated.order_by().values("user_id").union(*plain)
    return list(found.order_by("user_id").values_list("user_id", flat=True))


def rows_by_key(user_id: uuid.UUID) -> dict[uuid.UUID | None, int]:
    """Count the rows under each key of a person; None stands for plain rows."""
    counts: dict[uuid.UUID | None, int] = {}
    for rows in SEALED:
        found = rows.filter(user_id=user_id).order_by().values_list("key_id")
        for key_id, count in found.annotate(Count("id")):
            counts[key_id] = counts.get(key_id, 0) + count
    return counts


def rows_by_state() -> dict[str, int]:
    """Count all rows by the state of their key; "plain" are those without one."""
    counts: dict[str, int] = {}
    for rows in SEALED:
        found = rows.order_by().values_list("key__key_status").annotate(Count("id"))
        for state, count in found:
            counts[state or "plain"] = counts.get(state or "plain", 0) + count
    return counts


def keys_by_state() -> dict[str, int]:
    found = EncryptionKey.objects.order_by().values_list("key_status")
    return dict(found.annotate(Count("id")))


def keys_by_wrapping() -> dict[str, int]:
    """Count the keys that each key of the environment wraps, known or not."""
    found = EncryptionKey.objects.filter(wrapped_key__isnull=False).values_list("kek_id")
    return dict(found.annotate(Count("id")).order_by("kek_id"))


def faults() -> list[str]:
    """Say which keys of the environment are missing, or are not those they were."""
    said = []
    for kek_id, count in keys_by_wrapping().items():
        row = EncryptionKey.objects.filter(kek_id=kek_id, wrapped_key__isnull=False)[:1].get()
        try:
            _secret_of(row)
        except StepFailed as failure:
            said.append(f"{failure.detail} It wraps {count:,} keys of people.")
    return said
