from django.db import migrations

from core.sql import tenant_key, tenant_reference


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_erasure_and_staff"), ("health", "0001_tables")]
    operations = [
        tenant_key("health_events"),
        tenant_key("daily_checkins"),
        tenant_reference("health_events", "user_id", "users"),
        tenant_reference("health_events", "related_event_id", "health_events"),
        tenant_reference("daily_checkins", "user_id", "users"),
    ]
