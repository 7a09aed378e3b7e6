from django.db import migrations

from core.sql import tenant_key, tenant_reference


class Migration(migrations.Migration):
    dependencies = [("medications", "0001_tables")]
    operations = [
        tenant_key("user_medications"),
        tenant_key("medication_regimens"),
        tenant_reference("user_medications", "user_id", "users"),
        tenant_reference("medication_regimens", "user_id", "users"),
        tenant_reference("medication_regimens", "medication_id", "user_medications"),
    ]
