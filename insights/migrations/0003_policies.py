from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("insights", "0002_tenant_keys")]
    operations = [
        SqlObject("policies", "insights__person"),
        SqlObject("policies", "insights__erasure"),
        SqlObject("policies", "insights__staff"),
        SqlObject("policies", "insight_interactions__person"),
        SqlObject("policies", "insight_interactions__erasure"),
        SqlObject("policies", "insight_interactions__staff"),
        SqlObject("policies", "analytics_events__person"),
        SqlObject("policies", "analytics_events__erasure"),
        SqlObject("policies", "analytics_events__staff"),
    ]
