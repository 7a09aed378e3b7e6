from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("audit", "0007_alerting")]
    operations = [
        SqlObject("policies", "audit_seals__pruning"),
        SqlObject("policies", "audit_legal_holds__pruning"),
        SqlObject("functions", "refuse_seal_change"),
        SqlObject("triggers", "audit_seals__append_only"),
        SqlObject("triggers", "audit_seals__no_truncate"),
        SqlObject("functions", "prune_audit_logs"),
    ]
