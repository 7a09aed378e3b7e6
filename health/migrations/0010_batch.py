from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("health", "0009_mark_all_days")]
    operations = [SqlObject("functions", "record_events", version=2)]
