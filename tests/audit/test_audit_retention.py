"""What was kept for long enough goes; the chain still verifies, and hides nothing else."""

import datetime as dt
import uuid
from collections.abc import Sequence

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from audit import pruning
from audit.models import AuditLegalHold, AuditLog, AuditRetention, AuditSeal
from audit.types import Category
from audit.verification import compare_aggregates, prove
from tests.audit import chains
from tests.audit.chains import faults, kinds, report, rows, tampered

DAY = dt.timedelta(days=1)
LONG_AGO = timezone.now() - 3000 * DAY


def write_long_ago(
    clinic: uuid.UUID, count: int = 1, beside: Sequence[int] = (), **changes
) -> list[int]:
    """Write entries and seal them as if it had been eight years ago."""
    written = [*beside, *chains.write(clinic, count, **changes)]
    with transaction.atomic():
        rows("ALTER TABLE audit_logs DISABLE TRIGGER USER")
        rows("UPDATE audit_logs SET recorded_at = %s WHERE id = ANY (%s)", LONG_AGO, written)
        rows("ALTER TABLE audit_logs ENABLE TRIGGER USER")
    chains.seal(now=LONG_AGO + dt.timedelta(seconds=3))
    return written


def left(clinic: uuid.UUID) -> list[int]:
    return chains.ids(
        "SELECT id FROM audit_logs WHERE tenant_id = %s AND event <> 'entries-pruned' ORDER BY id",
        clinic,
    )


def test_deletes_what_is_old_and_still_verifies(own_log: object):
    clinic = uuid.uuid4()
    old = write_long_ago(clinic, 4)
    kept = write_long_ago(clinic, 1, category=Category.SYSTEM)
    write_long_ago(clinic, 2)
    new = chains.write(clinic, 2)
    chains.seal()

    deleted = pruning.prune()

    assert (deleted, left(clinic)) == (6, kept + new)
    assert report().pruned == report(tenant_id=clinic).pruned == 6
    chains.seal()
    chains.sign()
    assert report().pruned == report(tenant_id=clinic).pruned == 6
    first = AuditSeal.objects.get(tenant_id=clinic, sequence=1)
    assert (first.entry_ids, bytes(first.leaves)) == ([], b"")
    assert prove(old[0]).state == "unknown"
    assert prove(kept[0]).state == "proven"
    assert pruning.prune() == 0


def test_tells_the_log_what_it_deleted(own_log: object):
    clinic = uuid.uuid4()
    mixed = chains.write(clinic) + chains.write(clinic, category=Category.SYSTEM)
    write_long_ago(clinic, beside=mixed)
    write_long_ago(clinic)

    pruning.prune()

    (entry,) = AuditLog.objects.filter(event="entries-pruned", tenant_id=clinic)
    assert (entry.category, entry.object_count) == ("system", 3)
    assert entry.details == {
        "links": [2],
        "places": {"1": [0, 2]},
        "days": dict.fromkeys(("access", "change", "security", "administration"), 2191),
    }
    assert prove(mixed[0]).sentence.startswith(f"Entry {mixed[0]} was deleted by retention")


def test_keeps_each_category_as_long_as_it_says(own_log: object):
    clinic = uuid.uuid4()
    AuditRetention.objects.filter(category="access").update(days=4000)
    chains.seal()
    looks = write_long_ago(clinic, 2)
    write_long_ago(clinic, 2, category=Category.SECURITY)

    pruning.prune()

    assert left(clinic) == looks
    assert kinds() == []


@pytest.mark.parametrize("of_person", [True, False])
def test_keeps_what_a_legal_hold_is_about(own_log: object, *, of_person: bool):
    clinic, person = uuid.uuid4(), uuid.uuid4()
    hold = AuditLegalHold.objects.create(
        tenant_id=clinic, subject_id=person if of_person else None, reason="a court asks"
    )
    chains.seal()
    held = write_long_ago(clinic, 2, subject_id=person)
    write_long_ago(uuid.uuid4(), 1, subject_id=person)

    first = pruning.prune()
    hold.released_at = timezone.now()
    hold.save()
    second = pruning.prune()

    assert (first, second) == (1, 2)
    assert not set(held) & set(left(clinic))
    assert kinds() == []


def test_hides_nothing_else(own_log: object):
    clinic = uuid.uuid4()
    entries = write_long_ago(clinic, 2, category=Category.SYSTEM)
    write_long_ago(clinic, 2)
    new = chains.write(clinic, 3)
    chains.seal()
    pruning.prune()
    chains.seal()

    with tampered(f"DELETE FROM audit_logs WHERE id = {new[1]}"):
        assert [(fault.kind, fault.entry_id) for fault in faults()] == [("entry-missing", new[1])]
    with tampered(f"DELETE FROM audit_logs WHERE id = {entries[0]}"):
        assert [fault.entry_id for fault in faults()] == [entries[0]]
    with tampered("DELETE FROM audit_logs WHERE event = 'entries-pruned'"):
        assert set(kinds()) == {"entry-missing", "link-emptied"}


def test_takes_no_ones_word_for_a_pruning(own_log: object):
    clinic = uuid.uuid4()
    chains.write(clinic, 3)
    chains.seal()
    told = '{"links": [1], "places": {}, "days": {"access": %s}}'
    claim = (
        f"SELECT write_audit_entry('entries-pruned', 'system', '{clinic}', NULL, 'audit_logs', '',"
        " 3, 'success', '{}')"
    )
    delete = f"DELETE FROM audit_logs WHERE tenant_id = '{clinic}'"
    empty = f"UPDATE audit_seals SET leaves = '', entry_ids = '{{}}' WHERE tenant_id = '{clinic}'"

    with tampered(delete, empty, claim.replace("{}", told % 2191)):
        assert kinds() == ["link-emptied"]
    with tampered(delete, empty, claim.replace("{}", told % 0)):
        assert kinds() == ["pruning-refused", "link-emptied"]


def test_is_nobodys_to_do_by_hand(own_log: object):
    clinic = uuid.uuid4()
    write_long_ago(clinic)

    for statement in (
        "DELETE FROM audit_logs",
        "UPDATE audit_seals SET leaves = ''",
        "DELETE FROM audit_seals",
        "TRUNCATE audit_seals",
        "UPDATE audit_retention SET days = 3",
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows(statement)
    for role in ("novara_api", "novara_staff", "novara_auditor", "novara_eraser"):
        with transaction.atomic():
            rows(f"SET LOCAL ROLE {role}")
            with pytest.raises(DatabaseError, match="permission denied"):
                rows("SELECT prune_audit_logs(0, 1)")
            transaction.set_rollback(True)

    assert len(left(clinic)) == 1


def test_leaves_hours_that_can_be_counted_again(own_log: object):
    clinic = uuid.uuid4()
    write_long_ago(clinic, 3)
    write_long_ago(clinic, 1, category=Category.SYSTEM)
    chains.write(clinic, 2)
    chains.seal()
    before = compare_aggregates()

    pruning.prune()
    chains.seal()

    assert before[2] == compare_aggregates()[2] == []
