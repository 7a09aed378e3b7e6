"""An erased person's entries verify by their commitment; other lost payloads are a fault."""

import uuid

from accounts import services as accounts
from audit.models import AuditLog
from audit.verification import prove
from tests.audit import chains
from tests.audit.chains import faults, kinds, report, rows, tampered
from tests.factories import make_user


def test_verifies_what_was_erased(own_log: object):
    user, other = make_user(), make_user()
    entries = chains.write(user.tenant_id, 3, subject_id=user.id)
    kept = chains.write(user.tenant_id, 1, subject_id=other.id)
    chains.seal()
    chains.sign()

    accounts.erase_person(user_id=user.id, requested_by="a test", reason="a wish")

    assert not AuditLog.objects.filter(id__in=entries, details__isnull=False).exists()
    assert AuditLog.objects.get(id=kept[0]).details is not None
    assert report().erased >= 3
    chains.seal()
    assert report().erased >= 3
    assert "its commitment is intact" in prove(entries[0]).sentence


def test_finds_a_payload_that_was_lost_otherwise(own_log: object):
    entry = chains.history().entries[0]
    emptied = (
        "UPDATE audit_logs SET commitment = sha256(convert_to(salt::text || E'\\n'"
        " || coalesce('=' || network, '') || E'\\n' || coalesce(details::text, ''), 'UTF8')),"
        f" salt = NULL, network = NULL, details = NULL WHERE id = {entry}"
    )

    with tampered(emptied):
        (fault,) = faults()

        assert (fault.kind, fault.entry_id) == ("erasure-unexplained", entry)
        assert prove(entry).faults[0].kind == "erasure-unexplained"


def test_finds_an_erased_entry_that_was_changed(own_log: object):
    person, clinic = uuid.uuid4(), uuid.uuid4()
    (entry,) = chains.write(clinic, 1, subject_id=person)
    chains.seal()
    rows("SELECT erase_audit_payloads(%s)", person)
    chains.seal()

    for change in ("commitment = sha256('')", "event = 'x'", "details = '{}'"):
        with tampered(f"UPDATE audit_logs SET {change} WHERE id = {entry}"):
            assert kinds() == ["entry-changed"]
