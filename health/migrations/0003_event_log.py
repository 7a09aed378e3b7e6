from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("health", "0002_tenant_keys")]
    operations = [
        SqlObject("policies", "health_events__person"),
        SqlObject("policies", "health_events__erasure"),
        SqlObject("policies", "health_events__staff"),
        SqlObject("policies", "daily_checkins__person"),
        SqlObject("policies", "daily_checkins__erasure"),
        SqlObject("policies", "daily_checkins__staff"),
        SqlObject("functions", "refuse_change"),
        SqlObject("triggers", "health_events__append_only"),
        SqlObject("triggers", "health_events__no_truncate"),
        SqlObject("types", "event_shape"),
        SqlObject("functions", "event_json"),
        SqlObject("functions", "json_texts"),
        SqlObject("functions", "json_number"),
        SqlObject("views", "daily_checkins_legacy"),
        SqlObject("functions", "record_events"),
        SqlObject("functions", "read_timeline"),
    ]
