from django.db import migrations

from core.sql import SqlObject


class Migration(migrations.Migration):
    dependencies = [("ratelimits", "0002_default_rules")]
    operations = [
        SqlObject("functions", "raise_rate_limit_version"),
        SqlObject("triggers", "rate_limit_rules__new_version"),
        SqlObject("policies", "rate_limit_buckets__erasure"),
        SqlObject("policies", "rate_limit_violations__erasure"),
        SqlObject("policies", "rate_limit_violations__person"),
        SqlObject("policies", "rate_limit_traffic__erasure"),
    ]
