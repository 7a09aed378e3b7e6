from django.contrib.postgres.indexes import BrinIndex, HashIndex
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_reading")]
    operations = [
        migrations.AddIndex(
            "auditlog",
            models.Index(fields=["tenant_id", "id"], name="audit_logs_of_tenant"),
        ),
        migrations.AddIndex(
            "auditlog",
            models.Index(
                fields=["category", "id"],
                name="audit_logs_of_category",
                condition=models.Q(is_notable=True),
            ),
        ),
        migrations.AddIndex(
            "auditlog",
            models.Index(
                fields=["actor_kind", "id"],
                name="audit_logs_of_kind",
                condition=~models.Q(actor_kind="person"),
            ),
        ),
        migrations.AddIndex(
            "auditlog",
            models.Index(
                fields=["actor_id", "id"],
                name="audit_logs_of_actor",
                condition=~models.Q(actor_kind="person"),
            ),
        ),
        migrations.AddIndex(
            "auditlog",
            models.Index(
                fields=["id"],
                name="audit_logs_failures",
                condition=models.Q(outcome="failure"),
            ),
        ),
        migrations.AddIndex(
            "auditlog",
            HashIndex(
                fields=["object_id"],
                name="audit_logs_of_object",
                condition=models.Q(subject_id__isnull=True),
            ),
        ),
        migrations.AddIndex(
            "auditlog",
            BrinIndex(
                fields=["request_id"],
                name="audit_logs_of_request",
                opclasses=("text_bloom_ops",),
                pages_per_range=32,
                autosummarize=True,
            ),
        ),
    ]
