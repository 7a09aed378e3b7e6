"""What `audit verify` finds of the mirror, of what waits, and of what was done before sealing."""

import uuid

from django.core.management import call_command
from django.db import transaction

from audit import storage
from tests.audit import chains
from tests.audit.chains import faults, kinds, report, rows, tampered


def test_finds_a_row_behind_the_last_link_of_a_clinic(own_log: object):
    clinic = chains.history().clinic
    chains.write(uuid.uuid4())
    chains.seal()

    with tampered(
        "INSERT INTO audit_logs (tenant_id, tx_id, category, event, actor_kind)"
        f" SELECT '{clinic}', max(tx_id::text::bigint)::text::xid8, 'access', 'x', 'staff' FROM audit_logs"
    ):
        assert kinds(tenant_id=clinic) == ["entry-inserted"]
        assert kinds() == ["entry-inserted"]


def test_finds_a_row_that_was_written_with_a_false_date(own_log: object):
    clinic = chains.history().clinic
    rows(
        "INSERT INTO audit_logs (tenant_id, recorded_at, category, event, actor_kind)"
        " VALUES (%s, '2020-01-01', 'access', 'x', 'staff')",
        clinic,
    )
    chains.seal()

    (fault,) = faults()

    assert (fault.kind, fault.tenant_id) == ("time-false", clinic)


def test_finds_a_chain_that_was_computed_anew(own_log: object):
    clinic = chains.history().clinic
    cut = "UPDATE audit_logs SET event = 'harmless' WHERE event = 'record-read'"
    with transaction.atomic():
        for table in ("audit_logs", "audit_seals"):
            rows(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        rows(cut)
        rows("DELETE FROM audit_seals")
        for table in ("audit_logs", "audit_seals"):
            rows(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    chains.seal()

    found = faults()

    assert "chain-rewritten" in {fault.kind for fault in found if fault.tenant_id == clinic}
    assert {fault.kind for fault in found} <= {"chain-rewritten", "chain-cut"}


def test_finds_a_mirror_that_lacks_a_copy(own_log):
    chains.history()
    (path, *_) = sorted(own_log.glob("*/*.json"))
    path.unlink()

    assert kinds() == ["mirror-lacks"]


def test_finds_a_copy_that_was_changed(own_log):
    chains.history()
    (path, *_) = sorted(own_log.glob("*/*.json"))
    path.write_bytes(path.read_bytes().replace(b'\\"link\\":1', b'\\"link\\":9'))

    assert kinds() == ["mirror-changed"]


def test_says_so_when_the_mirror_is_away(own_log):
    chains.history()
    (day,) = storage.days()
    own_log.rename(own_log.with_name("elsewhere"))
    own_log.write_text("")

    assert kinds() == ["mirror-away"], day


def test_tells_what_waits_from_what_is_sealed(own_log: object):
    found = chains.history()
    chains.write(found.clinic, 2)

    told = report()

    assert told.not_sealed == 2
    assert told.oldest_not_sealed is not None


def lose_the_end() -> None:
    """Leave the database as a backup from before the last links would."""
    with transaction.atomic():
        for table in ("audit_logs", "audit_seals"):
            rows(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        rows("DELETE FROM audit_seals WHERE id > (SELECT max(id) - 2 FROM audit_seals)")
        rows("DELETE FROM audit_checkpoints WHERE number = 2")
        rows(
            "DELETE FROM audit_logs WHERE (tx_id, id) >="
            " (SELECT before_tx, before_id FROM audit_seals ORDER BY id DESC LIMIT 1)"
        )
        for table in ("audit_logs", "audit_seals"):
            rows(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def test_knows_what_a_restored_backup_has_lost(own_log):
    found = chains.history()
    lose_the_end()
    before = kinds()

    call_command("audit", "restored", "--reason", "a disk broke")
    at_once = report()
    chains.write(found.clinic)
    chains.seal()
    chains.sign()

    assert set(before) == {"chain-cut", "checkpoint-missing"}
    assert any("that a restored backup did not have" in note for note in at_once.notes)
    assert report().mirrored == 3
    assert any(note.startswith("A backup was restored ") for note in report().notes)


def test_takes_no_restored_backup_for_what_was_lost_after_it(own_log):
    chains.write(uuid.uuid4())
    call_command("audit", "restored", "--reason", "a disk broke")
    chains.seal()
    chains.history()

    rows("ALTER TABLE audit_seals DISABLE TRIGGER USER")
    rows("DELETE FROM audit_seals WHERE id = (SELECT max(id) FROM audit_seals)")

    assert "chain-cut" in kinds()
