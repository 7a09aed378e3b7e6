from django.db import migrations

from core.sql import tenant_key, tenant_reference


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_erasure_and_staff"), ("legacy", "0001_tables")]
    operations = [
        tenant_key("legacy_imports"),
        tenant_key("legacy_records"),
        tenant_reference("legacy_imports", "user_id", "users"),
        tenant_reference("legacy_records", "user_id", "users"),
    ]
