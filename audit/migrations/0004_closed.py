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
        audited("audit_alerts", shown="status"),
        audited("audit_retention", shown="category,days", key="category"),
        audited("audit_legal_holds", shown="released_at", person="subject_id"),
    ]
