from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("health", "0007_metric_marks")]
    operations = [
        SqlObject("policies", "user_daily_metrics__person"),
        SqlObject("policies", "user_daily_metrics__erasure"),
        SqlObject("policies", "metric_marks__person"),
        SqlObject("policies", "metric_marks__erasure"),
        SqlObject("policies", "tenant_daily_metrics__staff"),
        SqlObject("policies", "tenant_daily_metrics__erasure"),
        SqlObject("functions", "add_to_tenant_days"),
        SqlObject("triggers", "user_daily_metrics__add_to_tenant"),
        SqlObject("triggers", "user_daily_metrics__take_from_tenant"),
        SqlObject("functions", "fold_events"),
        SqlObject("functions", "fold_days"),
        SqlObject("functions", "fold_metrics"),
        SqlObject("functions", "refresh_user_metrics"),
        SqlObject("functions", "differing_days"),
        SqlObject("functions", "rebuild_metrics"),
        SqlObject("functions", "differing_tenant_days"),
        SqlObject("functions", "rebuild_tenant_metrics"),
        SqlObject("views", "exact_daily_metrics"),
        SqlObject("views", "user_weekly_metrics"),
        SqlObject("functions", "mark_days"),
        SqlObject("triggers", "health_events__mark_days"),
    ]
