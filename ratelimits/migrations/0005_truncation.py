from django.db import migrations

from core.sql import truncation_audited


class Migration(migrations.Migration):
    dependencies = [("ratelimits", "0004_tallies"), ("audit", "0013_truncation")]
    operations = [truncation_audited("rate_limit_rules")]
