"""What was kept for long enough goes, whatever a hold keeps stays, and the chain still verifies."""

import uuid

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from psycopg.conninfo import make_conninfo

from audit import pruning, sealing
from audit.models import AuditLegalHold, AuditLog, AuditRetention, AuditSeal
from audit.types import Category
from audit.verification import compare_aggregates, prove
from tests.audit import chains
from tests.audit.chains import kinds, left, report, rows, write_long_ago
from tests.health.threads import Beside, wait_until_blocked
from tests.house.plans import explain, explain_calls, nodes, queries_in

# Links of eight years: half of them emptied, some due, most too young.
LINKS_OF_ALL_AGES = [
    f"""
    INSERT INTO audit_seals
        (tenant_id, sequence, entry_count, entry_ids, leaves, root, previous_hash, hash, before_tx,
         before_id, next_tx, sealed_at)
    SELECT %s, n, 1, {ids}, '', '', '', '', n::text::xid8, 0, '1',
           now() - interval '8 years' + n * interval '8 hours'
      FROM generate_series({first}, {last}) n
    """
    for ids, first, last in (("'{}'", 1, 2000), ("ARRAY[n]", 2001, 8000))
]


def database_url_of_this_database(url: str) -> str:
    """A copy of the test database has a name of its own."""
    return make_conninfo(url, dbname=str(connection.settings_dict["NAME"]))


def test_deletes_what_is_old_and_still_verifies(old_log: object):
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


def test_tells_the_log_what_it_deleted(old_log: object):
    clinic = uuid.uuid4()
    mixed = chains.write(clinic) + chains.write(clinic, category=Category.SYSTEM)
    write_long_ago(clinic)
    write_long_ago(clinic)

    pruning.prune()

    (entry,) = AuditLog.objects.filter(event="entries-pruned", tenant_id=clinic)
    assert (entry.category, entry.object_count) == ("system", 3)
    assert entry.details == {
        "links": [[2, 2]],
        "places": {"1": [0, 2]},
        "days": dict.fromkeys(("access", "change", "security", "administration"), 2191),
    }
    assert prove(mixed[0]).sentence.startswith(f"Entry {mixed[0]} was deleted by retention")


def test_tells_of_each_clinic_in_ranges(old_log: object):
    clinics = [uuid.uuid4() for _ in range(3)]
    for category in (Category.ACCESS, Category.ACCESS, Category.SYSTEM, Category.ACCESS):
        for clinic in clinics:
            chains.write(clinic, category=category)
        chains.seal_at(chains.LONG_AGO)

    deleted = pruning.prune()

    told = AuditLog.objects.filter(event="entries-pruned").order_by("id")
    assert deleted == 9
    assert {entry.tenant_id: entry.details["links"] for entry in told} == {
        clinic: [[1, 2], [4, 4]] for clinic in clinics
    }
    assert len(told) == len(clinics)
    assert report().pruned == 9


def test_goes_on_where_a_portion_ended(old_log: object, monkeypatch: pytest.MonkeyPatch):
    clinic, other = uuid.uuid4(), uuid.uuid4()
    for _ in range(5):
        chains.write(clinic)
        chains.write(other)
        chains.seal_at(chains.LONG_AGO)
    monkeypatch.setattr(pruning, "LINKS_AT_ONCE", 2)

    deleted = pruning.prune()

    told = AuditLog.objects.filter(event="entries-pruned", tenant_id=clinic).order_by("id")
    assert [entry.details["links"] for entry in told] == [[[1, 2]], [[3, 4]], [[5, 5]]]
    assert (deleted, left(clinic), left(other)) == (10, [], [])
    assert report().pruned == 10


def test_looks_at_nothing_but_what_may_be_due(old_log: object):
    """Neither links of which nothing is left, nor those that are too young."""
    clinic = uuid.uuid4()
    for statement in LINKS_OF_ALL_AGES:
        rows(statement, clinic)
    rows("ANALYZE audit_seals")
    (query,) = queries_in("prune_audit_logs", r"FROM (\(SELECT \*.*?LIMIT p_links\)) s\n")
    values = {
        "p_tenant": ("uuid", str(clinic)),
        "p_after_sequence": ("bigint", "2500"),
        "p_links": ("integer", "10"),
        "after_time": ("timestamptz", "2015-01-01"),
        "this_moment": ("timestamptz", timezone.now().isoformat()),
    }

    with transaction.atomic():
        plans = explain("prune_audit_logs", query[1:-1], values)

    for plan in plans.values():
        scans = [node for node in nodes(plan) if node.get("Relation Name") == "audit_seals"]
        assert [node["Index Name"] for node in scans] == ["audit_seals_not_emptied"]
        assert scans[0]["Actual Rows"] == 10
        assert scans[0].get("Rows Removed by Filter", 0) == 0


def test_asks_for_entries_of_a_link_only_when_some_may_be_due(old_log: object):
    clinic = uuid.uuid4()
    looked = "SELECT last_sequence, deleted FROM prune_audit_logs(%s, 0, 10)"
    security = AuditRetention.objects.filter(category="security")
    security.update(days=4000)
    chains.write(clinic)
    chains.write(clinic, category=Category.SYSTEM)
    write_long_ago(clinic, category=Category.SECURITY)

    found = [rows(looked, clinic), rows(looked, clinic)]
    security.update(days=2999)
    found += [rows(looked, clinic), rows(looked, clinic)]

    assert found == [[(1, 1)], [(None, 0)], [(1, 1)], [(None, 0)]]
    assert len(left(clinic)) == 1
    assert kinds() == []


def test_finds_the_next_clinic_past_all_links_of_the_last_one(old_log: object):
    for statement in LINKS_OF_ALL_AGES:
        rows(statement, uuid.uuid4())
    rows("ANALYZE audit_seals")

    (plan,) = explain_calls(lambda: rows(pruning.TENANTS))

    scans = [node for node in nodes(plan) if node.get("Relation Name") == "audit_seals"]
    assert {node["Node Type"] for node in scans} <= {"Index Scan", "Index Only Scan"}
    assert max(node["Actual Rows"] for node in scans) <= 1


def test_believes_two_clocks(old_log: object, monkeypatch: pytest.MonkeyPatch):
    clinic = uuid.uuid4()
    (entry,) = chains.write(clinic)
    here_and_now = sealing.horizon
    monkeypatch.setattr(sealing, "horizon", lambda: here_and_now()._replace(at=chains.LONG_AGO))
    chains.seal()

    deleted = pruning.prune()

    assert (deleted, left(clinic)) == (0, [entry])
    assert kinds() == ["time-false"]


def test_keeps_each_category_as_long_as_it_says(old_log: object):
    clinic = uuid.uuid4()
    AuditRetention.objects.filter(category="access").update(days=4000)
    looks = write_long_ago(clinic, 2)
    write_long_ago(clinic, 2, category=Category.SECURITY)

    pruning.prune()

    assert left(clinic) == looks
    assert kinds() == []


@pytest.mark.parametrize("of_person", [True, False])
def test_keeps_what_a_legal_hold_is_about(old_log: object, *, of_person: bool):
    clinic, person = uuid.uuid4(), uuid.uuid4()
    hold = AuditLegalHold.objects.create(
        tenant_id=clinic, subject_id=person if of_person else None, reason="a court asks"
    )
    held = write_long_ago(clinic, 2, subject_id=person)
    write_long_ago(uuid.uuid4(), 1, subject_id=uuid.uuid4())

    first = pruning.prune()
    hold.released_at = timezone.now()
    hold.save()
    second = pruning.prune()

    assert (first, second) == (1, 2)
    assert not set(held) & set(left(clinic))
    assert kinds() == []


def test_keeps_what_other_chains_tell_of_a_held_person(old_log: object):
    elsewhere, person = uuid.uuid4(), uuid.uuid4()
    AuditLegalHold.objects.create(tenant_id=uuid.uuid4(), subject_id=person, reason="a court asks")
    held = write_long_ago(elsewhere, 1, subject_id=person)
    write_long_ago(elsewhere, 1, subject_id=uuid.uuid4())

    pruned = pruning.prune()

    assert (pruned, left(elsewhere)) == (1, held)


def test_waits_for_a_hold_that_is_being_placed(old_log: object, database_url: str):
    clinic = uuid.uuid4()
    write_long_ago(clinic, 2)
    here = database_url_of_this_database(database_url)

    with transaction.atomic():
        AuditLegalHold.objects.create(tenant_id=clinic, subject_id=None, reason="a court asks")
        pruned = Beside(pruning.prune)
        wait_until_blocked(here, 1)

    assert pruned.result() == 0
    assert len(left(clinic)) == 3
    assert kinds() == []


def test_is_done_before_a_hold_is_placed(old_log: object, database_url: str):
    clinic = uuid.uuid4()
    write_long_ago(clinic, 2)
    here = database_url_of_this_database(database_url)

    with transaction.atomic():
        deleted = pruning.prune()
        placed = Beside(
            lambda: AuditLegalHold.objects.create(
                tenant_id=clinic, subject_id=None, reason="a court asks"
            )
        )
        wait_until_blocked(here, 1)

    assert placed.result().tenant_id == clinic
    assert deleted == 2
    assert kinds() == []


def test_is_nobodys_to_do_by_hand(old_log: object):
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
                rows("SELECT prune_audit_logs(gen_random_uuid(), 0, 1)")
            transaction.set_rollback(True)

    assert len(left(clinic)) == 1


def test_leaves_hours_that_can_be_counted_again(old_log: object):
    clinic = uuid.uuid4()
    write_long_ago(clinic, 3)
    write_long_ago(clinic, 1, category=Category.SYSTEM)
    chains.write(clinic, 2)
    chains.seal()
    before = compare_aggregates()

    pruning.prune()
    chains.seal()

    assert before[2] == compare_aggregates()[2] == []
