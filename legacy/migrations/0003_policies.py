from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("legacy", "0002_tenant_keys")]
    operations = [
        SqlObject("policies", "legacy_imports__closed"),
        SqlObject("policies", "legacy_imports__erasure"),
        SqlObject("policies", "legacy_records__closed"),
        SqlObject("policies", "legacy_records__erasure"),
    ]
