"""The keys of people: their making, rotation and end, and the sealing of rows with them.

A person's data key lies in `encryption_keys`, wrapped by the first key of ENCRYPTION_KEYS at that
time. Only for the length of a transaction it is unwrapped: nothing is cached, so deleting a
person's rows of that table shreds all that was sealed with them.

Who seals holds the rows of the person's keys FOR KEY SHARE until the transaction ends. Rotation does
not wait for that, and nobody waits for rotation; retiring a key does wait, and then looks whether a
row refers to it: see the triggers.
"""

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import IntegrityError, connection, models, transaction

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
SEALED_TABLES: Final[tuple[type[SealedRow], ...]] = (
    DocumentText,
    DocumentTerms,
    DocumentChunk,
    UserDocumentVectors,
)


def binding_of(row: SealedRow) -> bytes:
    """Name the place of a row's blob, for KeyRing.seal() and .open()."""
    place, ordinal = "sealed", 0
    if isinstance(row, DocumentChunk):
        ordinal = row.ordinal
    elif isinstance(row, UserDocumentVectors):
        place, ordinal = str(row.model_id), row.first_ordinal
    table = row._meta.db_table
    return encryption.binding(table, row.tenant_id, row.document_id, place, ordinal)


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
