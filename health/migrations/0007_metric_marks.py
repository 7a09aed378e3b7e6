from django.db import migrations

from core.sql import tenant_reference


class Migration(migrations.Migration):
    """Marks have no key and no reference: whoever appends events neither waits nor looks up."""

    dependencies = [("health", "0006_metrics")]
    operations = [
        migrations.RunSQL(
            """
            CREATE TABLE metric_marks (
                tenant_id uuid NOT NULL,
                user_id uuid NOT NULL,
                local_date date NOT NULL,
                marked_at timestamptz NOT NULL DEFAULT now()
            )
            """,
            "DROP TABLE metric_marks",
        ),
        # Rows come and go all the time: what is left of them must not pile up.
        migrations.RunSQL(
            """
            ALTER TABLE metric_marks
              SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
                   autovacuum_vacuum_insert_scale_factor = 0)
            """,
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(
            "CREATE INDEX metric_marks_days ON metric_marks (user_id, local_date)",
            "DROP INDEX metric_marks_days",
        ),
        tenant_reference("user_daily_metrics", "user_id", "users"),
    ]
