from django.db import migrations

from core.sql import tenant_key, tenant_reference


class Migration(migrations.Migration):
    dependencies = [("insights", "0006_safety_alerts")]
    operations = [
        tenant_key("insight_acknowledgements"),
        tenant_reference("insight_acknowledgements", "user_id", "users"),
        tenant_reference("insight_acknowledgements", "insight_id", "insights"),
    ]
