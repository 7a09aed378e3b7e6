from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("health", "0004_log_index")]
    operations = [
        SqlObject("functions", "add_checkin"),
        SqlObject("functions", "submit_checkin"),
        SqlObject("types", "checkin_shape"),
        SqlObject("functions", "newest_checkins"),
    ]
