"""Sealing: bytes under a key of their owner, tied to the place where they are kept. Pure.

A blob begins with its format. 0: the rest is the payload, plain. 1: the version of the key (4
bytes, big-endian), a random nonce (12), then AES-256-GCM ciphertext and tag. The place (`binding`)
and all that stands before the nonce are authenticated with it, so a blob that was changed, or moved
to another row, does not open. Plain blobs have no such protection.
"""

import os
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from documents.failures import Code, StepFailed

Bytes: TypeAlias = bytes | memoryview

PLAIN: Final = 0
AES_256_GCM: Final = 1

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
HEAD: Final = struct.Struct(">BI")


class Sealed(NamedTuple):
    """What is stored: the blob, and the key it needs; no key for a plain one."""

    blob: bytes
    key_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class DataKey:
    """One of a person's keys, unwrapped."""

    id: uuid.UUID
    version: int
    cipher: AESGCM = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """One person's keys, for the length of a transaction: see keys.ring_of().

    `find` gives the key of a version. A ring seals only if it was made for writing: with
    `sealing`, or, where there is none, plain.
    """

    find: Callable[[int], DataKey]
    sealing: DataKey | None = None
    is_for_writing: bool = False

    def seal(self, binding: bytes, payload: Bytes) -> Sealed:
        if not self.is_for_writing:
            raise RuntimeError("This key ring only opens: ask for one for writing.")
        key = self.sealing
        if key is None:
            return Sealed(bytes([PLAIN]) + bytes(payload), None)
        head = HEAD.pack(AES_256_GCM, key.version)
        return Sealed(head + _encrypt(key.cipher, payload, head + binding), key.id)

    def open(self, binding: bytes, blob: Bytes) -> bytes:
        """Give the payload, or refuse: KEY_UNAVAILABLE, or INTERNAL_ERROR if it is not genuine."""
        whole = memoryview(blob)
        if whole[:1] == bytes([PLAIN]):
            return bytes(whole[1:])
        if len(whole) < HEAD.size + NONCE_BYTES + TAG_BYTES or whole[0] != AES_256_GCM:
            raise StepFailed(Code.INTERNAL_ERROR, "A sealed value has an unknown format.")
        head = bytes(whole[: HEAD.size])
        _, version = HEAD.unpack(head)
        try:
            return _decrypt(self.find(version).cipher, whole[HEAD.size :], head + binding)
        except InvalidTag:
            detail = "A sealed value was changed, or belongs to another place."
            raise StepFailed(Code.INTERNAL_ERROR, detail) from None


def binding(
    table: str, tenant_id: uuid.UUID, document_id: uuid.UUID, column: str, ordinal: int
) -> bytes:
    """Name the place of a sealed value; no two places have the same name."""
    names = f"{table}\0{column}".encode()
    return tenant_id.bytes + document_id.bytes + struct.pack(">Q", ordinal) + names


# Keys that wrap keys


def new_cipher_key() -> bytes:
    return AESGCM.generate_key(bit_length=KEY_BYTES * 8)


def key_binding(tenant_id: uuid.UUID, user_id: uuid.UUID, version: int) -> bytes:
    """Name whose key it is, and which: a wrapped key that was moved to another row is no key."""
    return tenant_id.bytes + user_id.bytes + struct.pack(">I", version) + b"encryption_keys"


def wrap(kek: bytes, binding: bytes, secret: bytes) -> bytes:
    head = bytes([AES_256_GCM])
    return head + _encrypt(AESGCM(kek), secret, head + binding)


def unwrap(kek: bytes, binding: bytes, wrapped: Bytes) -> bytes | None:
    """Give the secret; None if it was wrapped by another key, for another row, or changed."""
    whole = memoryview(wrapped)
    if len(whole) < 1 + NONCE_BYTES + TAG_BYTES or whole[0] != AES_256_GCM:
        return None
    try:
        return _decrypt(AESGCM(kek), whole[1:], bytes(whole[:1]) + binding)
    except InvalidTag:
        return None


def _encrypt(cipher: AESGCM, payload: Bytes, binding: bytes) -> bytes:
    # Random nonces: one key is good for 2**32 messages, far more than a person has.
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, payload, binding)


def _decrypt(cipher: AESGCM, sealed: memoryview, binding: bytes) -> bytes:
    return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], binding)
