"""`audit verify` believes of what retention tells only what retention could have done."""

import uuid

import pytest
from django.utils import timezone

from audit import pruning
from audit.models import AuditLegalHold, AuditLog, AuditRetention
from audit.types import Category
from audit.verification.explanations import Pruning, Prunings
from tests.audit import chains
from tests.audit.chains import faults, kinds, report, rows, tampered, write_long_ago


def test_explains_what_two_nights_deleted(old_log: object):
    clinic = uuid.uuid4()
    AuditRetention.objects.filter(category="security").update(days=4000)
    for _ in range(3):
        chains.write(clinic)
        write_long_ago(clinic, category=Category.SECURITY)

    first = pruning.prune()
    after_first = report().pruned
    AuditRetention.objects.filter(category="security").update(days=2191)
    second = pruning.prune()

    told = AuditLog.objects.filter(event="entries-pruned", tenant_id=clinic).order_by("id")
    assert [(entry.details["links"], len(entry.details["places"])) for entry in told] == [
        ([], 3),
        ([[1, 3]], 0),
    ]
    assert (first, after_first, second, report().pruned) == (3, 3, 3, 6)
    chains.seal()
    with tampered("DELETE FROM audit_logs WHERE id = (SELECT max(id) FROM audit_logs)"):
        assert set(kinds()) == {"entry-missing", "link-emptied"}


def test_finds_the_portions_that_may_tell_of_a_link():
    now = timezone.now()
    reaches = [(1, 9), (2, 3), (4, 4), (5, 8), (12, 20), (13, 14)]
    portions = Prunings([Pruning(n, now, now, *both) for n, both in enumerate(reaches[::-1])])
    portions.put_in_order()

    found = {link: {(one.first, one.last) for one in portions.about(link)} for link in range(25)}

    assert found == {
        link: {both for both in reaches if both[0] <= link <= both[1]} for link in range(25)
    }


def test_hides_nothing_else(old_log: object):
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


def test_takes_no_ones_word_for_a_pruning(old_log: object):
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


def test_understands_how_links_were_told_once(old_log: object):
    clinic = uuid.uuid4()
    for _ in range(3):
        write_long_ago(clinic)
    told = '{"links": [1, 3], "places": {"2": [0]}, "days": {"access": 2191}}'
    claim = (
        f"SELECT write_audit_entry('entries-pruned', 'system', '{clinic}', NULL, 'audit_logs', '',"
        f" 3, 'success', '{told}')"
    )

    with tampered(
        f"DELETE FROM audit_logs WHERE tenant_id = '{clinic}'",
        "UPDATE audit_seals SET leaves = '', entry_ids = '{}'"
        f" WHERE tenant_id = '{clinic}' AND sequence <> 2",
        claim,
    ):
        assert report().pruned == 3


@pytest.mark.parametrize(
    "details",
    [
        "NULL",
        "'null'",
        "'[]'",
        "'{}'",
        """'{"links": [1], "places": {}, "days": {}}'""",
        """'{"links": [1], "places": {}, "days": {"access": "2191"}}'""",
        """'{"links": [1], "places": {}, "days": {"access": 1e12}}'""",
        """'{"links": [[1]], "places": {}, "days": {"access": 2191}}'""",
        """'{"links": null, "places": {}, "days": {"access": 2191}}'""",
        """'{"links": [1], "places": {"one": [1]}, "days": {"access": 2191}}'""",
        """'{"links": [1], "places": {"1": 1}, "days": {"access": 2191}}'""",
    ],
)
def test_refuses_what_retention_would_not_say(old_log: object, details: str):
    clinic = uuid.uuid4()
    write_long_ago(clinic)

    with tampered(
        f"SELECT write_audit_entry('entries-pruned', 'system', '{clinic}', NULL, 'audit_logs', '',"
        f" 1, 'success', {details})"
    ):
        (fault,) = faults()

        assert (fault.kind, fault.tenant_id) == ("pruning-refused", clinic)
        assert fault.sentence.endswith("which in the way that retention does.")


@pytest.mark.parametrize("details", ["NULL", "'[]'", """'{"changed": {"days": 1e400}}'"""])
def test_reads_settings_that_tell_nothing(old_log: object, details: str):
    with tampered(
        "INSERT INTO audit_logs"
        " (tenant_id, category, event, actor_kind, object_type, object_id, details)"
        f" SELECT gen_random_uuid(), 'change', 'row-updated', 'staff', t, 'access', {details}::jsonb"
        "  FROM unnest('{audit_retention,audit_legal_holds}'::text[]) AS t"
    ):
        assert kinds() == []


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM audit_legal_holds",
        "UPDATE audit_legal_holds SET released_at = now() - interval '1 day'",
    ],
)
def test_knows_from_the_log_what_was_held(old_log: object, change: str):
    clinic = uuid.uuid4()
    write_long_ago(clinic, 3)
    AuditLegalHold.objects.create(tenant_id=clinic, subject_id=None, reason="a court asks")

    with tampered("ALTER TABLE audit_legal_holds DISABLE TRIGGER USER", change):
        pruning.prune()
        rows("ALTER TABLE audit_legal_holds ENABLE TRIGGER USER")

        assert kinds() == ["pruning-refused", "link-emptied"]


def test_keeps_what_verify_asks_the_log(old_log: object):
    clinic = uuid.uuid4()
    hold = AuditLegalHold.objects.create(tenant_id=clinic, subject_id=None, reason="a court asks")
    AuditRetention.objects.update(days=3000)
    write_long_ago(clinic)
    hold.delete()
    AuditRetention.objects.update(days=2191)

    deleted = pruning.prune()

    assert deleted == 1
    assert AuditLog.objects.filter(object_type="audit_legal_holds", category="change").count() == 2
    assert kinds() == []
