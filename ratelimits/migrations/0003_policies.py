from django.db import migrations

from core.sql import SqlObject, audited


class Migration(migrations.Migration):
    dependencies = [("ratelimits", "0002_default_rules"), ("audit", "0004_closed")]
    operations = [
        SqlObject("functions", "raise_rate_limit_version"),
        SqlObject("triggers", "rate_limit_rules__new_version"),
        SqlObject("policies", "rate_limit_buckets__erasure"),
        SqlObject("policies", "rate_limit_violations__erasure"),
        SqlObject("policies", "rate_limit_violations__person"),
        SqlObject("policies", "rate_limit_traffic__erasure"),
        audited(
            "rate_limit_rules",
            shown="name,scope,capacity,refill,window_seconds,mode,when_away",
            ignored="updated_at",
        ),
    ]
