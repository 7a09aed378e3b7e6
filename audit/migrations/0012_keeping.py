import django.contrib.postgres.fields
from django.db import migrations, models

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("audit", "0011_keeping_indexes")]
    operations = [
        migrations.AddField(
            model_name="auditseal",
            name="kept",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(),
                help_text="Categories of what retention left; null: it has not looked.",
                null=True,
                size=None,
            ),
        ),
        SqlObject("functions", "refuse_seal_change", version=2),
        SqlObject("functions", "write_audit_entry", version=2),
        SqlObject("functions", "write_audit_entries", version=2),
        SqlObject("functions", "prune_audit_logs", version=2),
        SqlObject("functions", "erase_audit_payloads", version=2),
        SqlObject("functions", "await_deletions"),
        SqlObject("triggers", "audit_legal_holds__await_deletions"),
        SqlObject("policies", "audit_legal_holds__erasure"),
    ]
