"""Blobs: what is sealed opens at its own place, with its own key, and nowhere else."""

import uuid

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from documents import encryption
from documents.encryption import DataKey, KeyRing
from documents.failures import Code, StepFailed

PAYLOADS = st.binary(max_size=500)
NAMES = st.text(st.characters(min_codepoint=1, max_codepoint=0x2FF), max_size=12)
PLACES = st.tuples(NAMES, st.uuids(), st.uuids(), NAMES, st.integers(0, 2**32))


def new_key(version: int = 1) -> DataKey:
    return DataKey(uuid.uuid4(), version, AESGCM(encryption.new_cipher_key()))


def ring(*keys: DataKey) -> KeyRing:
    def find(version: int) -> DataKey:
        for key in keys:
            if key.version == version:
                return key
        raise StepFailed(Code.KEY_UNAVAILABLE)

    return KeyRing(find, keys[-1] if keys else None, is_for_writing=True)


def refusal(keys: KeyRing, bound: bytes, blob: bytes) -> Code:
    with pytest.raises(StepFailed) as refused:
        keys.open(bound, blob)
    return refused.value.code


@given(payload=PAYLOADS, place=PLACES, version=st.integers(1, 2**32 - 1))
def test_come_back_equal(payload, place, version):
    key = new_key(version)
    bound = encryption.binding(*place)

    sealed = ring(key).seal(bound, payload)

    assert sealed.key_id == key.id
    assert sealed.blob[0] == encryption.AES_256_GCM
    assert ring(key).open(bound, sealed.blob) == payload
    assert ring(key).open(bound, memoryview(sealed.blob)) == payload


@given(payload=PAYLOADS, place=PLACES)
def test_come_back_equal_without_a_key(payload, place):
    bound = encryption.binding(*place)

    sealed = ring().seal(bound, payload)

    assert sealed.key_id is None
    assert ring(new_key()).open(bound, sealed.blob) == payload


@given(payload=st.binary(min_size=8, max_size=200), place=PLACES)
def test_show_nothing_of_the_payload(payload, place):
    keys = ring(new_key())
    bound = encryption.binding(*place)

    first, second = keys.seal(bound, payload), keys.seal(bound, payload)

    assert payload not in first.blob
    # Nor that two payloads are the same.
    assert first.blob[5:] != second.blob[5:]


@given(payload=PAYLOADS, place=PLACES, data=st.data())
def test_do_not_open_when_a_bit_was_changed(payload, place, data):
    keys = ring(new_key())
    bound = encryption.binding(*place)
    blob = bytearray(keys.seal(bound, payload).blob)
    # A changed first byte may make it a plain blob, which nothing protects.
    at = data.draw(st.integers(1, len(blob) - 1))

    blob[at] ^= 1 << data.draw(st.integers(0, 7))

    assert refusal(keys, bound, bytes(blob)) in {Code.INTERNAL_ERROR, Code.KEY_UNAVAILABLE}


@given(payload=PAYLOADS, place=PLACES, data=st.data())
def test_do_not_open_when_cut(payload, place, data):
    keys = ring(new_key())
    bound = encryption.binding(*place)
    blob = keys.seal(bound, payload).blob

    cut = blob[: data.draw(st.integers(0, len(blob) - 1))]

    assert refusal(keys, bound, cut) == Code.INTERNAL_ERROR


@given(payload=PAYLOADS, place=PLACES, other=PLACES)
def test_open_only_at_their_own_place(payload, place, other):
    keys = ring(new_key())
    blob = keys.seal(encryption.binding(*place), payload).blob

    if place == other:
        assert keys.open(encryption.binding(*other), blob) == payload
    else:
        assert refusal(keys, encryption.binding(*other), blob) == Code.INTERNAL_ERROR


@given(place=PLACES, at=st.integers(0, 4), other=PLACES)
def test_open_nowhere_that_differs_in_one_respect(place, at, other):
    keys = ring(new_key())
    blob = keys.seal(encryption.binding(*place), b"HMO plan").blob

    moved = (*place[:at], other[at], *place[at + 1 :])

    if moved != place:
        assert refusal(keys, encryption.binding(*moved), blob) == Code.INTERNAL_ERROR


@given(one=PLACES, other=PLACES)
def test_have_a_place_of_their_own_name(one, other):
    assert (encryption.binding(*one) == encryption.binding(*other)) == (one == other)


def test_do_not_open_with_a_key_of_another_person():
    bound = encryption.binding("t", uuid.uuid4(), uuid.uuid4(), "c", 0)
    blob = ring(new_key()).seal(bound, b"mine").blob

    assert refusal(ring(new_key()), bound, blob) == Code.INTERNAL_ERROR


def test_open_with_older_keys_of_the_ring():
    bound = encryption.binding("t", uuid.uuid4(), uuid.uuid4(), "c", 0)
    old, new = new_key(1), new_key(2)
    blob = ring(old).seal(bound, b"mine").blob

    assert ring(old, new).open(bound, blob) == b"mine"
    assert ring(old, new).seal(bound, b"mine").key_id == new.id
    assert refusal(ring(new), bound, blob) == Code.KEY_UNAVAILABLE


@pytest.mark.parametrize("blob", [b"", b"\x01", b"\x02plain", b"\x01" + bytes(31)])
def test_of_an_unknown_form_are_refused(blob):
    assert refusal(ring(new_key()), b"", blob) == Code.INTERNAL_ERROR


def test_are_not_made_by_a_ring_for_reading():
    keys = KeyRing(ring(new_key()).find)

    with pytest.raises(RuntimeError, match="only opens"):
        keys.seal(b"", b"mine")


def test_say_nothing_of_their_key():
    key = new_key()

    assert "cipher" not in repr(key)
    assert "cipher" not in repr(ring(key))


@given(st.uuids(), st.uuids(), st.integers(1, 2**32 - 1), st.integers(1, 2**32 - 1))
def test_keys_unwrap_only_for_whom_they_were_wrapped(tenant, user, version, other):
    kek, secret = encryption.new_cipher_key(), encryption.new_cipher_key()
    bound = encryption.key_binding(tenant, user, version)

    wrapped = encryption.wrap(kek, bound, secret)

    assert encryption.unwrap(kek, bound, wrapped) == secret
    assert encryption.unwrap(encryption.new_cipher_key(), bound, wrapped) is None
    assert (
        encryption.unwrap(kek, encryption.key_binding(user, uuid.uuid4(), version), wrapped) is None
    )
    if other != version:
        moved = encryption.key_binding(tenant, user, other)
        assert encryption.unwrap(kek, moved, wrapped) is None


@given(st.data())
def test_keys_do_not_unwrap_when_changed(data):
    kek = encryption.new_cipher_key()
    wrapped = bytearray(encryption.wrap(kek, b"", encryption.new_cipher_key()))

    wrapped[data.draw(st.integers(0, len(wrapped) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    assert encryption.unwrap(kek, b"", bytes(wrapped)) is None
    assert encryption.unwrap(kek, b"", bytes(wrapped[:20])) is None
