from django.db import migrations


class Migration(migrations.Migration):
    """What was recorded before there were marks: its figures are exact at once, and folded soon."""

    dependencies = [("health", "0008_metrics_from_the_log")]
    operations = [
        migrations.RunSQL(
            """
            INSERT INTO metric_marks (tenant_id, user_id, local_date)
            SELECT DISTINCT tenant_id, user_id, local_date
              FROM health_events
            """,
            migrations.RunSQL.noop,
        )
    ]
