from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("audit", "0013_truncation")]
    operations = [SqlObject("functions", "audit_rows", version=2)]
