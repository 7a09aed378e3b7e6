from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_keys")]
    operations = [
        SqlObject("roles", "novara_auditor"),
        SqlObject("roles", "novara_pruner"),
        SqlObject("functions", "audit_origin"),
        SqlObject("functions", "write_audit_entry"),
        SqlObject("functions", "audit_rows"),
        SqlObject("functions", "audit_changes"),
        SqlObject("functions", "erase_audit_payloads"),
        SqlObject("functions", "refuse_audit_change"),
        SqlObject("triggers", "audit_logs__append_only"),
        SqlObject("triggers", "audit_logs__no_truncate"),
        SqlObject("policies", "audit_logs__person"),
        SqlObject("policies", "audit_logs__staff"),
        SqlObject("policies", "audit_logs__auditor"),
        SqlObject("policies", "audit_logs__pruning"),
        SqlObject("policies", "audit_logs__erasure"),
    ]
