from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_erasure_and_staff")]
    operations = [SqlObject("functions", "enter_gate", version=2)]
