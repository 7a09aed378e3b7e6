from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    """Days with very long lists: they are folded fast, or else once an hour, and stop no rebuild."""

    dependencies = [("health", "0012_truncation")]
    operations = [
        SqlObject("functions", "fold_events", version=2),
        SqlObject("functions", "fold_metrics", version=2),
        SqlObject("functions", "differing_days", version=2),
    ]
