from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_rights"), ("audit", "0012_keeping")]
    operations = [SqlObject("functions", "erase_person", version=4)]
