from django.db import migrations

from core.sql import tenant_key, tenant_reference


class Migration(migrations.Migration):
    dependencies = [("health", "0002_tenant_keys"), ("insights", "0001_tables")]
    operations = [
        tenant_key("insights"),
        tenant_key("insight_interactions"),
        tenant_key("analytics_events"),
        tenant_reference("insights", "user_id", "users"),
        tenant_reference("insight_interactions", "user_id", "users"),
        tenant_reference("analytics_events", "user_id", "users"),
        tenant_reference("insight_interactions", "insight_id", "insights"),
    ]
