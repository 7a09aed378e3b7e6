"""Who can reach which rows, as the database's own catalog says it.

A new table is put into TABLES, with its policies and rights; a new right into GRANTS.
"""

from typing import Final

import pytest
from django.db import connection

from tests.house.catalog import ROW_SECURITY, TABLES, grants, names, rows

# person: rows of one person, tenant_id and user_id. tenant: rows of one tenant.
# Anything else is the reason why the table is nobody's.
PERSON, TENANT = "person", "tenant"
CLASSES: Final = {
    "analytics_events": PERSON,
    "daily_checkins": PERSON,
    "document_actions": PERSON,
    "document_attempts": PERSON,
    "document_chunks": PERSON,
    "document_terms": PERSON,
    "document_texts": PERSON,
    "documents": PERSON,
    "encryption_keys": PERSON,
    "llama_parse_jobs": PERSON,
    "user_document_vectors": PERSON,
    "health_events": PERSON,
    "insight_acknowledgements": PERSON,
    "insight_interactions": PERSON,
    "insights": PERSON,
    "legacy_imports": PERSON,
    "metric_marks": PERSON,
    "medication_regimens": PERSON,
    "refresh_families": PERSON,
    "refresh_tokens": PERSON,
    "time_zone_changes": PERSON,
    "user_daily_metrics": PERSON,
    "user_medications": PERSON,
    "user_profiles": PERSON,
    "users": PERSON,
    "assessment_definitions": TENANT,
    "audit_aggregates": TENANT,
    "audit_alerts": TENANT,
    "audit_legal_holds": TENANT,
    "audit_logs": TENANT,
    "audit_seals": TENANT,
    "erasure_certificates": TENANT,
    "tenant_daily_metrics": TENANT,
    "tenants": TENANT,
    # Rows of a person have user_id; there are old rows of no person.
    "legacy_records": TENANT,
    "abandoned_llama_jobs": "ids of jobs that the parsing service is to forget",
    "deleted_blobs": "random keys of files in the storage that are to be deleted",
    "embedding_models": "of the whole house: names of models",
    "audit_alert_cursor": "one row: how far the audit log has been read for alerts",
    "audit_alert_rules": "of the whole house: what somebody is told of",
    "audit_retention": "of the whole house: how long entries of the audit log are kept",
    "audit_checkpoints": "of the whole house: signatures over the chains of all tenants",
    "api_keys": "keys of servers; without a tenant they are the house's own, for every clinic",
    "feature_flag_change_requests": "of the whole house: what waits for a second person",
    "feature_flag_counts": "of the whole house: sums over all people",
    "feature_flag_evaluations": "subjects may be no people of ours; erasing a person takes theirs",
    "feature_flag_exposures": "of the whole house: hashes of subjects, for counting them once",
    "feature_flag_flushes": "how far the tallies of each process have come",
    "feature_flag_outcomes": "of the whole house: sums over all people",
    "feature_flag_ramps": "of the whole house: plans of rollouts",
    "feature_flag_rule_sets": "one row: the version of all flags together",
    "feature_flag_versions": "of the whole house: what flags were",
    "feature_flags": "of the whole house; closed to the API's role, which asks a function",
    "insight_cursors": "one row: how far the event log has been read",
    "metric_rebuilds": "how far the runs of a command came, over all people",
    "api_traffic_hours": "of the whole house: sums over all requests",
    "rate_limit_buckets": "callers may be no people of ours; erasing a person takes theirs",
    "rate_limit_flushes": "how far the tallies of each process have come",
    "rate_limit_rule_sets": "one row: the version of all rules together",
    "rate_limit_rules": "of the whole house; some are of one clinic, and none is of a person",
    "rate_limit_traffic": "callers may be no people of ours; erasing a person takes theirs",
    "rate_limit_violations": "callers may be no people of ours; a person sees and erases theirs",
    "login_throttles": "counts by keyed hashes of addresses, before anybody is known",
    "auth_group": "Django's own; permissions of the console, which uses none",
    "auth_group_permissions": "Django's own; permissions of the console, which uses none",
    "auth_permission": "Django's own; permissions of the console, which uses none",
    "django_admin_log": "Django's own; what was done in the console",
    "django_content_type": "Django's own; the names of the models",
    "django_migrations": "Django's own; which migrations were applied",
    "django_session": "Django's own; signed-in browsers of the console, found by a random key",
    "users_groups": "Django's own; groups of the console, which uses none",
    "users_user_permissions": "Django's own; permissions of the console, which uses none",
}
# The column that names the tenant, or the person, where it has another name.
TENANT_KEY: Final = {"tenants": "id"}
PERSON_KEY: Final = {"users": "id"}

# What holds for these roles. novara_api: requests of the API. novara_staff: requests of the
# console. novara_eraser: the erasure routine.
OWN: Final = (
    "{tenant} = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)"
    " AND {person} = (SELECT nullif(current_setting('app.user_id', true), '')::uuid)"
)
OF_TENANT: Final = "{tenant} = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)"
# Of the people of a clinic: those without rights in the console.
END_USER: Final = f"{OF_TENANT} AND NOT is_staff AND NOT is_superuser"
# What was done with the record of a person, and who looked at it.
ABOUT: Final = OWN.replace("{person}", "subject_id")
# Of the alerts of a clinic: those that are not about whoever acts.
OF_OTHERS: Final = (
    f"{OF_TENANT} AND (group_by <> 'actor' OR group_key <>"
    " (SELECT split_part(current_setting('app.context', true), ' ', 2)))"
)
POLICIES: Final = {
    ("audit_logs", "novara_api", "SELECT"): (ABOUT, None),
    ("audit_logs", "novara_staff", "SELECT"): (OF_TENANT, None),
    ("audit_logs", "novara_auditor", "INSERT"): (None, "true"),
    ("audit_logs", "novara_pruner", "ALL"): ("true", "true"),
    ("audit_seals", "novara_pruner", "ALL"): ("true", "true"),
    ("audit_legal_holds", "novara_pruner", "SELECT"): ("true", None),
    ("audit_legal_holds", "novara_eraser", "SELECT"): ("true", None),
    ("audit_logs", "novara_eraser", "ALL"): ("true", "true"),
    ("audit_aggregates", "novara_api", "ALL"): ("false", "false"),
    ("audit_alerts", "novara_api", "ALL"): ("false", "false"),
    ("audit_aggregates", "novara_staff", "SELECT"): (OF_TENANT, None),
    ("audit_alerts", "novara_staff", "ALL"): (OF_TENANT, OF_OTHERS),
    ("audit_seals", "novara_staff", "SELECT"): (OF_TENANT, None),
    ("audit_checkpoints", "novara_api", "ALL"): ("false", "false"),
    ("audit_legal_holds", "novara_api", "ALL"): ("false", "false"),
    ("audit_seals", "novara_api", "ALL"): ("false", "false"),
    ("document_actions", "novara_api", "ALL"): (OWN, OWN),
    ("document_attempts", "novara_api", "ALL"): (OWN, OWN),
    ("document_chunks", "novara_api", "ALL"): (OWN, OWN),
    ("document_terms", "novara_api", "ALL"): (OWN, OWN),
    ("document_texts", "novara_api", "ALL"): (OWN, OWN),
    ("documents", "novara_api", "ALL"): (OWN, OWN),
    ("encryption_keys", "novara_api", "ALL"): (OWN, OWN),
    ("llama_parse_jobs", "novara_api", "ALL"): (OWN, OWN),
    ("user_document_vectors", "novara_api", "ALL"): (OWN, OWN),
    ("embedding_models", "novara_api", "ALL"): ("true", "true"),
    ("abandoned_llama_jobs", "novara_api", "INSERT"): (None, "true"),
    ("abandoned_llama_jobs", "novara_eraser", "INSERT"): (None, "true"),
    ("deleted_blobs", "novara_api", "INSERT"): (None, "true"),
    ("deleted_blobs", "novara_eraser", "INSERT"): (None, "true"),
    ("documents", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("document_attempts", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("document_actions", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("llama_parse_jobs", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("document_texts", "novara_staff", "SELECT"): (OF_TENANT, None),
    ("document_chunks", "novara_staff", "SELECT"): (OF_TENANT, None),
    ("user_document_vectors", "novara_staff", "SELECT"): (OF_TENANT, None),
    ("encryption_keys", "novara_staff", "SELECT"): (OF_TENANT, None),
    ("embedding_models", "novara_staff", "SELECT"): ("true", None),
    ("document_actions", "novara_eraser", "ALL"): ("true", "true"),
    ("document_attempts", "novara_eraser", "ALL"): ("true", "true"),
    ("document_chunks", "novara_eraser", "ALL"): ("true", "true"),
    ("document_terms", "novara_eraser", "ALL"): ("true", "true"),
    ("document_texts", "novara_eraser", "ALL"): ("true", "true"),
    ("documents", "novara_eraser", "ALL"): ("true", "true"),
    ("encryption_keys", "novara_eraser", "ALL"): ("true", "true"),
    ("llama_parse_jobs", "novara_eraser", "ALL"): ("true", "true"),
    ("user_document_vectors", "novara_eraser", "ALL"): ("true", "true"),
    # (table, role, command): (USING, WITH CHECK)
    ("daily_checkins", "novara_api", "ALL"): (OWN, OWN),
    ("analytics_events", "novara_api", "ALL"): (OWN, OWN),
    ("health_events", "novara_api", "ALL"): (OWN, OWN),
    ("assessment_definitions", "novara_api", "SELECT"): (OF_TENANT, None),
    ("insight_acknowledgements", "novara_api", "ALL"): ("false", "false"),
    ("insight_interactions", "novara_api", "ALL"): (OWN, OWN),
    ("insights", "novara_api", "ALL"): (OWN, OWN),
    ("legacy_imports", "novara_api", "ALL"): ("false", "false"),
    ("legacy_records", "novara_api", "ALL"): ("false", "false"),
    ("metric_marks", "novara_api", "ALL"): (OWN, OWN),
    ("medication_regimens", "novara_api", "ALL"): (OWN, OWN),
    ("time_zone_changes", "novara_api", "ALL"): (OWN, OWN),
    ("user_medications", "novara_api", "ALL"): (OWN, OWN),
    ("user_daily_metrics", "novara_api", "ALL"): (OWN, OWN),
    ("user_profiles", "novara_api", "ALL"): (OWN, OWN),
    ("users", "novara_api", "ALL"): (OWN, OWN),
    ("tenants", "novara_api", "SELECT"): (OF_TENANT, None),
    ("login_throttles", "novara_api", "ALL"): ("false", "false"),
    ("refresh_families", "novara_api", "ALL"): ("false", "false"),
    ("refresh_tokens", "novara_api", "ALL"): ("false", "false"),
    ("daily_checkins", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("erasure_certificates", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("analytics_events", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("health_events", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("assessment_definitions", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("insight_acknowledgements", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("insight_interactions", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("insights", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("tenant_daily_metrics", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("time_zone_changes", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("tenants", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("user_profiles", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("tenants", "novara_support", "SELECT"): (OF_TENANT, None),
    ("users", "novara_support", "SELECT"): (OF_TENANT, None),
    ("users", "novara_support", "UPDATE"): (END_USER, END_USER),
    ("user_profiles", "novara_support", "SELECT"): (OF_TENANT, None),
    ("refresh_families", "novara_support", "ALL"): (OF_TENANT, OF_TENANT),
    ("documents", "novara_support", "ALL"): (OF_TENANT, OF_TENANT),
    ("document_attempts", "novara_support", "ALL"): (OF_TENANT, OF_TENANT),
    ("document_actions", "novara_support", "ALL"): (OF_TENANT, OF_TENANT),
    ("users", "novara_staff", "SELECT"): (OF_TENANT, None),
    ("users", "novara_staff", "INSERT"): (None, END_USER),
    ("users", "novara_staff", "UPDATE"): (END_USER, END_USER),
    ("refresh_families", "novara_staff", "ALL"): (OF_TENANT, OF_TENANT),
    ("daily_checkins", "novara_eraser", "ALL"): ("true", "true"),
    ("erasure_certificates", "novara_eraser", "ALL"): ("true", "true"),
    ("feature_flag_evaluations", "novara_eraser", "ALL"): ("true", "true"),
    ("rate_limit_buckets", "novara_eraser", "ALL"): ("true", "true"),
    ("rate_limit_traffic", "novara_eraser", "ALL"): ("true", "true"),
    ("rate_limit_violations", "novara_eraser", "ALL"): ("true", "true"),
    ("rate_limit_violations", "novara_api", "ALL"): (OWN, OWN),
    ("health_events", "novara_eraser", "ALL"): ("true", "true"),
    ("analytics_events", "novara_eraser", "ALL"): ("true", "true"),
    ("insight_acknowledgements", "novara_eraser", "ALL"): ("true", "true"),
    ("insight_interactions", "novara_eraser", "ALL"): ("true", "true"),
    ("insights", "novara_eraser", "ALL"): ("true", "true"),
    ("legacy_imports", "novara_eraser", "ALL"): ("true", "true"),
    ("legacy_records", "novara_eraser", "ALL"): ("true", "true"),
    ("metric_marks", "novara_eraser", "ALL"): ("true", "true"),
    ("tenant_daily_metrics", "novara_eraser", "ALL"): ("true", "true"),
    ("medication_regimens", "novara_eraser", "ALL"): ("true", "true"),
    ("time_zone_changes", "novara_eraser", "ALL"): ("true", "true"),
    ("user_medications", "novara_eraser", "ALL"): ("true", "true"),
    ("user_daily_metrics", "novara_eraser", "ALL"): ("true", "true"),
    ("refresh_families", "novara_eraser", "ALL"): ("true", "true"),
    ("refresh_tokens", "novara_eraser", "ALL"): ("true", "true"),
    ("user_profiles", "novara_eraser", "ALL"): ("true", "true"),
    ("users", "novara_eraser", "ALL"): ("true", "true"),
}
# What becomes of a document; not what its owner said of it.
WRITTEN_BY_STAFF: Final = (
    *("status", "progress_percentage", "total_chunks", "processed_chunks"),
    *("failed_chunks", "page_count", "extracted_text_length", "warnings"),
    *("error_code", "error_message", "failed_stage", "failed_at"),
    *("run", "fence", "leased_by", "due_at"),
    *("tries", "losses", "stage_started_at", "processing_started_at"),
    *("processing_completed_at", "progress_at", "updated_at"),
)
GRANTS: Final = {
    "public": {
        "schema": {"USAGE"},
        # They read nothing.
        "functions/event_json": {"EXECUTE"},
        "functions/json_number": {"EXECUTE"},
        "functions/json_texts": {"EXECUTE"},
        "functions/refuse_change": {"EXECUTE"},
    },
    "novara_api": {
        "schema": {"USAGE"},
        "tables/documents": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "tables/document_attempts": {"SELECT", "INSERT", "UPDATE"},
        "tables/document_texts": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "tables/document_terms": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "tables/document_chunks": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "tables/user_document_vectors": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "tables/encryption_keys": {"SELECT", "INSERT", "UPDATE"},
        "tables/document_actions": {"SELECT", "INSERT"},
        "tables/llama_parse_jobs": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "tables/abandoned_llama_jobs": {"INSERT"},
        "tables/deleted_blobs": {"INSERT"},
        "tables/embedding_models": {"SELECT", "INSERT"},
        "functions/update_document_progress": {"EXECUTE"},
        "tables/audit_logs": {"SELECT"},
        "tables/daily_checkins": {"SELECT", "INSERT", "UPDATE"},
        "tables/daily_checkins_legacy": {"SELECT"},
        "functions/add_checkin": {"EXECUTE"},
        "functions/evaluate_feature_flag": {"EXECUTE"},
        "functions/evaluate_feature_flag_details": {"EXECUTE"},
        "functions/event_json": {"EXECUTE"},
        "functions/fold_events": {"EXECUTE"},
        "tables/exact_daily_metrics": {"SELECT"},
        "tables/medication_adherence": {"SELECT"},
        "tables/medication_regimens": {"SELECT", "INSERT"},
        "tables/metric_marks": {"SELECT", "INSERT"},
        "tables/time_zone_changes": {"SELECT", "INSERT"},
        "tables/user_medications": {"SELECT", "INSERT", "UPDATE"},
        "tables/user_daily_metrics": {"SELECT"},
        "tables/user_weekly_metrics": {"SELECT"},
        "tables/analytics_events": {"SELECT", "INSERT"},
        "tables/health_events": {"SELECT", "INSERT"},
        "tables/assessment_definitions": {"SELECT"},
        "tables/assessment_responses": {"SELECT"},
        "tables/insight_interactions": {"SELECT", "INSERT"},
        "tables/insights": {"SELECT", "INSERT", "UPDATE"},
        "tables/rate_limit_violations": {"SELECT"},
        "tables/tenants": {"SELECT id", "SELECT name", "SELECT slug"},
        "tables/user_profiles": {"SELECT", "UPDATE"},
        "tables/users": {
            "SELECT id",
            "SELECT tenant_id",
            "SELECT email",
            "SELECT is_active",
            "SELECT created_at",
        },
    },
    "novara_staff": {
        "schema": {"USAGE"},
        "tables/audit_aggregates": {"SELECT"},
        "tables/audit_alerts": {
            "SELECT",
            *(
                f"UPDATE {name}"
                for name in (
                    *("status", "acknowledged_by", "acknowledged_at", "acknowledged_note"),
                    *("resolved_by", "resolved_at", "resolved_note"),
                )
            ),
        },
        # All but who is told.
        "tables/audit_alert_rules": {
            f"SELECT {name}"
            for name in (
                *("id", "name", "description", "events", "outcome", "actor_kinds", "counts"),
                *("threshold", "window_minutes", "group_by", "severity", "cool_down_minutes"),
                "is_enabled",
            )
        },
        "tables/audit_seals": {
            f"SELECT {name}"
            for name in (
                *("id", "tenant_id", "sequence", "entry_count", "before_tx", "before_id"),
                "sealed_at",
            )
        },
        "tables/audit_logs": {"SELECT"},
        "functions/write_audit_entries": {"EXECUTE"},
        "functions/write_audit_entry": {"EXECUTE"},
        "tables/documents": {"SELECT", *(f"UPDATE {name}" for name in WRITTEN_BY_STAFF)},
        "tables/document_attempts": {"SELECT", "UPDATE"},
        "tables/document_actions": {"SELECT", "INSERT"},
        "tables/llama_parse_jobs": {"SELECT"},
        # With what a document was read, cut and embedded; nothing of what is in it.
        "tables/document_texts": {
            f"SELECT {name}"
            for name in (
                "id",
                "tenant_id",
                "user_id",
                "document_id",
                "key_id",
                "parser_name",
                "parser_version",
                "created_at",
            )
        },
        "tables/document_chunks": {
            f"SELECT {name}"
            for name in (
                "id",
                "tenant_id",
                "user_id",
                "document_id",
                "key_id",
                "ordinal",
                "chunker_name",
                "chunker_version",
                "created_at",
            )
        },
        "tables/user_document_vectors": {
            f"SELECT {name}"
            for name in (
                "id",
                "tenant_id",
                "user_id",
                "document_id",
                "key_id",
                "model_id",
                "first_ordinal",
                "vector_count",
                "created_at",
            )
        },
        "tables/encryption_keys": {
            f"SELECT {name}"
            for name in (
                "id",
                "tenant_id",
                "user_id",
                "key_version",
                "key_status",
                "created_at",
                "rotated_at",
                "retired_at",
            )
        },
        "tables/embedding_models": {"SELECT"},
        "tables/document_processing_stats": {"SELECT"},
        "tables/failed_documents": {"SELECT"},
        "tables/stuck_documents": {"SELECT"},
        "tables/user_upload_stats": {"SELECT"},
        "functions/update_document_progress": {"EXECUTE"},
        "functions/evaluate_feature_flag": {"EXECUTE"},
        "functions/evaluate_feature_flag_details": {"EXECUTE"},
        "tables/auth_group": {"SELECT"},
        "tables/auth_group_permissions": {"SELECT"},
        "tables/auth_permission": {"SELECT"},
        "tables/daily_checkins": {"SELECT"},
        "tables/django_admin_log": {"SELECT", "INSERT"},
        "tables/django_admin_log_id_seq": {"USAGE"},
        "tables/django_content_type": {"SELECT"},
        "tables/erasure_certificates": {"SELECT"},
        "tables/analytics_events": {"SELECT"},
        "tables/health_events": {"SELECT"},
        "tables/assessment_definitions": {"SELECT", "INSERT", "UPDATE is_active"},
        "tables/insight_acknowledgements": {"SELECT", "INSERT"},
        "tables/insight_interactions": {"SELECT"},
        "tables/insights": {"SELECT"},
        "tables/refresh_families": {"SELECT", "UPDATE revoked_at", "UPDATE revoke_reason"},
        "tables/tenant_daily_metrics": {"SELECT"},
        # A trigger keeps the zone of a profile that they change.
        "tables/time_zone_changes": {"INSERT"},
        "tables/tenants": {"SELECT"},
        "tables/user_profiles": {"SELECT", "INSERT", "UPDATE"},
        "tables/users": {"SELECT", "INSERT", "UPDATE"},
        "tables/users_groups": {"SELECT"},
        "tables/users_user_permissions": {"SELECT"},
    },
    # No health data: of documents nothing that their owner said, of people no answers.
    "novara_support": {
        "schema": {"USAGE"},
        "functions/update_document_progress": {"EXECUTE"},
        "functions/write_audit_entries": {"EXECUTE"},
        "functions/write_audit_entry": {"EXECUTE"},
        "tables/django_admin_log": {"SELECT id", "INSERT"},
        "tables/django_admin_log_id_seq": {"USAGE"},
        "tables/django_content_type": {"SELECT"},
        "tables/tenants": {"SELECT"},
        "tables/users": {
            *("UPDATE is_active", "UPDATE tokens_valid_from"),
            *(
                f"SELECT {name}"
                for name in (
                    *("id", "tenant_id", "email", "is_active", "is_staff", "is_superuser"),
                    *("is_support", "last_login", "tokens_valid_from", "created_at"),
                )
            ),
        },
        "tables/user_profiles": {
            f"SELECT {name}"
            for name in ("user_id", "tenant_id", "nickname", "timezone", "email_opt_in")
        },
        "tables/refresh_families": {"SELECT", "UPDATE revoked_at", "UPDATE revoke_reason"},
        "tables/stuck_documents": {"SELECT"},
        "tables/documents": {
            *(f"UPDATE {name}" for name in WRITTEN_BY_STAFF),
            *(f"SELECT {name}" for name in WRITTEN_BY_STAFF),
            *(
                f"SELECT {name}"
                for name in (
                    *("id", "tenant_id", "user_id", "file_size", "content_type"),
                    "created_at",
                )
            ),
        },
        "tables/document_attempts": {
            "SELECT",
            *(
                f"UPDATE {name}"
                for name in ("outcome", "ended_at", "error_code", "detail", "retry_at")
            ),
        },
        "tables/document_actions": {
            "INSERT",
            *(
                f"SELECT {name}"
                for name in (
                    *("id", "tenant_id", "user_id", "document_id", "action", "actor_id"),
                    "created_at",
                )
            ),
        },
    },
    "novara_eraser": {
        "schema": {"USAGE"},
        "tables/audit_logs": {
            "SELECT",
            *("UPDATE salt", "UPDATE network", "UPDATE details", "UPDATE commitment"),
        },
        "tables/audit_legal_holds": {"SELECT"},
        "functions/write_audit_entry": {"EXECUTE"},
        "tables/document_actions": {"SELECT", "DELETE"},
        "tables/document_attempts": {"SELECT", "DELETE"},
        "tables/document_chunks": {"SELECT", "DELETE"},
        "tables/document_terms": {"SELECT", "DELETE"},
        "tables/document_texts": {"SELECT", "DELETE"},
        "tables/documents": {"SELECT", "DELETE"},
        "tables/encryption_keys": {"SELECT", "DELETE"},
        "tables/llama_parse_jobs": {"SELECT", "DELETE"},
        "tables/user_document_vectors": {"SELECT", "DELETE"},
        "tables/abandoned_llama_jobs": {"INSERT"},
        "tables/deleted_blobs": {"INSERT"},
        "tables/daily_checkins": {"SELECT", "DELETE"},
        "tables/django_admin_log": {"SELECT", "UPDATE object_repr"},
        "tables/erasure_certificates": {"SELECT", "INSERT"},
        "tables/feature_flag_evaluations": {"SELECT", "DELETE"},
        # Who is erased leaves the lists of flags, which makes a new version of the rule set; also
        # those of their history, and of changes that wait.
        "functions/flag_definition_without": {"EXECUTE"},
        "tables/feature_flag_versions": {"SELECT definition_json", "UPDATE definition_json"},
        "tables/feature_flag_change_requests": {
            *("SELECT definition_json", "UPDATE definition_json"),
        },
        "tables/feature_flag_rule_sets": {"SELECT version", "UPDATE changed_at", "UPDATE version"},
        "tables/feature_flags": {
            *("SELECT id", "SELECT salt"),
            *(
                f"{right} {name}"
                for right in ("SELECT", "UPDATE")
                for name in (
                    *("enabled_user_ids", "disabled_user_ids"),
                    *("enabled_user_emails", "disabled_user_emails"),
                )
            ),
        },
        "tables/health_events": {"SELECT", "DELETE"},
        "tables/analytics_events": {"SELECT", "DELETE"},
        "tables/insight_acknowledgements": {"SELECT", "DELETE"},
        "tables/insight_interactions": {"SELECT", "DELETE"},
        "tables/insights": {"SELECT", "DELETE"},
        "tables/legacy_imports": {"SELECT", "DELETE"},
        "tables/legacy_records": {"SELECT", "DELETE"},
        "tables/medication_regimens": {"SELECT", "DELETE"},
        "tables/metric_marks": {"SELECT", "DELETE"},
        "tables/rate_limit_buckets": {"SELECT", "DELETE"},
        "tables/rate_limit_traffic": {"SELECT", "DELETE"},
        "tables/rate_limit_violations": {"SELECT", "DELETE"},
        "tables/time_zone_changes": {"SELECT", "DELETE"},
        "tables/user_medications": {"SELECT", "DELETE"},
        # A trigger takes what is erased from the sums.
        "tables/tenant_daily_metrics": {"SELECT", "INSERT", "UPDATE"},
        "tables/user_daily_metrics": {"SELECT", "DELETE"},
        "tables/refresh_families": {"SELECT", "DELETE"},
        "tables/refresh_tokens": {"SELECT", "DELETE"},
        "tables/user_profiles": {"SELECT", "DELETE"},
        "tables/users": {"SELECT", "DELETE"},
        "tables/users_groups": {"SELECT", "DELETE"},
        "tables/users_user_permissions": {"SELECT", "DELETE"},
    },
    # It writes the audit log for all others, and reads nothing of it.
    "novara_auditor": {
        "schema": {"USAGE"},
        "tables/audit_logs": {"INSERT"},
        "functions/audit_origin": {"EXECUTE"},
    },
    # Retention: it deletes entries, empties links of which nothing is left, and tells the log.
    "novara_pruner": {
        "schema": {"USAGE"},
        "tables/audit_logs": {"SELECT", "DELETE"},
        "tables/audit_seals": {
            "SELECT",
            "UPDATE pruned",
            "UPDATE kept",
            "UPDATE entry_ids",
            "UPDATE leaves",
        },
        "tables/audit_retention": {"SELECT"},
        "tables/audit_legal_holds": {"SELECT"},
        "functions/write_audit_entry": {"EXECUTE"},
    },
    # It answers for flags whose lists nobody else reads.
    "novara_flags": {
        "schema": {"USAGE"},
        "functions/flag_bucket": {"EXECUTE"},
        "functions/flag_is_among": {"EXECUTE"},
        "functions/flag_meets": {"EXECUTE"},
        "functions/flag_number": {"EXECUTE"},
        "functions/flag_outcome": {"EXECUTE"},
        "functions/flag_version": {"EXECUTE"},
        "tables/feature_flags": {"SELECT"},
    },
    # What the login role owns needs no grant.
    "login": {
        "functions/erase_person": {"EXECUTE"},
        "functions/prune_audit_logs": {"EXECUTE"},
        "functions/write_audit_entries": {"EXECUTE"},
        "functions/write_audit_entry": {"EXECUTE"},
        "functions/evaluate_feature_flag_details": {"EXECUTE"},
    },
}
# Functions that work with the rights of a role of their own, which owns nothing else.
DEFINERS: Final = {
    "audit_changes": "novara_auditor",
    "audit_event": "novara_auditor",
    "audit_rows": "novara_auditor",
    "audit_truncation": "novara_auditor",
    "erase_audit_payloads": "novara_eraser",
    "prune_audit_logs": "novara_pruner",
    "write_audit_entries": "novara_auditor",
    "write_audit_entry": "novara_auditor",
    "erase_person": "novara_eraser",
    "evaluate_feature_flag_details": "novara_flags",
    "leave_flags": "novara_eraser",
}
# Unique indexes without the tenant, and why they are unique across tenants.
GLOBAL_KEYS: Final = {
    "refresh_tokens_hash_unique": "a token comes without its tenant",
    "tenants_slug_unique": "it names the tenant itself",
    "user_profiles_pkey": "the key of its person, which is global",
    "users_email_unique": "old tokens and log-ins name their person by e-mail address alone",
    "users_pkey": "a token names its person before the tenant is known",
}
# Foreign keys from nobody's tables to somebody's: Django's own tables know no tenants, and a key
# of a server may be for one clinic; a flag may be asked for somebody who is no person of ours, and
# a limit may be met by one.
GLOBAL_REFERENCES: Final = {
    *("api_keys", "django_admin_log", "feature_flag_evaluations", "users_groups"),
    *("rate_limit_buckets", "rate_limit_rules", "rate_limit_traffic", "rate_limit_violations"),
    "users_user_permissions",
}

OF_SOMEBODY: Final = sorted(name for name, kind in CLASSES.items() if kind in {PERSON, TENANT})
PERSONAL: Final = sorted(name for name, kind in CLASSES.items() if kind == PERSON)


def unclassified():
    return names(TABLES) ^ set(CLASSES)


def test_knows_every_table(db):
    assert unclassified() == set(), "Put new tables into CLASSES, take old ones out."


def test_notices_a_new_table(db):
    rows("CREATE TABLE diaries (id uuid, page text)")

    assert unclassified() == {"diaries"}


def test_has_all_in_one_schema(db):
    schemas = names("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$'")

    assert schemas == {"public"}


@pytest.mark.parametrize("table", OF_SOMEBODY)
def test_says_whose_a_row_is(db, table):
    columns = names(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_name = %s AND data_type = 'uuid' AND is_nullable = 'NO'",
        [table],
    )

    assert TENANT_KEY.get(table, "tenant_id") in columns
    if CLASSES[table] == PERSON:
        assert PERSON_KEY.get(table, "user_id") in columns


def test_finds_no_owner_in_tables_of_nobody(db):
    owned = names(
        "SELECT table_name FROM information_schema.columns c JOIN pg_class t"
        "    ON t.relname = c.table_name AND t.relkind IN ('r', 'p')"
        " WHERE column_name IN ('tenant_id', 'user_id') AND table_schema = 'public'"
    )

    assert owned - GLOBAL_REFERENCES <= set(OF_SOMEBODY)


def test_has_row_security_on_every_table_of_somebody(db):
    assert names(ROW_SECURITY) >= set(OF_SOMEBODY)


def test_has_row_security_on_every_table_that_the_api_may_touch(db):
    views = names("SELECT viewname FROM pg_views WHERE schemaname = 'public'")
    touched = {
        name.removeprefix("tables/")
        for name in grants()["novara_api"]
        if name.startswith("tables/")
    }

    assert touched - views <= names(ROW_SECURITY)


def test_has_row_security_wherever_it_has_a_policy(db):
    assert {table for table, _, _ in POLICIES} <= names(ROW_SECURITY)


def deparsed(expression):
    """Say an expression as the catalog would, which differs from version to version."""
    if expression is None:
        return None
    rows(
        "CREATE TEMPORARY TABLE form"
        " (id uuid, tenant_id uuid, user_id uuid, subject_id uuid, is_staff boolean, is_superuser boolean,"
        " is_active boolean, group_by text, group_key text)"
        " ON COMMIT DROP"
    )
    rows(f"CREATE POLICY form ON form USING ({expression})")
    ((text,),) = rows("SELECT qual FROM pg_policies WHERE policyname = 'form'")
    rows("DROP TABLE form")
    return text


def test_has_only_policies_of_the_approved_forms(db):
    found = {
        (table, role, command): (using, check)
        for table, role, command, using, check in rows(
            "SELECT tablename, unnest(roles), cmd, qual, with_check FROM pg_policies"
        )
    }

    approved = {
        (table, role, command): tuple(
            deparsed(
                form
                and form.format(
                    tenant=TENANT_KEY.get(table, "tenant_id"),
                    person=PERSON_KEY.get(table, "user_id"),
                )
            )
            for form in forms
        )
        for (table, role, command), forms in POLICIES.items()
    }
    assert found == approved


def test_adds_no_policy_to_another(db):
    """Permissive policies of one role and command would be joined by OR."""
    found = rows("SELECT tablename, roles, cmd, permissive FROM pg_policies")

    assert len(found) == len(POLICIES)
    for table, roles, command, permissive in found:
        assert (len(roles), permissive) == (1, "PERMISSIVE"), table
        if command != "ALL":
            assert (table, roles[0], "ALL") not in POLICIES


@pytest.mark.parametrize("table", PERSONAL)
def test_lets_every_person_be_erased(db, table):
    assert (table, "novara_api", "ALL") in POLICIES
    assert POLICIES[table, "novara_eraser", "ALL"] == ("true", "true")
    assert grants()["novara_eraser"][f"tables/{table}"] >= {"SELECT", "DELETE"}


def test_gives_no_more_rights_than_these(db):
    assert grants() == GRANTS


# A person may delete their own documents, with all that was made of them.
DELETABLE: Final = {
    *("documents", "document_chunks", "document_terms", "document_texts"),
    *("user_document_vectors", "llama_parse_jobs"),
}


@pytest.mark.parametrize("role", ["public", "novara_api", "novara_staff", "novara_support"])
def test_lets_nobody_delete_in_bulk(db, role):
    deletable = {f"tables/{table}" for table in DELETABLE} if role == "novara_api" else set()
    given = set()
    for name, rights in grants()[role].items():
        given |= rights - {"DELETE"} if name in deletable else rights

    assert not given & {"DELETE", "TRUNCATE", "TRIGGER", "REFERENCES", "CREATE", "MAINTAIN"}


def test_has_the_tenant_in_every_key(db):
    without = names(
        "SELECT i.indexrelid::regclass::text FROM pg_index i"
        " WHERE i.indisunique AND i.indrelid::regclass::text = ANY(%s)"
        "   AND NOT EXISTS (SELECT FROM pg_attribute a"
        "                    WHERE a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)"
        "                      AND a.attname = CASE i.indrelid WHEN 'tenants'::regclass"
        "                                                      THEN 'id' ELSE 'tenant_id' END)",
        [OF_SOMEBODY],
    )

    assert without == set(GLOBAL_KEYS)


def test_has_no_reference_that_could_cross_tenants(db):
    """A foreign key between tables of somebody compares the tenants of both."""
    references = rows(
        "SELECT c.conname, c.conrelid::regclass::text, c.confrelid::regclass::text,"
        "       array(SELECT f.attname::text || '=' || t.attname"
        "               FROM unnest(c.conkey, c.confkey) AS k (own, other)"
        "               JOIN pg_attribute f ON f.attrelid = c.conrelid AND f.attnum = k.own"
        "               JOIN pg_attribute t ON t.attrelid = c.confrelid AND t.attnum = k.other)"
        "  FROM pg_constraint c WHERE c.contype = 'f'"
    )

    assert references
    for name, table, target, pairs in references:
        if target in OF_SOMEBODY and table not in GLOBAL_REFERENCES:
            assert f"tenant_id={TENANT_KEY.get(target, 'tenant_id')}" in pairs, name


def test_shows_rows_through_views_by_the_rights_of_the_reader(db):
    unsafe = names(
        "SELECT relname FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm', 'f')"
        "   AND (relkind <> 'v' OR NOT coalesce(reloptions::text, '') ~"
        "                              'security_invoker=(true|on|1)')"
    )

    assert unsafe == set()


def test_ties_functions_with_other_rights_down(db):
    found = rows(
        "SELECT p.proname, p.proconfig, p.proowner::regrole::text, r.rolsuper,"
        "       p.proowner = current_user::regrole"
        "  FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner"
        " WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace"
    )

    assert {name: owner for name, _, owner, *_ in found} == DEFINERS
    for _, settings, _, is_superuser, is_owned_by_login in found:
        assert settings == ["search_path=pg_catalog, public, pg_temp"]
        assert not is_superuser
        assert not is_owned_by_login


def test_lets_only_the_owner_open_the_gate(db):
    entering = names(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        "   AND (prosrc ~ 'enter_\\w*gate' OR prosrc ~ 'set_config'"
        "        OR prosecdef AND proowner <> ALL ('{novara_flags,novara_auditor}'::regrole[]))"
    )

    assert entering >= {"enter_gate", "record_events", "read_timeline", "erase_person"}
    for role in grants().keys() - {"login"}:
        things = grants()[role]
        assert not {f"functions/{name}" for name in entering} & set(things), role


@pytest.mark.parametrize(
    "role", ["novara_api", "novara_staff", "novara_support", *DEFINERS.values()]
)
def test_has_roles_without_powers(db, role):
    ((*powers,),) = rows(
        "SELECT rolsuper, rolbypassrls, rolcanlogin, rolcreatedb, rolcreaterole, rolreplication"
        "  FROM pg_roles WHERE rolname = %s",
        [role],
    )
    memberships = rows("SELECT 1 FROM pg_auth_members WHERE member = %s::regrole", [role])
    owned = names(
        "SELECT objid::regproc::text FROM pg_shdepend"
        " WHERE refobjid = %s::regrole AND deptype = 'o'"
        "   AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
        [role],
    )

    assert not any(powers)
    assert memberships == []
    assert owned == {name for name, owner in DEFINERS.items() if owner == role}


def test_shows_no_row_to_the_api_role_without_a_person(db):
    connection.cursor().execute("SET LOCAL ROLE novara_api")

    counts = {
        table: rows(f"SELECT count(*) FROM {table}")[0][0]
        for (table, role, _), forms in POLICIES.items()
        if role == "novara_api" and forms[0] not in {None, "false", "true"}
    }

    connection.cursor().execute("RESET ROLE")
    assert set(counts.values()) == {0}
    assert rows("SELECT count(*) > 0 FROM tenants") == [(True,)]
