from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_gate_knows_older_ids")]
    operations = [SqlObject("functions", "erase_person", version=2)]
