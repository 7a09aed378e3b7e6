import django.contrib.postgres.indexes
from django.db import migrations, models

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_closed")]
    operations = [
        migrations.RemoveIndex(model_name="auditlog", name="audit_logs_looks"),
        migrations.AddIndex(
            model_name="auditlog",
            index=models.Index(
                condition=models.Q(("actor_kind", "person"), _negated=True),
                fields=["subject_id", "id"],
                name="audit_logs_by_others",
            ),
        ),
        migrations.AddIndex(
            model_name="auditlog",
            index=django.contrib.postgres.indexes.BrinIndex(
                fields=["recorded_at"], name="audit_logs_in_time"
            ),
        ),
        SqlObject("functions", "write_audit_entries"),
    ]
