from django.db import migrations

from core.sql import SqlObject, audited


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_writing")]
    operations = [
        SqlObject("policies", "audit_seals__closed"),
        SqlObject("policies", "audit_checkpoints__closed"),
        SqlObject("policies", "audit_aggregates__closed"),
        SqlObject("policies", "audit_alerts__closed"),
        SqlObject("policies", "audit_legal_holds__closed"),
        audited("audit_alert_rules", shown="name,is_enabled,threshold,window_minutes"),
        audited(
            "audit_alerts",
            shown="status",
            ignored=(
                "entry_count,first_entry_id,last_entry_id,first_at,last_at,mail_attempts,"
                "mail_claimed_at,mail_due_at,mail_error,notified_at"
            ),
        ),
        audited("audit_retention", shown="category,days", key="category"),
        audited("audit_legal_holds", shown="released_at", person="subject_id"),
    ]
