from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    """One person's day that is too large for a row stops nobody else's figures."""

    dependencies = [("health", "0010_batch")]
    operations = [
        SqlObject("functions", "fold_days"),
        SqlObject("functions", "fold_metrics", version=2),
    ]
