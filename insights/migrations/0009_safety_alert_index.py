from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # The log's reader writes to this table all the time.

    dependencies = [("insights", "0008_safety_alert_policies")]
    operations = [
        AddIndexConcurrently(
            model_name="insight",
            index=models.Index(
                condition=models.Q(("insight_type", "safety_alert")),
                fields=["-created_at", "-id"],
                name="insights_safety_alerts",
            ),
        ),
    ]
