from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_support"), ("audit", "0007_alerting")]
    operations = [
        SqlObject("triggers", "users__rights"),
        SqlObject("triggers", "users__first_rights"),
    ]
