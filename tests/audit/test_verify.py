"""`audit verify` finds whatever was changed behind the log's back, and says where."""

import pytest
from django.db import transaction
from psycopg import sql

from audit.models import AuditCheckpoint, AuditLog
from audit.verification import explanations, prove
from tests.audit import chains
from tests.audit.chains import History, faults, kinds, report, rows, tampered

CHANGES = {
    "tenant_id": "gen_random_uuid()",
    "recorded_at": "recorded_at - interval '1 microsecond'",
    "tx_id": "(tx_id::text::bigint + 1)::text::xid8",
    "category": "'security'",
    "event": "event || '.'",
    "outcome": "'failure'",
    "actor_kind": "'staff'",
    "actor_id": "gen_random_uuid()",
    "subject_id": "gen_random_uuid()",
    "object_type": "'x'",
    "object_id": "object_id || ' '",
    "object_count": "object_count + 1",
    "request_id": "'x'",
    "source": "source || 'x'",
    "network": "''",
    "details": """'{"seen": "a\\tb\\\\c\\nu"}'""",
    "salt": "(left(salt::text, 35) || CASE right(salt::text, 1) WHEN '0' THEN '1' ELSE '0' END)::uuid",
    "commitment": "sha256('')",
}


def test_finds_nothing_where_nothing_was_done(sealed_log: History):
    found = report()

    assert found.entries == chains.ids("SELECT count(*) FROM audit_logs")[0]
    assert found.links == chains.ids("SELECT count(*) FROM audit_seals")[0]
    assert (found.checkpoints, found.mirrored, found.not_mirrored) == (2, 2, 0)


@pytest.mark.parametrize("column", CHANGES)
def test_finds_a_changed_column(sealed_log: History, column: str):
    entry = sealed_log.entries[6]

    with tampered(f"UPDATE audit_logs SET {column} = {CHANGES[column]} WHERE id = {entry}"):
        (fault,) = faults()

        assert (fault.kind, fault.entry_id, fault.link) == ("entry-changed", entry, 2)
        assert fault.tenant_id == sealed_log.clinic
        assert fault.sentence.startswith(f"Entry {entry}")


def test_changes_every_column_of_an_entry():
    columns = {"id", "is_notable", *CHANGES}

    assert columns == {field.column for field in AuditLog._meta.fields}


def test_finds_a_single_bit_of_what_an_entry_tells(sealed_log: History):
    entry = sealed_log.entries[0]
    flip = "convert_from(set_bit(convert_to(event, 'UTF8'), 1, 1 - get_bit(convert_to(event, 'UTF8'), 1)), 'UTF8')"

    with tampered(f"UPDATE audit_logs SET event = {flip} WHERE id = {entry}"):
        (fault,) = faults()

        assert (fault.kind, fault.entry_id) == ("entry-changed", entry)


def test_finds_a_deleted_row(sealed_log: History):
    entry = sealed_log.entries[3]

    with tampered(f"DELETE FROM audit_logs WHERE id = {entry}"):
        (fault,) = faults()

        assert (fault.kind, fault.entry_id, fault.link) == ("entry-missing", entry, 1)
        assert "is missing" in fault.sentence


def test_finds_two_rows_that_changed_places(sealed_log: History):
    one, two = sealed_log.entries[1:3]

    with tampered(
        f"UPDATE audit_logs SET id = -1 WHERE id = {one}",
        f"UPDATE audit_logs SET id = {one} WHERE id = {two}",
        f"UPDATE audit_logs SET id = {two} WHERE id = -1",
    ):
        found = faults()

        assert {(fault.kind, fault.entry_id) for fault in found} == {
            ("entry-changed", one),
            ("entry-changed", two),
        }


def test_finds_a_row_that_was_put_into_the_sealed_past(sealed_log: History):
    copied = (
        "INSERT INTO audit_logs (tenant_id, recorded_at, tx_id, category, event, actor_kind)"
        " SELECT tenant_id, recorded_at, tx_id, category, event, actor_kind FROM audit_logs"
        f" WHERE id = {sealed_log.entries[2]}"
    )

    with tampered(copied):
        (fault,) = faults()

        assert (fault.kind, fault.tenant_id) == ("entry-inserted", sealed_log.clinic)
        assert fault.entry_id == chains.ids("SELECT max(id) FROM audit_logs")[0]
        assert "it was put there later" in fault.sentence


def test_finds_a_row_of_a_clinic_that_has_no_link_there(sealed_log: History):
    copied = (
        "INSERT INTO audit_logs (tenant_id, tx_id, category, event, actor_kind)"
        f" SELECT gen_random_uuid(), tx_id, 'access', 'x', 'staff' FROM audit_logs WHERE id = {sealed_log.entries[2]}"
    )

    with tampered(copied):
        assert kinds() == ["entry-inserted"]


def test_finds_a_row_that_was_dated_back(sealed_log: History):
    entry = sealed_log.entries[-1]

    with tampered(f"UPDATE audit_logs SET recorded_at = '2020-01-01' WHERE id = {entry}"):
        (fault,) = faults()

        assert (fault.kind, fault.entry_id) == ("entry-changed", entry)
        assert "recorded 2020-01-01" in fault.sentence


def test_finds_the_tail_cut_off(sealed_log: History):
    with tampered(
        f"DELETE FROM audit_logs WHERE id >= {sealed_log.entries[8]}",
        "DELETE FROM audit_checkpoints WHERE number = 2",
        "DELETE FROM audit_seals WHERE id > (SELECT max(id) - 2 FROM audit_seals)",
    ):
        found = faults()

        assert {fault.kind for fault in found} == {"checkpoint-missing", "chain-cut"}
        assert any(
            fault.kind == "chain-cut" and fault.tenant_id == sealed_log.clinic and fault.link == 3
            for fault in found
        )


def test_finds_links_that_were_taken_out(sealed_log: History):
    gone = f"tenant_id = '{sealed_log.clinic}' AND sequence = 2"

    with tampered(f"DELETE FROM audit_seals WHERE {gone}"):
        found = faults()

        assert [fault.kind for fault in found] == ["link-missing"] + ["entry-inserted"] * 3
        assert "Links 2 to 2 " in found[0].sentence


@pytest.mark.parametrize(
    "change",
    [
        "root = sha256(root)",
        "sealed_at = sealed_at - interval '1 day'",
        "entry_count = entry_count + 1",
        "before_id = before_id + 1",
        "next_tx = '1'::xid8",
        "hash = sha256(hash)",
        "previous_hash = sha256(previous_hash)",
        "leaves = set_byte(leaves, 0, 255 - get_byte(leaves, 0))",
        "leaves = ''",
        "entry_ids = '{}'",
        "leaves = '', entry_ids = '{}'",
        "pruned = '{0}', leaves = '', entry_ids = '{}'",
    ],
)
def test_finds_a_changed_link(sealed_log: History, change: str):
    which = f"tenant_id = '{sealed_log.clinic}' AND sequence = 2"

    with tampered(f"UPDATE audit_seals SET {change} WHERE {which}"):
        found = faults()

        assert (found[0].tenant_id, found[0].link) in {
            (sealed_log.clinic, 2),
            (sealed_log.clinic, 3),
        }


CLOCKS = {
    "sealed_at - interval '1 day'": "is older, as it says, than one before it, sealed ",
    "now() + interval '1 day'": "is of a time that has not come.",
}


@pytest.mark.parametrize("time", CLOCKS)
def test_finds_a_link_that_was_sealed_by_another_clock(sealed_log: History, time: str):
    which = f"tenant_id = '{sealed_log.clinic}' AND sequence = 2"

    with tampered(f"UPDATE audit_seals SET sealed_at = {time} WHERE {which}"):
        found = [fault for fault in faults() if fault.kind == "time-false"]

        assert {(fault.tenant_id, fault.link) for fault in found} >= {(sealed_log.clinic, 2)}
        assert any(CLOCKS[time] in fault.sentence for fault in found)


TRIGGERS = [
    *(("audit_logs", "append_only"), ("audit_logs", "no_truncate"), ("audit_seals", "append_only")),
    *(("users", "audit_update"), ("health_events", "audit_insert"), ("tenants", "audit_truncate")),
    ("audit_retention", "settings"),
]


@pytest.mark.parametrize(("table", "trigger"), TRIGGERS)
def test_finds_a_trigger_that_was_switched_off(sealed_log: History, table: str, trigger: str):
    with tampered():
        rows(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
        (fault,) = faults()

        assert fault.kind == "trigger-disabled"
        assert fault.sentence.startswith(f"Trigger {trigger} of {table} is switched off:")


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        (explanations.SETTINGS, "audit_logs_settings"),
        (explanations.CONDITION, "audit_logs_by_event"),
    ],
)
def test_asks_the_log_for_explanations_by_an_index(
    sealed_log: History, condition: sql.SQL, index: str
):
    with transaction.atomic():
        rows(
            "INSERT INTO audit_logs (tenant_id, category, event, actor_kind)"
            " SELECT gen_random_uuid(), 'change', 'x', 'staff' FROM generate_series(1, 5000)"
        )
        rows("ANALYZE audit_logs")

        plan = rows(f"EXPLAIN SELECT id FROM audit_logs WHERE {condition.as_string()}")

        assert index in str(plan)
        assert "Seq Scan" not in str(plan)
        transaction.set_rollback(True)


def test_finds_a_guard_that_was_taken_away(sealed_log: History):
    with tampered():
        rows("DROP TRIGGER append_only ON audit_logs")
        (fault,) = faults()

        assert fault.kind == "trigger-disabled"
        assert fault.sentence.startswith("Trigger append_only of audit_logs is not there:")


def test_says_that_the_entries_of_a_changed_link_are_as_they_were(sealed_log: History):
    which = f"tenant_id = '{sealed_log.clinic}' AND sequence = 2"

    with tampered(
        f"UPDATE audit_seals SET leaves = set_byte(leaves, 0, 255 - get_byte(leaves, 0)) WHERE {which}"
    ):
        assert kinds() == ["link-changed"]


@pytest.mark.parametrize(
    "change",
    [
        "signature = replace(signature, left(signature, 1), 'x')",
        "statement = replace(statement, '\"link\":3', '\"link\":2')",
        "key_id = 'stranger'",
        "number = 7",
        "signed_at = signed_at - interval '1 hour'",
    ],
)
def test_finds_a_forged_checkpoint(sealed_log: History, change: str):
    with tampered(f"UPDATE audit_checkpoints SET {change} WHERE number = 2"):
        assert kinds()[0] in {"checkpoint-forged", "checkpoint-missing"}


def test_finds_a_checkpoint_that_was_taken_out(sealed_log: History):
    with tampered("DELETE FROM audit_checkpoints WHERE number = 1"):
        found = kinds()

        assert found == ["checkpoint-missing", "checkpoint-missing"]


def test_finds_transactions_that_have_not_begun(sealed_log: History):
    with tampered(
        "INSERT INTO audit_logs (tenant_id, tx_id, category, event, actor_kind)"
        " VALUES (gen_random_uuid(), '9000000000000', 'access', 'x', 'staff')"
    ):
        assert kinds() == ["transaction-not-begun"]


def test_looks_at_one_clinic_alone(sealed_log: History):
    with tampered(f"DELETE FROM audit_logs WHERE id = {sealed_log.entries[0]}"):
        assert kinds(tenant_id=sealed_log.clinic) == ["entry-missing"]
        assert kinds(tenant_id=sealed_log.other) == []
        assert report(tenant_id=sealed_log.other).entries == 4


def test_looks_at_a_span_of_time(sealed_log: History):
    ((since,),) = rows(
        "SELECT sealed_at FROM audit_seals WHERE tenant_id = %s AND sequence = 2", sealed_log.clinic
    )

    with tampered(f"DELETE FROM audit_logs WHERE id = {sealed_log.entries[0]}"):
        assert kinds(since=since) == []
        assert kinds(until=since) == ["entry-missing"]
        assert report(since=since).entries == 9
        assert report(since=since, tenant_id=sealed_log.clinic).entries == 7


def test_proves_a_single_entry(sealed_log: History):
    proof = prove(sealed_log.entries[6])

    assert (proof.state, proof.faults) == ("proven", [])
    assert proof.sentence.endswith("signs it, and is in the mirror.")
    assert [link["sequence"] for link in proof.document["links"]] == [3]
    assert (
        AuditCheckpoint.objects.get(number=2).statement == proof.document["checkpoint"]["statement"]
    )


def test_proves_no_entry_that_was_changed(sealed_log: History):
    entry = sealed_log.entries[6]

    with tampered(f"UPDATE audit_logs SET outcome = 'failure' WHERE id = {entry}"):
        assert (prove(entry).state, prove(entry + 1).state) == ("false", "proven")
    with tampered(f"DELETE FROM audit_logs WHERE id = {entry}"):
        assert prove(entry).faults[0].kind == "entry-missing"
    assert prove(10**12).state == "unknown"
