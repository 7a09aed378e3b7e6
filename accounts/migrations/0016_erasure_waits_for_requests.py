from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("accounts", "0015_support_without_limits")]
    operations = [
        SqlObject("functions", "enter_gate", version=4),
        SqlObject("functions", "erase_person", version=5),
    ]
