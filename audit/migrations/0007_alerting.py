from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("audit", "0006_default_alert_rules")]
    operations = [
        SqlObject("policies", "audit_alerts__staff"),
        SqlObject("policies", "audit_aggregates__staff"),
        SqlObject("policies", "audit_seals__staff"),
        SqlObject("functions", "audit_event"),
        SqlObject("triggers", "audit_alert_rules__settings"),
        SqlObject("triggers", "audit_retention__settings"),
        SqlObject("triggers", "audit_legal_holds__settings"),
    ]
