from django.db import migrations, models


class Migration(migrations.Migration):
    """A person's entries by time, which no index of a clinic is in the order of."""

    dependencies = [("audit", "0010_default_retention")]
    operations = [
        migrations.RemoveIndex("auditlog", "audit_logs_by_others"),
        migrations.RemoveIndex("auditlog", "audit_logs_of_person"),
        migrations.AddIndex(
            "auditlog",
            models.Index(
                condition=models.Q(("actor_kind", "person"), _negated=True),
                fields=["subject_id", "recorded_at", "id"],
                name="audit_logs_by_others",
            ),
        ),
        migrations.AddIndex(
            "auditlog",
            models.Index(
                condition=models.Q(("subject_id__isnull", False)),
                fields=["subject_id", "recorded_at", "id"],
                name="audit_logs_of_person",
            ),
        ),
    ]
