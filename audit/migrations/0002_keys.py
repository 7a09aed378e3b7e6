from django.db import migrations

from core.sql import tenant_key


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_tables")]
    operations = [
        tenant_key("audit_logs"),
        tenant_key("audit_seals"),
        tenant_key("audit_aggregates"),
        tenant_key("audit_alerts"),
        tenant_key("audit_legal_holds"),
    ]
