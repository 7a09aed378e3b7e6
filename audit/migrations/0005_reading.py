from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_closed")]
    operations = [SqlObject("functions", "write_audit_entries")]
