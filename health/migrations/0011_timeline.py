from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("health", "0010_batch")]
    operations = [SqlObject("functions", "read_timeline", version=2)]
