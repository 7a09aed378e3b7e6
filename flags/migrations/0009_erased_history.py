from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("flags", "0008_truncation")]
    operations = [
        SqlObject("functions", "flag_definition_without"),
        SqlObject("functions", "keep_flag_versions", version=2),
        SqlObject("functions", "leave_flags", version=2),
    ]
