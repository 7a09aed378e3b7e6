from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("audit", "0014_lighter_rows")]
    operations = [SqlObject("functions", "audit_origin", version=2)]
