"""A person's keys: made when first needed, rotated, retired; rows sealed with them meanwhile."""

from functools import partial

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings as configured
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from accounts import services as accounts
from core import gate
from documents import encryption, keys
from documents.failures import Code, StepFailed
from documents.models import DocumentChunk, DocumentText, EncryptionKey
from tests.documents.keys.sealed_rows import (
    open_all,
    payload_of,
    reencrypt_all,
    rows,
    rows_of,
    versions,
    versions_in_use,
    write_document,
)

SEALED = ("document_texts", "document_terms", "document_chunks", "user_document_vectors")
ACTIVE, ROTATED, RETIRED = "active", "rotated", "retired"


def rotate(user):
    with gate.as_person(user.id) as person:
        return keys.rotate(person, now=timezone.now())


def retire(user):
    with gate.as_person(user.id) as person:
        return keys.retire(person, now=timezone.now())


def refused_by_the_database(sql, parameters):
    with pytest.raises(DatabaseError) as refusal, transaction.atomic():
        rows(sql, parameters)
    return str(refusal.value)


def opening(user):
    with pytest.raises(StepFailed) as failure:
        open_all(user.id)
    return failure.value


def test_are_made_by_the_first_who_writes(alice, bob):
    write_document(alice.id)
    write_document(alice.id)

    assert versions(alice) == {1: ACTIVE}
    assert versions_in_use(alice) == {1}
    assert versions(bob) == {}
    key = EncryptionKey.objects.get(user=alice)
    assert (key.tenant_id, key.kek_id) == (alice.tenant_id, next(iter(configured.ENCRYPTION_KEYS)))


def test_are_not_made_by_who_reads(alice):
    with gate.as_person(alice.id) as person:
        keys.ring_of(person, for_writing=False)

    assert versions(alice) == {}


def test_leave_nothing_of_the_text_in_the_tables(alice):
    write_document(alice.id, text="Embryo transfer on Monday.")

    for row in rows_of(alice.id):
        assert b"Embryo" not in bytes(row.sealed)


def test_are_another_one_for_each_person(alice, bob):
    write_document(alice.id)
    write_document(bob.id)
    sealed = DocumentText.objects.get(user=alice)

    with gate.as_person(bob.id) as person:
        ring = keys.ring_of(person, for_writing=False)
        with pytest.raises(StepFailed):
            keys.unseal(ring, sealed)


def test_do_not_open_a_blob_that_was_moved_to_another_row(alice):
    write_document(alice.id)
    first, second = DocumentChunk.objects.filter(user=alice).order_by("ordinal")[:2]

    rows("UPDATE document_chunks SET sealed = %s WHERE id = %s", [first.sealed, second.id])

    assert opening(alice).code == Code.INTERNAL_ERROR


def test_rotate_in_one_step_and_old_rows_are_read_as_before(alice):
    write_document(alice.id)

    version = rotate(alice)

    assert version == 2
    assert versions(alice) == {1: ROTATED, 2: ACTIVE}
    assert open_all(alice.id) == 8
    write_document(alice.id)
    assert versions_in_use(alice) == {1, 2}
    assert open_all(alice.id) == 16


def test_are_not_rotated_where_there_are_none(alice):
    assert rotate(alice) is None
    assert versions(alice) == {}


def test_seal_all_rows_anew_portion_by_portion(alice, bob, monkeypatch):
    monkeypatch.setattr(keys, "PORTION_ROWS", 3)
    for user in (alice, bob):
        write_document(user.id, chunks=4)
        rotate(user)
    before = {row.id: bytes(row.sealed) for row in rows_of(alice.id)}

    with gate.as_person(alice.id) as person:
        assert keys.reencrypt(person) == 1
    assert versions_in_use(alice) == {1, 2}
    assert reencrypt_all(alice) == 9

    assert versions_in_use(alice) == {2}
    assert versions_in_use(bob) == {1}
    assert open_all(alice.id) == 10
    assert all(bytes(row.sealed) != before[row.id] for row in rows_of(alice.id))
    assert reencrypt_all(alice) == 0


def test_seal_large_blobs_one_by_one(alice, monkeypatch):
    monkeypatch.setattr(keys, "PORTION_BYTES", 10)
    write_document(alice.id, chunks=2)
    rotate(alice)

    with gate.as_person(alice.id) as person:
        portions = [keys.reencrypt(person) for _ in range(7)]

    assert portions == [1] * 6 + [0]
    assert open_all(alice.id) == 6


def test_are_retired_only_when_no_row_needs_them(alice):
    write_document(alice.id)
    rotate(alice)
    rotate(alice)

    assert retire(alice) == ([2], [1])
    reencrypt_all(alice)
    assert retire(alice) == ([1], [])

    assert versions(alice) == {1: RETIRED, 2: RETIRED, 3: ACTIVE}
    wiped = EncryptionKey.objects.get(user=alice, key_version=1)
    assert wiped.wrapped_key is None
    assert wiped.retired_at
    assert open_all(alice.id) == 8


@pytest.mark.parametrize("table", SEALED)
def test_are_kept_by_the_database_while_a_row_of_any_table_needs_them(alice, table):
    write_document(alice.id)
    rotate(alice)
    for other in set(SEALED) - {table}:
        rows(f"DELETE FROM {other} WHERE user_id = %s", [alice.id])

    said = refused_by_the_database(
        "UPDATE encryption_keys SET key_status = 'retired', wrapped_key = NULL"
        " WHERE user_id = %s AND key_version = 1",
        [alice.id],
    )

    assert "The key is in use" in said


@pytest.mark.parametrize(
    ("version", "status"),
    [(1, "active"), (1, "rotated"), (2, "active"), (3, "retired")],
)
def test_take_no_step_that_there_is_not(alice, version, status):
    """Versions 1 to 3 are retired, rotated and active."""
    write_document(alice.id)
    rotate(alice)
    reencrypt_all(alice)
    retire(alice)
    rotate(alice)
    before = versions(alice)
    assert before == {1: RETIRED, 2: ROTATED, 3: ACTIVE}

    said = refused_by_the_database(
        "UPDATE encryption_keys SET key_status = %s, wrapped_key ="
        " CASE %s WHEN 'retired' THEN NULL ELSE '\\x01'::bytea END"
        " WHERE user_id = %s AND key_version = %s",
        [status, status, alice.id, version],
    )

    assert "A key cannot go from" in said
    assert versions(alice) == before


def test_are_deleted_by_nobody_while_in_use(alice):
    write_document(alice.id)

    rows("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows("DELETE FROM encryption_keys WHERE user_id = %s", [alice.id])


def test_refuse_rows_that_name_another_key_than_theirs(alice, bob):
    write_document(alice.id)
    write_document(bob.id)
    rotate(alice)
    others = EncryptionKey.objects.get(user=bob).id
    newest = EncryptionKey.objects.get(user=alice, key_version=2).id

    for key in (others, newest, None):
        said = refused_by_the_database(
            "UPDATE document_texts SET key_id = %s WHERE user_id = %s", [key, alice.id]
        )
        assert "does not name its key" in said or "not sealed with the key that it names" in said


def test_refuse_rows_under_a_retired_key(alice):
    write_document(alice.id)
    old = DocumentText.objects.get(user=alice)
    rotate(alice)
    reencrypt_all(alice)
    retire(alice)

    said = refused_by_the_database(
        "UPDATE document_texts SET sealed = %s, key_id = %s WHERE id = %s",
        [old.sealed, old.key_id, old.id],
    )

    assert "or that key is retired" in said


def test_leave_rows_plain_for_who_does_not_have_the_flag(alice, flags):
    flags.roll_out("vector_encryption", 0)

    write_document(alice.id)

    assert versions(alice) == {}
    assert versions_in_use(alice) == {None}
    assert open_all(alice.id) == 8
    for row in rows_of(alice.id):
        assert bytes(row.sealed) == bytes([encryption.PLAIN]) + payload_of(row)
    assert reencrypt_all(alice) == 0


def test_seal_plain_rows_when_the_flag_is_given(alice, flags):
    flags.roll_out("vector_encryption", 0)
    write_document(alice.id)
    flags.roll_out("vector_encryption", 100)

    assert reencrypt_all(alice) == 8

    assert versions_in_use(alice) == {1}
    assert open_all(alice.id) == 8


def test_leave_nothing_plain_when_the_flag_is_taken(alice, flags):
    write_document(alice.id)
    rotate(alice)
    flags.roll_out("vector_encryption", 0)

    assert reencrypt_all(alice) == 8

    assert versions_in_use(alice) == {2}
    assert open_all(alice.id) == 8


def test_are_unavailable_without_the_key_of_the_environment(alice, settings):
    write_document(alice.id)
    settings.ENCRYPTION_KEYS = {"other": encryption.new_cipher_key()}

    failure = opening(alice)

    assert failure.code == Code.KEY_UNAVAILABLE
    assert "has no key 'first'" in failure.detail
    with pytest.raises(StepFailed, match="has no key 'first'"):
        write_document(alice.id)


def test_are_unavailable_with_another_key_of_that_name(alice, settings):
    write_document(alice.id)
    settings.ENCRYPTION_KEYS = {"first": encryption.new_cipher_key()}

    assert opening(alice).code == Code.KEY_UNAVAILABLE
    (said,) = keys.faults()
    assert "'first' of ENCRYPTION_KEYS does not open" in said


def test_of_a_person_are_no_keys_in_another_row(alice, bob):
    write_document(alice.id)
    write_document(bob.id)
    wrapped = EncryptionKey.objects.get(user=bob).wrapped_key

    EncryptionKey.objects.filter(user=alice).update(wrapped_key=wrapped)

    assert opening(alice).code == Code.KEY_UNAVAILABLE


def test_are_wrapped_anew_without_touching_rows(alice, bob, settings, monkeypatch):
    monkeypatch.setattr(keys, "PORTION_KEYS", 2)
    for user in (alice, bob):
        write_document(user.id)
    rotate(alice)
    sealed = {row.id: bytes(row.sealed) for row in rows_of(alice.id)}
    old = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = {"second": encryption.new_cipher_key(), **old}

    done = [keys.rewrap() for _ in range(3)]

    assert sum(done) >= 3
    assert done[-1] == 0
    assert keys.keys_by_wrapping() == {"second": sum(done)}
    settings.ENCRYPTION_KEYS = {"second": settings.ENCRYPTION_KEYS["second"]}
    assert open_all(alice.id) == 8
    assert open_all(bob.id) == 8
    assert {row.id: bytes(row.sealed) for row in rows_of(alice.id)} == sealed


def test_wrap_new_keys_by_the_first_of_the_environment(alice, settings):
    write_document(alice.id)
    settings.ENCRYPTION_KEYS = {"second": encryption.new_cipher_key(), **settings.ENCRYPTION_KEYS}

    rotate(alice)

    wrapped_by = EncryptionKey.objects.filter(user=alice).values_list("key_version", "kek_id")
    assert dict(wrapped_by) == {1: "first", 2: "second"}
    assert open_all(alice.id) == 8


def test_shred_what_was_sealed_when_a_person_is_erased(alice):
    """Old copies of the blobs stay shut, also for who has the keys of the environment."""
    write_document(alice.id)
    dump = rows_of(alice.id)
    rotate(alice)
    reencrypt_all(alice)
    dump += rows_of(alice.id)
    assert len(dump) == 16

    accounts.erase_person(user_id=alice.id, requested_by="a test", reason="a wish")

    assert rows_of(alice.id) == []
    assert versions(alice) == {}
    ring = keys.ring_of(gate.Person(alice.id, alice.tenant_id, "UTC"), for_writing=False)
    for row in dump:
        with pytest.raises(StepFailed) as failure:
            keys.unseal(ring, row)
        assert failure.value.code == Code.KEY_UNAVAILABLE
        for kek in configured.ENCRYPTION_KEYS.values():
            forged = encryption.KeyRing(partial(encryption.DataKey, row.key_id, cipher=AESGCM(kek)))
            with pytest.raises(StepFailed, match="was changed, or belongs"):
                keys.unseal(forged, row)
