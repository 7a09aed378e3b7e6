from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("insights", "0003_policies")]
    operations = [
        # What was recorded before there were insights gives no alerts.
        migrations.RunSQL(
            "INSERT INTO insight_cursors (id, position) VALUES (1, pg_current_xact_id())",
            "DELETE FROM insight_cursors",
        ),
    ]
