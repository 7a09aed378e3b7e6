from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # Everybody writes to the log all the time.

    dependencies = [("audit", "0010_watching")]
    operations = [
        AddIndexConcurrently(
            model_name="auditcheckpoint",
            index=models.Index(fields=["signed_at"], name="audit_checkpoints_signed_at"),
        ),
        AddIndexConcurrently(
            model_name="auditlog",
            index=models.Index(
                condition=models.Q(
                    ("actor_kind", "person"),
                    models.Func(
                        models.F("subject_id"),
                        models.F("actor_id"),
                        arg_joiner=" IS DISTINCT FROM ",
                        output_field=models.BooleanField(),
                        template="(%(expressions)s)",
                    ),
                ),
                fields=["actor_id"],
                name="audit_logs_of_person_elsewhere",
            ),
        ),
        AddIndexConcurrently(
            model_name="auditlog",
            index=models.Index(
                condition=models.Q(("object_type__in", ("audit_retention", "audit_legal_holds"))),
                fields=["tx_id", "id"],
                name="audit_logs_settings",
            ),
        ),
        AddIndexConcurrently(
            model_name="auditseal",
            index=models.Index(
                condition=models.Q(("entry_ids", []), _negated=True),
                fields=["tenant_id", "sealed_at", "sequence"],
                name="audit_seals_not_emptied",
            ),
        ),
    ]
