"""Every table leaves entries in the audit log, or it is said here why not."""

from contextlib import suppress
from typing import Final

import pytest
from django.db import IntegrityError, transaction

from tests.house.catalog import TABLES, names, rows

# What is no record of what people said or did: it is made from one, counts, or passes by.
NOT_AUDITED: Final = {
    "abandoned_llama_jobs": "ids of jobs to forget; a machine's list",
    "api_traffic_hours": "sums over all people",
    "audit_aggregates": "counted from the log itself",
    "audit_alert_cursor": "how far the log has been read",
    "audit_checkpoints": "the log itself",
    "audit_logs": "the log itself",
    "audit_seals": "the log itself",
    "deleted_blobs": "keys of files to delete; a machine's list",
    "document_actions": "append-only, and itself the history of what people do with documents",
    "document_attempts": "what workers tried; its outcome is a change of the document",
    "document_chunks": "made from a document",
    "document_terms": "made from a document",
    "document_texts": "made from a document",
    "embedding_models": "names of models",
    "feature_flag_counts": "sums over all people",
    "feature_flag_evaluations": "samples of answers; nobody's change",
    "feature_flag_exposures": "hashes of subjects, for counting them once",
    "feature_flag_flushes": "how far tallies have come",
    "feature_flag_outcomes": "sums over all people",
    "feature_flag_rule_sets": "one row: a version",
    "feature_flag_versions": "append-only, and itself the history of flags",
    "insight_cursors": "one row: how far the log has been read",
    "insights": "made from events; what people do with one is audited",
    "legacy_imports": "how far bringing over came; what came over is audited",
    "llama_parse_jobs": "what workers asked of the parsing service",
    "login_throttles": "counts by keyed hashes",
    "metric_marks": "days that wait for their figures",
    "metric_rebuilds": "how far a command came",
    "rate_limit_buckets": "a snapshot of counters",
    "rate_limit_flushes": "how far tallies have come",
    "rate_limit_rule_sets": "one row: a version",
    "rate_limit_traffic": "counts of the last day",
    "rate_limit_violations": "counts of refusals",
    "refresh_families": "sessions; their begin and end are entries of their own",
    "refresh_tokens": "hashes of tokens of a session",
    "tenant_daily_metrics": "made from events",
    "time_zone_changes": "made from profiles",
    "user_daily_metrics": "made from events",
    "user_document_vectors": "made from a document",
    "auth_group": "Django's own; unused",
    "auth_group_permissions": "Django's own; unused",
    "auth_permission": "Django's own; unused",
    "django_admin_log": "Django's own; itself a history",
    "django_content_type": "Django's own; names of models",
    "django_migrations": "Django's own; which migrations were applied",
    "django_session": "Django's own; log-ins are entries of their own",
    "users_groups": "Django's own; unused",
    "users_user_permissions": "Django's own; unused",
}
TRIGGERS: Final = """
    SELECT tgrelid::regclass::text, array_agg(tgname::text ORDER BY tgname)
      FROM pg_trigger
     WHERE tgname LIKE 'audit\\_%%' AND tgenabled = 'O'
     GROUP BY 1
"""
TRUNCATED: Final = (
    "SELECT category FROM audit_logs WHERE event = 'rows-truncated' AND object_type = %s"
)


def test_covers_every_table(db):
    audited = {table for table, _ in rows(TRIGGERS)}

    assert names(TABLES) == audited | NOT_AUDITED.keys()
    assert not audited & NOT_AUDITED.keys()


def test_sees_whatever_is_done_to_rows(db):
    seen = ["audit_delete", "audit_insert", "audit_truncate", "audit_update"]

    assert {table: triggers for table, triggers in rows(TRIGGERS) if triggers != seen} == {}


def test_tells_of_a_table_that_was_emptied(db):
    told = {}
    for table, _ in rows(TRIGGERS):
        with suppress(IntegrityError), transaction.atomic():  # Some refuse it.
            rows(f"TRUNCATE {table} CASCADE")
            told[table] = rows(TRUNCATED, [table])
            transaction.set_rollback(True)

    assert {"documents", "feature_flags", "audit_legal_holds"} <= told.keys()
    assert {table: entries for table, entries in told.items() if entries != [("security",)]} == {}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_logs SET event = 'nothing'",
        "DELETE FROM audit_logs",
        "TRUNCATE audit_logs",
        "TRUNCATE audit_logs CASCADE",
    ],
)
def test_refuses_changes_of_the_log_to_the_owner(alice, statement):
    with pytest.raises(Exception, match="append-only"), transaction.atomic():
        rows(statement)


@pytest.mark.parametrize("role", ["novara_api", "novara_staff", "novara_auditor"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_logs SET event = ''", "DELETE FROM audit_logs", "TRUNCATE audit_logs"],
)
def test_gives_nobody_the_right_to_change_the_log(db, role, statement):
    rows(f"SET LOCAL ROLE {role}")

    with pytest.raises(Exception, match="permission denied"), transaction.atomic():
        rows(statement)

    rows("RESET ROLE")


WRITE_ONE: Final = "SELECT write_audit_entry(%s, %s, NULL, NULL, '', '', 1, 'success', NULL)"
WRITE_SEVERAL: Final = "SELECT write_audit_entries(%s, %s, '', NULL, '[{\"object_id\": \"1\"}]')"


@pytest.mark.parametrize("role", ["novara_staff", "novara_support"])
@pytest.mark.parametrize("statement", [WRITE_ONE, WRITE_SEVERAL])
@pytest.mark.parametrize(
    ("event", "category"),
    [
        ("record-viewed", "system"),
        ("entries-pruned", "access"),
        ("payloads-erased", "access"),
        ("database-restored", "access"),
    ],
)
def test_lets_the_console_explain_nothing_away(db, role, statement, event, category):
    with transaction.atomic():
        rows(f"SET LOCAL ROLE {role}")
        rows(statement, ["record-viewed", "access"])

        with pytest.raises(Exception, match="Only the log itself"), transaction.atomic():
            rows(statement, [event, category])

        rows("RESET ROLE")
