from django.db import migrations

from core.sql import tenant_key, tenant_reference


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_tables")]
    operations = [
        tenant_key("refresh_families"),
        tenant_key("refresh_tokens"),
        tenant_key("erasure_certificates"),
        tenant_reference("user_profiles", "user_id", "users"),
        tenant_reference("refresh_families", "user_id", "users"),
        tenant_reference("refresh_tokens", "user_id", "users"),
        tenant_reference("refresh_tokens", "family_id", "refresh_families"),
    ]
