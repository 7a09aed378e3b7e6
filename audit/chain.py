"""The arithmetic of the chain: leaves, Merkle trees, links, signatures. Pure.

An entry's leaf is made of its line: its columns as COPY writes them (text format: tabs between,
`\\N` for null, backslashes before what is special), the commitment of its payload as the last.
Leaves hang in a tree as RFC 9162 says, so that one entry can be shown without the others. A link
holds the root of its tree and the hash of the link before; a checkpoint is a signed list of the
last links of all chains that grew, and names the checkpoint before.
"""

import base64
import hashlib
import struct
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# Each kind of hash begins with another byte, so that none can be taken for another. The version
# of an entry's line is 1: other columns make another version.
LEAF: Final = b"\x00" + b"1\t"
NODE: Final = b"\x01"
LINK: Final = b"\x02" + b"novara audit link 1"

HASH_BYTES: Final = 32
FIRST: Final = bytes(HASH_BYTES)
NUMBERS: Final = struct.Struct(">qqQQQQ")


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def commitment(salt: bytes, network: bytes | None, details: bytes | None) -> bytes:
    """Commit to a payload: erase_audit_payloads() leaves the same in its place."""
    sent = b"" if network is None else b"=" + network
    return _sha256(salt + b"\n" + sent + b"\n" + (details or b""))


def leaf(line: bytes, committed: bytes) -> bytes:
    """Hash an entry: its line without the payload, and the commitment of that."""
    return _sha256(LEAF + line + b"\t" + committed.hex().encode())


# Merkle trees (RFC 9162, 2.1)


def root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return _sha256(b"")
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def _above(level: Sequence[bytes]) -> list[bytes]:
    """Join nodes by twos; a last one without a partner rises as it is."""
    sha256 = hashlib.sha256
    above = [
        sha256(NODE + left + right).digest()
        for left, right in zip(level[::2], level[1::2], strict=False)
    ]
    return above if len(level) % 2 == 0 else [*above, level[-1]]


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """List the nodes that lead from a leaf to the root."""
    path, level = [], list(leaves)
    while len(level) > 1:
        if (partner := index ^ 1) < len(level):
            path.append(level[partner])
        level, index = _above(level), index // 2
    return path


def root_of_path(one: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Compute the root from a leaf and its path (RFC 9162, 2.1.3.2); None if they do not fit."""
    place, last, node = index, size - 1, one
    for partner in path:
        if last == 0:
            return None
        if place % 2 or place == last:
            node = _sha256(NODE + partner + node)
            while place % 2 == 0 and place:
                place, last = place // 2, last // 2
        else:
            node = _sha256(NODE + node + partner)
        place, last = place // 2, last // 2
    return node if last == 0 else None


def split(leaves: bytes) -> list[bytes]:
    """Take apart what a link keeps: 32 bytes for each leaf."""
    return [leaves[at : at + HASH_BYTES] for at in range(0, len(leaves), HASH_BYTES)]


# Links


@dataclass(frozen=True, slots=True)
class Link:
    """What the hash of a link covers. Times are microseconds since 1970, in UTC."""

    tenant_id: uuid.UUID
    sequence: int
    entry_count: int
    root: bytes
    before_tx: int
    before_id: int
    next_tx: int
    sealed_at: int
    previous_hash: bytes

    def hash(self) -> bytes:
        numbers = NUMBERS.pack(
            self.sequence,
            self.entry_count,
            self.before_tx,
            self.before_id,
            self.next_tx,
            self.sealed_at,
        )
        return _sha256(LINK + self.previous_hash + self.tenant_id.bytes + numbers + self.root)


# Checkpoints


class Head(msgspec.Struct, frozen=True):
    """The last link of a tenant's chain."""

    tenant: uuid.UUID
    link: int
    hash: str


class Statement(msgspec.Struct, frozen=True):
    """What a checkpoint says. `previous` is the digest of the statement before."""

    checkpoint: int
    previous: str
    signed_at: str
    heads: tuple[Head, ...]

    def text(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def of(cls, text: str | bytes) -> Self:
        """Read it; raises ValueError for what is none."""
        return msgspec.json.decode(text, type=cls)


def digest(statement: str) -> str:
    return hashlib.sha256(statement.encode()).hexdigest()


class SignedStatement(msgspec.Struct, frozen=True):
    """What lies in the mirror, one object for each checkpoint."""

    statement: str
    key: str
    signature: str

    def content(self) -> bytes:
        return msgspec.json.encode(self) + b"\n"

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Read it; raises ValueError for what is none."""
        return msgspec.json.decode(content, type=cls)

    def name(self, day: str, number: int) -> str:
        return f"{day}/{number:012}-{digest(self.statement)[:16]}.json"


def sign(statement: str, key_id: str, seed: bytes) -> SignedStatement:
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(statement.encode())
    return SignedStatement(statement, key_id, base64.b64encode(signature).decode())


def flaw(signed: SignedStatement, keys: Mapping[str, bytes]) -> str:
    """Say why a signature proves nothing; empty if it is good."""
    seed = keys.get(signed.key)
    if seed is None:
        return f"AUDIT_SIGNING_KEYS has no key {signed.key!r}, which signed it"
    try:
        signature = base64.b64decode(signed.signature, validate=True)
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
        public.verify(signature, signed.statement.encode())
    except (InvalidSignature, ValueError):
        return f"its signature is not that of key {signed.key!r}"
    return ""


def public_key(seed: bytes) -> str:
    """Give what others need to check signatures, in base64."""
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return base64.b64encode(key.public_bytes_raw()).decode()
