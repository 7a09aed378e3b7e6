"""An erased person's entries verify by their commitment; other lost payloads are a fault."""

import uuid

import pytest
from django.db import transaction

from accounts import services as accounts
from audit.models import AuditLog
from audit.verification import prove
from tests.audit import chains
from tests.audit.chains import faults, kinds, report, rows, tampered
from tests.factories import make_user
from tests.health.threads import Beside
from tests.house.plans import explain, nodes, queries_in

EMPTIED = (
    "UPDATE audit_logs SET commitment = sha256(convert_to(salt::text || E'\\n'"
    " || coalesce('=' || network, '') || E'\\n' || coalesce(details::text, ''), 'UTF8')),"
    " salt = NULL, network = NULL, details = NULL WHERE id = "
)
FILL = """
    INSERT INTO audit_logs (tenant_id, category, event, actor_kind, actor_id, subject_id)
    SELECT gen_random_uuid(), 'access', 'x', kind, md5(n::text)::uuid,
           CASE WHEN mod(n, 2) = 0 THEN md5(n::text)::uuid ELSE md5((n / 2)::text)::uuid END
      FROM generate_series(1, 10000) n,
           unnest('{person,staff,system}'::text[]) kind
"""


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


def test_explains_nothing_that_was_written_after_the_erasure(own_log: object):
    person, clinic = uuid.uuid4(), uuid.uuid4()
    chains.write(clinic, 1, subject_id=person)
    rows("SELECT erase_audit_payloads(%s)", person)
    (later,) = chains.write(clinic, 1, subject_id=person)
    chains.seal()

    with tampered(EMPTIED + str(later)):
        (fault,) = faults()

        assert (fault.kind, fault.entry_id) == ("erasure-unexplained", later)


def test_explains_what_another_transaction_wrote_meanwhile(own_log: object):
    """An erasure may have begun before what it finds."""
    person, clinic, before = uuid.uuid4(), uuid.uuid4(), report().erased
    with transaction.atomic():
        rows("SELECT pg_current_xact_id()")
        Beside(lambda: chains.write(clinic, 2, subject_id=person)).result()
        rows("SELECT erase_audit_payloads(%s)", person)
    chains.seal()

    assert report().erased == before + 2


def test_takes_away_what_a_person_did_elsewhere(own_log: object):
    person, other, clinic = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    entries = {
        (actor, kind, subject): entry_of(clinic, actor, kind, subject)
        for actor in (person, other)
        for kind in ("person", "staff")
        for subject in (person, other, None)
    }

    rows("SELECT erase_audit_payloads(%s)", person)

    erased = {
        names
        for names, entry in entries.items()
        if AuditLog.objects.filter(id=entry, salt=None).exists()
    }
    assert erased == {
        names for names in entries if names[2] == person or names[:2] == (person, "person")
    }


def entry_of(clinic: uuid.UUID, actor: uuid.UUID, kind: str, subject: uuid.UUID | None) -> int:
    ((entry,),) = rows(
        "INSERT INTO audit_logs"
        " (tenant_id, category, event, actor_kind, actor_id, subject_id, details)"
        " VALUES (%s, 'access', 'x', %s, %s, %s, '{}') RETURNING id",
        *(clinic, kind, actor, subject),
    )
    return int(entry)


@pytest.mark.parametrize(
    ("part", "index"),
    [("about_them", "audit_logs_of_person"), ("by_them", "audit_logs_of_person_elsewhere")],
)
def test_finds_entries_by_an_index(own_log: object, part: str, index: str):
    rows(FILL)
    rows("ANALYZE audit_logs")
    (query,) = queries_in("erase_audit_payloads", part + r" AS \((.*?RETURNING tenant_id)")

    with transaction.atomic():
        rows("SET LOCAL ROLE novara_eraser")
        plans = explain("erase_audit_payloads", query, {"p_person_id": ("uuid", str(uuid.uuid4()))})
        rows("RESET ROLE")

    for plan in plans.values():
        assert {node.get("Index Name") for node in nodes(plan)} == {None, index}
        assert "Seq Scan" not in {node["Node Type"] for node in nodes(plan)}


def test_finds_a_payload_that_was_lost_otherwise(own_log: object):
    entry = chains.history().entries[0]

    with tampered(EMPTIED + str(entry)):
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
